"""Sessions as JSON lines: a header that says what the file is, then one line for each session with all there is of it.

Every store writes and reads the same, so this is how sessions move from one to another.
"""

from __future__ import annotations

import re
from typing import Any

from kubeai_bot.domain.message import Json, StoredMessage
from kubeai_bot.domain.session import InboxItem
from kubeai_bot.domain.storage import Dump
from kubeai_bot.errors import StoreError
from kubeai_bot.stores.codec import (
    VERSION,
    check_version,
    decode_feedback,
    decode_incoming,
    decode_message,
    decode_session,
    decode_turn,
    dumps,
    encode_feedback,
    encode_incoming,
    encode_message,
    encode_session,
    encode_turn,
    loads,
)
from kubeai_bot.stores.codec_results import decode_result, encode_result
from kubeai_bot.stores.field_types import misfit

_FORMAT = "kubeai-bot sessions"

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def header_line() -> str:
    return dumps({"format": _FORMAT, "v": VERSION})


def check_header(line: str | bytes) -> None:
    """Raises StoreError where this is not the first line of such a file, or one of a newer version."""
    record = _object(line)
    if record.get("format") != _FORMAT:
        raise StoreError('this is no file of sessions: it has to begin with a line that says {"format":"' + _FORMAT)
    check_version(record, "this file")


def dump_line(dump: Dump) -> str:
    return dumps(encode_dump(dump))


def parse_dump(line: str | bytes) -> Dump:
    """Raises StoreError for a line that is not a whole session."""
    return decode_dump(_object(line))


def encode_dump(dump: Dump) -> dict[str, Any]:
    return {
        "v": VERSION,
        "session": encode_session(dump.session),
        "messages": [{"seq": stored.seq, **encode_message(stored.message)} for stored in dump.messages],
        "inbox": [encode_incoming(item.incoming) for item in dump.inbox],
        "turns": [encode_turn(turn) for turn in dump.turns],
        "feedback": [encode_feedback(each) for each in dump.feedback],
        "results": [encode_result(each) for each in dump.results],
    }


def decode_dump(record: Json) -> Dump:
    """Inbox items get new ids, from 1. Raises StoreError for a record that is not a whole session."""
    check_version(record, "this session")
    try:
        session = decode_session(record["session"])
        messages = tuple(StoredMessage(each["seq"], decode_message(each)) for each in record["messages"])
        incomings = [decode_incoming(each) for each in record.get("inbox", ())]
        turns = tuple(decode_turn(each) for each in record.get("turns", ()))
        feedback = tuple(decode_feedback(each) for each in record.get("feedback", ()))
        results = tuple(decode_result(each) for each in record.get("results", ()))
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"this is not a whole session: {type(error).__name__} {error}") from error
    inbox = tuple(InboxItem(number, session.id, incoming) for number, incoming in enumerate(incomings, start=1))
    dump = Dump(session, messages, inbox, turns, feedback, results)
    path = misfit(dump, Dump)
    if path is not None:
        raise StoreError(f"this is not a whole session: {path.removeprefix('.')} is not what it should be")
    if _ID.fullmatch(session.id) is None:
        raise StoreError("this session has an id that no store gives")
    seqs = [stored.seq for stored in messages]
    if session.last_seq < len(seqs) or seqs != list(range(session.last_seq - len(seqs) + 1, session.last_seq + 1)):
        raise StoreError(f"session {session.id} is not whole: its messages do not run up to {session.last_seq}")
    return dump


def _object(line: str | bytes) -> Json:
    record = loads(line)
    if not isinstance(record, dict):
        raise StoreError("this line is not a JSON object")
    return record
