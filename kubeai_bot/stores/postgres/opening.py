"""Opening the PostgreSQL store: address, migration, pool, listener."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import psycopg
import structlog

from kubeai_bot.errors import StoreError
from kubeai_bot.stores.postgres.dsn import Dsn, parse_dsn
from kubeai_bot.stores.postgres.engine import REPEATS, Database, Limits
from kubeai_bot.stores.postgres.errors import FAILURES, cause_of, is_worth_repeating, store_error
from kubeai_bot.stores.postgres.listening import Bell, Listener
from kubeai_bot.stores.postgres.migrate import are_ready, migrate
from kubeai_bot.stores.postgres.store import PostgresStore

SCHEMA = "kubeai_bot"
_LIMITS = Limits()

T = TypeVar("T")

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def open_postgres(
    url: str,
    *,
    schema: str | None = None,
    migration_url: str | None = None,
    limits: Limits = _LIMITS,
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[PostgresStore]:
    """The store in `schema` (made where it is missing) of the database at `url`, migrated first.

    `migration_url`: for making tables, where `url` leads to a user that may not. Behind a pooler no LISTEN is used.
    Raises ConfigError, StoreError.
    """
    dsn, schema = parse_dsn(url), schema or SCHEMA
    migration_dsn = parse_dsn(migration_url, "DATABASE_MIGRATION_URL") if migration_url else dsn
    pooled = await _insist(dsn, lambda: _prepare(dsn, migration_dsn, schema, limits.statement_timeout))
    database = Database(dsn, schema, limits, prepares=not pooled)
    try:
        bell = Bell()
        listener = Listener(database, bell, listens=not pooled)
        await _insist(dsn, listener.begin)
        listening = asyncio.create_task(listener.run())
        _log.info("database opened", place=dsn.place, schema=schema, pooler=pooled)
        try:
            yield PostgresStore(database, bell, monotonic)
        finally:
            listening.cancel()
            await database.aclose()  # first, since a listener that waits for a database that hangs is slow to end
            with suppress(asyncio.CancelledError):
                await listening
    finally:
        await database.aclose()


async def _insist(dsn: Dsn, step: Callable[[], Awaitable[T]]) -> T:
    """Begins again at once where a connection is taken away in the middle, or while it is made: a migration is one
    transaction."""
    left = REPEATS
    while True:
        try:
            return await step()
        except StoreError as error:
            cause = cause_of(error.__cause__ or error)
            if not left or isinstance(cause, psycopg.errors.ConnectionTimeout) or not is_worth_repeating(cause):
                raise
            left -= 1
            _log.info("database opened again", place=dsn.place, reason=type(cause).__name__)


async def _prepare(dsn: Dsn, migration_dsn: Dsn, schema: str, timeout: float) -> bool:
    """Makes the tables ready, and tells whether a pooler stands in between."""
    pooled, ready = await _look(dsn, schema, timeout)
    if not ready:
        await migrate(migration_dsn, schema)
    return pooled


async def _look(dsn: Dsn, schema: str, timeout: float) -> tuple[bool, bool]:
    """Whether a pooler stands in between, and whether the tables are ready. A pooler gives its clients backend numbers
    of its own."""
    try:
        async with await psycopg.AsyncConnection.connect(**dsn.parameters, autocommit=True) as connection:
            async with asyncio.timeout(timeout):
                cursor = await connection.execute("SELECT pg_backend_pid()")
                row = await cursor.fetchone()
                return row != (connection.info.backend_pid,), await are_ready(connection, schema)
    except FAILURES as error:
        raise store_error(error, dsn) from error
