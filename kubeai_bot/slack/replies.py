"""Short words that only one person sees: in the ack of a command, by a `response_url`, or in a thread."""

from __future__ import annotations

from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackClientError
from slack_sdk.webhook.async_client import AsyncWebhookClient

from kubeai_bot.domain.session import ThreadRef
from kubeai_bot.slack.blocks import escaped, markdown_blocks
from kubeai_bot.slack.calls import LITTLE_PATIENCE, PacedCalls, SlackTrouble
from kubeai_bot.slack.client import sdk_logger
from kubeai_bot.slack.pages import pages_of
from kubeai_bot.slack.safe_markdown import safe_markdown

log = structlog.get_logger(__name__)


def ephemeral(markdown: str) -> dict[str, Any]:
    """A message for one person, as an ack of a slash command and a `response_url` take it
    (https://docs.slack.dev/interactivity/handling-user-interaction#message_responses)."""
    first = pages_of(safe_markdown(markdown))[0].text
    return {"response_type": "ephemeral", "text": escaped(first), "blocks": markdown_blocks(first)}


class Replies:
    """Best effort: what could not be delivered is logged, and the person may ask again."""

    def __init__(self, calls: PacedCalls) -> None:
        self._calls = calls

    async def by_url(self, response_url: str, markdown: str) -> None:
        """Works for half an hour, also in channels that the bot is not in. Never raises for Slack trouble."""
        client = AsyncWebhookClient(
            response_url, session=self._calls.client.session, logger=sdk_logger(), retry_handlers=[]
        )
        try:
            answer = await client.send_dict({**ephemeral(markdown), "replace_original": False})
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("a reply was not delivered", error=type(error).__name__)
        else:
            if answer.status_code != 200:
                log.warning("a reply was refused", status=answer.status_code)

    async def in_thread(self, thread: ThreadRef, user_id: str, markdown: str) -> None:
        """Where the bot is a member. Never raises for Slack trouble."""
        message = ephemeral(markdown)
        try:
            await self._calls(
                thread.team_id,
                self._calls.client.chat_postEphemeral,
                patience=LITTLE_PATIENCE,
                channel=thread.channel_id,
                thread_ts=thread.thread_ts,
                user=user_id,
                text=message["text"],
                blocks=message["blocks"],
            )
        except SlackTrouble as trouble:
            log.warning("a reply was not delivered", trouble=str(trouble))
