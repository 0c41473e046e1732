"""Sessions in files: they survive crashes and power cuts; one process serves them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import structlog

from kubeai_bot.domain.message import Message
from kubeai_bot.domain.session import Feedback, FeedbackKind, InboxItem, Incoming, Session, ThreadRef, name_from
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
from kubeai_bot.errors import LeaseLost, SequenceConflict, StoreError
from kubeai_bot.interfaces import SessionStore
from kubeai_bot.stores.codec import encode_feedback
from kubeai_bot.stores.filesystem import views
from kubeai_bot.stores.filesystem.folder import Whole
from kubeai_bot.stores.filesystem.housekeeping import Housekeeping
from kubeai_bot.stores.filesystem.record import Position, Record, change_of_session, inbox_entries
from kubeai_bot.stores.filesystem.shelf import Shelf, thread_name
from kubeai_bot.stores.filesystem.step import Step, take
from kubeai_bot.stores.filesystem.worker import DiskWorker
from kubeai_bot.stores.paging import place_of
from kubeai_bot.stores.wakeups import Subscription, Wakeups

_log = structlog.get_logger(__name__)


class FilesystemStore(SessionStore):
    """A SessionStore for one process and one event loop, over the files of one root.

    Leases live in memory: they end with the process, so a successor need not wait for them. `clock` gives seconds
    since 1970, `monotonic` is the holder's clock. An operation whose caller is cancelled still runs to its end.
    """

    def __init__(self, shelf: Shelf, worker: DiskWorker, monotonic: Callable[[], float]) -> None:
        self._shelf = shelf
        self._contents = shelf.contents
        self._worker = worker
        self._clock = shelf.clock
        self._monotonic = monotonic
        self._wakeups = Wakeups()
        self._housekeeping = Housekeeping(shelf, worker)

    @property
    def broken(self) -> Mapping[str, str]:
        """Ids of sessions that cannot be read, and why."""
        return dict(self._contents.broken)

    # --- work ---

    async def receive(self, incoming: Incoming, claim: Claim | None = None) -> Receipt:
        """As in the interface. A live lease is never taken over by a claim, not even the claimant's own: a message
        that arrives during a turn must not fence out the turn it is meant for."""
        return await self._worker.whole(self._receive(incoming, claim))

    async def _receive(self, incoming: Incoming, claim: Claim | None) -> Receipt:
        names = [f"key {key}" for key in incoming.keys]
        async with self._shelf.names.holding([*names, thread_name(incoming.thread)]):
            taken_by = self._contents.events.session_of(incoming.keys, self._clock())
            if taken_by is not None:
                return Receipt(taken_by if taken_by in self._contents.records else None, repeated=True)
            while (record := self._contents.at(incoming.thread)) is not None:
                async with record.lock:
                    if not record.gone:
                        await self._deliver(record, incoming)
                        return await self._received(record, incoming, claim)
            if not incoming.opens and not self._contents.events.is_expired(incoming.thread):
                # Its keys stay unknown: the same message may come again as a mention, which opens.
                return Receipt(None)
            record = self._new(incoming)
            async with record.lock:
                await self._shelf.create(record, Whole())
                self._contents.events.unmark(incoming.thread)
                return replace(await self._received(record, incoming, claim), created=True)

    def _new(self, incoming: Incoming) -> Record:
        at = self._shelf.at()
        session = Session(
            id=secrets.token_hex(12),
            name=name_from(incoming.text),
            thread=incoming.thread,
            slack_user_id=incoming.speaker.user_id,
            provider="",
            model="",
            created_at=at,
            modified_at=at,
            follows_expired=self._contents.events.is_expired(incoming.thread),
        )
        item = InboxItem(next(self._shelf.inbox_ids), session.id, incoming)
        return Record(session, Position(1, 0, 0), {item.id: item})

    async def _deliver(self, record: Record, incoming: Incoming) -> None:
        item = InboxItem(next(self._shelf.inbox_ids), record.session.id, incoming)
        session = replace(record.session, modified_at=record.modified(self._clock()))
        await self._shelf.write(
            record,
            lambda: {"session": change_of_session(record.session, session), "in": inbox_entries([item])},
        )
        record.session = session
        record.inbox[item.id] = item

    async def _received(self, record: Record, incoming: Incoming, claim: Claim | None) -> Receipt:
        """What follows once the event is on disk; nothing here may fail any more."""
        session_id, now = record.session.id, self._clock()
        self._contents.events.add(incoming.keys, session_id, now)
        lease = tail = None
        if claim is not None and record.live_lease(now) is None:
            try:
                tail = await self._shelf.tail(record, _known(record, claim), claim.newest)
                lease = self._grant(record, claim.owner, claim.ttl)
            except StoreError as error:
                # The event is recorded, which is what counts; whoever leases the session next meets the trouble.
                _log.warning("store.claim_not_granted", session_id=session_id, reason=str(error))
        self._wakeups.tell(session_id)
        await self._shelf.sum_up(record)
        return Receipt(session_id, lease=lease, tail=tail)

    async def lease(self, session_id: str, owner: str, ttl: float) -> Lease | None:
        """As in the interface. The same owner may take its own live lease again; the new epoch then fences out
        whatever task of this owner held the old one."""
        return await self._worker.whole(self._lease(session_id, owner, ttl))

    async def _lease(self, session_id: str, owner: str, ttl: float) -> Lease | None:
        record = self._contents.find(session_id)
        async with record.lock:  # an append that has begun under the old lease ends first
            self._contents.find(session_id)
            live = record.live_lease(self._clock())
            return None if live is not None and live.owner != owner else self._grant(record, owner, ttl)

    async def renew(self, lease: Lease, ttl: float) -> Lease:
        record = self._held(lease)
        record.lease = replace(lease, expires_at=self._clock() + ttl, monotonic_until=self._monotonic() + ttl)
        return record.lease

    async def release(self, lease: Lease) -> None:
        record = self._contents.records.get(lease.session_id)
        if record is not None and record.lease is not None and record.lease.epoch == lease.epoch:
            record.lease = None

    async def load(self, session_id: str, after: int = 0, newest: int | None = None) -> Tail:
        return await self._worker.whole(self._load(session_id, after, newest))

    async def _load(self, session_id: str, after: int, newest: int | None) -> Tail:
        record = self._contents.find(session_id)
        async with record.lock:
            self._contents.find(session_id)
            return await self._shelf.tail(record, after, newest)

    async def append(
        self,
        lease: Lease,
        expected_seq: int,
        step_id: str,
        messages: Sequence[Message] = (),
        consume: Sequence[int] = (),
        change: SessionChange | None = None,
    ) -> int:
        step = Step(step_id, expected_seq, tuple(messages), tuple(consume), change or SessionChange())
        return await self._worker.whole(self._append(lease, step))

    async def _append(self, lease: Lease, step: Step) -> int:
        record = self._held(lease)
        async with record.lock:
            return await self._take(record, lease, step)

    async def close(
        self,
        lease: Lease,
        expected_seq: int,
        step_id: str,
        messages: Sequence[Message] = (),
        consume: Sequence[int] = (),
        change: SessionChange | None = None,
    ) -> bool:
        step = Step(step_id, expected_seq, tuple(messages), tuple(consume), change or SessionChange())
        return await self._worker.whole(self._close(lease, step))

    async def _close(self, lease: Lease, step: Step) -> bool:
        record = self._held(lease)
        async with record.lock:  # an event that arrives now waits until the lease is given back, and wakes a runner
            await self._take(record, lease, step)
            if not record.inbox:
                record.lease = None
            return record.lease is None

    async def _take(self, record: Record, lease: Lease, step: Step) -> int:
        self._held(lease)
        if record.step is not None and record.step[0] == step.id:
            return record.step[1]
        last_seq = record.session.last_seq
        if step.expected_seq != last_seq:
            raise SequenceConflict(f"session {lease.session_id} is at message {last_seq}, not {step.expected_seq}")
        taken = take(record, step, record.modified(self._clock()))
        await self._shelf.write(record, taken.commit)
        taken.apply(record)
        await self._shelf.sum_up(record)
        return record.session.last_seq

    async def find(self, thread: ThreadRef) -> Session | None:
        record = self._contents.at(thread)
        return None if record is None else views.copy_session(record)

    async def unfinished(self) -> Sequence[str]:
        """As in the interface, the longest untouched first."""
        now = self._clock()
        waiting = [each.session for each in self._contents.records.values() if each.is_unfinished(now)]
        return [session.id for session in sorted(waiting, key=place_of)]

    def wakeups(self) -> Subscription:
        """As in the interface. `contextlib.aclosing` ends it at once; a dropped one is forgotten."""
        return self._wakeups.subscribe()

    async def forget(self, lease: Lease) -> bool:
        return await self._worker.whole(self._forget(lease))

    async def _forget(self, lease: Lease) -> bool:
        record = self._held(lease)
        async with record.lock:
            if self._held(lease).inbox:
                return False
            await self._shelf.remove(record)
            return True

    async def keep_result(self, lease: Lease, result: KeptResult) -> None:
        await self._worker.whole(self._keep_result(lease, result))

    async def _keep_result(self, lease: Lease, result: KeptResult) -> None:
        record = self._held(lease)
        async with record.lock:
            self._held(lease)
            folder = self._contents.folder(lease.session_id)
            await self._worker.on_disk(lambda: folder.keep_result(result))

    async def kept_result(self, session_id: str, handle: str) -> KeptResult | None:
        if session_id not in self._contents.records:
            return None
        folder = self._contents.folder(session_id)
        return await self._worker.on_disk(lambda: folder.result(handle))

    async def record_feedback(
        self, session_id: str, turn_id: str, user_id: str, kind: FeedbackKind, reason: str = ""
    ) -> bool:
        at = self._shelf.at()
        feedback = Feedback(turn_id, user_id, kind, reason, at, at)
        return await self._worker.whole(self._record_feedback(session_id, feedback))

    async def _record_feedback(self, session_id: str, feedback: Feedback) -> bool:
        record = self._contents.records.get(session_id)
        if record is None:
            return False
        async with record.lock:
            whole = Whole() if record.gone else await self._shelf.whole(record, messages=False)
            if feedback.turn_id not in whole.turns:
                return False
            author = feedback.turn_id, feedback.user_id
            if author in whole.feedback:
                feedback = replace(feedback, created_at=whole.feedback[author].created_at)
            await self._shelf.write(record, lambda: {"feedback": [encode_feedback(feedback)]})
            record.opinions.add(author)
            return True

    # --- the life of the data ---

    async def list(self, limit: int = 50, cursor: str | None = None, of_user: str | None = None) -> SessionPage:
        """As in the interface. Raises StoreError for a cursor that this store did not give out."""
        return views.page_of(self._contents.records.values(), limit, cursor, of_user)

    async def delete(self, session_id: str) -> bool:
        return await self._housekeeping.delete(session_id)

    async def dump(self, session_id: str) -> Dump:
        return await self._housekeeping.dump(session_id)

    async def restore(self, dump: Dump) -> bool:
        return await self._housekeeping.restore(dump)

    async def prune(self, retention: Retention, limit: int = 500, *, dry_run: bool = False) -> Pruned:
        return await self._housekeeping.prune(retention, limit, dry_run=dry_run)

    async def usage(self) -> StoreUsage:
        return await self._housekeeping.usage()

    async def about(self, user_id: str) -> AboutPerson:
        return views.about(tuple(self._contents.records.values()), user_id)

    # --- parts ---

    def _grant(self, record: Record, owner: str, ttl: float) -> Lease:
        expires_at, monotonic_until = self._clock() + ttl, self._monotonic() + ttl
        record.lease = Lease(record.session.id, owner, next(self._shelf.epochs), expires_at, monotonic_until)
        return record.lease

    def _held(self, lease: Lease) -> Record:
        """The record, where this lease is the session's and has not expired. Raises LeaseLost."""
        record = self._contents.records.get(lease.session_id)
        live = record and record.live_lease(self._clock())
        if record is None or live is None or live.epoch != lease.epoch:
            raise LeaseLost(f"{lease.owner} no longer holds session {lease.session_id} (epoch {lease.epoch})")
        return record


def _known(record: Record, claim: Claim) -> int:
    """The seq up to which the claimant has the messages of this session."""
    known = claim.known
    is_right = known is not None and known.session_id == record.session.id and known.seq <= record.session.last_seq
    return known.seq if known is not None and is_right else 0
