"""Rows and domain values. What is in a row comes from outside: texts in `text` columns are escaped, since PostgreSQL
refuses NUL and lone surrogates; records stand there as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kubeai_bot.domain.message import Message, Source, StoredMessage
from kubeai_bot.domain.session import InboxItem, Session
from kubeai_bot.domain.storage import Lease, SessionChange, Tail
from kubeai_bot.stores.codec import (
    decode_incoming,
    decode_message,
    decode_session,
    dumps,
    encode_change,
    encode_message,
    encode_session,
    loads,
)
from kubeai_bot.stores.codec_parts import encode_time
from kubeai_bot.stores.postgres.packing import pack, unpack

TEXTS = ("name", "provider", "model")
RECORDS = ("turn", "answer", "last_identity", "mcp_status", "metadata", "approval")
COLUMNS = (
    *("id", "team_id", "channel_id", "thread_ts", "is_dm", "slack_user_id", "created_at", "modified_at"),
    *("agent_state", "start_seq", "last_seq", "input_tokens", "output_tokens", "cached_tokens", "follows_expired"),
    *(*TEXTS, *RECORDS),
)
"""Of `sessions`, in the order in which the functions below take them."""

_ESCAPED_COLUMNS = ("id", "team_id", "channel_id", "thread_ts", "slack_user_id", *TEXTS)
_HARD = re.compile("[\x00\\\\\ud800-\udfff]")
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})")


def to_column(text: str) -> str:
    return _HARD.sub(lambda hard: f"\\u{ord(hard[0]):04x}", text)


def from_column(text: str) -> str:
    return _ESCAPED.sub(lambda escaped: chr(int(escaped[1], 16)), text) if "\\" in text else text


def session_from(row: Sequence[Any]) -> Session:
    """From the values of COLUMNS. Raises StoreError for a row that this version cannot read."""
    record: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    for name in _ESCAPED_COLUMNS:
        record[name] = from_column(record[name])
    for name in RECORDS:
        record[name] = _loads(record[name])
    record["created_at"], record["modified_at"] = encode_time(record["created_at"]), encode_time(record["modified_at"])
    record["thread"] = {name: record[name] for name in ("team_id", "channel_id", "thread_ts", "is_dm")}
    record["usage"] = {name: record[f"{name}_tokens"] for name in ("input", "output", "cached")}
    return decode_session(record)


def row_of(session: Session) -> dict[str, Any]:
    """The values of COLUMNS and of `modified_hour`, by name."""
    record = encode_session(session)
    thread, usage = session.thread, session.usage
    row: dict[str, Any] = {name: dumps(record.get(name, {} if name in _OBJECTS else None)) for name in RECORDS}
    row |= {name: to_column(record[name]) for name in (*TEXTS, "id", "slack_user_id")}
    row |= {name: getattr(session, name) for name in ("start_seq", "last_seq", "follows_expired")}
    row |= {"created_at": session.created_at, "modified_at": session.modified_at, "is_dm": thread.is_dm}
    row |= {name: to_column(getattr(thread, name)) for name in ("team_id", "channel_id", "thread_ts")}
    row |= {"input_tokens": usage.input, "output_tokens": usage.output, "cached_tokens": usage.cached}
    return row | {"agent_state": session.agent_state.value, "modified_hour": hour_of(session.modified_at)}


_OBJECTS = frozenset({"mcp_status", "metadata", "approval"})


def change_parameters(change: SessionChange) -> dict[str, Any]:
    """The parameters of `append` that change the session's record; None: stays as it is.

    Raises TypeError for what JSON cannot hold.
    """
    given = encode_change(change)
    usage: Mapping[str, int] = given.get("add_usage", {})
    turn: Mapping[str, Any] = given.get("turn") or {}
    user: str | None = turn.get("identity", {}).get("speaker", {}).get("user_id")
    return (
        {name: dumps(given[name]) if name in given else None for name in RECORDS}
        | {name: to_column(given[name]) if name in given else None for name in TEXTS}
        | {name: given.get(name) for name in ("agent_state", "start_seq")}
        | {name: usage.get(name, 0) for name in ("input", "output", "cached")}
        | {"turn_id": to_column(turn["turn_id"]) if turn else None}
        | {"turn_user": None if user is None else to_column(user)}
    )


def message_body(message: Message) -> bytes:
    return pack(encode_message(message))


def message_speaker(message: Message) -> str | None:
    """Who wrote it, where a person did."""
    by_person = message.source is Source.USER and message.speaker is not None
    return to_column(message.speaker.user_id) if by_person and message.speaker is not None else None


def tail_from(
    session: Session, bodies: Sequence[bytes] | None, inbox_ids: Sequence[int] | None, inbox: Sequence[bytes] | None
) -> Tail:
    """The bodies are those of the session's newest messages, without a gap."""
    after = session.last_seq - len(bodies or ())
    messages = (
        StoredMessage(seq, decode_message(unpack(body))) for seq, body in enumerate(bodies or (), start=after + 1)
    )
    items = (
        InboxItem(number, session.id, decode_incoming(unpack(body)))
        for number, body in zip(inbox_ids or (), inbox or (), strict=True)
    )
    return Tail(session, tuple(messages), tuple(items), after)


def lease_from(session_id: str, row: Sequence[Any], monotonic_until: float) -> Lease:
    """From owner, epoch and time of expiry."""
    owner, epoch, expires_at = row
    return Lease(session_id, from_column(owner), epoch, expires_at.timestamp(), monotonic_until)


def hour_of(moment: datetime) -> int:
    """As in `sessions.modified_hour`: hours since 1970."""
    return int(moment.timestamp() // 3600)


def utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _loads(text: str) -> Any:
    """Most of a session's records are empty."""
    return None if text == "null" else {} if text == "{}" else loads(text)
