"""The wire to one API server: the transport and the bot's own credentials, renewed before they expire."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2

_LIMITS = httpx2.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=30)


@dataclass(frozen=True, slots=True)
class Access:
    """How one API server is reached and how this program proves who it is, at one moment.

    `authorization` is the header's value, "" with a client certificate (which sits in `tls`). `good_until` is the
    Unix time at which it should be had anew, None for credentials that do not expire.
    """

    server: str
    authorization: str
    tls: ssl.SSLContext
    proxy: str | None = None
    server_name: str | None = None
    good_until: float | None = None

    def __repr__(self) -> str:
        return f"Access({self.server})"

    def same_wire(self, other: Access) -> bool:
        """Whether connections opened with `other` serve as well."""
        return (self.tls, self.server, self.proxy) == (other.tls, other.server, other.proxy)


class Wire:
    """A transport with the access it was opened for; closed when it is retired and the last user has left."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._users = 0
        self._retired = False
        # The transport and not the client: no redirects, cookies, netrc or environment can add to a request.
        self._transport = httpx2.AsyncHTTPTransport(
            verify=access.tls, trust_env=False, limits=_LIMITS, proxy=access.proxy
        )

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._transport.handle_async_request(request)
        response.request = request
        return response

    def enter(self) -> None:
        self._users += 1

    async def leave(self) -> None:
        self._users -= 1
        await self._close_if_idle()

    async def retire(self) -> None:
        self._retired = True
        await self._close_if_idle()

    async def _close_if_idle(self) -> None:
        if self._retired and self._users == 0:
            await self._transport.aclose()


class Connection:
    """One API server. `load` says how to reach it; it blocks (files, credential plugins) and runs in a thread.

    Credentials younger than `doubt_after` seconds are not had anew when the server refuses them.
    """

    def __init__(self, load: Callable[[], Access], *, doubt_after: float = 10.0) -> None:
        self._load = load
        self._doubt_after = doubt_after
        self._lock = asyncio.Lock()
        self._wire: Wire | None = None
        self._loaded_at = 0.0
        self._doubted = False

    async def open(self) -> None:
        """Have the credentials now rather than at the first request. Raises CredentialsFailed."""
        await self._current()

    @asynccontextmanager
    async def wire(self) -> AsyncGenerator[Wire]:
        """The wire with credentials that are good now. Raises CredentialsFailed: nothing is ever sent without."""
        wire = await self._current()
        wire.enter()
        try:
            yield wire
        finally:
            await wire.leave()

    def doubt(self) -> None:
        """The server refused the credentials: have new ones before the next request."""
        self._doubted = time.monotonic() - self._loaded_at >= self._doubt_after

    async def aclose(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.retire()

    def _fresh(self) -> Wire | None:
        wire = self._wire
        if wire is None or self._doubted:
            return None
        until = wire.access.good_until
        return wire if until is None or time.time() < until else None

    async def _current(self) -> Wire:
        if wire := self._fresh():
            return wire
        async with self._lock:
            if wire := self._fresh():
                return wire
            access = await asyncio.to_thread(self._load)
            self._loaded_at, self._doubted = time.monotonic(), False
            old = self._wire
            if old is not None and access.same_wire(old.access):
                old.access = access
                return old
            self._wire = wire = Wire(access)
            if old is not None:
                await old.retire()
            return wire
