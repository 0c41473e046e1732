"""Shows what happens in the simulated workspace in a terminal, as it happens."""

from __future__ import annotations

import asyncio
from typing import Any, Self

from rich.console import Console
from rich.text import Text

from kubeai_bot.playground.workspace.changes import (
    Change,
    EphemeralPosted,
    MessagePosted,
    StreamAppended,
    StreamEnded,
    StreamStarted,
)
from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.workspace.render import Renderer
from kubeai_bot.playground.workspace.server import Workspace

_MARKS = {"complete": ("✓", "green"), "error": ("✗", "red")}


class Terminal:
    """A person's view on the workspace: says things for people and prints what the bot does."""

    def __init__(self, console: Console, workspace: Workspace) -> None:
        self._console = console
        self._workspace = workspace
        self._changes = workspace.subscribe()
        self._printing: asyncio.Task[None] | None = None
        self._threads: dict[str, tuple[str, str]] = {}
        self._finals = 0
        self._begun = ""
        self._shown_tasks: set[tuple[str, str]] = set()

    async def __aenter__(self) -> Self:
        self._printing = asyncio.create_task(self._print_all())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._printing is not None:
            self._printing.cancel()
            await asyncio.gather(self._printing, return_exceptions=True)

    def thread_of(self, user: str) -> str | None:
        """The thread in which this person spoke last."""
        return self._threads[user][1] if user in self._threads else None

    async def say(
        self, user: str, text: str, *, channel: str | None = None, thread_ts: str | None = None, show: bool = True
    ) -> None:
        if show:
            where = f" in #{self._workspace.channels[channel].name}" if channel else ""
            self._line(Text.assemble((self._workspace.people[user].name, "bold cyan"), (where, "cyan"), " › ", text))
        self._finals = self._final_messages()
        ts = await self._workspace.say(
            user, text, channel=channel, thread_ts=thread_ts, mention=channel is not None and thread_ts is None
        )
        self._threads[user] = (channel or f"D{user[1:]}", thread_ts or ts)

    async def stop(self, user: str) -> None:
        """Press Stop in the thread in which this person spoke last."""
        if user in self._threads:
            channel, thread_ts = self._threads[user]
            await self._workspace.stop(user, channel, thread_ts)

    async def answered(self, timeout: float) -> None:
        """Until one more turn has its final answer, and all of it is printed."""
        await self._workspace.wait_for(
            lambda _: self._final_messages() > self._finals, timeout=timeout, what="an answer of the bot"
        )
        await asyncio.sleep(0.05)  # let the printing task catch up with the last change

    def _final_messages(self) -> int:
        return sum(
            1
            for channel in self._workspace.channels
            for message in self._workspace.messages(channel)
            if (message.metadata or {}).get("event_type") == "kubeai_turn" and not message.streaming
        )

    async def _print_all(self) -> None:
        async for change in self._changes:
            self._print(change)

    def _print(self, change: Change) -> None:
        match change:
            case StreamStarted(message=message, chunks=chunks) | StreamAppended(message=message, chunks=chunks):
                self._chunks(message, chunks)
            case StreamEnded(message=message, chunks=chunks):
                self._chunks(message, chunks)
                self._line(Text())
            case MessagePosted(message=message) if message.bot_id and not message.streaming:
                body = Renderer(self._workspace.people, self._workspace.channels).message(message)
                self._line(Text.assemble(("kubeai", "bold magenta"), " › ", body.partition(":")[2].strip()))
            case EphemeralPosted(message=message):
                self._line(Text.assemble(("kubeai (only you see this)", "magenta"), " › ", message.text))
            case _:
                pass

    def _chunks(self, message: SimMessage, chunks: tuple[Any, ...]) -> None:
        for chunk in chunks:
            if chunk.get("type") == "markdown_text":
                *lines, self._begun = (self._begun + str(chunk.get("text", ""))).split("\n")
                for line in lines:
                    self._console.print(Text(line))
            elif chunk.get("type") == "task_update":
                self._task(message, chunk)

    def _task(self, message: SimMessage, chunk: Any) -> None:
        status, key = str(chunk.get("status")), (message.ts, str(chunk.get("id")))
        if status in _MARKS and key not in self._shown_tasks:
            self._shown_tasks.add(key)
            mark, colour = _MARKS[status]
            outcome = str(chunk.get("output") or "")
            self._line(
                Text.assemble("  ", (mark, colour), f" {chunk.get('title', '')}  ", (outcome, "dim")), wrap=False
            )

    def _line(self, text: Text, *, wrap: bool = True) -> None:
        if self._begun:
            self._console.print(Text(self._begun))
            self._begun = ""
        self._console.print(text, no_wrap=not wrap, overflow=None if wrap else "ellipsis")
