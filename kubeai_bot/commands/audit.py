"""`kubeai-bot audit`: look at the audit trail, export it, prove that it is whole. Needs neither Slack nor a model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer
from rich.table import Table

from kubeai_bot.audit.chain import compare, line_of, verify
from kubeai_bot.audit.lines import read_lines
from kubeai_bot.commands.session_views import plain
from kubeai_bot.commands.terminal import fail, note, output_to, show_on_terminal
from kubeai_bot.domain.audit import Trim
from kubeai_bot.errors import ConfigError, KubeAIError


class Rows(Protocol):
    """The trail in the database."""

    def rows(self) -> AsyncIterator[dict[str, Any]]:
        """All records, chain by chain."""
        ...

    async def trims(self) -> list[Trim]:
        """What AUDIT_RETENTION_DAYS has deleted of them."""
        ...


@dataclass(frozen=True, slots=True)
class OpenedTrail:
    """`rows` is None where there is no database; `file` is AUDIT_FILE; `key` checks the chains."""

    rows: Rows | None
    file: Path | None
    key: bytes


OpenTrail = Callable[[Path | None], AbstractAsyncContextManager[OpenedTrail]]
"""From a .env file (or None) to the trail."""

_File = Annotated[Path | None, typer.Option("--file", help="A file of JSON lines instead (a saved stream).")]


def audit_app(open_trail: OpenTrail) -> typer.Typer:
    """The command group over the trail that `open_trail` opens."""
    app = typer.Typer(name="audit", help="Who did what: show, export, verify.", no_args_is_help=True)

    @app.callback()
    def main(  # pyright: ignore[reportUnusedFunction] - typer holds it
        context: typer.Context,
        env_file: Annotated[Path | None, typer.Option(help="A .env file, read below the environment.")] = None,
    ) -> None:
        context.obj = _Trail(open_trail, env_file)

    for command in (show, export):
        app.command()(command)
    app.command("verify")(verify_)
    return app


@dataclass(frozen=True, slots=True)
class _Found:
    """The records in the database and those in the file, each None where there is no such place."""

    rows: list[dict[str, Any]] | None
    lines: list[dict[str, Any]] | None
    key: bytes
    trims: list[Trim]

    @property
    def records(self) -> list[dict[str, Any]]:
        return self.rows if self.rows is not None else self.lines or []


@dataclass(frozen=True, slots=True)
class _Trail:
    opens: OpenTrail
    env_file: Path | None

    def read(self, file: Path | None) -> _Found:
        """All records; an error ends the command with a sentence."""

        async def read() -> _Found:
            async with self.opens(self.env_file) as trail:
                trims = [] if trail.rows is None else await trail.rows.trims()
                rows = None if trail.rows is None else [row async for row in trail.rows.rows()]
                path = file or trail.file
                lines = None if path is None else await asyncio.to_thread(lambda: list(read_lines(path)))
                return _Found(rows, lines, trail.key, trims)

        try:
            found = asyncio.run(read())
        except ConfigError as error:
            fail("\n".join(error.faults), 2)
        except (KubeAIError, OSError) as error:
            fail(str(error))
        if found.rows is None and found.lines is None:
            fail(
                "There is no trail to read: give --file with the saved stream, or set AUDIT_FILE as the bot has it.", 2
            )
        return found


def show(  # noqa: PLR0913, PLR0917 - one parameter an option
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many of the newest entries.")] = 50,
    session: Annotated[str, typer.Option(help="Only of this session.")] = "",
    user: Annotated[str, typer.Option(help="Only of this Slack user id, as asker or as approver.")] = "",
    kind: Annotated[str, typer.Option(help="Only call, asked, decision, grant or denied-identity.")] = "",
    file: _File = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for scripts.")] = False,
) -> None:
    """The newest entries: when, who, what, on whose word, and what came of it."""
    found = [
        record
        for record in _order(context.obj.read(file).records)
        if (not session or record.get("session_id") == session)
        and (not kind or record.get("kind") == kind)
        and (not user or user in (_user(record.get("speaker")), _user(record.get("decided_by"))))
    ][-limit:]
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    table = Table("when (UTC)", "who", "as", "what", "cluster", "objects", "verdict", "outcome", "by")
    for record in found:
        table.add_row(
            *map(
                plain,
                (
                    str(record.get("at", ""))[:19].replace("T", " "),
                    _user(record.get("speaker")),
                    str(record.get("identity", "")),
                    f"{record.get('kind', '')} {record.get('tool', '')}".strip(),
                    str(record.get("cluster", "")),
                    ", ".join(map(str, record.get("objects", ()))),
                    str(record.get("verdict", "")),
                    str(record.get("outcome", "")),
                    _user(record.get("decided_by")),
                ),
            )
        )
    show_on_terminal(table)


def export(
    context: typer.Context,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A new file; standard output without.")] = None,
    file: _File = None,
) -> None:
    """Every entry as JSON lines, with its chain, so that it can be verified elsewhere."""
    found = _order(context.obj.read(file).records)
    try:
        with output_to(output) as out:
            out.writelines(map(line_of, found))
    except ConfigError as error:
        fail("\n".join(error.faults), 2)
    note(f"{len(found)} entries")


def verify_(context: typer.Context, file: _File = None) -> None:
    """Prove that no entry was changed, left out or cut off. Exit code 1 where one was.

    The tail of the one place is compared with the other: the database with the stream's file.
    """
    found: _Found = context.obj.read(file)
    faults = [f"database: {fault}" for fault in verify(found.key, found.rows or (), found.trims)]
    faults += [f"file: {fault}" for fault in verify(found.key, found.lines or (), None)]
    if found.rows is not None and found.lines is not None:
        faults += [f"database: {fault}" for fault in compare(found.rows, found.lines, found.trims)]
        faults += [f"file: {fault}" for fault in compare(found.lines, _since(found.rows, found.lines))]
    else:
        note("Only one place was read: a tail that was cut off is found only against the other. Give --file.")
    for trim in found.trims:
        if not trim.seal:
            note(f"process {trim.process}: a release that left no seal deleted all up to record {trim.number}.")
    for fault in faults:
        typer.echo(fault)
    if faults:
        raise typer.Exit(1)
    chains = len({record["process"] for record in found.records})
    typer.echo(f"{len(found.records)} entries in {chains} chains: whole.")


def _since(rows: list[dict[str, Any]], lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of processes that the file knows: a saved stream need not reach back to the first."""
    known = {record["process"] for record in lines}
    return [row for row in rows if row["process"] in known]


def _order(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(records, key=lambda record: (str(record.get("at")), str(record["process"]), int(record["number"])))


def _user(speaker: Any) -> str:
    return str(speaker.get("user_id", "")) if isinstance(speaker, dict) else ""
