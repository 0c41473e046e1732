"""Sessions in this process's memory: no dependencies, fast, and gone at exit."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from kubeai_bot.domain.message import Message
from kubeai_bot.domain.session import Feedback, FeedbackKind, InboxItem, Incoming, Session, ThreadRef, Usage, name_from
from kubeai_bot.domain.storage import (
    AboutPerson,
    Claim,
    Dump,
    KeptResult,
    Lease,
    Pruned,
    Receipt,
    Retention,
    SessionChange,
    SessionPage,
    StoreUsage,
    Tail,
)
from kubeai_bot.errors import LeaseLost, SequenceConflict, SessionNotFound
from kubeai_bot.interfaces import SessionStore
from kubeai_bot.stores.event_keys import EventKeys
from kubeai_bot.stores.memory_record import Record
from kubeai_bot.stores.paging import cursor_of, parse_cursor, place_of
from kubeai_bot.stores.retention import is_forgotten, plan_prune
from kubeai_bot.stores.wakeups import Subscription, Wakeups


@dataclass(frozen=True, slots=True)
class _Expired:
    """All that is remembered of a session that has expired."""

    modified_at: datetime
    expired_at: datetime


class MemoryStore(SessionStore):
    """A SessionStore for one process and one event loop.

    No method waits for anything, so each is one indivisible step. JSON values are copied on their way in and out.
    `clock` gives seconds since 1970 and decides when leases and event keys expire; `monotonic` is the holder's clock.
    `max_sessions` bounds memory: opening one more expires the least recently modified session that is idle (no live
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
        self._records: dict[str, Record] = {}
        self._threads: dict[ThreadRef, str] = {}
        self._expired: dict[ThreadRef, _Expired] = {}
        self._keys = EventKeys()
        self._wakeups = Wakeups()
        self._inbox_ids = itertools.count(1)
        self._epochs = itertools.count(1)  # one for the whole store: a session that is restored has no earlier lease

    # --- work ---

    async def receive(self, incoming: Incoming, claim: Claim | None = None) -> Receipt:
        """As in the interface. A live lease is never taken over by a claim, not even the claimant's own: a message
        that arrives during a turn must not fence out the turn it is meant for."""
        now = self._clock()
        taken_by = self._keys.session_of(incoming.keys, now)
        if taken_by is not None:
            return Receipt(taken_by if taken_by in self._records else None, repeated=True)
        session_id = self._threads.get(incoming.thread)
        created = session_id is None
        if session_id is None:
            if not incoming.opens and incoming.thread not in self._expired:
                # Its keys stay unknown: the same message may come again as a mention, which opens.
                return Receipt(None)
            session_id = self._open(incoming)
        record = self._records[session_id]
        self._put(record, incoming, now)
        record.touch(self._at())
        lease = tail = None
        if claim is not None and record.live_lease(now) is None:
            lease = self._grant(record, claim.owner, claim.ttl)
            known = claim.known
            is_right = known is not None and known.session_id == session_id and known.seq <= record.session.last_seq
            tail = record.tail(known.seq if known is not None and is_right else 0, claim.newest)
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

    async def load(self, session_id: str, after: int = 0, newest: int | None = None) -> Tail:
        return self._record(session_id).tail(after, newest)

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
        if record.last_step is not None and record.last_step[0] == step_id:
            return record.last_step[1]
        last_seq = record.session.last_seq
        if expected_seq != last_seq:
            raise SequenceConflict(f"session {lease.session_id} is at message {last_seq}, not {expected_seq}")
        last_seq = record.append(messages, consume, change or SessionChange(), self._at())
        record.last_step = step_id, last_seq
        return last_seq

    async def close(
        self,
        lease: Lease,
        expected_seq: int,
        step_id: str,
        messages: Sequence[Message] = (),
        consume: Sequence[int] = (),
        change: SessionChange | None = None,
    ) -> bool:
        await self.append(lease, expected_seq, step_id, messages, consume, change)
        record = self._held(lease)
        if not record.inbox:
            record.lease = None
        return record.lease is None

    async def find(self, thread: ThreadRef) -> Session | None:
        session_id = self._threads.get(thread)
        return None if session_id is None else self._records[session_id].copy_session()

    async def unfinished(self) -> Sequence[str]:
        """As in the interface, the longest untouched first."""
        now = self._clock()
        waiting = [record.session for record in self._records.values() if record.is_unfinished(now)]
        return [session.id for session in sorted(waiting, key=place_of)]

    def wakeups(self) -> Subscription:
        """As in the interface. `contextlib.aclosing` ends it at once; a dropped one is forgotten."""
        return self._wakeups.subscribe()

    async def forget(self, lease: Lease) -> bool:
        if self._held(lease).inbox:
            return False
        self._remove(lease.session_id)
        return True

    async def keep_result(self, lease: Lease, result: KeptResult) -> None:
        self._held(lease).results.setdefault(result.handle, result)

    async def kept_result(self, session_id: str, handle: str) -> KeptResult | None:
        record = self._records.get(session_id)
        return record.results.get(handle) if record else None

    async def record_feedback(
        self, session_id: str, turn_id: str, user_id: str, kind: FeedbackKind, reason: str = ""
    ) -> bool:
        record = self._records.get(session_id)
        if record is None or turn_id not in record.turns:
            return False
        at, earlier = self._at(), record.feedback.get((turn_id, user_id))
        created_at = earlier.created_at if earlier else at
        record.feedback[turn_id, user_id] = Feedback(turn_id, user_id, kind, reason, created_at, at)
        return True

    # --- the life of the data ---

    async def list(self, limit: int = 50, cursor: str | None = None, of_user: str | None = None) -> SessionPage:
        """As in the interface. Raises StoreError for a cursor that this store did not give out."""
        if limit < 1:
            raise ValueError("limit must be at least 1")
        before = None if cursor is None else parse_cursor(cursor)
        sessions = (record.session for record in self._records.values())
        if of_user is not None:
            sessions = (session for session in sessions if session.slack_user_id == of_user)
        newest_first = sorted(sessions, key=place_of, reverse=True)
        if before is not None:
            newest_first = [session for session in newest_first if place_of(session) < before]
        page = tuple(self._records[session.id].copy_session() for session in newest_first[:limit])
        return SessionPage(page, cursor_of(page[-1]) if len(newest_first) > limit else None)

    async def delete(self, session_id: str) -> bool:
        if session_id not in self._records:
            return False
        self._remove(session_id)
        return True

    async def dump(self, session_id: str) -> Dump:
        return self._record(session_id).dump()

    async def restore(self, dump: Dump) -> bool:
        if dump.session.id in self._records or dump.session.thread in self._threads:
            return False
        record = Record.restored(dump)
        self._add(record)
        for item in dump.inbox:
            self._put(record, item.incoming, self._clock())
        return True

    async def prune(self, retention: Retention, limit: int = 500, *, dry_run: bool = False) -> Pruned:
        if limit < 1:
            raise ValueError("limit must be at least 1")
        now, at = self._clock(), self._at()
        plan = plan_prune((record.candidate(now) for record in self._records.values()), retention, at, limit)
        if dry_run:
            return plan.pruned
        for session_id in plan.remove:
            self._remove(session_id)
        for session_id in plan.expire:
            self._expire(session_id)
        for session_id, count in plan.trim:
            self._records[session_id].trim(count)
        for thread, mark in list(self._expired.items()):
            if is_forgotten(mark.modified_at, mark.expired_at, retention, at):
                del self._expired[thread]
        return plan.pruned

    async def usage(self) -> StoreUsage:
        records = self._records.values()
        return StoreUsage(
            sessions=len(records),
            messages=sum(len(record.messages) for record in records),
            unread=sum(len(record.inbox) for record in records),
            bytes=sum(record.size() for record in records),
            tokens=sum((record.session.usage for record in records), Usage()),
            oldest=min((record.session.created_at for record in records), default=None),
        )

    async def about(self, user_id: str) -> AboutPerson:
        written = {each.session.id: each.messages_of(user_id) for each in self._records.values()}
        theirs = [
            record
            for record in self._records.values()
            if record.session.slack_user_id == user_id or written[record.session.id]
        ]
        return AboutPerson(
            sessions=len(theirs),
            messages=sum(written.values()),
            feedback=sum(author == user_id for record in self._records.values() for _, author in record.feedback),
            since=min((record.session.created_at for record in theirs), default=None),
        )

    # --- parts ---

    def _at(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _open(self, incoming: Incoming) -> str:
        self._make_room()
        at = self._at()
        session = Session(
            id=secrets.token_hex(12),
            name=name_from(incoming.text),
            thread=incoming.thread,
            slack_user_id=incoming.speaker.user_id,
            provider="",
            model="",
            created_at=at,
            modified_at=at,
            follows_expired=incoming.thread in self._expired,
        )
        self._add(Record(session))
        return session.id

    def _make_room(self) -> None:
        if self._max_sessions is None or len(self._records) < self._max_sessions:
            return
        now = self._clock()
        idle = [record.session for record in self._records.values() if record.is_idle(now)]
        if idle:
            self._expire(min(idle, key=place_of).id)

    def _add(self, record: Record) -> None:
        self._records[record.session.id] = record
        self._threads[record.session.thread] = record.session.id
        self._expired.pop(record.session.thread, None)

    def _remove(self, session_id: str) -> Session:
        session = self._records.pop(session_id).session
        del self._threads[session.thread]
        return session

    def _expire(self, session_id: str) -> None:
        session = self._remove(session_id)
        self._expired[session.thread] = _Expired(session.modified_at, self._at())

    def _put(self, record: Record, incoming: Incoming, now: float) -> None:
        item = InboxItem(next(self._inbox_ids), record.session.id, incoming)
        record.inbox[item.id] = item
        self._keys.add(incoming.keys, record.session.id, now)

    def _grant(self, record: Record, owner: str, ttl: float) -> Lease:
        expires_at, monotonic_until = self._clock() + ttl, self._monotonic() + ttl
        record.lease = Lease(record.session.id, owner, next(self._epochs), expires_at, monotonic_until)
        return record.lease

    def _record(self, session_id: str) -> Record:
        record = self._records.get(session_id)
        if record is None:
            raise SessionNotFound(f"no session {session_id}")
        return record

    def _held(self, lease: Lease) -> Record:
        """The record, where this lease is the session's and has not expired. Raises LeaseLost."""
        record = self._records.get(lease.session_id)
        live = record and record.live_lease(self._clock())
        if record is None or live is None or live.epoch != lease.epoch:
            raise LeaseLost(f"{lease.owner} no longer holds session {lease.session_id} (epoch {lease.epoch})")
        return record
