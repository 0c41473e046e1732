"""`kubeai-bot sessions`: look at what is stored, move it, delete it. Needs neither Slack nor a model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import TypeAdapter, ValidationError

from kubeai_bot.commands import session_views as views
from kubeai_bot.commands.session_moves import PAGE, Exported, Imported, all_ids, export_sessions, import_sessions
from kubeai_bot.commands.terminal import (
    ask,
    fail,
    lines_of,
    note,
    output_to,
    print_json,
    progress_bar,
    show_on_terminal,
)
from kubeai_bot.domain.session import Session
from kubeai_bot.domain.storage import Pruned, Retention
from kubeai_bot.errors import ConfigError, KubeAIError, SessionNotFound, StoreError
from kubeai_bot.interfaces import SessionStore
from kubeai_bot.settings.values import Duration
from kubeai_bot.stores.session_file import encode_dump


@dataclass(frozen=True, slots=True)
class OpenedStore:
    """The store that the settings ask for, and how long they let sessions live."""

    store: SessionStore
    retention: Retention


OpenStore = Callable[[Path | None, bool], AbstractAsyncContextManager[OpenedStore]]
"""From a .env file (or None), and whether the store is only read, to the store."""

_T = TypeVar("_T")
_Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="Ids of sessions, as `list` shows them.")]
_Json = Annotated[bool, typer.Option("--json", help="JSON for scripts.")]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def sessions_app(open_store: OpenStore) -> typer.Typer:
    """The command group over the store that `open_store` opens."""
    app = typer.Typer(
        name="sessions",
        help="What is stored of conversations: list, show, export, import, delete, prune, usage.",
        no_args_is_help=True,
    )

    @app.callback()
    def main(  # pyright: ignore[reportUnusedFunction] - typer holds it
        context: typer.Context,
        env_file: Annotated[Path | None, typer.Option(help="A .env file, read below the environment.")] = None,
    ) -> None:
        context.obj = _Store(open_store, env_file)

    app.command("list")(list_)
    for command in (show, export, delete, prune, usage):
        app.command()(command)
    app.command("import")(import_)
    return app


@dataclass(frozen=True, slots=True)
class _Store:
    opens: OpenStore
    env_file: Path | None

    def use(self, work: Callable[[OpenedStore], Awaitable[_T]], *, read_only: bool = False) -> _T:
        """Open the store, do the work and close it; an error ends the command with a sentence."""

        async def opened() -> _T:
            async with self.opens(self.env_file, read_only) as store:
                return await work(store)

        try:
            return asyncio.run(opened())
        except ConfigError as error:
            fail("\n".join(error.faults), 2)
        except KubeAIError as error:
            fail(str(error))
        except BrokenPipeError:
            raise typer.Exit(1) from None  # whoever reads our output has enough
        except OSError as error:
            fail(f"{error.filename or 'the output'}: {error.strerror}")
        except KeyboardInterrupt:
            raise typer.Exit(130) from None


# --- reading ---


def list_(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    of_user: Annotated[str | None, typer.Option("--user", help="Those that this Slack user opened.")] = None,
    as_json: _Json = False,
) -> None:
    """The sessions, last active first."""

    async def read(opened: OpenedStore) -> tuple[list[Session], bool]:
        sessions: list[Session] = []
        cursor: str | None = None
        while len(sessions) < limit:
            page = await opened.store.list(min(PAGE, limit - len(sessions)), cursor, of_user)
            sessions += page.sessions
            cursor = page.cursor
            if cursor is None:
                break
        return sessions, cursor is not None

    sessions, more = _store(context).use(read, read_only=True)
    if as_json:
        print_json([views.session_json(session) for session in sessions])
        return
    show_on_terminal(views.sessions_table(sessions) if sessions else "There are no sessions.")
    if more:
        note(f"There are more than {limit}: use --limit.")


def show(
    context: typer.Context,
    session_id: Annotated[str, typer.Argument(metavar="ID", help="A session's id.")],
    messages: Annotated[int, typer.Option(min=0, help="So many of its newest messages.")] = 20,
    as_json: _Json = False,
) -> None:
    """All that is stored of one session, its messages too."""
    dump = _store(context).use(lambda opened: opened.store.dump(session_id), read_only=True)
    if as_json:
        print_json(encode_dump(dump))
    else:
        show_on_terminal(views.dump_view(dump, messages))


def usage(context: typer.Context, as_json: _Json = False) -> None:
    """How much is stored."""
    found = _store(context).use(lambda opened: opened.store.usage(), read_only=True)
    if as_json:
        print_json(views.usage_json(found))
    else:
        show_on_terminal(views.usage_table(found))


# --- moving ---


def export(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID…]", help="Only these sessions.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A new file; else to stdout.")] = None,
) -> None:
    """Write sessions as JSON lines, which `import` reads into any store. They hold everything that was said."""

    async def write(opened: OpenedStore) -> Exported:
        chosen = list(dict.fromkeys(ids)) if ids else await all_ids(opened.store)
        with output_to(output) as out, progress_bar("Exporting", len(chosen)) as step:
            exported = await export_sessions(opened.store, chosen, out, lambda: step(1))
        if not ids:
            exported.missing.clear()  # deleted since the list was read
        return exported

    exported = _store(context).use(write, read_only=True)
    note(f"{exported.written} session{_s(exported.written)} exported.")
    _fail_if_missing(exported.missing)


def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="What `export` has written; - for stdin.")],
) -> None:
    """Put exported sessions into the store. Those that are there already are left as they are."""

    async def read(opened: OpenedStore) -> Imported:
        with lines_of(file) as (lines, size), progress_bar("Importing", size, counts=False) as step:
            return await import_sessions(opened.store, lines, step)

    imported = _store(context).use(read)
    for number, fault in imported.faults:
        note(f"{views.plain(str(file))}:{number}: {views.plain(fault)}")
    if imported.present:
        note(f"There already: {', '.join(imported.present)}")
    words = f"{imported.restored} session{_s(imported.restored)} imported, {len(imported.present)} there already"
    words += f", {len(imported.faults)} line{_s(len(imported.faults))} not" if imported.faults else ""
    note(words + (". Stopped before the end of the file." if imported.stopped else "."))
    if imported.faults:
        raise typer.Exit(1)


# --- deleting ---


def delete(context: typer.Context, ids: _Ids, yes: _Yes = False) -> None:
    """Delete sessions with all that is stored of them."""
    chosen = list(dict.fromkeys(ids))

    async def remove(opened: OpenedStore) -> list[str]:
        found, damaged, missing = await _look_up(opened.store, chosen)
        ids = [*(session.id for session in found), *damaged]
        if ids and not yes:
            show_on_terminal(views.sessions_table(found))
            for session_id, reason in damaged.items():
                note(f"{session_id} cannot be read: {reason}")
            ask(f"Delete {len(ids)} session{_s(len(ids))} with all that is stored of {_them(len(ids))}?")
        for session_id in ids:
            await opened.store.delete(session_id)
        note(f"{len(ids)} session{_s(len(ids))} deleted.")
        return missing

    _fail_if_missing(_store(context).use(remove))


def prune(
    context: typer.Context,
    older_than: Annotated[
        str | None,
        typer.Option(help="Delete for good what was not touched for so long, like 30d or 12h. Else the settings say."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    yes: _Yes = False,
    as_json: _Json = False,
) -> None:
    """Delete what has outlived its retention, as the bot does by itself. Sessions with work in them are left alone."""
    given = None if older_than is None else Retention(keep=_seconds(older_than))

    async def remove(opened: OpenedStore) -> Pruned:
        retention = given or opened.retention
        if retention == Retention():
            raise ConfigError(["nothing says what is too old: give --older-than, or set RETENTION_DAYS"])
        planned = await opened.store.prune(retention, _EVERYTHING, dry_run=True)
        if dry_run or not (planned.expired or planned.removed or planned.trimmed):
            return planned
        if not yes:
            ask(f"To do: {views.pruned_words(planned)}. Go on?")
        return await _prune(opened.store, retention, len(planned.expired) + len(planned.removed))

    pruned = _store(context).use(remove)
    if as_json:
        print_json(views.pruned_json(pruned))
    else:
        show_on_terminal(f"{'Would be done: ' if dry_run else ''}{views.pruned_words(pruned)}.")


_LOOK_AGAIN = 0.5
"""Seconds between two looks whether somebody else has done with deleting."""

_EVERYTHING = 1_000_000
"""Sessions that a dry run looks at."""


async def _prune(store: SessionStore, retention: Retention, expected: int) -> Pruned:
    done = Pruned(more=True)
    with progress_bar("Deleting", expected) as step:
        while done.more:
            part = await store.prune(retention, PAGE)
            if part.more and not (part.expired or part.removed or part.trimmed):
                await asyncio.sleep(_LOOK_AGAIN)  # a bot is at it
            step(len(part.expired) + len(part.removed))
            expired, removed = done.expired + part.expired, done.removed + part.removed
            done = Pruned(expired, removed, done.trimmed + part.trimmed, part.more)
    return done


async def _look_up(store: SessionStore, ids: Sequence[str]) -> tuple[list[Session], dict[str, str], list[str]]:
    """The sessions, those that cannot be read with the reason, and the ids that have none."""
    found: list[Session] = []
    damaged: dict[str, str] = {}
    missing: list[str] = []
    for session_id in ids:
        try:
            found.append((await store.load(session_id, newest=0)).session)
        except SessionNotFound:
            missing.append(session_id)
        except StoreError as error:
            damaged[session_id] = str(error)
    return found, damaged, missing


# --- around ---


def _store(context: typer.Context) -> _Store:
    return context.find_object(_Store) or fail("the sessions commands were started without a store")


def _seconds(text: str) -> float:
    try:
        return TypeAdapter(Duration).validate_python(text)
    except ValidationError:
        raise typer.BadParameter("give a time like 90m, 24h or 30d", param_hint="--older-than") from None


def _fail_if_missing(ids: Sequence[str]) -> None:
    if ids:
        fail(f"no session {', '.join(ids)}")


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def _s(count: int) -> str:
    return "" if count == 1 else "s"
