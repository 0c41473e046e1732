"""The audit trail of a process that keeps none elsewhere: the newest entries, for tests and the playground."""

from __future__ import annotations

from collections import deque

from kubeai_bot.domain.audit import AuditEntry
from kubeai_bot.interfaces import Audit


class MemoryAudit(Audit):
    """Keeps the newest `most` entries, and loses them with the process."""

    def __init__(self, most: int = 10_000) -> None:
        self.entries: deque[AuditEntry] = deque(maxlen=most)

    async def record(self, entry: AuditEntry) -> None:
        self.entries.append(entry)
