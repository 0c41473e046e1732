"""What the bot can be given beside Slack, a model and clusters: MCP servers, skills, an audit trail, telemetry."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from kubeai_bot.doctor.bounds import bounded, side_by_side
from kubeai_bot.doctor.finding import Finding, defect, fault, ok, warning
from kubeai_bot.errors import ConfigError
from kubeai_bot.settings.environment import Settings
from kubeai_bot.settings.mcp_section import ServerEntry
from kubeai_bot.settings.values import parse_url
from kubeai_bot.telemetry.traces import traces_wanted
from kubeai_bot.tools.skills.shelf import Shelf

_CONNECTING = (2.0, 6.0)
"""Seconds: a server that has refused after the first of them is not waited for any longer."""
_REACHING = 5.0
_OTLP = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""The first that is set counts."""


async def look_at_mcp(settings: Settings) -> tuple[Finding, ...]:
    if not settings.mcp_entries:
        return (ok("mcp.servers", "no MCP servers are configured"),)
    looks = [bounded(f"mcp.{each.name}", _mcp_server(each), f"MCP server {each.name}") for each in settings.mcp_entries]
    return await side_by_side(*looks)


async def _mcp_server(entry: ServerEntry) -> tuple[Finding, ...]:
    from kubeai_bot.tools.mcp.connection import State  # noqa: PLC0415 - the SDK is large
    from kubeai_bot.tools.mcp.opening import open_mcp  # noqa: PLC0415

    check = f"mcp.{entry.name}"
    try:
        async with open_mcp([entry.server]) as tools:
            status: Mapping[str, Any] = {}
            for seconds in _CONNECTING:
                await tools.wait_ready(seconds)
                status = tools.status()[entry.name]
                if status["connected"] or status["why"] != State().why:
                    break
    except ConfigError as error:
        return tuple(fault(check, each, "Correct this server in section mcp of CONFIG_FILE.") for each in error.faults)
    if not status["connected"]:
        if entry.server.per_person and str(status["why"]).startswith(("HTTP 401", "HTTP 403")):
            return (ok(check, f"MCP server {entry.name} lists its tools for people only"),)
        where = "its command" if entry.command else "its url, headers and token"
        fix = f"Start the MCP server {entry.name}, or correct {where} (MCP_SERVERS, or section mcp of CONFIG_FILE)."
        return (defect(check, f"MCP server {entry.name} is not connected: {status['why']}", fix),)
    if left_out := status["left_out"]:
        words = "; ".join(f"{each['name']}: {each['why']}" for each in left_out[:3])
        fix = f"Deny these tools by name (deny) where they are not wanted, or mend them in the server {entry.name}."
        return (warning(check, f"{len(left_out)} tools of MCP server {entry.name} are left out ({words})", fix),)
    return (ok(check, f"MCP server {entry.name} is connected: {status['tools']} tools"),)


async def look_at_skills(settings: Settings) -> tuple[Finding, ...]:
    return await bounded("skills.files", _skills(settings), "the file system")


async def _skills(settings: Settings) -> tuple[Finding, ...]:
    found = await Shelf(settings.skills_dir).look()
    fix = "Correct that line: a skill begins with frontmatter that has name, description and triggers."
    bad = [defect("skills.files", str(each), fix) for each in found.bad]
    return (*bad, ok("skills.files", f"{len(found.skills)} skills can be used"))


async def look_at_audit(settings: Settings) -> tuple[Finding, ...]:
    return await bounded("audit.place", asyncio.to_thread(_audit_place, settings), "the file system")


def _audit_place(settings: Settings) -> Finding:
    """Nothing is written: an empty trail would be a trail."""
    check, path = "audit.place", settings.audit_file
    if path is None:
        also = " and to the database" if settings.session_type == "postgres" else ""
        return ok(check, f"the audit trail goes to standard output{also}")
    fix = f"Mount a volume that user {os.geteuid()} may write to at {path.parent}, or set AUDIT_FILE to a path there."
    if path.exists():
        writable = path.is_file() and os.access(path, os.W_OK)
    else:
        writable = path.parent.is_dir() and os.access(path.parent, os.W_OK | os.X_OK)
    return (
        ok(check, f"{path} can be written") if writable else fault(check, f"AUDIT_FILE: {path} cannot be written", fix)
    )


async def look_at_telemetry(environ: Mapping[str, str]) -> tuple[Finding, ...]:
    """Whether the OTLP endpoint of the standard environment takes a connection
    (https://opentelemetry.io/docs/specs/otel/protocol/exporter/)."""
    if not traces_wanted(environ):
        return (ok("telemetry.otlp", "no traces are exported: no OTLP endpoint is set"),)
    name = next(name for name in _OTLP if environ.get(name, "").strip())
    return await bounded("telemetry.otlp", _reach(name, environ[name].strip()), name)


async def _reach(name: str, url: str) -> Finding:
    check = "telemetry.otlp"
    fix = f"Set {name} to the collector's http URL, like http://otel-collector:4318, and start it."
    try:
        parts = parse_url(url)
    except ValueError:
        return defect(check, f"{name} is no http or https URL", fix)
    host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(_REACHING):
            _, writer = await asyncio.open_connection(host, port)
    except OSError as error:  # a TimeoutError is one, too
        return defect(check, f"{name}: {host}:{port} takes no connection: {error.strerror or 'no answer'}", fix)
    writer.close()
    return ok(check, f"{name}: {host}:{port} takes connections")
