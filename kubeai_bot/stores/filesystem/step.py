"""One append: what it adds to the journal, and then to the record."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kubeai_bot.domain.message import Json, Message
from kubeai_bot.domain.session import Session, TurnRecord
from kubeai_bot.domain.storage import SessionChange
from kubeai_bot.stores.codec import apply_change, encode_message, encode_turn
from kubeai_bot.stores.filesystem.record import Record, change_of_session, speakers_of, turn_records


@dataclass(frozen=True, slots=True)
class Step:
    """What an append was asked to do."""

    id: str
    expected_seq: int
    messages: tuple[Message, ...]
    consume: tuple[int, ...]
    change: SessionChange


@dataclass(frozen=True, slots=True)
class Taken:
    """A step worked out against a record, which it does not change yet."""

    step: Step
    before: Session
    after: Session
    read: tuple[int, ...]
    by: Counter[str]
    turns: tuple[TurnRecord, ...]

    def commit(self) -> Json:
        """Raises TypeError for values that JSON cannot hold."""
        parts: dict[str, Any] = {
            "session": change_of_session(self.before, self.after),
            "messages": [encode_message(message) for message in self.step.messages],
            "by": self.by,
            "read": self.read,
            "turns": [encode_turn(turn) for turn in self.turns],
        }
        given = {name: part for name, part in parts.items() if part}
        return {"step": [self.step.id, self.after.last_seq], "seq": self.before.last_seq + 1, **given}

    def apply(self, record: Record) -> None:
        record.session = self.after
        record.step = self.step.id, self.after.last_seq
        record.speakers.update(self.by)
        for item_id in self.read:
            del record.inbox[item_id]
        for turn in self.turns:
            record.turn = None if turn.ended else turn


def take(record: Record, step: Step, at: datetime) -> Taken:
    """Raises TypeError for values that JSON cannot hold."""
    before = record.session
    last_seq = before.last_seq + len(step.messages)
    return Taken(
        step,
        before,
        replace(apply_change(before, step.change), last_seq=last_seq, modified_at=at),
        tuple(dict.fromkeys(item_id for item_id in step.consume if item_id in record.inbox)),
        speakers_of(step.messages),
        tuple(turn_records(record.turn, step.change.turn, at)),
    )
