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


class Trail(Audit):
    """One process's trail over `sinks`. An entry counts as recorded where at least one sink has it."""

    def __init__(self, chain: Chain, sinks: Sequence[Sink]) -> None:
        self._chain = chain
        self._waiting = [(sink, deque[Record](maxlen=MOST_WAITING)) for sink in sinks]
        self._lock = asyncio.Lock()

    async def record(self, entry: AuditEntry) -> None:
        """Raises AuditFailed where no sink took it. It is written later all the same, in its place in the chain."""
        async with self._lock:
            record = self._chain.link(entry)
            for _, waiting in self._waiting:
                waiting.append(record)
            taken = await asyncio.gather(*(self._flush(sink, waiting) for sink, waiting in self._waiting))
        if not any(taken):
            raise AuditFailed("no place of the audit trail takes records")

    async def flush(self) -> None:
        """Write what still waits, at the end of the process."""
        async with self._lock:
            await asyncio.gather(*(self._flush(sink, waiting) for sink, waiting in self._waiting))

    @staticmethod
    async def _flush(sink: Sink, waiting: deque[Record]) -> bool:
        if not waiting:
            return True
        try:
            async with asyncio.timeout(WITHIN):
                await sink.write(list(waiting))
        except (AuditFailed, TimeoutError) as error:
            log.error("audit trail not written", place=sink.name, waiting=len(waiting), error=str(error))  # noqa: TRY400
            return False
        waiting.clear()
        return True
