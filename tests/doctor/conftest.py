"""The doctor at work in the playground's world, as the command runs it; what it prints is searched for secrets."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from kubeai_bot.doctor.command import DoctorOptions, run
from kubeai_bot.doctor.finding import Area
from kubeai_bot.playground.cluster.server import BOT_TOKEN
from kubeai_bot.playground.world import World, WorldOptions, open_world


@dataclass(frozen=True)
class Visit:
    """What one run of the doctor gave."""

    code: int
    report: dict[str, Any]

    def named(self, check: str) -> dict[str, Any]:
        """The one finding of that check."""
        (found,) = [each for each in self.report["findings"] if each["check"] == check]
        return found

    @property
    def wrong(self) -> set[str]:
        """Checks that found a fault."""
        return {each["check"] for each in self.report["findings"] if each["result"] == "fault"}


@dataclass
class Doctor:
    world: World
    secrets: set[str] = field(default_factory=set)

    async def visit(self, *only: Area, init: bool = False, pauses: tuple[float, ...] = (), **changes: str) -> Visit:
        """Run it over the world's environment with `changes` ("" takes a variable away), in a thread of its own as it
        has a loop of its own."""
        environment = {name: text for name, text in {**self.world.environment, **changes}.items() if text}
        code, out = await asyncio.to_thread(call, environment, DoctorOptions(True, init, only, pauses))
        for secret in {*self.secrets, *_secrets(environment)}:
            assert secret not in out
        return Visit(code, json.loads(out))


def call(environment: Mapping[str, str], options: DoctorOptions) -> tuple[int, str]:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = run(environment, None, options)
    return code, out.getvalue()


def _secrets(environment: Mapping[str, str]) -> set[str]:
    named = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "OPENAI_API_KEY")
    return {BOT_TOKEN, *(environment[name] for name in named if name in environment)}


OpenDoctor = Callable[[WorldOptions], Any]


@pytest.fixture
async def doctor() -> AsyncIterator[Doctor]:
    async with open_world(WorldOptions()) as world:
        yield Doctor(world)


@pytest.fixture
def doctor_in() -> OpenDoctor:
    """A doctor in another world: `async with doctor_in(WorldOptions(…)) as doctor`."""

    @contextlib.asynccontextmanager
    async def opened(options: WorldOptions) -> AsyncIterator[Doctor]:
        async with open_world(options) as world:
            yield Doctor(world)

    return opened
