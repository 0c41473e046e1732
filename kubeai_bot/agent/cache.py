"""The newest messages of sessions that this replica has worked on lately, so that a turn reads only what is new.

Never trusted by itself: the store compares `Known` with the session in the statement that takes the lease, and says
with `Tail.after` whether it was right. So any replica may work on any session.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kubeai_bot.domain.message import StoredMessage, Text, ToolCallRequest, ToolCallResponse
from kubeai_bot.domain.session import Session, ThreadRef
from kubeai_bot.domain.storage import Known, Tail

NEWEST = 1000
"""Messages of one session that a turn looks at: far more than fit any model's window."""

LARGEST = 64 * 1024 * 1024
"""Bytes that all sessions here may take together, estimated."""


@dataclass(frozen=True, slots=True)
class _Held:
    session_id: str
    messages: tuple[StoredMessage, ...]
    last_seq: int
    size: int


class SessionCache:
    """At most `sessions` tails, the longest unused leaves first; 0 keeps none."""

    def __init__(self, sessions: int, largest: int = LARGEST) -> None:
        self._most = sessions
        self._largest = largest
        self._held: OrderedDict[ThreadRef, _Held] = OrderedDict()
        self._size = 0

    def known(self, thread: ThreadRef) -> Known | None:
        """What to tell the store in a claim."""
        held = self._held.get(thread)
        return None if held is None else Known(held.session_id, held.last_seq)

    def complete(self, tail: Tail) -> Tail | None:
        """The tail with the messages in front of it that the store left out because they were here; None where they
        have left meanwhile, and the tail has to be read again."""
        held = self._held.get(tail.session.thread)
        if held is not None and held.session_id == tail.session.id and held.last_seq == tail.after:
            return replace(tail, messages=held.messages + tail.messages, after=held.last_seq - len(held.messages))
        is_whole = tail.after < tail.session.start_seq
        return tail if is_whole or len(tail.messages) >= NEWEST else None

    def keep(self, session: Session, history: Sequence[StoredMessage]) -> None:
        """Remember a session's messages up to its last one, without a gap."""
        messages = tuple(history[-NEWEST:])
        held = _Held(session.id, messages, session.last_seq, sum(map(_size, messages)))
        self._drop(session.thread)
        if held.size > self._largest:
            return
        self._held[session.thread] = held
        self._size += held.size
        while len(self._held) > self._most or self._size > self._largest:
            self._drop(next(iter(self._held)))

    def forget(self, session_id: str) -> None:
        """Keep nothing of a session that was deleted."""
        for thread in [thread for thread, held in self._held.items() if held.session_id == session_id]:
            self._drop(thread)

    def _drop(self, thread: ThreadRef) -> None:
        held = self._held.pop(thread, None)
        self._size -= held.size if held else 0


def _size(stored: StoredMessage) -> int:
    """Bytes, roughly: the texts, and something for everything around them."""
    match stored.message.payload:
        case ToolCallResponse(content=text) | Text(text=text):
            return 1000 + len(text)
        case ToolCallRequest(calls=calls, text=text):
            return 1000 + len(text) + sum(len(call.raw_arguments) * 2 + 500 for call in calls)
        case _:
            return 1000
