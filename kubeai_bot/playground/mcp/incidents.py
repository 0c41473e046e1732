"""The shop's incidents: one for each thing that is wrong in the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kubeai_bot.playground.cluster.scenario import Fault
from kubeai_bot.playground.mcp.binder import runbook_for

_SEVERITIES = {"crash-loop": "SEV1", "oom": "SEV2", "readiness": "SEV2", "rollout": "SEV3", "image-pull": "SEV3"}
_TITLES = {
    "crash-loop": "restarts in a loop",
    "oom": "is killed for its memory",
    "readiness": "is never ready",
    "rollout": "does not finish its rollout",
    "image-pull": "cannot pull its image",
    "unschedulable": "finds no node",
}


@dataclass(frozen=True, slots=True)
class Incident:
    """`acknowledged_by` is "" while nobody has taken it."""

    id: str
    severity: str
    service: str
    title: str
    runbook: str
    acknowledged_by: str = ""
    note: str = ""

    @property
    def state(self) -> str:
        return f"acknowledged by {self.acknowledged_by}" if self.acknowledged_by else "open"


class Board:
    """All incidents, with who has taken which."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        opened = [_incident(number, fault) for number, fault in enumerate(faults, 1)]
        self._incidents = {incident.id: incident for incident in opened}

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """The worst first."""
        return tuple(sorted(self._incidents.values(), key=lambda incident: (incident.severity, incident.id)))

    def acknowledge(self, incident_id: str, by: str, note: str) -> Incident:
        """The incident as it is now; who came first stays. Raises KeyError."""
        incident = self._incidents[incident_id.strip().upper()]
        if not incident.acknowledged_by:
            incident = replace(incident, acknowledged_by=by, note=note)
            self._incidents[incident.id] = incident
        return incident


def _incident(number: int, fault: Fault) -> Incident:
    book = runbook_for(fault.kind)
    return Incident(
        f"INC-{2040 + number}",
        _SEVERITIES.get(fault.kind, "SEV3"),
        f"{fault.namespace}/{fault.workload}",
        f"{fault.workload} {_TITLES.get(fault.kind, 'is not well')}",
        book.id if book else "",
    )
