"""An event loop on whose clock nobody comes late because the machine stood still.

What the bot bounds by seconds (an ack, a look-up, a heartbeat) holds where processors are to be had. Where the process
of a test is held up, by a neighbour on the machine or by its own garbage, all sides of the test stand still: such time
does not count.
"""

from __future__ import annotations

import asyncio
import selectors
import time

_LONGEST_ROUND = 0.2
"""Seconds that one round of callbacks counts at most."""

_LONGEST_WAIT = 0.1
"""Seconds for which the loop waits without a look at the clock, so that a standstill while it waits is seen too."""

_Events = list[tuple[selectors.SelectorKey, int]]


class PatientLoop(asyncio.SelectorEventLoop):
    """Counts the seconds in which it ran."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now()


class Clock(selectors.DefaultSelector):
    """Every round of an event loop ends and begins at its selector, which is what tells them apart."""

    def __init__(self) -> None:
        super().__init__()
        self._round_began = self._moment = time.monotonic()

    def now(self) -> float:
        return self._moment + min(time.monotonic() - self._round_began, _LONGEST_ROUND)

    def round(self) -> None:
        """Called at the end of each round of callbacks."""

    def select(self, timeout: float | None = None) -> _Events:
        self.round()
        ended, began = self.now(), time.monotonic()
        wait = _LONGEST_WAIT if timeout is None else min(timeout, _LONGEST_WAIT)
        events = super().select(wait)
        self._round_began = time.monotonic()
        self._moment = ended + min(self._round_began - began, 2 * _LONGEST_WAIT)
        return events
