"""Trying the tokens out, without the patience of a start: what they are good for, and what Slack says against them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from kubeai_bot.slack.calls import Refused, Unanswered, code_of
from kubeai_bot.slack.client import slack_client

_PASSING = frozenset({"", "ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"})


@dataclass(frozen=True, slots=True)
class TokenSeen:
    """What `auth.test` tells of a bot token: whose it is, and its scopes (`x-oauth-scopes`; None where the answer does
    not say). `date` is the `Date` header, Slack's clock."""

    user: str
    team: str
    scopes: frozenset[str] | None
    date: str


class Tokens:
    """The tokens of one Slack app, to be tried."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def look_at_bot_token(self) -> TokenSeen:
        """Raises Refused, Unanswered. https://docs.slack.dev/reference/methods/auth.test"""
        client = self._client
        with _told_apart("auth.test"):
            answer = await client.auth_test()
        headers = {str(name).lower(): str(value) for name, value in answer.headers.items()}
        listed = headers.get("x-oauth-scopes")
        scopes = None if listed is None else frozenset(scope.strip() for scope in listed.split(",") if scope.strip())
        return TokenSeen(str(answer.get("user", "")), str(answer.get("team", "")), scopes, headers.get("date", ""))

    async def try_socket_mode(self, app_token: str) -> None:
        """Ask for a Socket Mode address, which is not used and expires. Raises Refused, Unanswered.

        https://docs.slack.dev/reference/methods/apps.connections.open
        """
        client = self._client
        with _told_apart("apps.connections.open"):
            await client.apps_connections_open(app_token=app_token)


@asynccontextmanager
async def tokens(bot_token: str, base_url: str) -> AsyncGenerator[Tokens]:
    async with slack_client(bot_token, base_url) as client:
        yield Tokens(client)


@contextmanager
def _told_apart(method: str) -> Generator[None]:
    try:
        yield
    except SlackApiError as error:
        code = code_of(error)
        if code in _PASSING:
            raise Unanswered(f"{method}: {code or 'an answer that cannot be read'}") from error
        raise Refused(method, code) from error
    except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
        raise Unanswered(f"{method}: {type(error).__name__}") from error
