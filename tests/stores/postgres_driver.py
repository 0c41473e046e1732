"""PostgreSQL under the contract suite: straight, and behind a pgbouncer in transaction mode."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from kubeai_bot.stores.postgres.engine import Limits
from kubeai_bot.stores.postgres.opening import SCHEMA, open_postgres
from kubeai_bot.stores.postgres.store import PostgresStore
from kubeai_bot.stores.postgres.tables import METADATA
from tests.stores.backend import Backend
from tests.stores.postgres_server import new_database, pooled_url

LIMITS = Limits(pool_size=4)
_TIMES = {
    "sessions": ("created_at", "modified_at", "lease_expires_at"),
    "event_keys": ("expires_at",),
    "turns": ("created_at", "updated_at"),
    "feedback": ("created_at", "updated_at"),
    "expired_threads": ("modified_at", "expired_at"),
}


@dataclass
class PostgresBackend:
    """`url` is the stores' way to the database, `admin` a connection past them."""

    url: str
    admin: psycopg.AsyncConnection[Any]
    stack: AsyncExitStack
    store: PostgresStore
    second: PostgresStore
    lasting: bool = True

    def second_store(self) -> PostgresStore:
        return self.second

    async def advance(self, seconds: float) -> None:
        async with self.admin.transaction():
            for table, columns in _TIMES.items():
                moved = ", ".join(f"{name} = {name} - make_interval(secs => %(by)s)" for name in columns)
                await self.admin.execute(f"UPDATE {SCHEMA}.{table} SET {moved}", {"by": seconds})  # noqa: S608
            hour = "floor(extract(epoch FROM modified_at) / 3600)"
            await self.admin.execute(f"UPDATE {SCHEMA}.sessions SET modified_hour = {hour}")  # noqa: S608

    async def restart(self) -> None:
        """The stores keep nothing back: closing them loses what a crash would lose."""
        await self.stack.aclose()
        self.store = await self.stack.enter_async_context(open_postgres(self.url, limits=LIMITS))
        self.second = await self.stack.enter_async_context(open_postgres(self.url, limits=LIMITS))


@cache
def shared_database() -> str:
    return new_database()


@asynccontextmanager
async def open_on(url: str, direct: str) -> AsyncIterator[PostgresBackend]:
    async with await psycopg.AsyncConnection.connect(direct, autocommit=True) as admin, AsyncExitStack() as stack:
        await _empty(admin)
        store = await stack.enter_async_context(open_postgres(url, limits=LIMITS))
        second = await stack.enter_async_context(open_postgres(url, limits=LIMITS))
        yield PostgresBackend(url, admin, stack, store, second)


async def _empty(admin: psycopg.AsyncConnection[Any]) -> None:
    cursor = await admin.execute("SELECT to_regclass(%s) IS NOT NULL", (f"{SCHEMA}.sessions",))
    if await cursor.fetchone() == (True,):
        tables = ", ".join(f"{SCHEMA}.{name}" for name in METADATA.tables if name != "compatibility")
        await admin.execute(f"TRUNCATE {tables}")


@asynccontextmanager
async def open_straight() -> AsyncIterator[Backend]:
    async with open_on(shared_database(), shared_database()) as backend:
        yield backend


@asynccontextmanager
async def open_pooled() -> AsyncIterator[Backend]:
    pooler = pooled_url()
    if pooler is None:
        pytest.skip("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
    url = make_conninfo(pooler, dbname=conninfo_to_dict(shared_database())["dbname"])
    async with open_on(url, shared_database()) as backend:
        yield backend
