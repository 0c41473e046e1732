"""The filesystem store under the contract suite."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kubeai_bot.interfaces import SessionStore
from kubeai_bot.stores.filesystem.opening import open_filesystem
from kubeai_bot.stores.filesystem.store import FilesystemStore
from tests.stores.backend import Backend, Clocks

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - folders in it get random names
"""Where Linux has a file system whose syncs cost nothing: the contract suite syncs many thousand times."""


def fast_folder() -> str | None:
    """Where to put a root; None for the default place of temporary files."""
    return str(IN_MEMORY) if IN_MEMORY.is_dir() and os.access(IN_MEMORY, os.W_OK) else None


@dataclass
class FilesystemBackend:
    """One process at a time works in a root, so that both handles are one."""

    folder: Path
    stack: AsyncExitStack
    clocks: Clocks = field(default_factory=Clocks)
    lasting: bool = True
    root: Path = field(init=False)
    store: FilesystemStore = field(init=False)
    starts: int = 0

    async def start(self) -> None:
        """Open what is on the disk at this moment, as it would be found after a crash: a copy of the files."""
        before = self.root if self.starts else None
        self.starts += 1
        self.root = self.folder / f"root-{self.starts}"
        if before is not None:
            await asyncio.to_thread(shutil.copytree, before, self.root)
        opened = open_filesystem(self.root, self.clocks.time, self.clocks.monotonic)
        self.store = await self.stack.enter_async_context(opened)

    def second_store(self) -> SessionStore:
        return self.store

    async def advance(self, seconds: float) -> None:
        self.clocks.seconds += seconds

    async def restart(self) -> None:
        await self.start()


@asynccontextmanager
async def open_filesystem_backend() -> AsyncIterator[Backend]:
    with tempfile.TemporaryDirectory(prefix="kubeai-sessions-", dir=fast_folder()) as folder:
        async with AsyncExitStack() as stack:
            backend = FilesystemBackend(Path(folder), stack)
            await backend.start()
            yield backend
