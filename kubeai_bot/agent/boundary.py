"""Where the unforeseen stops: one broad handler for everything that a turn calls."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import structlog

from kubeai_bot.errors import KubeAIError

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Crashed(KubeAIError):
    """Something failed in a way that nobody foresaw; the traceback is in the log."""


async def contain(work: Awaitable[T], what: str) -> T:
    """Await `work`. Errors of `kubeai_bot.errors` pass; every other one is logged and becomes Crashed."""
    try:
        return await work
    except KubeAIError:
        raise
    except Exception as error:
        log.exception("crashed", what=what)
        raise Crashed(what) from error
