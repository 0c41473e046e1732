"""Whether the disk of the sessions still takes writes: a full or read-only one serves no turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from kubeai_bot.settings.environment import Settings

log = structlog.get_logger(__name__)

NAME = ".probe"
BLOCK = bytes(4096)


def write_probe(settings: Settings) -> Callable[[], Awaitable[bool]]:
    """For sessions in files: write and remove a file beside them. A database says so by itself, in `unfinished`'s
    connection and in the error of the first write."""
    if settings.session_type != "filesystem":
        return _always
    return _DiskProbe(settings.sessions_path.expanduser() / NAME)


async def _always() -> bool:
    return True


class _DiskProbe:
    """One write at a time: on a disk that hangs, no thread is added to those that hang already."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing: asyncio.Future[bool] | None = None

    async def __call__(self) -> bool:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.ensure_future(asyncio.to_thread(_write, self._path))
        return await asyncio.shield(self._writing)


def _write(path: Path) -> bool:
    from kubeai_bot.stores.filesystem.disk import write_new  # noqa: PLC0415 - only where sessions are in files

    try:
        write_new(path, BLOCK)
        path.unlink()
    except OSError as error:
        log.warning("sessions cannot be written", file=str(path), error=error.strerror)
        return False
    return True
