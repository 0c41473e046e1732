"""All areas looked at side by side, and again where a start can wait for what may pass."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path

from kubeai_bot.doctor import parts
from kubeai_bot.doctor.clusters import look_at_clusters
from kubeai_bot.doctor.finding import Area, AtStart, Finding, Result, fault, for_a_start, ok, warning
from kubeai_bot.doctor.model import look_at_model
from kubeai_bot.doctor.sessions import look_at_sessions
from kubeai_bot.doctor.slack import look_at_slack
from kubeai_bot.errors import ConfigError
from kubeai_bot.settings.environment import Settings

PAUSES = (2.0, 5.0, 10.0)
"""Seconds before `--init` looks again at what did not answer."""

Look = Callable[[Settings], Awaitable[Sequence[Finding]]]

LOOKS: Mapping[Area, Look] = {
    Area.SLACK: look_at_slack,
    Area.MODEL: look_at_model,
    Area.SESSIONS: look_at_sessions,
    Area.CLUSTERS: look_at_clusters,
    Area.MCP: parts.look_at_mcp,
    Area.SKILLS: parts.look_at_skills,
    Area.AUDIT: parts.look_at_audit,
}
"""Telemetry is not among them: its settings are those of OpenTelemetry and stand in the environment."""


def read_configuration(
    environ: Mapping[str, str], env_file: Path | None = None
) -> tuple[Settings | None, tuple[Finding, ...]]:
    """The settings, or None and every fault."""
    check = "configuration.settings"
    try:
        settings = Settings.load(environ, env_file)
    except ConfigError as error:
        fix = "Correct it in the environment, the .env file or CONFIG_FILE: docs/configuration.md."
        return None, tuple(fault(check, each, fix) for each in error.faults)
    fix = "Nothing to do if it is meant so; otherwise change that setting."
    warnings = tuple(warning(check, each, fix) for each in settings.warnings)
    return settings, warnings or (ok(check, "the configuration can be used"),)


async def examine(
    settings: Settings,
    environ: Mapping[str, str],
    areas: Collection[Area] = tuple(Area),
    pauses: Sequence[float] | None = None,
) -> tuple[Finding, ...]:
    """What the areas are like; nothing is changed. With `pauses` (seconds) as a start wants to know it: areas with
    something that may pass are looked at again after each pause, and only what stays wrong is a fault."""
    chosen = [area for area in Area if area in areas and area is not Area.CONFIGURATION]
    found = dict(zip(chosen, await _look(chosen, settings, environ), strict=True))
    for pause in pauses or ():
        again = [area for area in chosen if any(_may_pass(each) for each in found[area])]
        if not again or any(each.at_start is AtStart.STOP for findings in found.values() for each in findings):
            break
        await asyncio.sleep(pause)
        found |= dict(zip(again, await _look(again, settings, environ), strict=True))
    findings = tuple(each for area in chosen for each in found[area])
    return findings if pauses is None else for_a_start(findings)


async def _look(areas: Sequence[Area], settings: Settings, environ: Mapping[str, str]) -> list[Sequence[Finding]]:
    return await asyncio.gather(*(_of(area, settings, environ) for area in areas))


def _of(area: Area, settings: Settings, environ: Mapping[str, str]) -> Awaitable[Sequence[Finding]]:
    return parts.look_at_telemetry(environ) if area is Area.TELEMETRY else LOOKS[area](settings)


def _may_pass(finding: Finding) -> bool:
    return finding.result is Result.FAULT and finding.at_start is AtStart.WAIT
