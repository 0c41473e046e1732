"""One session in memory, with all that hangs on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from kubeai_bot.domain.message import Message, Source, StoredMessage, Text, ToolCallRequest, ToolCallResponse
from kubeai_bot.domain.session import Feedback, InboxItem, Session, TurnRecord, TurnRef
from kubeai_bot.domain.storage import KEEP, Dump, KeptResult, Lease, SessionChange, Tail
from kubeai_bot.stores.codec import apply_change
from kubeai_bot.stores.json_values import copy_json, copy_message
from kubeai_bot.stores.retention import Candidate


@dataclass(slots=True)
class Record:
    """`last_step` is the newest append's step id with what it returned; `feedback` by turn and user."""

    session: Session
    messages: list[StoredMessage] = field(default_factory=list[StoredMessage])
    inbox: dict[int, InboxItem] = field(default_factory=dict[int, InboxItem])
    turns: dict[str, TurnRecord] = field(default_factory=dict[str, TurnRecord])
    feedback: dict[tuple[str, str], Feedback] = field(default_factory=dict[tuple[str, str], Feedback])
    results: dict[str, KeptResult] = field(default_factory=dict[str, KeptResult])
    last_step: tuple[str, int] | None = None
    lease: Lease | None = None

    def live_lease(self, now: float) -> Lease | None:
        return self.lease if self.lease is not None and self.lease.expires_at > now else None

    def is_unfinished(self, now: float) -> bool:
        return self.live_lease(now) is None and (bool(self.inbox) or self.session.turn is not None)

    def is_idle(self, now: float) -> bool:
        return self.live_lease(now) is None and not self.inbox and self.session.turn is None

    def candidate(self, now: float) -> Candidate:
        return Candidate(self.session.id, self.session.modified_at, self.is_idle(now), len(self.messages))

    def touch(self, at: datetime) -> None:
        self.session = replace(self.session, modified_at=max(self.session.modified_at, at))

    # --- reading: copies only ---

    def copy_session(self) -> Session:
        session = self.session
        return replace(
            session,
            mcp_status=copy_json(session.mcp_status),
            metadata=copy_json(session.metadata),
            approval=copy_json(session.approval),
        )

    def tail(self, after: int, newest: int | None) -> Tail:
        last_seq = self.session.last_seq
        first_after = last_seq - len(self.messages)  # what stands before it has been trimmed
        after = min(max(after, first_after), last_seq)
        if newest is not None:
            after = max(after, last_seq - max(newest, 0))
        messages = _copies(self.messages[after - first_after :])
        return Tail(self.copy_session(), messages, tuple(self.inbox.values()), after)

    def dump(self) -> Dump:
        return Dump(
            self.copy_session(),
            _copies(self.messages),
            tuple(self.inbox.values()),
            tuple(self.turns.values()),
            tuple(self.feedback.values()),
            tuple(self.results.values()),
        )

    @staticmethod
    def restored(dump: Dump) -> Record:
        """All of a dump but its inbox, without a lease."""
        record = Record(
            dump.session,
            messages=list(_copies(dump.messages)),
            turns={turn.turn_id: turn for turn in dump.turns},
            feedback={(each.turn_id, each.user_id): each for each in dump.feedback},
            results={result.handle: result for result in dump.results},
        )
        record.session = record.copy_session()
        return record

    def messages_of(self, user_id: str) -> int:
        return sum(_is_by(stored.message, user_id) for stored in self.messages)

    def size(self) -> int:
        """Bytes, estimated."""
        kept = sum(len(result.text) for result in self.results.values())
        return 2000 + kept + sum(_size(stored.message) for stored in self.messages)

    # --- changing ---

    def append(self, messages: Sequence[Message], consume: Iterable[int], change: SessionChange, at: datetime) -> int:
        """One step; everything that can fail comes before anything is changed. The new last seq."""
        before = self.session.last_seq
        added = [StoredMessage(before + n, copy_message(message)) for n, message in enumerate(messages, start=1)]
        session = apply_change(self.session, change)
        if change.turn is not KEEP:
            self._note_turn(change.turn, at)
        self.session = replace(session, last_seq=before + len(added))
        self.touch(at)
        self.messages.extend(added)
        for item_id in consume:
            self.inbox.pop(item_id, None)
        return self.session.last_seq

    def _note_turn(self, turn: TurnRef | None, at: datetime) -> None:
        open_turn = self.session.turn
        if open_turn is not None and (turn is None or turn.turn_id != open_turn.turn_id):
            noted = self.turns.get(open_turn.turn_id)
            if noted is not None:
                self.turns[open_turn.turn_id] = replace(noted, updated_at=at, ended=True)
        if turn is not None:
            user_id = turn.identity.speaker.user_id if turn.identity is not None else None
            noted = self.turns.get(turn.turn_id)
            self.turns[turn.turn_id] = TurnRecord(turn.turn_id, user_id, noted.created_at if noted else at, at)

    def trim(self, count: int) -> None:
        """Delete the `count` oldest messages."""
        del self.messages[:count]
        first_seq = self.session.last_seq - len(self.messages) + 1
        self.session = replace(self.session, start_seq=max(self.session.start_seq, first_seq))


def _copies(messages: Iterable[StoredMessage]) -> tuple[StoredMessage, ...]:
    return tuple(StoredMessage(stored.seq, copy_message(stored.message)) for stored in messages)


def _is_by(message: Message, user_id: str) -> bool:
    return message.source is Source.USER and message.speaker is not None and message.speaker.user_id == user_id


def _size(message: Message) -> int:
    match message.payload:
        case ToolCallResponse(content=text) | Text(text=text):
            return 1000 + len(text)
        case ToolCallRequest(calls=calls, text=text):
            return 1000 + len(text) + sum(500 + len(call.raw_arguments) for call in calls)
        case _:
            return 1000
