"""The Web API client: one connection pool, no retries behind our back, no bodies in the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from kubeai_bot.errors import ConfigError
from kubeai_bot.slack.calls import code_of

log = structlog.get_logger(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=15, sock_connect=5)
"""Of one call. It must stay well below a session's lease: a post that takes longer counts as unanswered."""

START_TRIES = 5


@dataclass(frozen=True, slots=True)
class Bot:
    """Who the bot token belongs to (`auth.test`). `enterprise_id` only in Enterprise Grid."""

    team_id: str
    user_id: str
    bot_id: str
    enterprise_id: str | None = None


def sdk_logger() -> logging.Logger:
    """A logger for the SDK and Bolt that drops all below ERROR: at INFO and DEBUG they write whole bodies
    (`RequestVerification._debug_log_error` logs a forged request's)."""
    logger = logging.getLogger("kubeai_bot.slack.sdk")
    logger.setLevel(logging.ERROR)
    return logger


@asynccontextmanager
async def slack_client(token: str, base_url: str) -> AsyncGenerator[AsyncWebClient]:
    """The client, and its connection pool closed at the end.

    Without retry handlers: the SDK repeats a call whose response was lost, which posts twice (Slack has no idempotency
    key). `PacedCalls` tells the failures apart, and whoever posts looks into the thread before posting again.
    """
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        yield AsyncWebClient(token=token, base_url=base_url, session=session, retry_handlers=[], logger=sdk_logger())


async def who_am_i(client: AsyncWebClient, first_wait: float = 1.0) -> Bot:
    """`auth.test`. Raises ConfigError where Slack refuses the token, or cannot be reached in several tries."""
    wait, reason = first_wait, ""
    for left in reversed(range(START_TRIES)):
        try:
            answer = await client.auth_test()
        except SlackApiError as error:
            code = code_of(error)
            if code and code not in ("ratelimited", "internal_error", "fatal_error", "service_unavailable"):
                raise ConfigError(
                    [f"SLACK_BOT_TOKEN: Slack refuses it ({code}). Copy the Bot User OAuth Token (xoxb-…) again."]
                ) from error
            reason = code or "an answer that cannot be read"
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = type(error).__name__
        else:
            return Bot(
                str(answer["team_id"]), str(answer["user_id"]), str(answer["bot_id"]), answer.get("enterprise_id")
            )
        if left:
            log.warning("Slack does not answer yet", reason=reason, wait=wait)
            await asyncio.sleep(wait)
            wait *= 2
    raise ConfigError(
        [f"Slack cannot be reached at {client.base_url} ({reason}). Check the network and SLACK_API_URL."]
    )
