"""Bringing the tables up to this version: at start, by exactly one of many replicas, in one transaction."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import psycopg
import structlog
from psycopg import errors as pg
from psycopg.sql import SQL, Composed, Identifier
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from kubeai_bot.errors import ConfigError
from kubeai_bot.stores.postgres.dsn import Dsn
from kubeai_bot.stores.postgres.errors import FAILURES, cause_of, store_error

TABLES = 4
"""The number of the newest migration: of the tables that this code was written for."""

_POLL = 0.25
_log = structlog.get_logger(__name__)


_MISSING = (pg.UndefinedTable, pg.InvalidSchemaName)


async def migrate(dsn: Dsn, schema: str, wait: float = 300.0) -> None:
    """Make the tables of `schema` fit this code, waiting up to `wait` seconds for a replica that does the same.

    Tables of a later release are left alone where they say that this code can work with them, as in the course of a
    rolling update. Raises ConfigError where they do not, or where the user may not make tables; StoreError.
    """
    engine = create_async_engine(
        "postgresql+psycopg://", connect_args={**dsn.parameters, "prepare_threshold": None}, poolclass=NullPool
    )
    try:
        deadline = time.monotonic() + wait
        async with engine.connect() as connection:
            while not await _migrated(connection, schema):
                if time.monotonic() > deadline:
                    raise ConfigError([f"another replica has been migrating schema {schema!r} for {wait:.0f} s"])
                await asyncio.sleep(_POLL)
    except FAILURES as error:
        cause = cause_of(error)
        if isinstance(cause, pg.InsufficientPrivilege | pg.InvalidSchemaName | pg.DuplicateTable):
            raise ConfigError([_advice(schema, cause)]) from error
        raise store_error(error, dsn) from error
    finally:
        await engine.dispose()


async def are_ready(connection: psycopg.AsyncConnection[Any], schema: str) -> bool:
    """Whether this code can work with the tables that are there, over a connection in autocommit. Raises ConfigError
    for tables that only later code can work with."""
    try:
        cursor = await connection.execute(_found(schema))
        return _fits(await cursor.fetchone(), schema)
    except _MISSING:
        return False


async def _migrated(connection: AsyncConnection, schema: str) -> bool:
    """One attempt, in one transaction: the lock goes with it, also where the process dies, and it holds behind a
    transaction-mode pooler. Nobody waits for the lock inside a transaction."""
    async with connection.begin():
        lock = text("SELECT pg_try_advisory_xact_lock(hashtextextended('kubeai-bot migrations ' || :schema, 0))")
        if not (await connection.execute(lock, {"schema": schema})).scalar_one():
            return False
        await connection.run_sync(_upgrade, schema)
        return True


def _found(schema: str) -> SQL | Composed:
    return SQL("SELECT tables, oldest_code FROM {}").format(Identifier(schema, "compatibility"))


def _fits(row: Sequence[Any] | None, schema: str) -> bool:
    tables, oldest_code = (0, 0) if row is None else row
    if oldest_code > TABLES:
        fault = (
            f"the tables of schema {schema!r} are those of a newer kubeai-bot (number {tables}, for code from"
            f" {oldest_code} on; this one has {TABLES}): update this replica, or restore a backup to go back"
        )
        raise ConfigError([fault])
    return tables >= TABLES


def _upgrade(connection: Connection, schema: str) -> None:
    quoted = Identifier(schema).as_string()
    if _is_done(connection, quoted, schema):
        return  # another replica was faster
    if not connection.execute(text("SELECT to_regnamespace(:name) IS NOT NULL"), {"name": quoted}).scalar_one():
        connection.execute(text(f"CREATE SCHEMA {quoted}"))
    connection.execute(text(f"SET LOCAL search_path TO {quoted}, pg_temp"))
    # Alembic stays out of the memory of all replicas that find their tables made.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "kubeai_bot.stores.postgres:migrations")
    config.attributes.update(connection=connection, schema=schema)
    command.upgrade(config, "head")
    _log.info("database migrated", schema=schema, tables=TABLES)


def _is_done(connection: Connection, quoted: str, schema: str) -> bool:
    table = f"{quoted}.compatibility"
    if connection.execute(text("SELECT to_regclass(:name)"), {"name": table}).scalar_one() is None:
        return False
    row = connection.execute(text(f"SELECT tables, oldest_code FROM {table}")).one_or_none()  # noqa: S608 - quoted
    return _fits(row, schema)


def _advice(schema: str, cause: BaseException) -> str:
    server = cause.diag.message_primary if isinstance(cause, psycopg.Error) else str(cause)
    return (
        f"the tables cannot be made in schema {schema!r} ({server}): let the owner of the database create the schema"
        " for this user, choose another by DATABASE_SCHEMA, or give DATABASE_MIGRATION_URL a user that may"
    )
