"""From a Slack event to an `Incoming`, or to nothing where the event is not for us. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kubeai_bot.domain.identity import Speaker
from kubeai_bot.domain.session import Incoming, ThreadRef
from kubeai_bot.slack.client import Bot
from kubeai_bot.slack.wording import kind_of, plain_text

_SUBTYPES = frozenset({None, "file_share", "thread_broadcast"})
"""Messages that people send. All other subtypes are edits, deletions, joins and the like."""

MAX_FILES = 10
MAX_TEXT = 40_000
"""Characters; Slack itself cuts there."""


def incoming_from(body: Mapping[str, Any], bot: Bot, now: datetime) -> Incoming | None:
    """`body` is the outer event (https://docs.slack.dev/apis/events-api/#callback-field); None: nothing to do."""
    event: Mapping[str, Any] = body.get("event") or {}
    match event.get("type"):
        case "message" if event.get("channel_type") == "im":
            return _message(body, event, bot, now)
        case "app_mention" | "message":
            return _message(body, event, bot, now) if _is_threaded_or_mention(event) else None
        case "agent_session_stopped":
            return _stopped(body, event, bot, now)
        case _:
            return None


def _is_threaded_or_mention(event: Mapping[str, Any]) -> bool:
    return event.get("type") == "app_mention" or bool(event.get("thread_ts"))


def _message(body: Mapping[str, Any], event: Mapping[str, Any], bot: Bot, now: datetime) -> Incoming | None:
    user, channel, ts = event.get("user"), event.get("channel"), event.get("ts")
    if not (user and channel and ts) or event.get("subtype") not in _SUBTYPES:
        return None
    if event.get("bot_id") or event.get("bot_profile") or user in (bot.user_id, "USLACKBOT"):
        return None
    text = _with_files(plain_text(str(event.get("text") or ""), bot.user_id), event)[:MAX_TEXT]
    mention, is_dm = event["type"] == "app_mention", event.get("channel_type") == "im"
    if not text and not mention and f"<@{bot.user_id}" not in str(event.get("text")):
        return None
    team = _own_team(body, bot)
    return Incoming(
        keys=(*_event_key(body), f"msg:{team}:{channel}:{ts}"),
        thread=ThreadRef(team, str(channel), str(event.get("thread_ts") or ts), is_dm),
        speaker=_speaker(event, str(user), team),
        kind=kind_of(text),
        text=text,
        ts=str(ts),
        opens=mention or is_dm,
        received_at=now,
    )


def _stopped(body: Mapping[str, Any], event: Mapping[str, Any], bot: Bot, now: datetime) -> Incoming | None:
    """Slack's Stop button. Its text is empty, which tells it from the word `stop`."""
    user, channel, thread_ts = event.get("user"), event.get("channel"), event.get("thread_ts")
    if not (user and channel and thread_ts):
        return None
    team = _own_team(body, bot)
    return Incoming(
        keys=_event_key(body) or (f"stop:{team}:{channel}:{thread_ts}:{event.get('event_ts')}",),
        thread=ThreadRef(team, str(channel), str(thread_ts), str(channel).startswith("D")),
        speaker=_speaker(event, str(user), team),
        kind="stop",
        text="",
        ts=str(event.get("event_ts") or thread_ts),
        opens=False,
        received_at=now,
    )


def _event_key(body: Mapping[str, Any]) -> tuple[str, ...]:
    return (f"evt:{body['event_id']}",) if body.get("event_id") else ()


def _own_team(body: Mapping[str, Any], bot: Bot) -> str:
    """The workspace of our installation that this event is for: in a channel shared with another organisation
    `team_id` may be theirs, `authorizations` is always ours."""
    authorizations: list[Mapping[str, Any]] = body.get("authorizations") or [{}]
    return str(authorizations[0].get("team_id") or body.get("team_id") or bot.team_id)


def _speaker(event: Mapping[str, Any], user: str, team: str) -> Speaker:
    """The sender with their own team: somebody from another organisation must not look like one of ours."""
    return Speaker(str(event.get("user_team") or event.get("team") or team), user)


def _with_files(text: str, event: Mapping[str, Any]) -> str:
    files: list[Mapping[str, Any]] = event.get("files") or []
    if not files:
        return text
    names = ", ".join(" ".join(str(file.get("name") or "a file").split())[:80] for file in files[:MAX_FILES])
    return f"{text}\n\n[Attached, but the bot cannot read files: {names}]".strip()
