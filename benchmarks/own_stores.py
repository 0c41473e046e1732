"""Our PostgreSQL store as the runner uses it, and two bare forms beside it, each with the same turn as the rivals'."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from kubeai_bot.agent.cache import NEWEST
from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.message import Message, Source, Text, ToolCall, ToolCallRequest, ToolCallResponse
from kubeai_bot.domain.session import AgentState, Incoming, ThreadRef, Usage
from kubeai_bot.domain.storage import Claim, Known, SessionChange
from kubeai_bot.stores.codec import dumps, encode_message
from kubeai_bot.stores.postgres.store import PostgresStore

CALL, RESULT, ANSWER, QUESTION = "c" * 300, "r" * 4000, "a" * 1000, "why does checkout fail?"
MIA = Speaker("T0SHOP", "U0MIA")
IDENTITY = Identity(MIA, "mapping", KubeUser("mia@shop.example", ("shop-developers",)), datetime.now(UTC))


def four_messages(turn: str) -> list[Message]:
    """Question, call, result, answer."""
    now = datetime.now(UTC)
    call = ToolCall("1", "look", {"what": CALL}, "")
    return [
        Message(turn, Source.USER, Text(QUESTION), IDENTITY, now, MIA),
        Message(turn, Source.MODEL, ToolCallRequest((call,)), IDENTITY, now),
        Message(turn, Source.AGENT, ToolCallResponse("1", "look", RESULT), IDENTITY, now),
        Message(turn, Source.MODEL, Text(ANSWER), IDENTITY, now),
    ]


class Ours:
    """`receive` with a claim (dedupe, inbox, lease, validated tail), then `close` (append, state, lease back)."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self._known: dict[str, Known] = {}
        self._numbers = itertools.count(1)

    async def create(self, name: str) -> None:
        await self.turn(name)

    async def fill(self, name: str, count: int) -> None:
        known = self._known[name]
        lease = await self._store.lease(known.session_id, "filler", 60)
        assert lease is not None
        seq = known.seq
        while count > 0:
            messages = four_messages("filled") * min(count // 4, 100)
            if not messages:
                break
            seq = await self._store.append(lease, seq, uuid.uuid4().hex, messages)
            count -= len(messages)
        await self._store.release(lease)
        self._known[name] = Known(known.session_id, seq)

    async def turn(self, name: str) -> None:
        number = next(self._numbers)
        incoming = Incoming(
            (f"Ev{name}{number}", f"C/{name}/{number}"),
            ThreadRef("T0SHOP", "C0ONCALL", name),
            MIA,
            "message",
            QUESTION,
            str(number),
            True,
            datetime.now(UTC),
        )
        receipt = await self._store.receive(incoming, Claim("bench", 60, self._known.get(name), NEWEST))
        lease, tail = receipt.lease, receipt.tail
        assert lease is not None
        assert tail is not None
        last, turn = tail.session.last_seq, f"{name[:8]}-{number}"
        done = SessionChange(agent_state=AgentState.DONE, add_usage=Usage(900, 200))
        read = [item.id for item in tail.inbox]
        assert await self._store.close(lease, last, f"{turn}:closed", four_messages(turn), read, done)
        self._known[name] = Known(lease.session_id, last + 4)

    def forget_cache(self) -> None:
        self._known.clear()


class Minimal:
    """Append-only rows and no more: the question's row with the sequence number read back, then the others with the
    state. No lease, no fencing, no inbox, no repeated events."""

    tables = """
        CREATE TABLE IF NOT EXISTS minimal_sessions (id text PRIMARY KEY, last_seq int NOT NULL, state text NOT NULL);
        CREATE TABLE IF NOT EXISTS minimal_messages (
            session text NOT NULL REFERENCES minimal_sessions ON DELETE CASCADE,
            seq int NOT NULL, body text NOT NULL, PRIMARY KEY (session, seq)
        );
    """
    append = """
        WITH moved AS (
            UPDATE minimal_sessions SET last_seq = last_seq + %(count)s, state = %(state)s
            WHERE id = %(id)s RETURNING last_seq
        ), added AS (
            INSERT INTO minimal_messages SELECT %(id)s, moved.last_seq - %(count)s + n, body
            FROM moved, unnest(%(bodies)s::text[]) WITH ORDINALITY AS given (body, n)
        )
        SELECT last_seq FROM moved
    """

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def create(self, name: str) -> None:
        async with self._pool.connection() as connection:
            await connection.execute("INSERT INTO minimal_sessions VALUES (%s, 0, '')", (name,))

    async def fill(self, name: str, count: int) -> None:
        for _ in range(count // 4):
            await self._add(name, bodies("filled"))

    async def turn(self, name: str) -> None:
        rows = bodies("turn")
        await self._add(name, rows[:1])
        await self._add(name, rows[1:])

    async def _add(self, name: str, rows: Sequence[str]) -> None:
        parameters = {"id": name, "count": len(rows), "state": uuid.uuid4().hex, "bodies": list(rows)}
        async with self._pool.connection() as connection:
            await connection.execute(self.append, parameters)


class RawCommit(Minimal):
    """The limit: the same rows and the state in one commit."""

    async def turn(self, name: str) -> None:
        await self._add(name, bodies("turn"))


def bodies(turn: str) -> list[str]:
    return [dumps(encode_message(message)) for message in four_messages(turn)]


async def open_pool(url: str, size: int) -> AsyncConnectionPool[Any]:
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        url, min_size=1, max_size=size, open=False, kwargs={"autocommit": True}
    )
    await pool.open()
    async with pool.connection() as connection:
        await connection.execute(Minimal.tables)
    return pool


async def wal_position(connection: psycopg.AsyncConnection[Any]) -> int:
    row = await (await connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')")).fetchone()
    assert row is not None
    return int(row[0])
