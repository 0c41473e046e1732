"""Sessions in this process's memory: no dependencies, fast, and gone at exit."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

from kubeai_bot.domain.message import Message, StoredMessage
from kubeai_bot.domain.session import InboxItem, Incoming, Session, ThreadRef, name_from
from kubeai_bot.domain.storage import KEEP, Claim, Lease, Receipt, SessionChange, SessionPage, Tail
from kubeai_bot.errors import LeaseLost, SequenceConflict, SessionNotFound, StoreError
from kubeai_bot.interfaces import SessionStore
from kubeai_bot.stores.event_keys import EventKeys
from kubeai_bot.stores.json_values import copy_json, copy_message
from kubeai_bot.stores.wakeups import Subscription, Wakeups


@dataclass(slots=True)
class _Record:
    """All that hangs on one session. `epoch` counts its leases; `steps` maps a step id to what its append returned."""

    session: Session
    messages: list[StoredMessage] = field(default_factory=list[StoredMessage])
    inbox: dict[int, InboxItem] = field(default_factory=dict[int, InboxItem])
    steps: dict[str, int] = field(default_factory=dict[str, int])
    epoch: int = 0
    lease: Lease | None = None

    def live_lease(self, now: float) -> Lease | None:
        return self.lease if self.lease is not None and self.lease.expires_at > now else None

    def is_unfinished(self, now: float) -> bool:
        return self.live_lease(now) is None and (bool(self.inbox) or self.session.turn is not None)

    def is_idle(self, now: float) -> bool:
        return self.live_lease(now) is None and not self.inbox and self.session.turn is None


class MemoryStore(SessionStore):
    """A SessionStore for one process and one event loop.

    No method waits for anything, so each is one indivisible step. JSON values are copied on their way in and out.
    `clock` gives seconds since 1970 and decides when leases and event keys expire; `monotonic` is the holder's clock.
    `max_sessions` bounds memory: opening one more forgets the least recently modified session that is idle (no live
    lease, no unread inbox, no open turn); where none is idle the bound is exceeded rather than work lost.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        max_sessions: int | None = None,
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._max_sessions = max_sessions
        self._records: dict[str, _Record] = {}
        self._threads: dict[ThreadRef, str] = {}
        self._keys = EventKeys()
        self._wakeups = Wakeups()
        self._last_inbox_id = 0

    async def receive(self, incoming: Incoming, claim: Claim | None = None, known_seq: int | None = None) -> Receipt:
        """As in the interface. A live lease is never taken over by a claim, not even the claimant's own: a message
        that arrives during a turn must not fence out the turn it is meant for."""
        now = self._clock()
        taken_by = self._keys.session_of(incoming.keys, now)
        if taken_by is not None:
            return Receipt(taken_by if taken_by in self._records else None, repeated=True)
        session_id = self._threads.get(incoming.thread)
        created = session_id is None
        if session_id is None:
            if not incoming.opens:
                # Its keys stay unknown: the same message may come again as a mention, which opens.
                return Receipt(None)
            session_id = self._open(incoming, now)
        record = self._records[session_id]
        self._last_inbox_id += 1
        record.inbox[self._last_inbox_id] = InboxItem(self._last_inbox_id, session_id, incoming)
        record.session = replace(record.session, modified_at=self._modified(record, now))
        self._keys.add(incoming.keys, session_id, now)
        lease = tail = None
        if claim is not None and record.live_lease(now) is None:
            lease = self._grant(record, claim.owner, claim.ttl)
            tail = _tail(record, known_seq or 0)
        self._wakeups.tell(session_id)
        return Receipt(session_id, created=created, lease=lease, tail=tail)

    async def lease(self, session_id: str, owner: str, ttl: float) -> Lease | None:
        """As in the interface. The same owner may take its own live lease again; the new epoch then fences out
        whatever task of this owner held the old one."""
        record = self._record(session_id)
        live = record.live_lease(self._clock())
        if live is not None and live.owner != owner:
            return None
        return self._grant(record, owner, ttl)

    async def renew(self, lease: Lease, ttl: float) -> Lease:
        record = self._held(lease)
        record.lease = replace(lease, expires_at=self._clock() + ttl, monotonic_until=self._monotonic() + ttl)
        return record.lease

    async def release(self, lease: Lease) -> None:
        record = self._records.get(lease.session_id)
        if record is not None and record.lease is not None and record.lease.epoch == lease.epoch:
            record.lease = None

    async def load(self, session_id: str, after: int = 0) -> Tail:
        return _tail(self._record(session_id), after)

    async def append(
        self,
        lease: Lease,
        expected_seq: int,
        step_id: str,
        messages: Sequence[Message] = (),
        consume: Sequence[int] = (),
        change: SessionChange | None = None,
    ) -> int:
        record = self._held(lease)
        if step_id in record.steps:
            return record.steps[step_id]
        last_seq = record.session.last_seq
        if expected_seq != last_seq:
            raise SequenceConflict(f"session {lease.session_id} is at message {last_seq}, not {expected_seq}")
        # Everything that can fail comes before anything is changed.
        added = [StoredMessage(last_seq + n, copy_message(message)) for n, message in enumerate(messages, start=1)]
        session = _changed(record.session, change or SessionChange())
        last_seq += len(added)
        modified_at = self._modified(record, self._clock())
        record.session = replace(session, last_seq=last_seq, modified_at=modified_at)
        record.messages.extend(added)
        for item_id in consume:
            record.inbox.pop(item_id, None)
        record.steps[step_id] = last_seq
        return last_seq

    async def find(self, thread: ThreadRef) -> Session | None:
        session_id = self._threads.get(thread)
        return None if session_id is None else _session(self._records[session_id])

    async def list(self, limit: int = 50, cursor: str | None = None) -> SessionPage:
        """As in the interface. Raises StoreError for a cursor that this store did not give out."""
        if limit < 1:
            raise ValueError("limit must be at least 1")
        newest_first = sorted(self._records.values(), key=_place, reverse=True)
        if cursor is not None:
            before = _parse_cursor(cursor)
            newest_first = [record for record in newest_first if _place(record) < before]
        page = newest_first[:limit]
        following = len(newest_first) > limit
        return SessionPage(tuple(map(_session, page)), _cursor(page[-1]) if following else None)

    async def delete(self, session_id: str) -> bool:
        record = self._records.pop(session_id, None)
        if record is None:
            return False
        del self._threads[record.session.thread]
        return True

    async def unfinished(self) -> Sequence[str]:
        """As in the interface, the longest untouched first."""
        now = self._clock()
        waiting = [record for record in self._records.values() if record.is_unfinished(now)]
        return [record.session.id for record in sorted(waiting, key=_place)]

    def wakeups(self) -> Subscription:
        """As in the interface. `contextlib.aclosing` ends it at once; a dropped one is forgotten."""
        return self._wakeups.subscribe()

    def _open(self, incoming: Incoming, now: float) -> str:
        self._make_room(now)
        at = datetime.fromtimestamp(now, UTC)
        session = Session(
            id=secrets.token_hex(12),
            name=name_from(incoming.text),
            thread=incoming.thread,
            slack_user_id=incoming.speaker.user_id,
            provider="",
            model="",
            created_at=at,
            modified_at=at,
        )
        self._records[session.id] = _Record(session)
        self._threads[session.thread] = session.id
        return session.id

    def _make_room(self, now: float) -> None:
        if self._max_sessions is None or len(self._records) < self._max_sessions:
            return
        idle = [record for record in self._records.values() if record.is_idle(now)]
        if idle:
            forgotten = min(idle, key=_place).session
            del self._records[forgotten.id]
            del self._threads[forgotten.thread]

    def _grant(self, record: _Record, owner: str, ttl: float) -> Lease:
        record.epoch += 1
        record.lease = Lease(
            record.session.id, owner, record.epoch, self._clock() + ttl, monotonic_until=self._monotonic() + ttl
        )
        return record.lease

    def _record(self, session_id: str) -> _Record:
        record = self._records.get(session_id)
        if record is None:
            raise SessionNotFound(f"no session {session_id}")
        return record

    def _held(self, lease: Lease) -> _Record:
        """The record, where this lease is the session's and has not expired. Raises LeaseLost."""
        record = self._records.get(lease.session_id)
        live = record and record.live_lease(self._clock())
        if record is None or live is None or live.epoch != lease.epoch:
            raise LeaseLost(f"{lease.owner} no longer holds session {lease.session_id} (epoch {lease.epoch})")
        return record

    @staticmethod
    def _modified(record: _Record, now: float) -> datetime:
        return max(record.session.modified_at, datetime.fromtimestamp(now, UTC))


