"""What every turn works with, and the rules it keeps to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from kubeai_bot.domain.message import Json
from kubeai_bot.domain.policy import Mode, Policy
from kubeai_bot.domain.redaction.redactor import Redaction
from kubeai_bot.interfaces import Audit, IdentityResolver, Provider, Rights, Toolset


@dataclass(frozen=True, slots=True)
class TurnRules:
    """What every turn of this deployment keeps to."""

    name: str = "kubeai"
    policy: Policy = Policy()
    max_iterations: int = 20
    deadline: float = 600.0
    """Seconds; counted anew by a runner that takes a turn over."""
    approval_ttl: timedelta = timedelta(hours=1)
    grant_for: timedelta = timedelta(minutes=30)
    clusters: tuple[str, ...] = ()
    default_cluster: str = ""
    """The one that is meant where a question names none; "" with several clusters: the person is asked."""
    keeping: str = "in memory: they are gone when I am restarted"
    """How sessions are kept, in words for people."""
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    @property
    def mode(self) -> Mode:
        return self.policy.mode


def _nothing() -> Json:
    return dict[str, Any]()


@dataclass(frozen=True, slots=True)
class TurnParts:
    """What a turn works with. `mcp_status` is the state of the MCP servers, as the session's record keeps it;
    `troubles` what the word `status` should tell of (skills that cannot be used)."""

    provider: Provider
    tools: Toolset
    resolver: IdentityResolver
    rights: Rights
    audit: Audit
    redaction: Redaction
    mcp_status: Callable[[], Json] = _nothing
    troubles: Callable[[], Sequence[str]] = tuple
