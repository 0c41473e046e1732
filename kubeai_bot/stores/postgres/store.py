"""Sessions in PostgreSQL: many replicas, nothing lost, nothing twice."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kubeai_bot.domain.message import Message
from kubeai_bot.domain.session import FeedbackKind, Incoming, Session, ThreadRef, name_from
from kubeai_bot.domain.storage import Claim, KeptResult, Lease, Receipt, SessionChange, Tail
from kubeai_bot.errors import LeaseLost, SequenceConflict, SessionNotFound
from kubeai_bot.interfaces import SessionStore
from kubeai_bot.stores.codec import encode_incoming
from kubeai_bot.stores.codec_results import decode_result, encode_result
from kubeai_bot.stores.postgres.archive import Archive
from kubeai_bot.stores.postgres.arrays import bigint_array, bytea_array, text_array
from kubeai_bot.stores.postgres.audit_rows import AuditRows
from kubeai_bot.stores.postgres.engine import Database, Row
from kubeai_bot.stores.postgres.listening import Bell
from kubeai_bot.stores.postgres.packing import pack, unpack
from kubeai_bot.stores.postgres.rows import (
    change_parameters,
    from_column,
    lease_from,
    message_body,
    message_speaker,
    session_from,
    tail_from,
    to_column,
)
from kubeai_bot.stores.postgres.statements import columns_of, statements_for
from kubeai_bot.stores.wakeups import Subscription

_ALL = 2_000_000_000
"""More messages than a session can have."""


class PostgresStore(Archive, SessionStore):
    """A SessionStore on one schema of a PostgreSQL database; `open_postgres` makes one.

    Each method of the hot path is one statement in autocommit. Leases and times are of the database's clock;
    `monotonic` is the holder's own and is read before a request is sent, so that a lease never seems longer than it is.
    """

    def __init__(self, database: Database, bell: Bell, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(database)
        self.audit = AuditRows(database)
        self._bell = bell
        self._monotonic = monotonic
        self._sql = statements_for(database.schema)

    def __repr__(self) -> str:
        return f"PostgresStore({self._database!r})"

    async def receive(self, incoming: Incoming, claim: Claim | None = None) -> Receipt:
        """As in the interface. A live lease is never taken over by a claim, not even the claimant's own: a message
        that arrives during a turn must not fence out the turn it is meant for."""
        parameters = _receive_parameters(incoming, claim)
        before = self._monotonic()
        (row,) = await self._database.fetch(self._sql.receive, parameters, repeatable=True)
        outcome, item, granted, messages, inbox_ids, inbox, *lease = row[:9]
        if outcome == "ignored":
            return Receipt(None)
        columns = columns_of(row, 9)
        session_id = None if columns[0] is None else from_column(columns[0])
        if outcome == "repeated" or session_id is None:
            return Receipt(session_id, repeated=True)
        self._bell.ring(item, session_id)
        created = session_id == parameters["id"]
        if not granted or claim is None:
            return Receipt(session_id, created=created)
        tail = tail_from(session_from(columns), messages, inbox_ids, inbox)
        return Receipt(session_id, created=created, lease=lease_from(session_id, lease, before + claim.ttl), tail=tail)

    async def lease(self, session_id: str, owner: str, ttl: float) -> Lease | None:
        """As in the interface. The same owner may take its own live lease again; the new epoch then fences out
        whatever task of this owner held the old one."""
        parameters = {"id": to_column(session_id), "owner": to_column(owner), "ttl": ttl}
        before = self._monotonic()
        ((exists, *lease),) = await self._database.fetch(self._sql.lease, parameters, repeatable=True)
        if not exists:
            raise _not_found(session_id)
        return None if lease[0] is None else lease_from(session_id, lease, before + ttl)

    async def renew(self, lease: Lease, ttl: float) -> Lease:
        before = self._monotonic()
        rows = await self._database.fetch(self._sql.renew, {**_held(lease), "ttl": ttl}, repeatable=True)
        if not rows:
            raise _lost(lease)
        return lease_from(lease.session_id, rows[0], before + ttl)

    async def release(self, lease: Lease) -> None:
        await self._database.fetch(self._sql.release, _held(lease), repeatable=True)

    async def load(self, session_id: str, after: int = 0, newest: int | None = None) -> Tail:
        newest = _ALL if newest is None else max(newest, 0)
        parameters = {"id": to_column(session_id), "after": after, "newest": newest}
        rows = await self._database.fetch(self._sql.load, parameters, repeatable=True)
        if not rows:
            raise _not_found(session_id)
        messages, inbox_ids, inbox = rows[0][:3]
        return tail_from(session_from(columns_of(rows[0], 3)), messages, inbox_ids, inbox)

    async def append(
        self,
        lease: Lease,
        expected_seq: int,
        step_id: str,
        messages: Sequence[Message] = (),
        consume: Sequence[int] = (),
        change: SessionChange | None = None,
    ) -> int:
        step = _step(lease, expected_seq, step_id, messages, consume)
        last_seq, _ = await self._append(lease, {**step, **change_parameters(change or SessionChange())})
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
        step = _step(lease, expected_seq, step_id, messages, consume) | {"release": True}
        _, released = await self._append(lease, {**step, **change_parameters(change or SessionChange())})
        return released

    async def _append(self, lease: Lease, parameters: Mapping[str, Any]) -> tuple[int, bool]:
        ((outcome, last_seq, released),) = await self._database.fetch(self._sql.append, parameters, repeatable=True)
        if outcome == "lost":
            raise _lost(lease)
        if outcome == "conflict":
            expected = parameters["expected"]
            raise SequenceConflict(f"session {lease.session_id} is at message {last_seq}, not {expected}")
        return last_seq, released

    async def find(self, thread: ThreadRef) -> Session | None:
        rows = await self._database.fetch(self._sql.find, _thread(thread), repeatable=True)
        return session_from(rows[0]) if rows else None

    async def unfinished(self) -> Sequence[str]:
        """As in the interface, the longest untouched first."""
        rows: list[Row] = await self._database.fetch(self._sql.unfinished, {}, repeatable=True)
        return [from_column(session_id) for (session_id,) in rows]

    def wakeups(self) -> Subscription:
        """As in the interface. `contextlib.aclosing` ends it at once; a dropped one is forgotten."""
        return self._bell.subscribe()

    async def keep_result(self, lease: Lease, result: KeptResult) -> None:
        parameters = {**_held(lease), "handle": to_column(result.handle), "body": pack(encode_result(result))}
        if not await self._database.fetch(self._sql.keep_result, parameters, repeatable=True):
            raise _lost(lease)

    async def kept_result(self, session_id: str, handle: str) -> KeptResult | None:
        parameters = {"id": to_column(session_id), "handle": to_column(handle)}
        rows = await self._database.fetch(self._sql.kept_result, parameters, repeatable=True)
        return decode_result(unpack(rows[0][0])) if rows else None

    async def record_feedback(
        self, session_id: str, turn_id: str, user_id: str, kind: FeedbackKind, reason: str = ""
    ) -> bool:
        parameters = {
            "id": to_column(session_id),
            "turn": to_column(turn_id),
            "user": to_column(user_id),
            "kind": kind,
            "reason": to_column(reason),
        }
        return bool(await self._database.fetch(self._sql.feedback, parameters, repeatable=True))

    async def ping(self) -> None:
        """For readiness: raises StoreError where the database does not answer."""
        await self._database.ping()


def _receive_parameters(incoming: Incoming, claim: Claim | None) -> dict[str, Any]:
    known = claim.known if claim is not None else None
    return {
        **_thread(incoming.thread),
        "keys": text_array(sorted({to_column(key) for key in incoming.keys})),
        "attempt": secrets.randbits(63),
        "is_dm": incoming.thread.is_dm,
        "opens": incoming.opens,
        "id": secrets.token_hex(12),
        "user": to_column(incoming.speaker.user_id),
        "name": to_column(name_from(incoming.text)),
        "body": pack(encode_incoming(incoming)),
        "owner": None if claim is None else to_column(claim.owner),
        "ttl": None if claim is None else claim.ttl,
        "known_id": None if known is None else to_column(known.session_id),
        "known_seq": None if known is None else max(known.seq, 0),
        "newest": None if claim is None or claim.newest is None else max(claim.newest, 0),
    }


def _step(
    lease: Lease, expected_seq: int, step_id: str, messages: Sequence[Message], consume: Sequence[int]
) -> dict[str, Any]:
    return {
        **_held(lease),
        "expected": expected_seq,
        "step": to_column(step_id),
        "bodies": bytea_array(map(message_body, messages)),
        "speakers": text_array(map(message_speaker, messages)),
        "consume": bigint_array(consume),
        "release": False,
    }


def _thread(thread: ThreadRef) -> dict[str, Any]:
    return {
        "team": to_column(thread.team_id),
        "channel": to_column(thread.channel_id),
        "thread": to_column(thread.thread_ts),
    }


def _held(lease: Lease) -> dict[str, Any]:
    return {"id": to_column(lease.session_id), "epoch": lease.epoch}


def _not_found(session_id: str) -> SessionNotFound:
    return SessionNotFound(f"no session {session_id}")


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(f"{lease.owner} no longer holds session {lease.session_id} (epoch {lease.epoch})")
