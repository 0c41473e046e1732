"""The session store, timed; what it gives back tells of leases, waiting work and arrivals."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import contextmanager

from kubeai_bot.domain.message import Message
from kubeai_bot.domain.session import FeedbackKind, Incoming, Session, ThreadRef, TurnRef
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
from kubeai_bot.errors import LeaseLost, SequenceConflict, SessionNotFound, StoreError
from kubeai_bot.interfaces import SessionStore
from kubeai_bot.telemetry.arrivals import Arrivals
from kubeai_bot.telemetry.leases import HeldLeases
from kubeai_bot.telemetry.metrics import Metrics
from kubeai_bot.telemetry.trace_ids import TurnKey
from kubeai_bot.telemetry.traces import Traces


class MeasuredStore:
    """Passes every call on to `store`."""

    def __init__(self, store: SessionStore, metrics: Metrics, traces: Traces, arrivals: Arrivals) -> None:
        self._store = store
        self._metrics = metrics
        self._traces = traces
        self._arrivals = arrivals
        self._held = HeldLeases()
        metrics.leases_held.set_function(self._held.count)

    @contextmanager
    def _timed(self, operation: str, turn: TurnKey | None = None) -> Generator[None]:
        """LeaseLost and the like are answers of a store that works."""
        began = time.monotonic()
        try:
            with self._traces.span(f"store {operation}", {"kubeai.store.operation": operation}, client=True, turn=turn):
                yield
        except (LeaseLost, SequenceConflict, SessionNotFound):
            raise
        except StoreError:
            self._metrics.store_errors.labels(operation).inc()
            raise
        finally:
            self._metrics.store_seconds.labels(operation).observe(time.monotonic() - began)

    async def receive(self, incoming: Incoming, claim: Claim | None = None) -> Receipt:
        with self._timed("receive"):
            receipt = await self._store.receive(incoming, claim)
        if receipt.session_id is not None and not receipt.repeated:
            self._arrivals.arrived(incoming)
        if receipt.lease is not None:
            self._held.took(receipt.lease)
        if receipt.tail is not None:
            self._arrivals.seen(receipt.tail)
        return receipt

    async def lease(self, session_id: str, owner: str, ttl: float) -> Lease | None:
        with self._timed("lease"):
            lease = await self._store.lease(session_id, owner, ttl)
        if lease is not None:
            self._held.took(lease)
        return lease

    async def renew(self, lease: Lease, ttl: float) -> Lease:
        with self._timed("renew"):
            renewed = await self._store.renew(lease, ttl)
        self._held.took(renewed)
        return renewed

    async def release(self, lease: Lease) -> None:
        self._held.gave(lease)
        with self._timed("release"):
            await self._store.release(lease)

    async def load(self, session_id: str, after: int = 0, newest: int | None = None) -> Tail:
        with self._timed("load"):
            tail = await self._store.load(session_id, after, newest)
        self._arrivals.seen(tail)
        return tail

    async def append(
        self,
        lease: Lease,
        expected_seq: int,
        step_id: str,
        messages: Sequence[Message] = (),
        consume: Sequence[int] = (),
        change: SessionChange | None = None,
    ) -> int:
        with self._timed("append", _opened(lease, change)):
            return await self._store.append(lease, expected_seq, step_id, messages, consume, change)

    async def close(
        self,
        lease: Lease,
        expected_seq: int,
        step_id: str,
        messages: Sequence[Message] = (),
        consume: Sequence[int] = (),
        change: SessionChange | None = None,
    ) -> bool:
        with self._timed("close"):
            given_back = await self._store.close(lease, expected_seq, step_id, messages, consume, change)
        if given_back:
            self._held.gave(lease)
        return given_back

    async def keep_result(self, lease: Lease, result: KeptResult) -> None:
        with self._timed("keep_result"):
            await self._store.keep_result(lease, result)

    async def kept_result(self, session_id: str, handle: str) -> KeptResult | None:
        with self._timed("kept_result"):
            return await self._store.kept_result(session_id, handle)

    async def find(self, thread: ThreadRef) -> Session | None:
        with self._timed("find"):
            return await self._store.find(thread)

    async def unfinished(self) -> Sequence[str]:
        with self._timed("unfinished"):
            waiting = await self._store.unfinished()
        self._metrics.queue_depth.set(len(waiting))
        return waiting

    def wakeups(self) -> AsyncIterator[str]:
        return self._store.wakeups()

    async def forget(self, lease: Lease) -> bool:
        with self._timed("forget"):
            forgotten = await self._store.forget(lease)
        if forgotten:
            self._held.gave(lease)
        return forgotten

    async def record_feedback(
        self, session_id: str, turn_id: str, user_id: str, kind: FeedbackKind, reason: str = ""
    ) -> bool:
        with self._timed("record_feedback"):
            return await self._store.record_feedback(session_id, turn_id, user_id, kind, reason)

    async def list(self, limit: int = 50, cursor: str | None = None, of_user: str | None = None) -> SessionPage:
        with self._timed("list"):
            return await self._store.list(limit, cursor, of_user)

    async def delete(self, session_id: str) -> bool:
        with self._timed("delete"):
            return await self._store.delete(session_id)

    async def dump(self, session_id: str) -> Dump:
        with self._timed("dump"):
            return await self._store.dump(session_id)

    async def restore(self, dump: Dump) -> bool:
        with self._timed("restore"):
            return await self._store.restore(dump)

    async def prune(self, retention: Retention, limit: int = 500, *, dry_run: bool = False) -> Pruned:
        with self._timed("prune"):
            return await self._store.prune(retention, limit, dry_run=dry_run)

    async def usage(self) -> StoreUsage:
        with self._timed("usage"):
            return await self._store.usage()

    async def about(self, user_id: str) -> AboutPerson:
        with self._timed("about"):
            return await self._store.about(user_id)


def _opened(lease: Lease, change: SessionChange | None) -> TurnKey | None:
    """The turn that this step opens: nothing else says yet that the task works on it."""
    turn = change.turn if change is not None else None
    return TurnKey(lease.session_id, turn.turn_id) if isinstance(turn, TurnRef) else None
