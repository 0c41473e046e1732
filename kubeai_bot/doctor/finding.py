"""What the doctor finds: one line on how it is, and the line that mends it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Area(StrEnum):
    """What can be looked at by itself (`--only`)."""

    CONFIGURATION = "configuration"
    SLACK = "slack"
    MODEL = "model"
    SESSIONS = "sessions"
    CLUSTERS = "clusters"
    MCP = "mcp"
    SKILLS = "skills"
    AUDIT = "audit"
    TELEMETRY = "telemetry"


class Result(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class AtStart(StrEnum):
    """What a finding means to a start that waits for the doctor (`--init`)."""

    GO = "go"
    """The bot can be started: nothing is wrong, or it serves people all the same."""
    WAIT = "wait"
    """Something does not answer, which may pass; the bot waits for it by itself, too."""
    STOP = "stop"
    """It stays as it is until somebody changes it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` names what was looked at (`slack.scopes`, `clusters.demo.impersonation`); the first part is the area."""

    check: str
    result: Result
    says: str
    fix: str = ""
    at_start: AtStart = AtStart.GO

    @property
    def area(self) -> Area:
        return Area(self.check.partition(".")[0])


def ok(check: str, says: str) -> Finding:
    return Finding(check, Result.OK, says)


def warning(check: str, says: str, fix: str) -> Finding:
    """It works, and somebody should know."""
    return Finding(check, Result.WARNING, says, fix)


def fault(check: str, says: str, fix: str) -> Finding:
    """It cannot work, and waiting does not help."""
    return Finding(check, Result.FAULT, says, fix, AtStart.STOP)


def outage(check: str, says: str, fix: str) -> Finding:
    """It does not work now; that may pass."""
    return Finding(check, Result.FAULT, says, fix, AtStart.WAIT)


def defect(check: str, says: str, fix: str) -> Finding:
    """A part does not work; the bot serves people without it."""
    return Finding(check, Result.FAULT, says, fix, AtStart.GO)


def for_a_start(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """As `--init` judges: what waiting may mend, and what the bot can do without, is no fault."""
    return tuple(
        replace(each, result=Result.WARNING)
        if each.result is Result.FAULT and each.at_start is not AtStart.STOP
        else each
        for each in findings
    )


def worst(findings: Iterable[Finding]) -> Result:
    found = {each.result for each in findings}
    return next((result for result in (Result.FAULT, Result.WARNING) if result in found), Result.OK)
