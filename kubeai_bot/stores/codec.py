"""Domain values as plain JSON and back: the one form in which every store writes them, and exports too.

A whole record carries its version in `v`. Records of this and every earlier version are read: fields that are not
known are ignored, fields that are missing get their defaults. Texts come back exactly, NUL and lone surrogates too
(only two surrogates that make a pair come back as the character that they stand for); JSON numbers as Python has them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import wraps
from typing import Any, TypeVar

from kubeai_bot.domain.message import Json, Message, Source
from kubeai_bot.domain.session import AgentState, Feedback, Incoming, Session, TurnRecord, Usage
from kubeai_bot.domain.storage import KEEP, SessionChange
from kubeai_bot.errors import StoreError
from kubeai_bot.stores.codec_parts import (
    decode_answer,
    decode_identity,
    decode_speaker,
    decode_thread,
    decode_time,
    decode_turn_ref,
    decode_usage,
    encode_answer,
    encode_identity,
    encode_speaker,
    encode_thread,
    encode_time,
    encode_turn_ref,
    encode_usage,
    slim,
)
from kubeai_bot.stores.codec_payloads import decode_payload, encode_payload
from kubeai_bot.stores.json_values import copy_json

VERSION = 1

_compact = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))

_T = TypeVar("_T")


def dumps(value: Any) -> str:
    """Compact JSON in ASCII without line breaks. Raises TypeError for what JSON cannot hold."""
    return _compact.encode(value)


def loads(text: str | bytes) -> Any:
    """Raises StoreError for what is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"a stored record is not JSON: {error}") from error


def check_version(record: Json, what: str) -> None:
    """Raises StoreError for a record of a version that this program does not know."""
    version = record.get("v", VERSION)
    if not isinstance(version, int) or version > VERSION:
        raise StoreError(
            f"{what} was written by a newer version of kubeai-bot (format {version!r}, this one reads up to"
            f" {VERSION}): update this one"
        )


