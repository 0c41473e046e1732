"""Faults that a test arranges, and rate limits: ways in which a right call fails all the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

from kubeai_bot.playground.workspace.arguments import METHODS

POST_BURST = 5
"""`chat.postMessage` allows about one message a second and channel, and short bursts: this many in as many seconds."""


class FaultOptions(TypedDict, total=False):
    """How a call fails. `error`: answered with this error code; `status`: with this HTTP status; `retry_after`: with
    429 and that many seconds; `delay`: seconds before anything happens; `drop_response`: the effect happens, then the
    connection is cut without an answer. `after` calls (0) pass first, then `times` (1) are hit."""

    error: str | None
    status: int | None
    retry_after: int | None
    delay: float | None
    times: int
    after: int
    drop_response: bool


@dataclass(slots=True)
class ArrangedFault:
    """What happens to the next calls of `method` (`*`: any), as `FaultOptions` describes it."""

    method: str
    error: str | None = None
    status: int | None = None
    retry_after: int | None = None
    delay: float | None = None
    times: int = 1
    after: int = 0
    drop_response: bool = False

    @property
    def http_status(self) -> int | None:
        """Status of the answer given instead of the effect; None when the method runs."""
        if self.status is not None:
            return self.status
        return 429 if self.retry_after is not None else None


class Faults:
    """The arranged faults, first arranged first hit."""

    def __init__(self) -> None:
        self._arranged: list[ArrangedFault] = []

    def add(self, fault: ArrangedFault) -> None:
        if fault.times < 1 or fault.after < 0:
            raise ValueError("a fault hits at least once, after no fewer than no calls")
        self._arranged.append(fault)

    def clear(self) -> None:
        self._arranged.clear()

    def take(self, method: str) -> ArrangedFault | None:
        """The fault that hits this call. At most one does; `after` counts calls that no earlier fault hit."""
        for fault in self._arranged:
            if fault.method not in ("*", method):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.times -= 1
            if fault.times <= 0:
                self._arranged.remove(fault)
            return fault
        return None


class RateLimits:
    """Slack's tiers per method and workspace by the workspace's clock. Off unless asked for."""

    def __init__(self, clock: Callable[[], float], *, enabled: bool) -> None:
        self._clock = clock
        self._enabled = enabled
        self._calls: dict[str, deque[float]] = {}

    def retry_after(self, method: str, channel: str) -> int | None:
        """Counts the call. Seconds to wait if it is one too many, else None."""
        if not self._enabled or method not in METHODS:
            return None
        if method == "chat.postMessage":
            return self._count(f"{method} {channel}", POST_BURST, float(POST_BURST))
        tier = METHODS[method].tier
        return None if tier is None else self._count(method, tier, 60.0)

    def _count(self, key: str, allowed: int, window: float) -> int | None:
        now = self._clock()
        calls = self._calls.setdefault(key, deque())
        while calls and now - calls[0] >= window:
            calls.popleft()
        if len(calls) >= allowed:
            return max(1, round(window - (now - calls[0])))
        calls.append(now)
        return None
