"""The audit trail: one chain, written to every sink; a sink that is away gets what it missed when it is back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import structlog

from kubeai_bot.audit.chain import Chain, Record
from kubeai_bot.domain.audit import AuditEntry
from kubeai_bot.errors import AuditFailed
from kubeai_bot.interfaces import Audit

log = structlog.get_logger(__name__)

WITHIN = 5.0
"""Seconds that a sink may take for a record."""

MOST_WAITING = 10_000
"""Records that wait for a sink which is away; the oldest beyond that are lost to it, and `verify` finds the gap."""


class Sink(Protocol):
    """A place that takes records for good."""

    @property
    def name(self) -> str: ...

    async def write(self, records: Sequence[Record]) -> None:
        """On record when it returns; the same record again changes nothing. Raises AuditFailed."""
        ...


class _Place:
    """One sink, and what it has not taken yet. A write that takes too long is not given up but waited for again: what
    it writes after all must not be written twice, as one that somebody stopped waiting for."""

    def __init__(self, sink: Sink) -> None:
        self.waiting = deque[Record](maxlen=MOST_WAITING)
        self._sink = sink
        self._writing: asyncio.Task[None] | None = None

    async def flush(self) -> bool:
        """Whether the sink has everything now."""
        try:
            async with asyncio.timeout(WITHIN):
                while self.waiting:
                    if self._writing is None or self._writing.done():
                        self._writing = asyncio.create_task(self._write())
                        self._writing.add_done_callback(_looked_at)
                    await asyncio.shield(self._writing)
        except (AuditFailed, TimeoutError) as error:
            log.error(  # noqa: TRY400
                "audit trail not written", place=self._sink.name, waiting=len(self.waiting), error=str(error)
            )
            return False
        return True

    async def _write(self) -> None:
        records = list(self.waiting)
        await self._sink.write(records)
        while self.waiting and self.waiting[0]["number"] <= records[-1]["number"]:
            self.waiting.popleft()


def _looked_at(write: asyncio.Task[None]) -> None:
    """Its error has been told of, or nobody waits for it any more."""
    if not write.cancelled():
        write.exception()


class Trail(Audit):
    """One process's trail over `sinks`. An entry counts as recorded where at least one sink has it."""

    def __init__(self, chain: Chain, sinks: Sequence[Sink]) -> None:
        self._chain = chain
        self._places = [_Place(sink) for sink in sinks]
        self._lock = asyncio.Lock()

    async def record(self, entry: AuditEntry) -> None:
        """Raises AuditFailed where no sink took it. It is written later all the same, in its place in the chain."""
        async with self._lock:
            record = self._chain.link(entry)
            for place in self._places:
                place.waiting.append(record)
            taken = await asyncio.gather(*(place.flush() for place in self._places))
        if not any(taken):
            raise AuditFailed("no place of the audit trail takes records")

    async def flush(self) -> None:
        """Write what still waits, at the end of the process."""
        async with self._lock:
            await asyncio.gather(*(place.flush() for place in self._places))
