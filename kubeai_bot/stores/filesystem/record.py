"""What the store keeps in memory of one session: everything but its messages, turns and opinions."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from kubeai_bot.domain.message import Json, Message, Source
from kubeai_bot.domain.session import InboxItem, Session, TurnRecord, TurnRef
from kubeai_bot.domain.storage import Keep, Lease
from kubeai_bot.errors import StoreError
from kubeai_bot.stores.codec import (
    decode_incoming,
    decode_session,
    decode_turn,
    encode_incoming,
    encode_session,
    encode_turn,
)
from kubeai_bot.stores.retention import Candidate


@dataclass(frozen=True, slots=True)
class Position:
    """Where a session's journal ends: its `number`, its `length` in bytes, and how many of them the head sums up."""

    number: int
    length: int
    covered: int


@dataclass(slots=True)
class Record:
    """One session as of its last commit.

    `step` is the newest step and what its append returned; `first_seq` the oldest message that is left; `speakers`
    counts the messages that each Slack user wrote; `opinions` names the turn and the user of each feedback; `turn` is
    the record of the open turn. `lock` is held by whatever reads or writes the session's files.
    """

    session: Session
    position: Position
    inbox: dict[int, InboxItem] = field(default_factory=dict[int, InboxItem])
    step: tuple[str, int] | None = None
    first_seq: int = 1
    speakers: Counter[str] = field(default_factory=Counter[str])
    opinions: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    turn: TurnRecord | None = None
    epoch: int = 0
    lease: Lease | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    gone: bool = False

    def live_lease(self, now: float) -> Lease | None:
        return self.lease if self.lease is not None and self.lease.expires_at > now else None

    def is_unfinished(self, now: float) -> bool:
        return self.live_lease(now) is None and (bool(self.inbox) or self.session.turn is not None)

    def is_idle(self, now: float) -> bool:
        return self.live_lease(now) is None and not self.inbox and self.session.turn is None

    def modified(self, now: float) -> datetime:
        """The time of a change made now: a clock that was set back does not take the record back in time."""
        return max(self.session.modified_at, datetime.fromtimestamp(now, UTC))

    def messages(self) -> int:
        return max(self.session.last_seq - self.first_seq + 1, 0)

    def candidate(self, now: float) -> Candidate:
        return Candidate(self.session.id, self.session.modified_at, self.is_idle(now), self.messages())

    def cut(self, after: int, newest: int | None) -> int:
        """The sequence number that a tail begins after."""
        last_seq = self.session.last_seq
        after = min(max(after, self.first_seq - 1), last_seq)
        return after if newest is None else max(after, last_seq - max(newest, 0))


def speakers_of(messages: Iterable[Message]) -> Counter[str]:
    """How many messages each Slack user wrote among these."""
    return Counter(each.speaker.user_id for each in messages if each.source is Source.USER and each.speaker is not None)


def turn_records(open_turn: TurnRecord | None, turn: TurnRef | Keep | None, at: datetime) -> Sequence[TurnRecord]:
    """The turn records that a change of `Session.turn` writes, the open one last."""
    if isinstance(turn, Keep):
        return ()
    ended = () if open_turn is None else (replace(open_turn, ended=True, updated_at=at),)
    if turn is None:
        return ended
    user_id = turn.identity and turn.identity.speaker.user_id
    if open_turn is not None and open_turn.turn_id == turn.turn_id:
        return (replace(open_turn, user_id=user_id, updated_at=at),)
    return (*ended, TurnRecord(turn.turn_id, user_id, at, at))


def merge_turn(turns: dict[str, TurnRecord], turn: TurnRecord) -> None:
    """Put a turn record in the place of an earlier one of the same turn, which keeps its time of creation."""
    earlier = turns.get(turn.turn_id)
    turns[turn.turn_id] = turn if earlier is None else replace(turn, created_at=earlier.created_at)


# --- commits: what stands in a journal ---
#
# A commit is an object with any of these: `session` (the fields of the session's record that changed, null for those
# that went), `in` (inbox items), `read` (ids of inbox items), `step` (its id and what it returned), `seq` and
# `messages` (the first one's number), `by` (who wrote how many of them), `turns`, `feedback`, and `first` (the number
# of the oldest message that is left, in the first line).


def change_of_session(before: Session | None, after: Session) -> dict[str, Any]:
    """The fields of the encoded session that differ; None for those that are no longer there."""
    now = encode_session(after)
    if before is None:
        return now
    was = encode_session(before)
    return {key: now.get(key) for key in {**was, **now} if was.get(key) != now.get(key)}


def inbox_entries(items: Iterable[InboxItem]) -> list[Any]:
    return [[item.id, encode_incoming(item.incoming)] for item in items]


@dataclass(slots=True)
class Summary:
    """A record as JSON: what a head holds, and what folding the commits of a journal into it gives."""

    session: dict[str, Any] = field(default_factory=dict[str, Any])
    inbox: dict[int, Json] = field(default_factory=dict[int, Json])
    step: list[Any] | None = None
    first_seq: int = 1
    speakers: Counter[str] = field(default_factory=Counter[str])
    opinions: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    turn: Json | None = None

    @classmethod
    def from_head(cls, head: Json) -> Summary:
        return cls(
            dict(head["session"]),
            dict(head["in"]),
            head["step"],
            head["first"],
            Counter(head["by"]),
            {(turn_id, user_id) for turn_id, user_id in head["opinions"]},
            head["turn"],
        )

    def fold(self, commit: Json) -> None:
        changed: Mapping[str, Any] = commit.get("session", {})
        self.session |= changed
        for name in [name for name, value in changed.items() if value is None]:
            del self.session[name]
        self.inbox |= dict(commit.get("in", ()))
        for item_id in commit.get("read", ()):
            self.inbox.pop(item_id, None)
        self.step = commit.get("step", self.step)
        self.first_seq = commit.get("first", self.first_seq)
        self.speakers.update(commit.get("by", {}))
        self.opinions |= {(each["turn_id"], each["user_id"]) for each in commit.get("feedback", ())}
        for turn in commit.get("turns", ()):
            if not turn["ended"]:
                self.turn = turn
            elif self.turn is not None and self.turn["turn_id"] == turn["turn_id"]:
                self.turn = None

    def to_record(self, position: Position) -> Record:
        """Raises StoreError for what cannot be read."""
        try:
            session = decode_session(self.session)
            items = (InboxItem(key, session.id, decode_incoming(value)) for key, value in sorted(self.inbox.items()))
            return Record(
                session,
                position,
                {item.id: item for item in items},
                None if self.step is None else (self.step[0], self.step[1]),
                self.first_seq,
                self.speakers,
                self.opinions,
                None if self.turn is None else decode_turn(self.turn),
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise StoreError(f"a stored session cannot be read: {type(error).__name__} {error}") from error


def head_of(record: Record) -> dict[str, Any]:
    """The head that sums the whole journal up."""
    return {
        "journal": record.position.number,
        "length": record.position.length,
        "session": encode_session(record.session),
        "in": inbox_entries(record.inbox.values()),
        "step": record.step and list(record.step),
        "first": record.first_seq,
        "by": dict(record.speakers),
        "opinions": sorted(record.opinions),
        "turn": record.turn and encode_turn(record.turn),
    }
