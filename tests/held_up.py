"""A plugin for pytest: the tests in another order, and a part of them held up for seconds, as on a busy machine.

    make test ARGS="-p tests.held_up"

What fails then fails by chance without it. HELD_UP_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping

import pytest

from tests.patient_loop import Clock, PatientLoop

_SEED = "HELD_UP_SEED"
_SECONDS = 4.0
"""Longer than what Slack waits for an ack, and than most that the bot waits for."""

_SHARE = 0.3
"""Of the tests."""

_rng = random.Random()


def pytest_configure(config: pytest.Config) -> None:
    """The workers of pytest-xdist inherit the seed: they must agree on the order."""
    os.environ.setdefault(_SEED, str(random.SystemRandom().randrange(10**6)))


def pytest_report_header(config: pytest.Config) -> str:
    return f"{_SEED}={os.environ[_SEED]}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules stay together: what they share is made once."""
    rng = random.Random(os.environ[_SEED])
    places = {item.path: rng.random() for item in items}
    rng.shuffle(items)
    items.sort(key=lambda item: places[item.path])


@pytest.hookimpl(tryfirst=True)
def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, type[HeldUpLoop]]:
    return {"held_up": HeldUpLoop}


def pytest_runtest_setup(item: pytest.Item) -> None:
    _rng.seed(f"{os.environ[_SEED]} {item.nodeid}")


class HeldUpLoop(PatientLoop):
    """Stands still once, or never."""

    def __init__(self) -> None:
        super().__init__(_HeldUpClock())


class _HeldUpClock(Clock):
    def __init__(self) -> None:
        super().__init__()
        self._rounds_left = int(10 ** _rng.uniform(0.5, 3)) if _rng.random() < _SHARE else -1

    def round(self) -> None:
        self._rounds_left -= 1
        if self._rounds_left == 0:
            time.sleep(_SECONDS)
