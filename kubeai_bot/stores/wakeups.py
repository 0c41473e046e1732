"""Telling runners in this process that a session has just received something."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from weakref import WeakSet

KEPT = 1024
"""Wake-ups kept for a subscriber that is busy; further ones are dropped (`SessionStore.unfinished` is the truth)."""


class Subscription(AsyncIterator[str]):
    """Session ids from the moment it is made. Ends after `aclose`; one that is simply dropped is forgotten."""

    def __init__(self) -> None:
        # None marks the end; there is always room for it beside KEPT ids.
        self._queue: asyncio.Queue[str | None] = asyncio.Queue(KEPT + 1)
        self._closed = False

    def offer(self, session_id: str) -> None:
        """Queue an id, or drop it where too many wait already."""
        if not self._closed and self._queue.qsize() < KEPT:
            self._queue.put_nowait(session_id)

    async def __anext__(self) -> str:
        session_id = await self._queue.get()
        if session_id is None:
            self._queue.put_nowait(None)  # whoever else waits, or asks again, ends too
            raise StopAsyncIteration
        return session_id

    async def aclose(self) -> None:
        """Hear no more: ids that still wait are dropped, and a waiting `__anext__` ends."""
        self._closed = True
        with suppress(asyncio.QueueEmpty):
            while True:
                self._queue.get_nowait()
        self._queue.put_nowait(None)


class Wakeups:
    """Every subscription hears every id."""

    def __init__(self) -> None:
        self._subscriptions: WeakSet[Subscription] = WeakSet()

    def subscribe(self) -> Subscription:
        subscription = Subscription()
        self._subscriptions.add(subscription)
        return subscription

    def tell(self, session_id: str) -> None:
        for subscription in tuple(self._subscriptions):
            subscription.offer(session_id)
