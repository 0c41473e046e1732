"""What becomes of one request on its way to a server: the SDK hides most of it, so that it is noted where it happens.

The SDK carries the context of whoever sends a request into the task that writes it; `errand` travels with it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from kubeai_bot.errors import KubeAIError


class NotSent(KubeAIError):
    """The moment before which the request had to begin has passed."""


@dataclass(slots=True, eq=False)
class Errand:
    """`start_before` in terms of `time.monotonic()`. `sent` counts the messages that may have reached the server,
    `status` is the HTTP status of the last answer (0: none), `retry_after` in seconds, `trouble` what else went wrong,
    in words; `asked` are the questions the server wanted to put to the person, which were declined; `tell` shows the
    person how far the call is (None: it is no call)."""

    start_before: float | None = None
    sent: int = 0
    too_late: bool = False
    status: int = 0
    retry_after: float | None = None
    trouble: str = ""
    asked: list[str] = field(default_factory=list[str])
    tell: Callable[[str], Awaitable[None]] | None = None

    def begin(self) -> None:
        """A message is about to be written. Raises NotSent."""
        if self.start_before is not None and time.monotonic() >= self.start_before:
            self.too_late = True
            raise NotSent("too late to begin")
        self.sent += 1


errand: ContextVar[Errand | None] = ContextVar("errand", default=None)
