"""The connection pool, and single statements on the driver's own connection.

SQLAlchemy owns engine and pool. Statements of the hot path go straight to psycopg in autocommit: one statement, one
round trip, no BEGIN, no ping. What a ping would find out is seen without one: a connection that the server has closed
is readable before anything was asked. Between two statements a connection stays here with its cursor, because the way
through the pool and a new cursor take as long as all the rest that is done in this process.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, LiteralString, cast

import psycopg
import structlog
from psycopg.pq import TransactionStatus
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from kubeai_bot.errors import StoreError
from kubeai_bot.stores.postgres.arrays import take_arrays
from kubeai_bot.stores.postgres.dsn import Dsn
from kubeai_bot.stores.postgres.errors import FAILURES, is_worth_repeating, means_another_server, store_error

Driver = psycopg.AsyncConnection[Any]
Row = tuple[Any, ...]

REPEATS = 2
"""One for a connection that was lost, and one for meeting what the server still did for the lost one."""

_PREPARED_AT = 2
"""A statement that a connection has run so often already is prepared on it."""

_GIVE_UP = 1.0
"""Seconds that the server gets to cancel a statement which took too long; then its connection is closed."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Held:
    """A connection of the engine's pool that is checked out, in autocommit, with its one cursor. (The cursor keeps the
    last result until the next statement.) `poll` knows the connection's socket."""

    pooled: PoolProxiedConnection
    driver: Driver
    cursor: psycopg.AsyncCursor[Row]
    poll: select.poll

    @property
    def is_stale(self) -> bool:
        """Whether the server has spoken unasked on an idle connection, as it does when it closes it."""
        return self.driver.closed or bool(self.poll.poll(0))


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
        self._idle: list[_Held] = []
        self._busy: set[Driver] = set()
        self._closed = False
        self._engine = _engine(dsn, schema, limits, _PREPARED_AT if prepares else None)

    def __repr__(self) -> str:
        return f"Database({self.dsn.place}, schema {self.schema!r})"

    async def fetch(self, statement: str, parameters: Mapping[str, Any], *, repeatable: bool = False) -> list[Row]:
        """The rows that one statement gives, committed. `repeatable`: it may run again when its connection is lost, for
        running it twice has the effect of running it once. Raises StoreError."""
        left = REPEATS if repeatable else 0
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
        seconds = timeout or self._timeout
        try:
            await self._wait_for_turn()
            try:
                async with asyncio.timeout(seconds + _GIVE_UP), asyncio.timeout(seconds):
                    held = await self._take()
                    held.pooled.close()  # now it lies on top of the pool: the engine takes one that is alive
                    self._busy.add(held.driver)
                    try:
                        async with self._engine.connect() as connection:
                            await connection.execution_options(isolation_level="READ COMMITTED")
                            async with connection.begin():
                                yield connection
                    finally:
                        self._busy.discard(held.driver)
            finally:
                self._free.release()
        except FAILURES as error:
            raise store_error(error, self.dsn) from error

    async def ping(self) -> None:
        """Raises StoreError where the database does not answer."""
        await self.fetch("SELECT 1", {}, repeatable=True)

    async def aclose(self) -> None:
        """Ends what is under way too: nobody waits for a database that hangs. From then on statements fail at once."""
        self._closed = True
        for driver in self._busy:
            _hang_up(driver)
        while self._idle:
            self._idle.pop().pooled.close()
        await self._engine.dispose()

    async def _once(self, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
        await self._wait_for_turn()
        try:
            held = await self._take()
            self._busy.add(held.driver)
            try:
                # The first cancels the statement on the server; the second ends the wait for a server that hangs.
                async with asyncio.timeout(self._timeout + _GIVE_UP), asyncio.timeout(self._timeout):
                    await held.cursor.execute(cast("LiteralString", statement), parameters)
                    return await held.cursor.fetchall()
            except psycopg.Error as error:
                if means_another_server(error):
                    await held.driver.close()
                raise
            finally:
                self._busy.discard(held.driver)
                await self._give_back(held)
        finally:
            self._free.release()

    async def _wait_for_turn(self) -> None:
        """First come, first served: in the pool's own queue a busy task overtakes those that wait, without end. Whoever
        has a turn finds a connection, held idle or in the pool, and releases `_free`."""
        if not self._free.locked():
            await self._free.acquire()  # at once
            return
        try:
            async with asyncio.timeout(self._pool_timeout):
                await self._free.acquire()
        except TimeoutError as error:
            raise PoolTimeout(f"no connection was free within {self._pool_timeout:g} s") from error

    async def _take(self) -> _Held:
        """A connection that is not known to be dead: the one that was used last, or one of the pool."""
        while self._idle:
            held = self._idle.pop()
            if not held.is_stale:
                return held
            await greenlet_spawn(held.pooled.invalidate)
        pooled = await self._from_pool()
        for _ in range(self._pool_size):
            if not _driver(pooled).closed and not (held := _hold(pooled)).is_stale:
                return held
            await greenlet_spawn(pooled.invalidate)
            pooled = await self._from_pool()
        return _hold(pooled)

    async def _from_pool(self) -> PoolProxiedConnection:
        """Raises StoreError where no connection can be made: trying again at once would only take as long again."""
        if self._closed:
            raise StoreError(f"database {self.dsn.place}: closed")
        try:
            pooled = await self._engine.raw_connection()
        except FAILURES as error:
            raise store_error(error, self.dsn) from error
        if self._closed:  # meanwhile, and nobody would close this one
            await greenlet_spawn(pooled.invalidate)
            raise StoreError(f"database {self.dsn.place}: closed")
        return pooled

    async def _give_back(self, held: _Held) -> None:
        """Never really waits, so that a cancelled caller leaves the pool whole: psycopg closes a connection without a
        word from the server."""
        if self._closed or held.driver.closed or held.driver.info.transaction_status is not TransactionStatus.IDLE:
            await greenlet_spawn(held.pooled.invalidate)
        else:
            self._idle.append(held)


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


def _hang_up(driver: Driver) -> None:
    """As a network that breaks: whoever waits on it gets an error. (Closing it would free what psycopg's C code, in the
    middle of a statement, still works with.)"""
    with suppress(psycopg.Error, OSError), socket.fromfd(driver.fileno(), socket.AF_INET, socket.SOCK_STREAM) as line:
        line.shutdown(socket.SHUT_RDWR)


def _hold(pooled: PoolProxiedConnection) -> _Held:
    driver = _driver(pooled)
    poll = select.poll()
    poll.register(driver.fileno(), select.POLLIN)
    take_arrays(driver)
    return _Held(pooled, driver, driver.cursor(binary=True), poll)


def _driver(pooled: PoolProxiedConnection) -> Driver:
    return cast("Driver", pooled.driver_connection)
