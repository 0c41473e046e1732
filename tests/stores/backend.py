"""What the contract suite needs of a backend. A driver opens one; `DRIVERS` in conftest.py lists the drivers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from kubeai_bot.interfaces import SessionStore
from kubeai_bot.stores.memory import MemoryStore


class Backend(Protocol):
    """One backend with a data set of its own."""

    @property
    def store(self) -> SessionStore: ...

    def second_store(self) -> SessionStore:
        """Another handle on the same data, as another replica has it; the same handle where there is only one."""
        ...

    async def advance(self, seconds: float) -> None:
        """Make all that the store holds (leases, event keys, times) that much older, without sleeping: by moving its
        clock or by moving what it has stored. Tests compare times of one moment only, never across this call."""
        ...

    @property
    def lasting(self) -> bool:
        """Whether what is stored outlives the process, so that `restart` can be had."""
        ...

    async def restart(self) -> None:
        """End every handle as a crash would (nothing is released, nothing is tidied) and open the same data again:
        `store` and `second_store` then give new handles. Backends that are not `lasting` skip the test."""
        ...


OpenBackend = Callable[[], AbstractAsyncContextManager[Backend]]


@dataclass
class Clocks:
    """Wall clock and monotonic clock, which only move when told."""

    seconds: float = 0.0

    def time(self) -> float:
        return 1_790_000_000.0 + self.seconds

    def monotonic(self) -> float:
        return 1_000.0 + self.seconds


@dataclass
class MemoryBackend:
    clocks: Clocks = field(default_factory=Clocks)
    lasting: bool = False
    store: SessionStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = MemoryStore(clock=self.clocks.time, monotonic=self.clocks.monotonic)

    def second_store(self) -> SessionStore:
        return self.store

    async def advance(self, seconds: float) -> None:
        self.clocks.seconds += seconds

    async def restart(self) -> None:
        pytest.skip("sessions in memory end with their process")


@asynccontextmanager
async def open_memory() -> AsyncIterator[Backend]:
    yield MemoryBackend()
