"""The session store that the settings ask for, open while it is used."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

from kubeai_bot.audit.trail import Sink
from kubeai_bot.domain.audit import Trim
from kubeai_bot.errors import ConfigError
from kubeai_bot.interfaces import SessionStore
from kubeai_bot.settings.environment import Settings
from kubeai_bot.stores.memory import MemoryStore

MOST_SESSIONS = 5_000
"""Sessions kept in memory where SESSION_LIMIT does not say; beyond that the longest untouched one is forgotten."""


@asynccontextmanager
async def open_store(settings: Settings, *, read_only: bool = False) -> AsyncGenerator[SessionStore]:
    """Drivers are imported only where they are used. `read_only`: to look at files beside a running bot. Raises
    ConfigError, StoreError."""
    async with AsyncExitStack() as stack:
        if settings.session_type == "postgres":
            from kubeai_bot.stores.postgres.engine import Limits  # noqa: PLC0415
            from kubeai_bot.stores.postgres.opening import open_postgres  # noqa: PLC0415

            if settings.database_url is None:  # Settings.load has refused this
                raise ConfigError(["SESSION_TYPE=postgres needs DATABASE_URL."])
            migration_url = settings.database_migration_url
            yield await stack.enter_async_context(
                open_postgres(
                    settings.database_url.get_secret_value(),
                    schema=settings.database_schema,
                    migration_url=migration_url.get_secret_value() if migration_url else None,
                    limits=Limits(pool_size=settings.database_pool_size),
                )
            )
        elif settings.session_type == "filesystem":
            from kubeai_bot.stores.filesystem.opening import (  # noqa: PLC0415
                open_filesystem,
                open_filesystem_read_only,
            )

            opening = open_filesystem_read_only if read_only else open_filesystem
            yield await stack.enter_async_context(opening(settings.sessions_path))
        else:
            yield MemoryStore(max_sessions=settings.session_limit or MOST_SESSIONS)


class AuditRows(Sink, Protocol):
    """The audit trail's records in the database of the sessions."""

    def rows(self) -> AsyncIterator[dict[str, Any]]:
        """All records, oldest first. Raises StoreError."""
        ...

    async def trims(self) -> list[Trim]:
        """What retention has deleted so far. Raises StoreError."""
        ...

    async def prune(self, days: int, seal: Callable[[Trim], Trim]) -> int:
        """Delete what is older, and leave a sealed word on it; how many records that were. Raises StoreError."""
        ...


def audit_rows(store: SessionStore) -> AuditRows | None:
    """The place of the audit trail in the same database; None where sessions are not in one."""
    rows: AuditRows | None = getattr(store, "audit", None)
    return rows


def keeping(settings: Settings) -> str:
    """How sessions are kept, in words for people; completes "Sessions are kept"."""
    where = {
        "memory": "in memory: they are gone when I am restarted",
        "filesystem": "in files and survive a restart",
        "postgres": "in a PostgreSQL database",
    }[settings.session_type]
    life: list[str] = []
    if settings.session_ttl is not None:
        life.append(f"expire after {_span(settings.session_ttl)} without a message")
    if settings.retention_days is not None:
        life.append(f"are deleted for good after {_span(settings.retention_days * 86400)}")
    return f"{where}; they {' and '.join(life)}" if life else where


def _span(seconds: float) -> str:
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds % size == 0:
            number = round(seconds / size)
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return f"{seconds:g} seconds"
