"""The names under which events have arrived, remembered for a day."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

LIFE = 24 * 3600.0
"""Seconds. Slack redelivers within an hour or so."""

KEPT = 200_000
"""Keys kept at most; beyond it the oldest are forgotten early."""


class EventKeys:
    """Maps an event key to the session that took the event."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[float, str]] = OrderedDict()  # oldest first

    def session_of(self, keys: Iterable[str], now: float) -> str | None:
        """The session that took an event under any of these keys within the last day."""
        self._prune(now)
        return next((self._seen[key][1] for key in keys if key in self._seen), None)

    def add(self, keys: Iterable[str], session_id: str, now: float) -> None:
        for key in keys:
            self._seen.pop(key, None)  # a known one moves to the end: it is the newest now
            self._seen[key] = (now + LIFE, session_id)
        self._prune(now)

    def _prune(self, now: float) -> None:
        while self._seen:
            until, _ = next(iter(self._seen.values()))
            if until > now and len(self._seen) <= KEPT:
                return
            self._seen.popitem(last=False)
