"""What the doctor found, for people and for programs. Words that servers wrote are cleaned, secrets are masked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from rich.console import Console
from rich.text import Text

from kubeai_bot.doctor.finding import Area, Finding, Result, worst
from kubeai_bot.logs import masker
from kubeai_bot.tools.mcp.wording import one_line

_LONGEST = 600
_TITLES = {Area.MCP: "MCP servers", Area.AUDIT: "Audit trail"}
_SIGNS = {Result.OK: ("✓", "green"), Result.WARNING: ("!", "yellow"), Result.FAULT: ("✗", "bold red")}


def cleaned(findings: Iterable[Finding], secrets: Iterable[str]) -> tuple[Finding, ...]:
    """Each text on one line, without control characters and secrets."""
    mask = masker(secrets)

    def clean(text: str) -> str:
        return one_line(mask(None, "", text), _LONGEST)

    return tuple(
        replace(each, check=clean(each.check), says=clean(each.says), fix=clean(each.fix)) for each in findings
    )


def exit_code(findings: Sequence[Finding]) -> int:
    """0 without faults, 2 where the configuration has one, else 1."""
    faults = [each for each in findings if each.result is Result.FAULT]
    if any(each.check.startswith("configuration.") for each in faults):
        return 2
    return 1 if faults else 0


def as_json(findings: Sequence[Finding]) -> str:
    """An object, one line for people to look at by `jq`:

    - `version`: 1. Keys may be added under the same number; those that are named here stay as they are.
    - `result`: `ok`, `warning` or `fault`, the worst of all.
    - `exit_code`: 0, 1 or 2, that of the program.
    - `findings`: a list of objects with `check` (what was looked at, like `slack.scopes`; the part before the first dot
      is the area), `area`, `result`, `says` (one line), `fix` (one line, "" where nothing is to be done) and `at_start`
      (`go`, `wait` or `stop`: what it means to a start under `--init`).
    """
    listed = [
        {
            "check": each.check,
            "area": each.area,
            "result": each.result,
            "says": each.says,
            "fix": each.fix,
            "at_start": each.at_start,
        }
        for each in findings
    ]
    return json.dumps(
        {"version": 1, "result": worst(findings), "exit_code": exit_code(findings), "findings": listed}, indent=2
    )


def show(findings: Sequence[Finding], console: Console) -> None:
    """By area, each finding with its sign, and below it what mends it."""
    for area, group in groupby(findings, key=lambda each: each.area):
        console.print(Text(_TITLES.get(area, area.capitalize()), style="bold"))
        for each in group:
            sign, style = _SIGNS[each.result]
            console.print(Text.assemble("  ", (sign, style), f" {each.says}"), soft_wrap=True)
            if each.fix:
                console.print(Text.assemble("    → ", (each.fix, "cyan")), soft_wrap=True)
    console.print(_summary(findings))


def _summary(findings: Sequence[Finding]) -> Text:
    def count(result: Result, noun: str) -> str:
        number = sum(each.result is result for each in findings)
        return f"{number} {noun}{'' if number == 1 else 's'}"

    words = f"{count(Result.FAULT, 'fault')}, {count(Result.WARNING, 'warning')}, {count(Result.OK, 'check')} fine"
    return Text(words, style=_SIGNS[worst(findings)][1])
