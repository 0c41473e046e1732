"""Connections to a server that is told who asks: one for each person, so that no two can ever mix."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable

from kubeai_bot.errors import ToolError
from kubeai_bot.tools.mcp.asker import Asker
from kubeai_bot.tools.mcp.connection import Connection

MOST = 32
IDLE = 600.0
"""Seconds after which an unused connection is closed."""


class People:
    """At most `most` connections; those unused for `idle` seconds, or for longest where one more is needed, go."""

    def __init__(self, make: Callable[[Asker], Connection], most: int = MOST, idle: float = IDLE) -> None:
        self._make = make
        self._most = most
        self._idle = idle
        self._open: OrderedDict[Asker, Connection] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._open)

    def known(self, asker: Asker) -> Connection | None:
        return self._open.get(asker)

    def get(self, asker: Asker) -> Connection:
        """The connection of this person, opened in the background where there is none. Raises ToolError."""
        self.close_idle()
        found = self._open.get(asker)
        if found is None:
            if len(self._open) >= self._most:
                self._make_room()
            found = self._open[asker] = self._make(asker)
            found.start()
        self._open.move_to_end(asker)
        found.last_used = time.monotonic()
        return found

    def close_idle(self) -> None:
        since = time.monotonic() - self._idle
        for asker, connection in list(self._open.items()):
            if not connection.in_use and connection.last_used < since:
                self._close(asker)

    async def stop(self) -> None:
        for asker in list(self._open):
            self._close(asker)
        if self._closing:
            await asyncio.wait(self._closing)

    def _make_room(self) -> None:
        for asker, connection in self._open.items():
            if not connection.in_use:
                self._close(asker)
                return
        raise ToolError("Too many people use this MCP server at the same moment. Try again shortly.")

    def _close(self, asker: Asker) -> None:
        task = asyncio.create_task(self._open.pop(asker).stop())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
