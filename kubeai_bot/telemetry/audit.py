"""Verdicts, approvals and refusals, counted where they are put on the audit trail."""

from __future__ import annotations

from kubeai_bot.domain.audit import AuditEntry
from kubeai_bot.interfaces import Audit
from kubeai_bot.telemetry.metrics import APPROVAL_STEPS, OTHER, Metrics


class MeasuredAudit:
    """Passes every entry on to `audit`."""

    def __init__(self, audit: Audit, metrics: Metrics) -> None:
        self._audit = audit
        self._metrics = metrics

    async def record(self, entry: AuditEntry) -> None:
        """What happened is counted also where the trail does not take it; a decision then does not count."""
        if entry.kind == "call":
            self._call(entry)
        elif entry.kind == "denied-identity":
            self._metrics.identities_denied.inc()
        await self._audit.record(entry)
        if entry.kind == "asked":
            self._metrics.approvals.labels("asked").inc()
            self._count(entry, "ask", "waiting")
        elif entry.kind == "decision":
            step = entry.outcome.partition(":")[0]
            self._metrics.approvals.labels(step if step in APPROVAL_STEPS else OTHER).inc()

    def _call(self, entry: AuditEntry) -> None:
        if entry.outcome == "started" or entry.verdict == "invalid":  # the latter: MeasuredToolset counts them
            return
        self._count(entry, entry.verdict or "allowed", entry.outcome)
        if entry.outcome in ("ok", "failed"):
            self._metrics.tool_seconds.labels(self._metrics.tool_name(entry.tool)).observe(entry.seconds)

    def _count(self, entry: AuditEntry, verdict: str, outcome: str) -> None:
        """Entries that do not name the effect are of changes."""
        name, effect = self._metrics.tool_name(entry.tool), entry.effect or "write"
        self._metrics.tool_calls.labels(name, effect, verdict, outcome).inc()
