"""The bot as a program that the page can stop and start while the world around it stays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Literal

from kubeai_bot.errors import ConfigError
from kubeai_bot.main import Bot
from kubeai_bot.playground.workspace.wire import Json

BotState = Literal["running", "stopped", "starting"]

START_SECONDS = 60.0
STOP_SECONDS = 45.0
"""The bot's own grace for running turns is shorter."""

OpenBot = Callable[[], AbstractAsyncContextManager[Bot]]


class BotProgram:
    """At most one bot at a time, in a task of its own. `changed` is called with each new state."""

    def __init__(self, open_bot: OpenBot, changed: Callable[[Json], None]) -> None:
        self._open = open_bot
        self._changed = changed
        self._state: BotState = "stopped"
        self._error: str | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._settled = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    @property
    def state(self) -> Json:
        return {"state": self._state, "error": self._error}

    async def start(self) -> None:
        """Returns when the bot runs. Raises RuntimeError with the reason where it cannot."""
        async with self._one_at_a_time:
            if self._task is not None and not self._task.done():
                return
            self._stop, self._settled = asyncio.Event(), asyncio.Event()
            self._be("starting")
            self._task = asyncio.create_task(self._run(self._stop), name="bot")
            self._task.add_done_callback(self._ended)
            await asyncio.wait_for(self._settled.wait(), START_SECONDS)
        if self._error is not None:
            raise RuntimeError(self._error)

    async def stop(self) -> None:
        """Returns when the bot has ended; running turns get their grace."""
        async with self._one_at_a_time:
            if self._task is None:
                return
            self._stop.set()
            _, running = await asyncio.wait({self._task}, timeout=STOP_SECONDS)
            for task in running:
                task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def _run(self, stop: asyncio.Event) -> None:
        async with self._open() as bot:
            self._be("running")
            asked = asyncio.create_task(stop.wait())
            await asyncio.wait({asked, bot.working}, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            if bot.working.done():
                bot.working.result()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Whatever ended it: the page says so, and the world goes on."""
        failure = None if task.cancelled() else task.exception()
        self._be("stopped", _reason(failure) if failure is not None else None)

    def _be(self, state: BotState, error: str | None = None) -> None:
        self._state, self._error = state, error
        if state != "starting":
            self._settled.set()
        self._changed({"type": "bot", **self.state})


def _reason(failure: BaseException) -> str:
    if isinstance(failure, ConfigError):
        return " ".join(failure.faults)
    if isinstance(failure, BaseExceptionGroup):
        return "; ".join(map(_reason, failure.exceptions))
    return f"{type(failure).__name__}: {failure}"
