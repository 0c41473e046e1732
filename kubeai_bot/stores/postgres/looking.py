"""Whether the database could be used, found out in read-only transactions: nothing is made, migrated or locked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import Identifier

from kubeai_bot.stores.postgres.dsn import Dsn, parse_dsn
from kubeai_bot.stores.postgres.errors import FAILURES, store_error
from kubeai_bot.stores.postgres.migrate import are_ready
from kubeai_bot.stores.postgres.opening import SCHEMA

_WRITES = """
SELECT current_user, current_database(), current_setting('server_version'),
       pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean
"""
_MAKES = """
SELECT n.oid IS NOT NULL,
       coalesce(has_schema_privilege(n.oid, 'USAGE'), false),
       CASE WHEN n.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE')
            ELSE has_schema_privilege(n.oid, 'CREATE') AND NOT EXISTS (
                SELECT FROM pg_class c
                WHERE c.relnamespace = n.oid AND c.relkind = 'r' AND NOT pg_has_role(c.relowner, 'USAGE'))
       END
FROM (VALUES (%(schema)s)) AS wanted (name) LEFT JOIN pg_namespace n ON n.nspname = wanted.name
"""
_LACKING = """
SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relkind = 'r' AND c.relname NOT IN ('compatibility', 'alembic_version')
  AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
           AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
UNION ALL
SELECT p.proname::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = %(schema)s AND NOT has_function_privilege(p.oid, 'EXECUTE')
ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class DatabaseSeen:
    """`place` names server and database, `user` whom the bot is there. `ready`: the tables fit this code. `migrator`
    would make them where they do not, and `may_migrate` says whether it has the rights. `lacking`: tables and functions
    that the bot's user may not use."""

    place: str
    schema: str
    user: str
    database: str
    version: str
    read_only: bool
    schema_there: bool
    may_enter: bool
    ready: bool
    migrator: str
    may_migrate: bool
    lacking: tuple[str, ...]


async def look_at_database(
    url: str, schema: str | None = None, migration_url: str | None = None, timeout: float = 8.0
) -> DatabaseSeen:
    """Raises ConfigError for an address that cannot be read and for tables of a newer release; StoreError."""
    dsn, schema = parse_dsn(url), schema or SCHEMA
    migration_dsn = parse_dsn(migration_url, "DATABASE_MIGRATION_URL") if migration_url else dsn
    try:
        async with await _connect(dsn, timeout) as connection:
            user, database, version, read_only = await _row(connection, _WRITES)
            there, may_enter, may_migrate = await _row(connection, _MAKES, schema)
            lacking = [name for (name,) in await _rows(connection, _LACKING, schema)]
            ready = may_enter and await _are_ready(connection, schema)
    except FAILURES as error:
        raise store_error(error, dsn) from error
    migrator = user
    if migration_url:
        migrator, may_migrate = await _migrator(migration_dsn, schema, timeout)
    return DatabaseSeen(
        dsn.place,
        schema,
        user,
        database,
        version.split()[0],
        read_only,
        there,
        may_enter,
        ready,
        migrator,
        may_migrate,
        tuple(lacking),
    )


async def _migrator(dsn: Dsn, schema: str, timeout: float) -> tuple[str, bool]:
    """Who DATABASE_MIGRATION_URL leads to, and whether they may make and change the tables."""
    try:
        async with await _connect(dsn, timeout) as connection:
            user, *_ = await _row(connection, _WRITES)
            *_, may_migrate = await _row(connection, _MAKES, schema)
    except FAILURES as error:
        raise store_error(error, dsn) from error
    return user, may_migrate


async def _connect(dsn: Dsn, timeout: float) -> psycopg.AsyncConnection[Any]:
    """A connection whose transactions only read."""
    parameters: dict[str, Any] = {
        **dsn.parameters,
        "connect_timeout": max(2, round(timeout / 2)),
        "prepare_threshold": None,
    }
    connection = await psycopg.AsyncConnection.connect(**parameters)
    await connection.set_read_only(True)
    return connection


async def _are_ready(connection: psycopg.AsyncConnection[Any], schema: str) -> bool:
    name = Identifier(schema, "compatibility").as_string(connection)
    (there,) = await _row(connection, "SELECT to_regclass(%(schema)s) IS NOT NULL", name)
    return there and await are_ready(connection, schema)


async def _row(connection: psycopg.AsyncConnection[Any], query: str, schema: str = "") -> tuple[Any, ...]:
    (row,) = await _rows(connection, query, schema)
    return row


async def _rows(connection: psycopg.AsyncConnection[Any], query: str, schema: str) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(query.encode(), {"schema": schema})
    return await cursor.fetchall()
