"""What of a turn goes on the audit trail."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from kubeai_bot.domain.approval import Approval
from kubeai_bot.domain.audit import AuditEntry
from kubeai_bot.domain.identity import Identity, Speaker
from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.policy import READING, Act
from kubeai_bot.domain.session import Session
from kubeai_bot.domain.tool import PlannedCall, ToolResult
from kubeai_bot.errors import AuditFailed
from kubeai_bot.interfaces import Audit

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Auditor:
    """Writes the entries of one turn."""

    audit: Audit
    session: Session
    turn_id: str
    identity: Identity
    now: Callable[[], datetime]

    async def call(
        self,
        planned: PlannedCall,
        outcome: str,
        reason: str = "",
        *,
        result: ToolResult | None = None,
        seconds: float = 0.0,
        approval: Approval | None = None,
    ) -> None:
        """A call that was refused, started, or ended. Raises AuditFailed for a start: then it must not run."""
        await self._record(
            self._entry(
                "call",
                tool=planned.call.name,
                effect=planned.effect.value,
                verdict="refused" if outcome == "refused" else "approved" if approval else "allowed",
                outcome=outcome,
                **_about(planned.acts, planned.call),
                approval_id=approval.id if approval else "",
                reason=reason,
                audit_ids=result.audit_ids if result else (),
                seconds=round(seconds, 3),
            ),
            needed=outcome == "started",
        )

    async def unknown(self, call: ToolCall) -> None:
        """A change of which nobody knows whether it happened."""
        entry = self._entry("call", tool=call.name, outcome="unknown", arguments_digest=digest_of(call))
        await self._record(entry, needed=False)

    async def asked(self, approval: Approval) -> None:
        about = _about(approval.acts, approval.call) | {"objects": approval.preview.objects}
        await self.audit.record(
            self._entry("asked", tool=approval.call.name, verdict="ask", approval_id=approval.id, **about)
        )

    async def decision(self, approval: Approval, outcome: str, by: Speaker, reason: str = "") -> None:
        """`outcome`: approved, denied, expired, or why somebody's word did not count."""
        about = _about(approval.acts, approval.call) | {"objects": approval.preview.objects}
        await self.audit.record(
            self._entry(
                "decision",
                tool=approval.call.name,
                outcome=outcome,
                approval_id=approval.id,
                decided_by=by,
                reason=reason,
                **about,
            )
        )

    async def grant(self, grant_id: str, outcome: str, by: Speaker, reason: str) -> None:
        await self.audit.record(
            self._entry("grant", outcome=outcome, approval_id=grant_id, decided_by=by, reason=reason)
        )

    async def _record(self, entry: AuditEntry, *, needed: bool) -> None:
        try:
            await self.audit.record(entry)
        except AuditFailed as error:
            if needed:
                raise
            log.error("not on the audit trail", kind=entry.kind, outcome=entry.outcome, error=str(error))  # noqa: TRY400

    def _entry(self, kind: Any, **fields: Any) -> AuditEntry:
        return AuditEntry(
            kind, self.now(), self.session.id, self.turn_id, self.identity.speaker, self.identity.describe(), **fields
        )


def _about(acts: Sequence[Act], call: ToolCall) -> dict[str, Any]:
    changing = [act for act in acts if act.verb not in READING] or list(acts)
    objects = tuple(dict.fromkeys(f"{act.kind} {act.namespace}/{act.name}".strip("/ ") for act in changing))
    return {
        "cluster": next((act.cluster for act in acts if act.cluster), ""),
        "objects": objects,
        "acts": tuple(acts),
        "arguments_digest": digest_of(call),
    }


def digest_of(call: ToolCall) -> str:
    return hashlib.sha256(json.dumps(call.arguments, sort_keys=True, default=str).encode()).hexdigest()
