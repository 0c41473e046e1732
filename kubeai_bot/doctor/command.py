"""`kubeai-bot doctor`: read the configuration, look at everything, say what was found."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from kubeai_bot.doctor.examination import PAUSES, examine, read_configuration
from kubeai_bot.doctor.finding import Area, Finding
from kubeai_bot.doctor.report import as_json, cleaned, exit_code, show
from kubeai_bot.logs import configure_logging


@dataclass(frozen=True, slots=True)
class DoctorOptions:
    """`init`: for a start that waits for the answer. `only`: these areas, all where it is empty."""

    json: bool = False
    init: bool = False
    only: Collection[Area] = ()
    pauses: Sequence[float] = PAUSES


def run(environ: Mapping[str, str], env_file: Path | None, options: DoctorOptions) -> int:
    """Print what was found; the exit code."""
    settings, findings = read_configuration(environ, env_file)
    secrets: Sequence[str] = ()
    if settings is not None:
        secrets = settings.secret_texts()
        configure_logging("CRITICAL", "console", secrets)
        areas = options.only or tuple(Area)
        rest = asyncio.run(examine(settings, environ, areas, options.pauses if options.init else None))
        findings = (*(findings if Area.CONFIGURATION in areas else ()), *rest)
    return _tell(cleaned(findings, secrets), as_a_json=options.json)


def _tell(findings: Sequence[Finding], *, as_a_json: bool) -> int:
    if as_a_json:
        typer.echo(as_json(findings))
    else:
        show(findings, Console(highlight=False, markup=False, emoji=False))
    return exit_code(findings)
