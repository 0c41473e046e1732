"""The Slack app: every event is received durably, and only then acked.

Bolt runs with `process_before_response`: by default it would ack before the listener. A listener that raises makes
its answer a 500, which Slack takes for "not delivered" over HTTP; over Socket Mode Bolt then sends no ack at all.
Either way Slack delivers the event again.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse

from kubeai_bot.domain.session import Incoming
from kubeai_bot.domain.storage import Receipt
from kubeai_bot.slack.calls import PacedCalls
from kubeai_bot.slack.client import Bot, sdk_logger
from kubeai_bot.slack.incoming import incoming_from
from kubeai_bot.slack.prompts import SuggestedPrompts

log = structlog.get_logger(__name__)

Receive = Callable[[Incoming], Awaitable[Receipt]]

_ANYTHING = re.compile(".*", re.DOTALL)


def build_app(
    calls: PacedCalls,
    bot: Bot,
    signing_secret: str | None,
    receive: Receive,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncApp:
    """One app for both transports. `signing_secret` None: only Socket Mode will do, every HTTP request is refused.

    `receive` puts an event on record; while it raises, Slack is not acked and delivers again.
    """
    app = AsyncApp(
        logger=sdk_logger(),
        name="kubeai",
        process_before_response=True,
        signing_secret=signing_secret or secrets.token_hex(32),
        client=calls.client,
        authorize=_authorize(calls, bot),
        attaching_conversation_kwargs_enabled=False,
    )
    prompts = SuggestedPrompts(calls)
    background: set[asyncio.Task[None]] = set()

    async def on_event(body: dict[str, Any]) -> None:
        incoming = incoming_from(body, bot, now())
        if incoming is not None:
            await _receive(receive, incoming, body)
            return
        event: dict[str, Any] = body.get("event") or {}
        if event.get("type") == "app_home_opened" and event.get("tab") == "messages" and event.get("channel"):
            task = asyncio.create_task(prompts.suggest(bot.team_id, str(event["channel"])))
            background.add(task)
            task.add_done_callback(background.discard)

    async def on_interaction(ack: AsyncAck) -> None:
        """Buttons with a link send an action too, which must be acked; nothing else is offered yet."""
        await ack()

    async def on_error(error: Exception) -> BoltResponse:
        log.error("event not received, Slack will deliver it again", error=type(error).__name__, exc_info=error)
        return BoltResponse(status=503, body="")

    app.event(_ANYTHING)(on_event)
    app.action(_ANYTHING)(on_interaction)
    app.error(on_error)
    return app


async def _receive(receive: Receive, incoming: Incoming, body: dict[str, Any]) -> None:
    receipt = await receive(incoming)
    log.info(
        "event received",
        event_id=body.get("event_id"),
        kind=incoming.kind,
        session=receipt.session_id,
        repeated=receipt.repeated,
        user=incoming.speaker.user_id,
    )


def _authorize(calls: PacedCalls, bot: Bot) -> Callable[..., Awaitable[AuthorizeResult]]:
    """Bolt's own authorisation asks `auth.test` on the first event, and where that fails it *acks* the event."""
    result = AuthorizeResult(
        enterprise_id=bot.enterprise_id,
        team_id=bot.team_id,
        bot_user_id=bot.user_id,
        bot_id=bot.bot_id,
        bot_token=calls.client.token,
    )

    async def authorize() -> AuthorizeResult:
        return result

    return authorize
