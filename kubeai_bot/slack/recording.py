"""Acts that Slack delivers once and never again (clicks, forms, commands) on their way into the inbox."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from kubeai_bot.domain.identity import Speaker
from kubeai_bot.domain.session import Incoming, ThreadRef
from kubeai_bot.domain.storage import Receipt
from kubeai_bot.errors import StoreError
from kubeai_bot.slack.client import Bot

log = structlog.get_logger(__name__)

WITHIN = 2.0
"""Seconds for putting a click on record: the ack has to be out after three."""

Receive = Callable[[Incoming], Awaitable[Receipt]]


async def put_on_record(receive: Receive, incoming: Incoming) -> Receipt:
    """Raises StoreError after a second try: Slack makes none, and a store whose answer was lost may have taken it. What
    the second try finds repeated is the first one's."""
    try:
        return await receive(incoming)
    except StoreError as error:
        log.warning("not recorded, tried again", kind=incoming.kind, error=str(error))
        return replace(await receive(incoming), repeated=False)


async def put_on_record_in_time(receive: Receive, incoming: Incoming) -> Receipt:
    """The same, before Slack gives up waiting for the ack. Raises StoreError."""
    try:
        async with asyncio.timeout(WITHIN):
            receipt = await put_on_record(receive, incoming)
    except TimeoutError as error:
        raise StoreError(f"no answer within {WITHIN:g} s") from error
    log.info(
        "click received",
        kind=incoming.kind,
        session=receipt.session_id,
        repeated=receipt.repeated,
        user=incoming.speaker.user_id,
    )
    return receipt


@dataclass(frozen=True, slots=True)
class Click:
    """A click on a message of ours: by whom, in which thread, on which message (`ts`), and the button's value."""

    speaker: Speaker
    thread: ThreadRef
    ts: str
    value: str


def click_in(body: dict[str, Any], bot: Bot, speaker: Speaker) -> Click:
    """`body`: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload."""
    message: dict[str, Any] = body.get("message") or {}
    container: dict[str, Any] = body.get("container") or {}
    channel = str((body.get("channel") or {}).get("id") or container.get("channel_id") or "")
    ts = str(message.get("ts") or container.get("message_ts") or "")
    root = str(message.get("thread_ts") or container.get("thread_ts") or ts)
    actions: list[dict[str, Any]] = body.get("actions") or [{}]
    thread = ThreadRef(bot.team_id, channel, root, channel.startswith("D"))
    return Click(speaker, thread, ts, str(actions[0].get("value") or ""))
