"""Runs the store's operations so that a cancelled caller cannot cut one in half, and its disk work beside the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from kubeai_bot.errors import StoreError
from kubeai_bot.stores.filesystem.disk import disk_errors

_T = TypeVar("_T")

PATIENCE = 60.0
"""Seconds that a caller waits for the disk. The operation then still runs to its end, and a retry recognises it."""

_THREADS = 8


class DiskWorker:
    """One per store, in one event loop."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="sessions")
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def whole(self, operation: Coroutine[Any, Any, _T]) -> _T:
        """The result of an operation, which runs to its end even where the caller is cancelled. Raises what it
        raises, and StoreError where the disk takes too long or the store is closed."""
        if self._closed:
            operation.close()
            raise StoreError(f"the session store in {self._root} is closed")
        task = asyncio.create_task(operation)
        self._running.add(task)
        task.add_done_callback(self._ended)
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.shield(task)
        except TimeoutError as error:
            raise StoreError(
                f"{self._root}: the disk has not answered for {PATIENCE:.0f} s: look at the volume"
            ) from error

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also where its caller was cancelled

    async def on_disk(self, work: Callable[[], _T]) -> _T:
        """Run blocking work in a thread. Raises StoreError in the place of OSError."""

        def guarded() -> _T:
            with disk_errors(self._root):
                return work()

        return await asyncio.get_running_loop().run_in_executor(self._pool, guarded)

    async def finish(self, timeout: float) -> None:
        """Take no further operation, and wait for those that run."""
        self._closed = True
        if self._running:
            await asyncio.wait(self._running, timeout=timeout)

    def shut_down(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


@dataclass(slots=True)
class _Named:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class NameLocks:
    """A lock for every name, for as long as somebody wants it."""

    def __init__(self) -> None:
        self._locks: dict[str, _Named] = {}

    @asynccontextmanager
    async def holding(self, names: Iterable[str]) -> AsyncGenerator[None]:
        """All of these names at once. They are taken in one order everywhere, so that nobody waits in a circle."""
        async with AsyncExitStack() as stack:
            for name in sorted(set(names)):
                await stack.enter_async_context(self._one(name))
            yield

    @asynccontextmanager
    async def _one(self, name: str) -> AsyncGenerator[None]:
        named = self._locks.setdefault(name, _Named())
        named.users += 1
        try:
            async with named.lock:
                yield
        finally:
            named.users -= 1
            if not named.users:
                del self._locks[name]
