"""Requests to a Kubernetes API server, each in the name of somebody.

Not the client of the `kubernetes` package: it loses all but one Impersonate-Group header, silently.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager

import httpcore2
import httpx2
import structlog

from kubeai_bot.domain.cluster import Command, CommandOutput, Request, Resource, Response
from kubeai_bot.domain.identity import AsBot, ClusterIdentity
from kubeai_bot.errors import ApiStatus, TooLate, Unreachable
from kubeai_bot.kube.answer import read_answer
from kubeai_bot.kube.connection import Connection, Wire
from kubeai_bot.kube.discovery import Discovery
from kubeai_bot.kube.guard import Headers, check_request, exec_request, impersonation

log = structlog.get_logger(__name__)

_CONNECT_TIMEOUT = 5.0
_SWITCHED = 101


class ImpersonatingCluster:
    """The `Cluster` seam over HTTP.

    With `impersonate` (the default) nothing but discovery ever goes out without `Impersonate-User`; without it, the
    kubeconfig's own user may act. Redirects are not followed; nothing is ever sent twice except a GET whose
    connection could not be opened (once). `discovery_ttl` in seconds.
    """

    def __init__(
        self, name: str, connection: Connection, *, impersonate: bool = True, discovery_ttl: float = 60.0
    ) -> None:
        self._name = name
        self._connection = connection
        self._impersonate = impersonate
        self._discovery = Discovery(name, self._as_bot, ttl=discovery_ttl)
        self._date = ""

    @property
    def name(self) -> str:
        return self._name

    @property
    def date(self) -> str:
        """The `Date` header of the newest answer: the API server's clock. "" before there was one."""
        return self._date

    async def request(self, identity: ClusterIdentity, request: Request) -> Response:
        """Send as `identity`. `request.timeout` covers everything but having credentials renewed.

        Raises ForbiddenByPolicy and TooLate before anything is sent, CredentialsFailed, Unreachable, ApiStatus, and
        ClusterError for a JSON answer beyond `max_bytes`.
        """
        check_request(request)
        headers = impersonation(identity, request, impersonate=self._impersonate)
        async with self._connection.wire() as wire, self._failures(request.timeout):
            async with asyncio.timeout(request.timeout):
                return await self._exchange(wire, request, headers)

    async def exec(self, identity: ClusterIdentity, command: Command) -> CommandOutput:
        """Run a command in a container. What has come when `command.timeout` is up is given without an exit code.

        Raises ForbiddenByPolicy and TooLate before anything is sent, CredentialsFailed, Unreachable, ApiStatus.
        """
        request = exec_request(command)
        headers = impersonation(identity, request, impersonate=self._impersonate)
        async with self._connection.wire() as wire, self._failures(command.timeout):
            return await self._run(wire, request, headers, command)

    async def resources(self, max_age: float | None = None) -> Sequence[Resource]:
        """What the cluster serves, preferred versions first; no older than `max_age` seconds (10 at least)."""
        return await self._discovery.resources(max_age)

    async def aclose(self) -> None:
        await self._connection.aclose()

    async def _as_bot(self, request: Request) -> Response:
        return await self.request(AsBot(), request)

    @asynccontextmanager
    async def _failures(self, seconds: float) -> AsyncGenerator[None]:
        """Turns what the transport raises into Unreachable."""
        try:
            yield
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise Unreachable(f"cluster {self._name}: no answer within {seconds:g} s") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, httpcore2.NetworkError) as error:
            raise Unreachable(f"cluster {self._name} cannot be reached: {_reason(error)}") from error

    async def _exchange(self, wire: Wire, request: Request, headers: Headers) -> Response:
        try:
            return await self._once(wire, request, headers)
        except httpx2.ConnectError as error:
            if request.method != "GET":
                raise
            log.info("kube.connect_retry", cluster=self._name, reason=_reason(error))
        return await self._once(wire, request, headers)

    async def _once(self, wire: Wire, request: Request, headers: Headers) -> Response:
        self._in_time(request)
        response = await wire.send(_http(wire, request, headers))
        self._date = response.headers.get("Date", "")
        try:
            return await self._answer(request, response)
        finally:
            await response.aclose()

    async def _run(self, wire: Wire, request: Request, headers: Headers, command: Command) -> CommandOutput:
        """A WebSocket over the same transport, so that proxy, TLS and credentials are those of every request."""
        from kubeai_bot.kube.channels import CommandStreams, Handshake  # noqa: PLC0415 - few bots run commands

        self._in_time(request)
        handshake = Handshake()
        async with asyncio.timeout(command.timeout):
            response = await wire.send(_http(wire, request, [*headers, *handshake.headers]))
        try:
            if response.status_code != _SWITCHED:
                await self._answer(request, response)
                raise Unreachable(f"cluster {self._name} did not open a WebSocket (HTTP {response.status_code})")
            stream = handshake.stream(self._name, response)
            streams = CommandStreams(self._name, command, response.headers.get("Audit-Id", ""))
            try:
                async with asyncio.timeout(command.timeout):
                    return await streams.read(stream)
            except TimeoutError:
                return streams.so_far()
        finally:
            await response.aclose()

    def _in_time(self, request: Request) -> None:
        if request.start_before is not None and time.monotonic() > request.start_before:
            raise TooLate(
                f"The time for this change was up before it was complete, so this request was not sent to cluster"
                f" {self._name} and changed nothing. Look at what is there now, and try again."
            )

    async def _answer(self, request: Request, response: httpx2.Response) -> Response:
        try:
            return await read_answer(self._name, request, response)
        except ApiStatus as status:
            if status.code == 401:
                self._connection.doubt()
            raise


def _http(wire: Wire, request: Request, impersonating: Headers) -> httpx2.Request:
    access = wire.access
    headers: Headers = [
        (b"Accept", request.accept.encode()),
        (b"Accept-Encoding", b"gzip"),
        (b"User-Agent", b"kubeai-bot"),
        *impersonating,
    ]
    if access.authorization:
        headers.append((b"Authorization", access.authorization.encode()))
    if request.body is not None:
        headers.append((b"Content-Type", request.content_type.encode()))
    timeout = httpx2.Timeout(request.timeout, connect=min(request.timeout, _CONNECT_TIMEOUT))
    extensions: dict[str, object] = {"timeout": timeout.as_dict()}
    if access.server_name:
        extensions["sni_hostname"] = access.server_name
    return httpx2.Request(
        request.method,
        httpx2.URL(access.server + request.path, params=request.query or None),
        headers=headers,
        content=None if request.body is None else json.dumps(request.body).encode(),
        extensions=extensions,
    )


def _reason(error: Exception) -> str:
    """Why a connection failed, in words that hold no header and no address with a password in it."""
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return f"its certificate is not trusted ({cause.verify_message})"
            case ssl.SSLError():
                return f"TLS failed ({cause.reason or 'no reason given'})"
            case socket.gaierror():
                return "its host name is not known"
            case OSError(errno=int(number)) if number > 0:  # asyncio puts the address into strerror
                return os.strerror(number).lower()
            case _:
                continue
    if isinstance(error, httpx2.ProxyError):
        return "the proxy refused"
    return "the connection broke" if isinstance(error, httpx2.RemoteProtocolError) else type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and so on; the members of groups in their place."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            for member in cause.exceptions:  # pyright: ignore[reportUnknownMemberType]  # the group's type is open
                yield from _causes(member)
        cause = cause.__cause__ or cause.__context__
