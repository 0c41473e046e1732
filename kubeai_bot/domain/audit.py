"""What the audit trail keeps: one entry for each tool call and each decision. Values only; audit/ chains and stores."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from kubeai_bot.domain.identity import Speaker
from kubeai_bot.domain.message import Json
from kubeai_bot.domain.policy import Act

AuditKind = Literal["call", "asked", "decision", "grant", "denied-identity"]
"""A tool call that was run or refused; a change that was put up for approval; what somebody decided on it; a standing
grant given or revoked; a person whom nobody could place."""


@dataclass(frozen=True, slots=True)
class Trim:
    """What retention has deleted of a process's records: all up to `number`, whose HMAC was `hmac`. `seal` is the HMAC
    of the three others, "" where a release that did not seal yet deleted them."""

    process: str
    number: int
    hmac: str
    seal: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, as whom, to what, on whose word, and what came of it. Never holds arguments or results, only their
    digest (SHA-256). `seconds` is the duration; `audit_ids` the `Audit-Id` headers of the API server's answers."""

    kind: AuditKind
    at: datetime
    session_id: str
    turn_id: str
    speaker: Speaker | None
    identity: str
    tool: str = ""
    effect: str = ""
    verdict: str = ""
    outcome: str = ""
    cluster: str = ""
    objects: tuple[str, ...] = ()
    acts: tuple[Act, ...] = ()
    arguments_digest: str = ""
    approval_id: str = ""
    decided_by: Speaker | None = None
    reason: str = ""
    audit_ids: tuple[str, ...] = ()
    seconds: float = 0.0
    more: Json = field(default_factory=dict[str, Any])
