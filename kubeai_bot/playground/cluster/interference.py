"""Faults between client and server, for tests: delay, fail, hang or cut off chosen requests.

A hook is an async function that sees a RecordedRequest after authentication and before it is answered. It may take its
time, return an Injected answer instead of the real one, raise CutOff to close the connection, or return None.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubeai_bot.playground.cluster.objects import Obj
from kubeai_bot.playground.cluster.status import ApiError

Match = Callable[["RecordedRequest"], bool]


@dataclass
class RecordedRequest:
    """One line of the audit log. `status` is None until the answer begins (or when none was given)."""

    method: str
    path: str
    query: Mapping[str, str]
    verb: str = ""
    user: str | None = None
    impersonated_user: str | None = None
    impersonated_groups: tuple[str, ...] = ()
    """Exactly the Impersonate-Group headers, in the order received."""
    impersonated_extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    status: int | None = None
    size: int | None = None
    """Bytes of the answer's body; None for one that streams."""
    body: Any = None
    at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Injected:
    """An answer that replaces the real one."""

    status: int
    body: Obj | str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class CutOff(Exception):
    """Close the connection without an answer."""


Hook = Callable[[RecordedRequest], Awaitable[Injected | None]]


def path_contains(text: str, method: str | None = None) -> Match:
    """Matches requests by a part of their path, and by method if given."""
    return lambda request: text in request.path and method in {None, request.method}


def fail(match: Match, error: ApiError, *, times: int = 1, headers: Mapping[str, str] | None = None) -> Hook:
    """Answers the next `times` matching requests with `error`."""
    left = times

    async def hook(request: RecordedRequest) -> Injected | None:
        nonlocal left
        if left <= 0 or not match(request):
            return None
        left -= 1
        return Injected(error.code, error.body(), headers or {})

    return hook


def delay(match: Match, seconds: float) -> Hook:
    """Lets matching requests wait `seconds` before they are answered as usual."""

    async def hook(request: RecordedRequest) -> None:
        if match(request):
            await asyncio.sleep(seconds)

    return hook


def hold(match: Match, release: asyncio.Event) -> Hook:
    """Lets matching requests hang until `release` is set (or the client gives up)."""

    async def hook(request: RecordedRequest) -> None:
        if match(request):
            await release.wait()

    return hook


def cut_off(match: Match, *, times: int = 1) -> Hook:
    """Closes the connection of the next `times` matching requests."""
    left = times

    async def hook(request: RecordedRequest) -> None:
        nonlocal left
        if left > 0 and match(request):
            left -= 1
            raise CutOff

    return hook
