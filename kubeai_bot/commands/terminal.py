"""What commands say to a person or a script: results on stdout, remarks, questions and progress on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TextIO

import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn

from kubeai_bot.commands.session_views import plain
from kubeai_bot.errors import ConfigError


@contextmanager
def progress_bar(title: str, total: int | None, *, counts: bool = True) -> Generator[Callable[[int], None]]:
    """A bar on stderr, where that is a terminal; call what it gives with each bit that is done."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn() if counts else TaskProgressColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.advance(task, done)


@contextmanager
def output_to(path: Path | None) -> Generator[TextIO]:
    """stdout, or a new file that only its owner can read."""
    if path is None:
        yield sys.stdout
        return
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError([f"{path} is there already: name a new file, or remove it"]) from None
    except OSError as error:
        raise ConfigError([f"{path} cannot be written: {error.strerror}"]) from error
    with os.fdopen(fd, "w", encoding="ascii") as file:
        yield file


@contextmanager
def lines_of(path: Path) -> Generator[tuple[BinaryIO, int | None]]:
    """The lines of the file, and its size where that is known."""
    if path == Path("-"):
        yield sys.stdin.buffer, None
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise ConfigError([f"{path} cannot be read: {error.strerror}"]) from error
    with file:
        yield file, path.stat().st_size


def show_on_terminal(what: RenderableType) -> None:
    """A table or a text; piped into another program it is as wide as it needs to be."""
    Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 500).print(what)


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))


def note(text: str) -> None:
    typer.echo(text, err=True)


def ask(question: str) -> None:
    typer.confirm(question, abort=True, err=True)


def fail(text: str, code: int = 1) -> NoReturn:
    note(f"kubeai-bot: {plain(text)}")
    raise typer.Exit(code)
