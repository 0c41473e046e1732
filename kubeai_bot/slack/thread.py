"""What stands in a thread already: read before anything is posted that might be there twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from kubeai_bot.interfaces import Showing
from kubeai_bot.slack.blocks import tasks_in
from kubeai_bot.slack.calls import FencedCalls, Refused
from kubeai_bot.slack.client import Bot
from kubeai_bot.slack.draft import Task

log = structlog.get_logger(__name__)

EVENT_TYPE = "kubeai_turn"
"""`event_type` of the metadata that every finished message of an answer carries; its payload names the turn."""

MAX_PAGES = 5
PAGE_SIZE = 200


@dataclass(frozen=True, slots=True)
class OwnMessage:
    """A message of this bot. `turn_id` from its metadata: None while it is streamed, "" where it is of no turn at all;
    `files` the names of its files."""

    ts: str
    turn_id: str | None
    tasks: Mapping[str, Task]
    files: tuple[str, ...]


def metadata(turn_id: str) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"turn_id": turn_id}}


async def own_messages(calls: FencedCalls, bot: Bot, showing: Showing) -> list[OwnMessage] | None:
    """Messages of the bot in the thread since the question, oldest first; None where Slack does not let us look.

    Raises Limited, Unanswered.
    """
    found: list[OwnMessage] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        try:
            answer = await calls(
                showing.thread.team_id,
                calls.client.conversations_replies,
                channel=showing.thread.channel_id,
                ts=showing.thread.thread_ts,
                oldest=showing.asked_ts,
                include_all_metadata=True,
                limit=PAGE_SIZE,
                cursor=cursor,
            )
        except Refused as refused:
            log.warning("cannot look into the thread", code=refused.code)
            return None
        messages: list[dict[str, Any]] = answer.get("messages") or []
        found += [_own(message) for message in messages if _is_own(message, bot)]
        cursor = (answer.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            break
    return found


def _is_own(message: Mapping[str, Any], bot: Bot) -> bool:
    return message.get("bot_id") == bot.bot_id or message.get("user") == bot.user_id


def _own(message: Mapping[str, Any]) -> OwnMessage:
    carried: Mapping[str, Any] = message.get("metadata") or {}
    payload: Mapping[str, Any] = carried.get("event_payload") or {}
    if carried.get("event_type") == EVENT_TYPE:
        turn_id: str | None = str(payload.get("turn_id", ""))
    else:
        turn_id = "" if carried else None
    files = tuple(str(file.get("name", "")) for file in message.get("files") or ())
    return OwnMessage(str(message.get("ts", "")), turn_id, tasks_in(message.get("blocks") or ()), files)