def _decoder(what: str) -> Callable[[Callable[[Json], _T]], Callable[[Json], _T]]:
    """Decoding that checks the version first and raises nothing but StoreError."""

    def around(decode: Callable[[Json], _T]) -> Callable[[Json], _T]:
        @wraps(decode)
        def checked(record: Json) -> _T:
            if not isinstance(record, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - it comes from outside
                raise StoreError(f"{what} cannot be read: it is not an object")
            check_version(record, what)
            try:
                return decode(record)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                raise StoreError(f"{what} cannot be read: {type(error).__name__} {error}") from error

        return checked

    return around


# --- messages ---


def encode_message(message: Message) -> dict[str, Any]:
    record: dict[str, Any] = {
        "v": VERSION,
        "type": message.type.value,
        "turn_id": message.turn_id,
        "source": message.source.value,
        "at": encode_time(message.at),
        "payload": encode_payload(message.payload),
    }
    if message.identity is not None:
        record["identity"] = encode_identity(message.identity)
    if message.speaker is not None:
        record["speaker"] = encode_speaker(message.speaker)
    if message.metadata:
        record["metadata"] = copy_json(message.metadata)
    return record


@_decoder("a stored message")
def decode_message(record: Json) -> Message:
    identity, speaker = record.get("identity"), record.get("speaker")
    return Message(
        turn_id=record["turn_id"],
        source=Source(record["source"]),
        payload=decode_payload(record["type"], record["payload"]),
        identity=None if identity is None else decode_identity(identity),
        at=decode_time(record["at"]),
        speaker=None if speaker is None else decode_speaker(speaker),
        metadata=record.get("metadata", {}),
    )


# --- sessions ---


def encode_session(session: Session) -> dict[str, Any]:
    record: dict[str, Any] = {
        "v": VERSION,
        "id": session.id,
        "name": session.name,
        "thread": encode_thread(session.thread),
        "slack_user_id": session.slack_user_id,
        "provider": session.provider,
        "model": session.model,
        "created_at": encode_time(session.created_at),
        "modified_at": encode_time(session.modified_at),
        "agent_state": session.agent_state.value,
        "usage": encode_usage(session.usage),
        "start_seq": session.start_seq,
        "last_seq": session.last_seq,
    }
    return record | slim(
        {
            "turn": session.turn and encode_turn_ref(session.turn),
            "answer": session.answer and encode_answer(session.answer),
            "last_identity": session.last_identity and encode_identity(session.last_identity),
            "mcp_status": copy_json(session.mcp_status),
            "metadata": copy_json(session.metadata),
            "approval": copy_json(session.approval),
            "follows_expired": session.follows_expired,
        }
    )


@_decoder("a stored session")
def decode_session(record: Json) -> Session:
    turn, answer, last_identity = record.get("turn"), record.get("answer"), record.get("last_identity")
    return Session(
        id=record["id"],
        name=record["name"],
        thread=decode_thread(record["thread"]),
        slack_user_id=record["slack_user_id"],
        provider=record.get("provider", ""),
        model=record.get("model", ""),
        created_at=decode_time(record["created_at"]),
        modified_at=decode_time(record["modified_at"]),
        agent_state=AgentState(record.get("agent_state", AgentState.IDLE)),
        turn=None if turn is None else decode_turn_ref(turn),
        answer=None if answer is None else decode_answer(answer),
        last_identity=None if last_identity is None else decode_identity(last_identity),
        mcp_status=record.get("mcp_status", {}),
        usage=decode_usage(record.get("usage", {})),
        start_seq=record.get("start_seq", 1),
        last_seq=record.get("last_seq", 0),
        metadata=record.get("metadata", {}),
        approval=record.get("approval", {}),
        follows_expired=record.get("follows_expired", False),
    )


_CODECS_OF_CHANGES: Mapping[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "agent_state": (str, AgentState),
    "turn": (encode_turn_ref, decode_turn_ref),
    "answer": (encode_answer, decode_answer),
    "last_identity": (encode_identity, decode_identity),
    "mcp_status": (copy_json, copy_json),
    "metadata": (copy_json, copy_json),
    "approval": (copy_json, copy_json),
}
"""Fields of a change that are not plain JSON by themselves; None stays None."""


def encode_change(change: SessionChange) -> dict[str, Any]:
    """Only the fields that are given; `add_usage` where it adds anything."""
    record: dict[str, Any] = {"v": VERSION}
    for name, value in _given(change).items():
        encode, _ = _CODECS_OF_CHANGES.get(name, (None, None))
        record[name] = value if encode is None or value is None else encode(value)
    if change.add_usage != Usage():
        record["add_usage"] = encode_usage(change.add_usage)
    return record


@_decoder("a stored change")
def decode_change(record: Json) -> SessionChange:
    given: dict[str, Any] = {}
    for name in (each.name for each in fields(SessionChange) if each.name in record):
        value = record[name]
        _, decode = _CODECS_OF_CHANGES.get(name, (None, None))
        given[name] = value if decode is None or value is None else decode(value)
    if "add_usage" in given:
        given["add_usage"] = decode_usage(given["add_usage"])
    return SessionChange(**given)


def apply_change(session: Session, change: SessionChange) -> Session:
    """The session with the change in it, and JSON values of its own."""
    given = _given(change)
    for name in given.keys() & {"mcp_status", "metadata", "approval"}:
        given[name] = copy_json(given[name])
    return replace(session, **given, usage=session.usage + change.add_usage)


def _given(change: SessionChange) -> dict[str, Any]:
    names = (each.name for each in fields(change) if each.name != "add_usage")
    return {name: value for name in names if (value := getattr(change, name)) is not KEEP}


# --- what else hangs on a session ---


def encode_incoming(incoming: Incoming) -> dict[str, Any]:
    return {
        "v": VERSION,
        "keys": list(incoming.keys),
        "thread": encode_thread(incoming.thread),
        "speaker": encode_speaker(incoming.speaker),
        "kind": incoming.kind,
        "text": incoming.text,
        "ts": incoming.ts,
        "opens": incoming.opens,
        "received_at": encode_time(incoming.received_at),
    }


@_decoder("a stored event")
def decode_incoming(record: Json) -> Incoming:
    return Incoming(
        tuple(record["keys"]),
        decode_thread(record["thread"]),
        decode_speaker(record["speaker"]),
        record["kind"],
        record["text"],
        record["ts"],
        record["opens"],
        decode_time(record["received_at"]),
    )


def encode_turn(turn: TurnRecord) -> dict[str, Any]:
    return {
        "v": VERSION,
        "turn_id": turn.turn_id,
        "user_id": turn.user_id,
        "created_at": encode_time(turn.created_at),
        "updated_at": encode_time(turn.updated_at),
        "ended": turn.ended,
    }


@_decoder("a stored turn")
def decode_turn(record: Json) -> TurnRecord:
    created_at, updated_at = decode_time(record["created_at"]), decode_time(record["updated_at"])
    return TurnRecord(record["turn_id"], record.get("user_id"), created_at, updated_at, record.get("ended", False))


def encode_feedback(feedback: Feedback) -> dict[str, Any]:
    return {
        "v": VERSION,
        "turn_id": feedback.turn_id,
        "user_id": feedback.user_id,
        "kind": feedback.kind,
        "reason": feedback.reason,
        "created_at": encode_time(feedback.created_at),
        "updated_at": encode_time(feedback.updated_at),
    }


@_decoder("a stored opinion")
def decode_feedback(record: Json) -> Feedback:
    created_at, updated_at = decode_time(record["created_at"]), decode_time(record["updated_at"])
    reason = record.get("reason", "")
    return Feedback(record["turn_id"], record["user_id"], record["kind"], reason, created_at, updated_at)
