"""Reading within bounds: at most so many requests and seconds, and a record of what could not be seen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from kubeai_bot.domain.cluster import Resource
from kubeai_bot.domain.message import Json
from kubeai_bot.errors import ApiStatus, ClusterError
from kubeai_bot.tools.kubernetes.reach import JSON, Query, Reach, Ref
from kubeai_bot.tools.kubernetes.text import one_line

REQUESTS = 40
SECONDS = 25.0
PAGE = 500
_LOG_BYTES = 256 * 1024

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was not seen: `why` is `forbidden`, `not served`, `cut`, `out of bounds` or an error's words."""

    what: str
    why: str


class Reading:
    """Reads through `reach`; what fails leaves a Gap and gives None, since the rest is worth having.

    A 403 is knowledge about the asker, a 404 of a list about the cluster; neither ends a diagnosis.
    """

    def __init__(self, reach: Reach, *, requests: int = REQUESTS, seconds: float = SECONDS) -> None:
        self.reach = reach
        self.gaps: list[Gap] = []
        self.cut: set[Resource] = set()
        """Resources of which a list went on: what is not in it may exist all the same."""
        self._left = requests
        self._deadline = asyncio.get_running_loop().time() + seconds

    async def list(self, ref: Ref, query: Query = (), accept: str = JSON, *, pages: int = 1) -> tuple[Json, ...] | None:
        """The first pages of a list; None where it could not be read."""
        self._left -= pages - 1
        listing = await self._tried(
            f"list {_words(ref)}", lambda: self.reach.items(ref, query, most=PAGE * pages, accept=accept)
        )
        if listing is None:
            return None
        if listing.token:
            self.cut.add(ref.resource)
            self.gaps.append(Gap(f"{_words(ref)} beyond the first {PAGE * pages}", "cut"))
        return listing.items

    async def get(self, ref: Ref) -> Json | None:
        return await self._tried(f"get {_words(ref)}", lambda: self.reach.get(ref), quiet=(404,))

    async def log(self, ref: Ref, query: Query) -> str | None:
        answer = await self._tried(
            f"get {_words(ref)}", lambda: self.reach.text(ref, query, _LOG_BYTES), quiet=(400, 404)
        )
        return None if answer is None else answer.text

    async def _tried(self, what: str, ask: Callable[[], Awaitable[T]], quiet: tuple[int, ...] = ()) -> T | None:
        if self._left <= 0:
            self.gaps.append(Gap(what, "out of bounds"))
            return None
        self._left -= 1
        try:
            async with asyncio.timeout_at(self._deadline):
                return await ask()
        except ApiStatus as error:
            if error.code not in quiet:
                known = {403: "forbidden", 404: "not served"}
                self.gaps.append(Gap(what, known.get(error.code) or f"HTTP {error.code} {one_line(error.message, 80)}"))
        except TimeoutError:
            self.gaps.append(Gap(what, "out of bounds"))
        except ClusterError as error:
            self.gaps.append(Gap(what, one_line(error, 100)))
        return None


def _words(ref: Ref) -> str:
    kind = f"{ref.resource.name}/{ref.subresource}" if ref.subresource else ref.resource.name
    place = "" if ref.namespace else " (all namespaces)" if ref.resource.namespaced else ""
    return f"{kind}{place}"
