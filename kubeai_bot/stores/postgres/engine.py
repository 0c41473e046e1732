"""The connection pool, and single statements on the driver's own connection.

SQLAlchemy owns engine and pool. Statements of the hot path go straight to psycopg in autocommit: one statement, one
round trip, no BEGIN, no ping. What a ping would find out is seen without one: a connection that the server has closed
is readable before anything was asked.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, LiteralString, cast

import psycopg
import structlog
from psycopg.pq import TransactionStatus
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from kubeai_bot.stores.postgres.dsn import Dsn
from kubeai_bot.stores.postgres.errors import FAILURES, is_worth_repeating, means_another_server, store_error

Driver = psycopg.AsyncConnection[Any]
Row = tuple[Any, ...]

_REPEATS = 2
"""One for a connection that was lost, and one for meeting what the server still did for the lost one."""

_PREPARED_AT = 2
"""A statement that a connection has run so often already is prepared on it."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Limits:
    """Connections in the pool; seconds to wait for a free one, and for a statement, which is then cancelled on the
    server too."""

    pool_size: int = 10
    pool_timeout: float = 5.0
    statement_timeout: float = 10.0


class Database:
    """One pool of connections to one database, for one schema in it. `prepares`: statements are prepared, which takes a
    quarter off a turn, and which a transaction-mode pooler does not stand."""

    def __init__(self, dsn: Dsn, schema: str, limits: Limits, *, prepares: bool) -> None:
        self.dsn = dsn
        self.schema = schema
        self._timeout = limits.statement_timeout
        self._pool_size = limits.pool_size
        self._pool_timeout = limits.pool_timeout
        self._free = asyncio.Semaphore(limits.pool_size)
        self._engine = _engine(dsn, schema, limits, _PREPARED_AT if prepares else None)

    def __repr__(self) -> str:
        return f"Database({self.dsn.place}, schema {self.schema!r})"

    async def fetch(self, statement: str, parameters: Mapping[str, Any], *, repeatable: bool = False) -> list[Row]:
        """The rows that one statement gives, committed. `repeatable`: it may run again when its connection is lost, for
        running it twice has the effect of running it once. Raises StoreError."""
        left = _REPEATS if repeatable else 0
        while True:
            try:
                return await self._once(statement, parameters)
            except FAILURES as error:
                if not left or not is_worth_repeating(error):
                    raise store_error(error, self.dsn) from error
                left -= 1
                _log.info("database statement repeated", place=self.dsn.place, reason=type(error).__name__)

    @asynccontextmanager
    async def transaction(self, timeout: float | None = None) -> AsyncGenerator[AsyncConnection]:
        """A transaction for several statements; rolled back where the block fails. Raises StoreError."""
        try:
            async with self._turn(), asyncio.timeout(timeout or self._timeout):
                async with self._connection():
                    pass  # leaves a connection that is alive on top of the pool
                async with self._engine.connect() as connection:
                    await connection.execution_options(isolation_level="READ COMMITTED")
                    async with connection.begin():
                        yield connection
        except FAILURES as error:
            raise store_error(error, self.dsn) from error

    async def ping(self) -> None:
        """Raises StoreError where the database does not answer."""
        await self.fetch("SELECT 1", {}, repeatable=True)

    async def aclose(self) -> None:
        await self._engine.dispose()

    async def _once(self, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
        async with self._turn(), self._connection() as driver:
            try:
                async with asyncio.timeout(self._timeout):
                    cursor = await driver.execute(cast("LiteralString", statement), parameters, binary=True)
                    return await cursor.fetchall()
            except psycopg.Error as error:
                if means_another_server(error):
                    await driver.close()
                raise

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        """First come, first served: in the pool's own queue a busy task overtakes those that wait, without end."""
        try:
            async with asyncio.timeout(self._pool_timeout):
                await self._free.acquire()
        except TimeoutError as error:
            raise PoolTimeout(f"no connection was free within {self._pool_timeout:g} s") from error
        try:
            yield
        finally:
            self._free.release()

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Driver]:
        """A connection in autocommit that is not known to be dead. Giving it back never waits, so that a cancelled
        caller leaves the pool whole."""
        pooled = await self._engine.raw_connection()
        for _ in range(self._pool_size):
            if not _is_stale(pooled):
                break
            await greenlet_spawn(pooled.invalidate)
            pooled = await self._engine.raw_connection()
        try:
            yield _driver(pooled)
        finally:
            await _give_back(pooled)


def _engine(dsn: Dsn, schema: str, limits: Limits, prepared_at: int | None) -> AsyncEngine:
    return create_async_engine(
        "postgresql+psycopg://",
        connect_args={**dsn.parameters, "prepare_threshold": prepared_at},
        isolation_level="AUTOCOMMIT",
        pool_size=limits.pool_size,
        max_overflow=0,
        pool_timeout=limits.pool_timeout,
        pool_use_lifo=True,
        pool_reset_on_return=None,
        hide_parameters=True,
        execution_options={"schema_translate_map": {None: schema}},
    )


def _driver(pooled: PoolProxiedConnection) -> Driver:
    return cast("Driver", pooled.driver_connection)


def _is_stale(pooled: PoolProxiedConnection) -> bool:
    """Whether the server has spoken unasked on an idle connection, as it does when it closes it."""
    driver = _driver(pooled)
    if driver.closed:
        return True
    poll = select.poll()
    poll.register(driver.fileno(), select.POLLIN)
    return bool(poll.poll(0))


async def _give_back(pooled: PoolProxiedConnection) -> None:
    """Never really waits: psycopg closes a connection without a word from the server."""
    driver = _driver(pooled)
    if driver.closed or driver.info.transaction_status is not TransactionStatus.IDLE:
        await greenlet_spawn(pooled.invalidate)
    else:
        pooled.close()
