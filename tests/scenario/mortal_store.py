"""The session store as a process sees it that dies at its n-th call."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

QUIET = ("prune", "wakeups", "unfinished", "find", "load", "renew")
"""Calls that are no step of a turn."""


@dataclass
class Death:
    """At call number `at`, either before it takes effect or after, with its answer lost. From then on every call hangs
    until `buried` is set."""

    at: int
    after_effect: bool
    count: int = 0
    dead: asyncio.Event = field(default_factory=asyncio.Event)
    buried: asyncio.Event = field(default_factory=asyncio.Event)

    async def around(self, work: Any) -> Any:
        if self.dead.is_set():
            work.close()
            await self._hang()
        self.count += 1
        if self.count != self.at:
            return await work
        if self.after_effect:
            await work
        else:
            work.close()
        self.dead.set()
        return await self._hang()

    async def _hang(self) -> Any:
        await self.buried.wait()
        raise asyncio.CancelledError


class MortalStore:
    """Any SessionStore, with a death in it."""

    def __init__(self, store: Any, death: Death) -> None:
        self._store = store
        self._death = death

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name in QUIET:
            return method
        return lambda *given, **named: self._death.around(method(*given, **named))
