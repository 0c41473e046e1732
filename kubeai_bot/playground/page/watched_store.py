"""A session store that tells the inspector what it has stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from kubeai_bot.domain.message import Message
from kubeai_bot.domain.session import FeedbackKind, Incoming, Session, ThreadRef
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
from kubeai_bot.errors import StoreError
from kubeai_bot.interfaces import SessionStore
from kubeai_bot.playground.page.inspector import Inspector

SHOWN_AT_START = 20
"""Sessions of a durable store that are shown when the bot starts, without their messages."""


class WatchedStore:
    """Passes every call on to `store`; what it changes is shown. Reading it back may fail: then nothing is shown."""

    def __init__(self, store: SessionStore, inspector: Inspector) -> None:
        self._store = store
        self._inspector = inspector

    async def show_known(self) -> None:
        """Show the sessions that the store already has."""
        for session in reversed((await self._store.list(SHOWN_AT_START)).sessions):
            self._inspector.session(session)

    async def _show(self, session_id: str, after: int) -> None:
        try:
            tail = await self._store.load(session_id, after)
        except StoreError:
            return
        self._inspector.session(tail.session)
        for message in tail.messages:
            self._inspector.transcript(session_id, message)

    async def receive(self, incoming: Incoming, claim: Claim | None = None) -> Receipt:
        receipt = await self._store.receive(incoming, claim)
        if receipt.session_id is not None and not receipt.repeated:
            session = receipt.tail.session if receipt.tail else None
            if session is None:
                session = await self._found(incoming.thread)
            if session is not None:
                self._inspector.session(session)
        return receipt

    async def _found(self, thread: ThreadRef) -> Session | None:
        try:
            return await self._store.find(thread)
        except StoreError:
            return None

    async def append(
        self,
        lease: Lease,
        expected_seq: int,
        step_id: str,
        messages: Sequence[Message] = (),
        consume: Sequence[int] = (),
        change: SessionChange | None = None,
    ) -> int:
        seq = await self._store.append(lease, expected_seq, step_id, messages, consume, change)
        await self._show(lease.session_id, expected_seq)
        return seq

    async def close(
        self,
        lease: Lease,
        expected_seq: int,
        step_id: str,
        messages: Sequence[Message] = (),
        consume: Sequence[int] = (),
        change: SessionChange | None = None,
    ) -> bool:
        given_back = await self._store.close(lease, expected_seq, step_id, messages, consume, change)
        await self._show(lease.session_id, expected_seq)
        return given_back

    async def forget(self, lease: Lease) -> bool:
        gone = await self._store.forget(lease)
        if gone:
            self._inspector.session_gone(lease.session_id)
        return gone

    async def delete(self, session_id: str) -> bool:
        gone = await self._store.delete(session_id)
        if gone:
            self._inspector.session_gone(session_id)
        return gone

    async def prune(self, retention: Retention, limit: int = 500, *, dry_run: bool = False) -> Pruned:
        pruned = await self._store.prune(retention, limit, dry_run=dry_run)
        if not dry_run:
            for session_id in (*pruned.expired, *pruned.removed):
                self._inspector.session_gone(session_id)
        return pruned

    async def restore(self, dump: Dump) -> bool:
        restored = await self._store.restore(dump)
        if restored:
            await self._show(dump.session.id, 0)
        return restored

    # the rest changes nothing that is shown

    async def lease(self, session_id: str, owner: str, ttl: float) -> Lease | None:
        return await self._store.lease(session_id, owner, ttl)

    async def renew(self, lease: Lease, ttl: float) -> Lease:
        return await self._store.renew(lease, ttl)

    async def release(self, lease: Lease) -> None:
        await self._store.release(lease)

    async def load(self, session_id: str, after: int = 0, newest: int | None = None) -> Tail:
        return await self._store.load(session_id, after, newest)

    async def find(self, thread: ThreadRef) -> Session | None:
        return await self._store.find(thread)

    async def unfinished(self) -> Sequence[str]:
        return await self._store.unfinished()

    def wakeups(self) -> AsyncIterator[str]:
        return self._store.wakeups()

    async def keep_result(self, lease: Lease, result: KeptResult) -> None:
        await self._store.keep_result(lease, result)

    async def kept_result(self, session_id: str, handle: str) -> KeptResult | None:
        return await self._store.kept_result(session_id, handle)

    async def record_feedback(
        self, session_id: str, turn_id: str, user_id: str, kind: FeedbackKind, reason: str = ""
    ) -> bool:
        return await self._store.record_feedback(session_id, turn_id, user_id, kind, reason)

    async def list(self, limit: int = 50, cursor: str | None = None, of_user: str | None = None) -> SessionPage:
        return await self._store.list(limit, cursor, of_user)

    async def dump(self, session_id: str) -> Dump:
        return await self._store.dump(session_id)

    async def usage(self) -> StoreUsage:
        return await self._store.usage()

    async def about(self, user_id: str) -> AboutPerson:
        return await self._store.about(user_id)
