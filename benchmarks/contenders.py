"""Session stores that take turns in one run: ours in this process, the other systems' in interpreters of their own."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg

OURS, MINIMAL, RAW = "kubeai-bot, warm", "minimal rows, nothing else", "raw commit of the same rows"
RIVALS = ("Google ADK", "OpenAI Agents SDK", "LangGraph saver")
AT_ONCE = 64


class Contender(Protocol):
    """A session store with turns in it."""

    async def grow(self, name: str, present: int, to: int) -> None: ...

    async def turns(self, name: str, rounds: int) -> list[float]: ...

    async def together(self, names: Sequence[str], rounds: int) -> float: ...


@dataclass
class Here:
    """A store in this process."""

    store: Any

    async def grow(self, name: str, present: int, to: int) -> None:
        """Make the session, where it has no messages yet, and fill it up."""
        if not present:
            await self.store.create(name)
        await self.store.fill(name, max(to - present, 0))

    async def turns(self, name: str, rounds: int) -> list[float]:
        """Milliseconds each."""
        took: list[float] = []
        for _ in range(rounds):
            began = time.perf_counter()
            await self.store.turn(name)
            took.append((time.perf_counter() - began) * 1000)
        return took

    async def together(self, names: Sequence[str], rounds: int) -> float:
        """Turns a second over all sessions at once."""

        async def work(name: str) -> None:
            for _ in range(rounds):
                await self.store.turn(name)

        began = time.perf_counter()
        await asyncio.gather(*(work(name) for name in names))
        return len(names) * rounds / (time.perf_counter() - began)


@dataclass
class Elsewhere:
    """A store in an interpreter of its own."""

    process: asyncio.subprocess.Process

    async def _ask(self, **order: Any) -> Any:
        say, hear = self.process.stdin, self.process.stdout
        assert say is not None
        assert hear is not None
        say.write(json.dumps(order).encode() + b"\n")
        answer = await hear.readline()
        if not answer:
            raise RuntimeError("a rival has ended: see its words above")
        return json.loads(answer)

    async def grow(self, name: str, present: int, to: int) -> None:
        await self._ask(grow=name, **{"from": present, "to": to})

    async def turns(self, name: str, rounds: int) -> list[float]:
        return await self._ask(turns=name, rounds=rounds)

    async def together(self, names: Sequence[str], rounds: int) -> float:
        return await self._ask(together=list(names), rounds=rounds)


@asynccontextmanager
async def rivals(python: str | None, names: Sequence[str], url: str) -> AsyncIterator[dict[str, Contender]]:
    """The other systems' stores; none where there is no environment for them."""
    program = str(Path(__file__).parent / "rivals" / "stores.py")
    url = url.replace("postgresql://", "postgresql+psycopg://")
    started: dict[str, Contender] = {}
    processes: list[asyncio.subprocess.Process] = []
    for name in names if python else ():
        process = await asyncio.create_subprocess_exec(
            python or "", program, name, url, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=1 << 24
        )
        processes.append(process)
        started[name] = Elsewhere(process)
    try:
        yield started
    finally:
        for process in processes:
            process.kill()
            await process.wait()


async def side_by_side(
    contenders: Mapping[str, Contender], lengths: Sequence[int], blocks: int = 5
) -> dict[str, dict[int, float]]:
    """Median milliseconds of a warm turn at each length. The contenders take turns in blocks, so that a machine that is
    slow for a while is slow for all of them; short histories are fresh in every block."""
    found: dict[str, dict[int, float]] = {name: {} for name in contenders}
    long = {name: (uuid.uuid4().hex, 0) for name in contenders}
    for contender in contenders.values():  # connections are made, statements prepared, code loaded
        session = uuid.uuid4().hex
        await contender.grow(session, 0, 10)
        await contender.turns(session, 10)
    for length in lengths:
        took: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(blocks):
            for name, contender in contenders.items():
                session, present = (uuid.uuid4().hex, 0) if length < 1000 else long[name]
                await contender.grow(session, present, length)
                took[name] += (await contender.turns(session, 5))[1:]
                if length >= 1000:
                    long[name] = session, max(present, length) + 20
        for name in contenders:
            found[name][length] = statistics.median(took[name])
    return found


async def all_at_once(contenders: Mapping[str, Contender], blocks: int = 3) -> dict[str, float]:
    """Median turns a second over many sessions at once, each with 100 messages at first."""
    names = {name: [uuid.uuid4().hex for _ in range(AT_ONCE)] for name in contenders}
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for name, contender in contenders.items():
        for session in names[name]:
            await contender.grow(session, 0, 100)
    for _ in range(blocks):
        for name, contender in contenders.items():
            rates[name].append(await contender.together(names[name], 10 if name == OURS else 2))
    return {name: statistics.median(each) for name, each in rates.items()}


@asynccontextmanager
async def link(url: str, delay: float) -> AsyncIterator[tuple[str, Callable[[], Awaitable[int]]]]:
    """The same database at the other end of a slow wire, and a count of round trips since the last question."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).parent / "link.py"),
        f"{parts['host']}:{parts['port']}",
        str(delay),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    say, hear = process.stdin, process.stdout
    assert say is not None
    assert hear is not None
    port = int(await hear.readline())

    async def trips() -> int:
        say.write(b"\n")
        return int(await hear.readline())

    try:
        yield f"postgresql://{parts['user']}@127.0.0.1:{port}/{parts['dbname']}", trips
    finally:
        process.kill()
        await process.wait()
