"""How a session folder is opened: to work in it, or to look into it beside the bot that does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

from kubeai_bot.stores.filesystem.read_only import ReadOnlyFilesystemStore
from kubeai_bot.stores.filesystem.reading import read_root
from kubeai_bot.stores.filesystem.root_folder import check_root, config_errors, own_root
from kubeai_bot.stores.filesystem.shelf import Shelf
from kubeai_bot.stores.filesystem.store import FilesystemStore
from kubeai_bot.stores.filesystem.worker import DiskWorker

_CLOSING = 5.0
"""Seconds for what still runs, and again for writing heads, when the store is closed."""

DEFAULT_ROOT = Path("~/.kubeai/sessions")


@asynccontextmanager
async def open_filesystem(
    root: Path,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[FilesystemStore]:
    """The store in this folder, owned until the end of the block; the folder is made where it is missing.

    Raises ConfigError where the folder cannot be used, or another process owns it.
    """
    root = await asyncio.to_thread(root.expanduser)
    with ExitStack() as stack:
        generation = await asyncio.to_thread(stack.enter_context, own_root(root))
        with config_errors(root):
            contents = await asyncio.to_thread(read_root, root, repair=True)
        worker = DiskWorker(root)
        stack.callback(worker.shut_down)
        shelf = Shelf(contents, worker, clock, generation)
        try:
            yield FilesystemStore(shelf, worker, monotonic)
        finally:
            await worker.finish(_CLOSING)
            await _write_heads(shelf)


async def _write_heads(shelf: Shelf) -> None:
    """So that the next opening need not read journals; what is not written in time is read then."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_CLOSING):
            records = tuple(shelf.contents.records.values())
            await asyncio.gather(*(shelf.sum_up(record, at_least=1) for record in records))


@asynccontextmanager
async def open_filesystem_read_only(root: Path) -> AsyncGenerator[ReadOnlyFilesystemStore]:
    """What the store in this folder held when it was opened, also while a bot works there. Nothing is written.

    Raises ConfigError where there is no such folder.
    """
    root = await asyncio.to_thread(root.expanduser)
    await asyncio.to_thread(check_root, root)
    with config_errors(root):
        contents = await asyncio.to_thread(read_root, root, repair=False)
    worker = DiskWorker(root)
    try:
        yield ReadOnlyFilesystemStore(contents, worker)
    finally:
        worker.shut_down()
