"""The audit trail's records in the database: only ever added, and deleted by their own retention alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from kubeai_bot.errors import AuditFailed, StoreError
from kubeai_bot.stores.codec import dumps, loads
from kubeai_bot.stores.postgres.engine import Database
from kubeai_bot.stores.postgres.tables import AUDIT

_PAGE = 1_000


class AuditRows:
    """One row for each record."""

    name = "the database"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, records: Sequence[Mapping[str, Any]]) -> None:
        """On record when it returns; the same record again changes nothing. Raises AuditFailed."""
        rows = [
            {
                "process": record["process"],
                "number": record["number"],
                "at": datetime.fromisoformat(record["at"]),
                "record": dumps(record),
            }
            for record in records
        ]
        try:
            async with self._database.transaction() as connection:
                await connection.execute(insert(AUDIT).on_conflict_do_nothing(), rows)
        except StoreError as error:
            raise AuditFailed(str(error)) from error

    async def rows(self) -> AsyncIterator[dict[str, Any]]:
        """All records, chain by chain. Raises StoreError."""
        place = ("", 0)
        while True:
            query = select(AUDIT.c.process, AUDIT.c.number, AUDIT.c.record)
            query = query.where(tuple_(AUDIT.c.process, AUDIT.c.number) > place)
            async with self._database.transaction() as connection:
                page = (await connection.execute(query.order_by(AUDIT.c.process, AUDIT.c.number).limit(_PAGE))).all()
            for row in page:
                yield loads(row.record)
            if len(page) < _PAGE:
                return
            place = (page[-1].process, page[-1].number)

    async def prune(self, days: int) -> int:
        """Delete what is older; how many records that were. Raises StoreError."""
        before = datetime.now(UTC) - timedelta(days=days)
        async with self._database.transaction(60.0) as connection:
            return (await connection.execute(delete(AUDIT).where(AUDIT.c.at < before))).rowcount
