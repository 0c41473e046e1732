"""`kubeai-bot playground --terminal`: the bot at work in a terminal. Asks the suggested questions, then takes yours."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from dataclasses import replace

from rich.console import Console
from rich.panel import Panel

from kubeai_bot.errors import ConfigError
from kubeai_bot.playground.announcing import say_edges
from kubeai_bot.playground.suggestions import Question, tour
from kubeai_bot.playground.terminal import Terminal
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.playground.world import WorldOptions, open_world

ANSWER_WITHIN = 60.0

WELCOME = """\
[bold]kubeai-bot playground[/bold]

The bot is real: it runs as it runs in production; only its environment points here. Around it:"""

HINTS = """\
Type a question, or one of these:
  [bold]/as mia|omar|sam|gil|eve[/bold]  be somebody else
  [bold]/new[/bold]                      start a new thread
  [bold]/stop[/bold]                     press Slack's Stop button
  [bold]/quit[/bold]                     leave"""


async def run(options: WorldOptions, *, tour_only: bool) -> None:
    """Open the world, start the bot, show the tour, then converse until the input ends."""
    if options.real.slack:
        raise ConfigError(["With --slack there is nothing to show in a terminal: leave --terminal away."])
    console = Console(highlight=False)
    console.print(Panel(WELCOME, expand=False))
    async with open_world(replace(options, pace=0.008 if console.is_terminal else 0.0)) as world, world.bot():
        workspace = world.workspace
        if workspace is None:
            raise RuntimeError("this world has no workspace")
        say_edges(console, world.edges)
        async with Terminal(console, workspace) as terminal:
            for question in tour(world.scenario if world.cluster else None, options.mode):
                await _ask(console, terminal, question)
            if not tour_only:
                await Conversation(console, terminal, workspace).run()


async def _ask(console: Console, terminal: Terminal, question: Question) -> None:
    console.print(f"\n[dim]── {question.remark}[/dim]")
    thread = terminal.thread_of(question.who) if question.follow_up else None
    await terminal.say(question.who, question.text, channel=question.channel, thread_ts=thread)
    await terminal.answered(ANSWER_WITHIN)
    if question.then:
        thread = terminal.thread_of(question.who)
        await terminal.say(question.who, question.then, channel=question.channel, thread_ts=thread)
        await terminal.answered(ANSWER_WITHIN)


class Conversation:
    """Reads lines from the terminal and says them in Slack as the chosen person."""

    def __init__(self, console: Console, terminal: Terminal, workspace: Workspace) -> None:
        self._console = console
        self._terminal = terminal
        self._workspace = workspace
        self._who = "U0MIA"
        self._fresh = True

    async def run(self) -> None:
        self._console.print(f"\n{HINTS}\n")
        lines = await _standard_input()
        while lines is not None:
            self._console.print(f"[bold cyan]{self._name()}[/bold cyan] › ", end="")
            line = (await lines.readline()).decode(errors="replace")
            if not line or line.strip() in ("/quit", "/exit"):
                return
            await self._obey(line.strip())

    async def _obey(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if not line:
            return
        if word == "/as":
            self._speak_as(rest.strip())
        elif word == "/new":
            self._fresh = True
        elif word == "/stop":
            await self._terminal.stop(self._who)
        elif word.startswith("/"):
            self._console.print(HINTS)
        else:
            thread = None if self._fresh else self._terminal.thread_of(self._who)
            self._fresh = False
            await self._terminal.say(self._who, line, thread_ts=thread, show=False)
            await self._terminal.answered(ANSWER_WITHIN)

    def _speak_as(self, name: str) -> None:
        known = {person.name.split(maxsplit=1)[0].lower(): user for user, person in self._workspace.people.items()}
        if name.lower() in known:
            self._who, self._fresh = known[name.lower()], True
        else:
            self._console.print(f"Nobody is called {name or 'that'}. There are: {', '.join(known)}.")

    def _name(self) -> str:
        return self._workspace.people[self._who].name


async def _standard_input() -> asyncio.StreamReader | None:
    """Lines of standard input, or None where it is nothing that can be waited for (a file, /dev/null)."""
    kind = os.fstat(sys.stdin.fileno()).st_mode
    if not (sys.stdin.isatty() or stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)):
        return None
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader
