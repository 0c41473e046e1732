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
from kubeai_bot.domain.identity import Identity, KubeUser, Speaker, describe_user
from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.policy import READING, Act
from kubeai_bot.domain.session import Session
from kubeai_bot.domain.tool import PlannedCall, ToolResult
from kubeai_bot.errors import AuditFailed
from kubeai_bot.interfaces import Audit

log = structlog.get_logger(__name__)


NOT_PUT_UP = "not put up"
VERDICTS = {"refused": "refused", NOT_PUT_UP: "ask"}
"""What was judged of calls that are not run, by outcome."""


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
        """A call that was refused, could not be put up, was started, or ended. Raises AuditFailed for a start: then it
        must not run."""
        await self._record(
            self._entry(
                "call",
                tool=planned.call.name,
                effect=planned.effect.value,
                verdict=VERDICTS.get(outcome) or ("approved" if approval else "allowed"),
                outcome=outcome,
                **_about(planned.acts, planned.call),
                approval_id=approval.id if approval else "",
                reason=reason,
                audit_ids=result.audit_ids if result else (),
                seconds=round(seconds, 3),
            ),
            needed=outcome == "started",
        )

    async def unknown(self, call: ToolCall, approval: Approval | None) -> None:
        """A change of which nobody knows whether it happened."""
        about = _about(approval.acts, call) if approval else {"arguments_digest": digest_of(call)}
        approval_id = approval.id if approval else ""
        entry = self._entry("call", tool=call.name, outcome="unknown", approval_id=approval_id, **about)
        await self._record(entry, needed=False)

    async def not_planned(self, call: ToolCall) -> None:
        """A call that could not even be judged: an unknown tool, arguments that are none."""
        entry = self._entry(
            "call", tool=call.name[:100], verdict="invalid", outcome="failed", arguments_digest=digest_of(call)
        )
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
        as_whom = named_on(self.identity, fields.get("cluster", ""))
        return AuditEntry(kind, self.now(), self.session.id, self.turn_id, self.identity.speaker, as_whom, **fields)


def _about(acts: Sequence[Act], call: ToolCall) -> dict[str, Any]:
    changing = [act for act in acts if act.verb not in READING] or list(acts)
    objects = tuple(dict.fromkeys(f"{act.kind} {act.namespace}/{act.name}".strip("/ ") for act in changing))
    return {
        "cluster": next((act.cluster for act in acts if act.cluster), ""),
        "objects": objects,
        "acts": tuple(acts),
        "arguments_digest": digest_of(call),
    }


def named_on(identity: Identity, cluster: str) -> str:
    """As whom something runs on that cluster, in words."""
    here = identity.on(cluster)
    return describe_user(here.user, here.groups) if isinstance(here, KubeUser) else identity.describe()


def digest_of(call: ToolCall) -> str:
    return hashlib.sha256(json.dumps(call.arguments, sort_keys=True, default=str).encode()).hexdigest()
