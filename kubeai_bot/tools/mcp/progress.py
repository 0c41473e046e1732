"""What a server says of its progress, as the person sees it: clean, short, and not too often."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable

from kubeai_bot.domain.tool import CallContext
from kubeai_bot.tools.mcp.wording import one_line

EVERY = 1.0
"""Seconds between two words on progress."""


class Progress:
    """The SDK's progress callback for one call; silent once the call is over."""

    def __init__(self, context: CallContext, every: float = EVERY) -> None:
        self._say: Callable[[str], Awaitable[None]] = context.progress
        self._redact = context.redactor
        self._every = every
        self._next = 0.0
        self._over = False

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        now = time.monotonic()
        if self._over or now < self._next:
            return
        self._next = now + self._every
        words = [_share(progress, total), one_line(message or "", 120)]
        await self.tell(" – ".join(word for word in words if word))

    async def tell(self, words: str) -> None:
        if words and not self._over:
            await self._say(self._redact.text(words).text)

    def end(self) -> None:
        self._over = True


def _share(progress: float, total: float | None) -> str:
    if not math.isfinite(progress):
        return ""
    if total and math.isfinite(total) and 0 <= progress <= total:
        return f"{100 * progress / total:.0f} %"
    return f"{progress:g}"
