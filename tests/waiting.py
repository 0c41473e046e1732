"""Waiting for other programs, which tell nobody: they are asked again and again, for so many seconds and no longer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import httpx2

T = TypeVar("T")

_PAUSE = 0.1


async def until(look: Callable[[], Awaitable[T]], seconds: float) -> T:
    """The first answer of `look` that is true. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not (found := await look()):  # noqa: ASYNC110 - other programs tell nobody
            await asyncio.sleep(_PAUSE)
        return found


def until_now(look: Callable[[], T], seconds: float) -> T:
    """As `until`, outside of an event loop; when the time is over the last answer, whatever it is."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    return found


async def ready(address: str, process: asyncio.subprocess.Process, log: Path, seconds: float) -> None:
    """Until the bot at `address` is ready; AssertionError with the end of its log when it ends or takes longer."""

    async def look() -> bool:
        if process.returncode is not None:
            raise AssertionError(end_of(log))
        try:
            return (await client.get(f"http://{address}/readyz")).status_code == 200
        except httpx2.TransportError:
            return False

    async with httpx2.AsyncClient(trust_env=False) as client:
        try:
            await until(look, seconds)
        except TimeoutError as error:
            raise AssertionError(end_of(log)) from error


def end_of(log: Path) -> str:
    return log.read_text("utf-8")[-3000:]
