"""What a retention means for which session. Pure: the stores look, ask here, and act."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from kubeai_bot.domain.storage import Pruned, Retention

EXPIRED_KEPT = timedelta(days=30)
"""How long the thread of an expired session is remembered where the retention does not say."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A session as far as its life depends on it. `idle`: no live lease, no open turn, nothing unread."""

    id: str
    modified_at: datetime
    idle: bool
    messages: int


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """Ids to `expire` and to `remove`, and how many of its oldest messages to `trim` off each session."""

    expire: tuple[str, ...]
    remove: tuple[str, ...]
    trim: tuple[tuple[str, int], ...]
    more: bool

    @property
    def pruned(self) -> Pruned:
        return Pruned(self.expire, self.remove, sum(count for _, count in self.trim), self.more)


def plan_prune(sessions: Iterable[Candidate], retention: Retention, now: datetime, limit: int) -> PrunePlan:
    """What to do with all `sessions` of a store, the longest untouched first, for at most `limit` of them."""
    newest_first = sorted(sessions, key=lambda each: (each.modified_at, each.id), reverse=True)
    expire: list[str] = []
    remove: list[str] = []
    trim: list[tuple[str, int]] = []
    for rank, session in reversed(list(enumerate(newest_first, start=1))):
        age = now - session.modified_at
        surplus = 0 if retention.max_messages is None else session.messages - retention.max_messages
        is_old = _outlived(age, retention.ttl)
        is_old = is_old or (retention.max_sessions is not None and rank > retention.max_sessions)
        is_gone = _outlived(age, retention.keep)
        if not session.idle or not (is_gone or is_old or surplus > 0):
            continue
        if len(expire) + len(remove) + len(trim) == limit:
            return PrunePlan(tuple(expire), tuple(remove), tuple(trim), more=True)
        if is_gone:
            remove.append(session.id)
        elif is_old:
            expire.append(session.id)
        else:
            trim.append((session.id, surplus))
    return PrunePlan(tuple(expire), tuple(remove), tuple(trim), more=False)


def is_forgotten(modified_at: datetime, expired_at: datetime, retention: Retention, now: datetime) -> bool:
    """Whether the memory of an expired session goes too: of its last activity `modified_at` and its expiry."""
    if retention.keep is None:
        return now - expired_at > EXPIRED_KEPT
    return _outlived(now - modified_at, retention.keep)


def _outlived(age: timedelta, life: float | None) -> bool:
    return life is not None and age.total_seconds() > life
