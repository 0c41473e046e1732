"""Single blocks of messages that stand in a thread already, changed afterwards: a card that was decided, a choice that
was made. Best effort: what counts is on record elsewhere, and what Slack does not take is logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from kubeai_bot.domain.approval import Settled
from kubeai_bot.domain.session import ThreadRef
from kubeai_bot.slack.approval_cards import has_card, with_outcome
from kubeai_bot.slack.blocks import Block, escaped
from kubeai_bot.slack.calls import LITTLE_PATIENCE, Limited, SlackTrouble
from kubeai_bot.slack.client import Bot
from kubeai_bot.slack.safe_markdown import neutral
from kubeai_bot.slack.wording import plain_text

log = structlog.get_logger(__name__)

WITHIN = 10.0
"""Seconds for all that one change takes: a turn that has ended waits for it."""

MAX_PAGES = 5
PAGE_SIZE = 200

Rewrite = Callable[[list[Block]], list[Block] | None]
"""From the blocks that a message shows to those that it should show; None: they may stay."""


class Calls(Protocol):
    """`PacedCalls`, or `FencedCalls` where only the session's holder may draw."""

    @property
    def client(self) -> AsyncWebClient: ...

    async def __call__(
        self, team: str, method: Callable[..., Awaitable[Any]], /, patience: float = ..., **arguments: Any
    ) -> dict[str, Any]: ...


async def rewrite(calls: Calls, bot: Bot, thread: ThreadRef, ts: str, change: Rewrite) -> None:
    """Change one message of ours, as it shows now. Never raises for Slack trouble."""
    try:
        async with asyncio.timeout(WITHIN):
            for message in await _page(calls, thread, {"oldest": ts, "latest": ts, "inclusive": True, "limit": 2}):
                if message.get("ts") == ts and _is_own(message, bot):
                    await _update(calls, thread, message, change(_blocks(message)))
    except (SlackTrouble, TimeoutError) as trouble:
        log.warning("a message was not brought up to date", trouble=f"{type(trouble).__name__}: {trouble}")


async def settle(calls: Calls, bot: Bot, thread: ThreadRef, settled: Sequence[Settled], near: str) -> None:
    """Put on the cards of `settled` how they ended. Looked for from the message `near` on (the card, where it was
    clicked), then in the thread from its beginning. Never raises for Slack trouble; repeating it changes nothing."""
    left = {each.id: each for each in settled}
    try:
        async with asyncio.timeout(WITHIN):
            for oldest in (near, None):
                if left:
                    await _settle(calls, bot, thread, left, oldest)
    except (SlackTrouble, TimeoutError) as trouble:
        log.warning("an approval's card was not settled", trouble=f"{type(trouble).__name__}: {trouble}")
        return
    if left:
        log.warning("an approval's card was not found", approvals=sorted(left))


async def _settle(calls: Calls, bot: Bot, thread: ThreadRef, left: dict[str, Settled], oldest: str | None) -> None:
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        asked = {"oldest": oldest, "inclusive": True, "limit": PAGE_SIZE, "cursor": cursor}
        answer = await _replies(calls, thread, asked)
        messages: list[dict[str, Any]] = answer.get("messages") or []
        for message in messages:
            blocks = _blocks(message)
            here = [each for each in left.values() if has_card(blocks, each.id)] if _is_own(message, bot) else []
            if here:
                await _update(calls, thread, message, _all_outcomes(blocks, here))
                for each in here:
                    del left[each.id]
        cursor = (answer.get("response_metadata") or {}).get("next_cursor")
        if not cursor or not left:
            return


def _all_outcomes(blocks: list[Block], settled: Sequence[Settled]) -> list[Block] | None:
    changed: list[Block] | None = None
    for each in settled:
        changed = with_outcome(changed or blocks, each) or changed
    return changed


async def _page(calls: Calls, thread: ThreadRef, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    return (await _replies(calls, thread, asked)).get("messages") or []


async def _replies(calls: Calls, thread: ThreadRef, asked: Mapping[str, Any]) -> dict[str, Any]:
    client = calls.client
    return await _patiently(
        lambda: calls(
            thread.team_id,
            client.conversations_replies,
            patience=LITTLE_PATIENCE,
            channel=thread.channel_id,
            ts=thread.thread_ts,
            **asked,
        )
    )


async def _update(calls: Calls, thread: ThreadRef, message: Mapping[str, Any], blocks: list[Block] | None) -> None:
    """All blocks go out again, because Slack replaces them together. What is not sent (the metadata) stays."""
    if blocks is None:
        return
    text = escaped(neutral(plain_text(str(message.get("text") or "")))) or "…"
    client = calls.client
    await _patiently(
        lambda: calls(
            thread.team_id,
            client.chat_update,
            patience=LITTLE_PATIENCE,
            channel=thread.channel_id,
            ts=str(message["ts"]),
            text=text,
            blocks=blocks,
        )
    )


async def _patiently(call: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """A call that is made again for as long as Slack only asks to wait; the caller bounds the whole."""
    while True:
        try:
            return await call()
        except Limited as limited:
            await asyncio.sleep(max(limited.retry_after or 1.0, 0.1))


def _blocks(message: Mapping[str, Any]) -> list[Block]:
    return list(message.get("blocks") or ())


def _is_own(message: Mapping[str, Any], bot: Bot) -> bool:
    return message.get("bot_id") == bot.bot_id or message.get("user") == bot.user_id