def _session(record: _Record) -> Session:
    session = record.session
    return replace(session, mcp_status=copy_json(session.mcp_status), metadata=copy_json(session.metadata))


def _tail(record: _Record, after: int) -> Tail:
    # Message n stands at index n - 1: seq has no gaps.
    messages = (StoredMessage(stored.seq, copy_message(stored.message)) for stored in record.messages[max(after, 0) :])
    return Tail(_session(record), tuple(messages), tuple(record.inbox.values()))


def _changed(session: Session, change: SessionChange) -> Session:
    names = {each.name for each in fields(change)} - {"add_usage"}
    given: dict[str, Any] = {name: getattr(change, name) for name in names if getattr(change, name) is not KEEP}
    for name in given.keys() & {"mcp_status", "metadata"}:
        given[name] = copy_json(given[name])
    return replace(session, **given, usage=session.usage + change.add_usage)


def _place(record: _Record) -> tuple[datetime, str]:
    """Where a session stands in a list: by last modification, ids break ties."""
    return record.session.modified_at, record.session.id


def _cursor(record: _Record) -> str:
    modified_at, session_id = _place(record)
    return f"{modified_at.isoformat()}~{session_id}"


def _parse_cursor(cursor: str) -> tuple[datetime, str]:
    moment, _, session_id = cursor.partition("~")
    try:
        return datetime.fromisoformat(moment).astimezone(UTC), session_id
    except ValueError as error:
        raise StoreError("this is not a cursor that the store gave out") from error
