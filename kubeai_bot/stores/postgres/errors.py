"""What the database's errors mean to whoever runs the bot."""

from __future__ import annotations

import psycopg
from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from kubeai_bot.errors import StoreError
from kubeai_bot.stores.postgres.dsn import Dsn

FAILURES = (psycopg.Error, DBAPIError, PoolTimeout, TimeoutError, OSError)
"""Everything that driver, engine and pool raise for trouble with the database."""

_ADVICE: tuple[tuple[type[psycopg.Error], str], ...] = (
    (pg.DiskFull, "the database's disk is full: make room there"),
    (pg.OutOfMemory, "the database is out of memory"),
    (pg.TooManyConnections, "the database accepts no more connections: raise its max_connections or use fewer"),
    (pg.InvalidPassword, "the database refused user or password: check DATABASE_URL"),
    (pg.InvalidAuthorizationSpecification, "the database refused the user: check DATABASE_URL and pg_hba.conf"),
    (pg.InvalidCatalogName, "the database does not exist: create it or correct DATABASE_URL"),
    (pg.CannotConnectNow, "the database is starting up or shutting down"),
    (pg.AdminShutdown, "the database closed the connection (restart, failover or pg_terminate_backend)"),
    (pg.CrashShutdown, "the database closed the connection after a crash"),
    (pg.ReadOnlySqlTransaction, "the database is read-only (a standby, or locked after a full disk)"),
    (pg.LockNotAvailable, "another transaction held a lock for too long: look at pg_stat_activity"),
    (pg.DeadlockDetected, "the database broke a deadlock: try again"),
    (pg.QueryCanceled, "the statement took too long and was cancelled: look at the database's load and locks"),
    (pg.InsufficientPrivilege, "the database user lacks a right on the tables: grant it"),
    (pg.UndefinedTable, "the tables are not there: DATABASE_SCHEMA may be wrong"),
    (pg.UndefinedFunction, "the tables are not those of this version: DATABASE_SCHEMA may be wrong"),
)

_LOST = (
    pg.AdminShutdown,
    pg.CrashShutdown,
    pg.CannotConnectNow,
    pg.IdleSessionTimeout,
    pg.ReadOnlySqlTransaction,
    # What was prepared on this connection is no longer right (a migration) or not there (a pooler).
    pg.FeatureNotSupported,
    pg.InvalidSqlStatementName,
)


def cause_of(error: BaseException) -> BaseException:
    """The driver's error inside the engine's."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def means_another_server(error: BaseException) -> bool:
    """Whether the connection is of no more use although the error came over it."""
    return isinstance(cause_of(error), _LOST)


def is_worth_repeating(error: BaseException) -> bool:
    """Whether a statement that may run twice should: its connection went away (whether it took effect is not known),
    or it met another one (the same event recorded at the same moment)."""
    if isinstance(error, (*_LOST, pg.DeadlockDetected, pg.UniqueViolation)):
        return True
    return isinstance(error, psycopg.OperationalError) and error.sqlstate is None


def store_error(error: BaseException, dsn: Dsn) -> StoreError:
    """A sentence on what went wrong and what to look at. Holds no password and no row."""
    return StoreError(f"database {dsn.place}: {_sentence(cause_of(error), dsn.password)}")


def _sentence(error: BaseException, password: str) -> str:
    if isinstance(error, PoolTimeout):
        return "all connections of the pool are in use: look for slow statements or raise the pool's size"
    if isinstance(error, TimeoutError):
        return "no answer in time: look at the database's load and locks, and at the network"
    advice = next((words for kind, words in _ADVICE if isinstance(error, kind)), None)
    if isinstance(error, psycopg.Error) and error.sqlstate is not None:
        server = error.diag.message_primary or type(error).__name__
        return f"{advice} ({server})" if advice else f"{server} (SQLSTATE {error.sqlstate})"
    # Connection failures carry no SQLSTATE; libpq's words name host, port and reason, one line per host tried.
    words = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())[:500]
    return f"no connection ({_without(password, words) or type(error).__name__})"


def _without(password: str, words: str) -> str:
    return words.replace(password, "***") if password else words
