"""The bot processes of a storm: started with a death each, killed, paused and continued, and started again."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

READY_WITHIN = 60.0


@dataclass
class Counts:
    """What was done to the processes."""

    started: int = 0
    killed_at_a_step: int = 0
    killed_at_random: int = 0
    paused: int = 0


@dataclass
class Replica:
    """One place where a bot runs: whenever its process dies, another is started. `taken_over(session, epoch)` returns
    once the session of a paused process is in other hands; `pausing` is held while one is paused."""

    name: str
    environment: Mapping[str, str]
    rng: random.Random
    counts: Counts
    taken_over: Callable[[str, int], Awaitable[None]]
    log: Path
    calm: asyncio.Event
    pausing: asyncio.Lock
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    process: asyncio.subprocess.Process | None = None
    paused: bool = False
    shot: bool = False
    first_death: dict[str, object] | None = None
    failures: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Until cancelled; then the process is ended the friendly way."""
        try:
            while True:
                await self._live()
        finally:
            await self.end()

    async def kill(self) -> None:
        """SIGKILL, now, unless it is paused or not there."""
        if self.process is not None and self.process.returncode is None and not self.paused:
            self.counts.killed_at_random += 1
            self.shot = True
            self.process.kill()

    async def end(self) -> None:
        process = self.process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            async with asyncio.timeout(40):
                await process.wait()
        except TimeoutError:
            process.kill()
            self.failures.append(f"{self.name} did not end within 40 s of SIGTERM")
        if process.returncode not in (0, -signal.SIGKILL):
            self.failures.append(f"{self.name} ended with {process.returncode}:\n{self._last_words()}")

    def _last_words(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-3000:]

    def _death(self) -> dict[str, object]:
        if self.calm.is_set():
            return {"how": "kill", "step": 0, "after": False}
        if self.first_death:
            death, self.first_death = self.first_death, None
            return death
        if self.rng.random() < 0.2:
            return {"how": "receive", "step": self.rng.randint(1, 3), "after": self.rng.random() < 0.5}
        if self.rng.random() < 0.4:
            return {"how": "stop", "step": self.rng.randint(1, 2), "after": False}
        return {"how": "kill", "step": self.rng.randint(1, 30), "after": self.rng.random() < 0.5}

    async def _live(self) -> None:
        death = self._death()
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.chaos.replica",
                env={**self.environment, "CHAOS": json.dumps(death)},
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        self.counts.started += 1
        assert self.process.stdout is not None
        try:
            async for line in self.process.stdout:
                await self._hear(line.decode().split())
        finally:
            self.ready.clear()
        code = await self.process.wait()
        shot, self.shot = self.shot, False
        if code == -signal.SIGKILL:
            self.counts.killed_at_a_step += not shot
        elif not self.calm.is_set():
            self.failures.append(f"{self.name} ended by itself with {code}:\n{self._last_words()}")

    async def _hear(self, words: list[str]) -> None:
        if words[:1] == ["ready"]:
            self.ready.set()
        if words[:1] == ["stopped"]:
            try:
                if not self.pausing.locked():  # of two paused ones neither would be taken over
                    async with self.pausing:
                        await self._stay_paused(words[1], int(words[2]))
            finally:
                with suppress(ProcessLookupError):
                    if self.process is not None:
                        self.process.send_signal(signal.SIGCONT)

    async def _stay_paused(self, session_id: str, epoch: int) -> None:
        self.paused = True
        self.counts.paused += 1
        try:
            await self.taken_over(session_id, epoch)
        except TimeoutError:
            self.failures.append(f"session {session_id} of a paused process was not taken over")
        finally:
            self.paused = False
