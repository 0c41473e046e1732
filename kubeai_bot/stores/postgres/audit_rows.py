"""The audit trail's records in the database: only ever added, and deleted by their own retention alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from kubeai_bot.domain.audit import Trim
from kubeai_bot.errors import AuditFailed, StoreError
from kubeai_bot.stores.codec import dumps, loads
from kubeai_bot.stores.postgres.engine import Database
from kubeai_bot.stores.postgres.tables import AUDIT, AUDIT_TRIMS

_PAGE = 1_000
_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('kubeai-bot audit pruning ' || current_schema, 0))")


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

    async def trims(self) -> list[Trim]:
        """What retention has deleted so far. Raises StoreError."""
        async with self._database.transaction() as connection:
            return [Trim(*row) for row in (await connection.execute(select(AUDIT_TRIMS))).all()]

    async def prune(self, days: int, seal: Callable[[Trim], Trim]) -> int:
        """Delete the beginnings of chains that are older, and leave a word on it that `seal` has sealed; how many
        records that were. 0 while another replica does. Raises StoreError."""
        before, gone = datetime.now(UTC) - timedelta(days=days), 0
        # What is older and stands behind something newer, because a clock was set back, goes with the newer.
        kept = func.min(AUDIT.c.number).filter(AUDIT.c.at >= before)
        last = func.coalesce(kept - 1, func.max(AUDIT.c.number)).label("number")
        old = select(AUDIT.c.process).where(AUDIT.c.at < before)
        ends = select(AUDIT.c.process, last).where(AUDIT.c.process.in_(old)).group_by(AUDIT.c.process).subquery()
        found = select(AUDIT.c.process, AUDIT.c.number, AUDIT.c.record).join(
            ends, (AUDIT.c.process == ends.c.process) & (AUDIT.c.number == ends.c.number)
        )
        async with self._database.transaction(60.0) as connection:
            if not (await connection.execute(_LOCK)).scalar_one():
                return 0
            for row in (await connection.execute(found)).all():
                trim = seal(Trim(row.process, row.number, loads(row.record)["hmac"]))
                old = (AUDIT.c.process == row.process) & (AUDIT.c.number <= row.number)
                gone += (await connection.execute(delete(AUDIT).where(old))).rowcount
                values = {"number": trim.number, "hmac": trim.hmac, "seal": trim.seal}
                word = insert(AUDIT_TRIMS).values(process=trim.process, **values)
                await connection.execute(word.on_conflict_do_update(index_elements=["process"], set_=values))
        return gone
