"""The HTTP under both HTTP transports: who asks is in every request, statuses are noted, bodies are bounded.

A failed request becomes an answer 502 here: left to itself the SDK ends the whole connection, with every other call
that is on its way over it.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
from mcp.client.auth import OAuthFlowError

from kubeai_bot.tools.mcp.asker import Asker, Signer, forwarded
from kubeai_bot.tools.mcp.config import McpServer
from kubeai_bot.tools.mcp.errand import NotSent, errand
from kubeai_bot.tools.mcp.oauth import NoToken
from kubeai_bot.tools.mcp.wording import one_line, size

_NOT_REACHED = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
_GOODBYE = 2.0
"""Seconds for telling a server that its session is over."""
_LONGEST_RETRY = 3600.0


@dataclass(frozen=True, slots=True)
class Http:
    """What all connections to one HTTP server share."""

    server: McpServer
    tls: ssl.SSLContext
    auth: httpx2.Auth | None
    signer: Signer | None

    def client(self, asker: Asker | None) -> httpx2.AsyncClient:
        """A client that speaks for `asker`, and for nobody else as long as it lives."""
        return _Client(self, asker)


class _Client(httpx2.AsyncClient):
    def __init__(self, http: Http, asker: Asker | None) -> None:
        server = http.server
        headers = {"Accept-Encoding": "identity", "User-Agent": "kubeai-bot", **server.headers}
        if server.bearer:
            headers["Authorization"] = f"Bearer {server.bearer}"
        if asker is not None:
            headers.update(forwarded(server, asker))
        self._http = http
        self._asker = asker
        self._origin = _origin(httpx2.URL(server.url))
        super().__init__(
            headers=headers,
            auth=http.auth,
            verify=http.tls,
            timeout=httpx2.Timeout(
                min(server.connect_timeout, 30.0), read=max(300.0, server.timeout + 30), connect=server.connect_timeout
            ),
            event_hooks={"request": [self._leaving], "response": [self._arriving]},
        )

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """As the SDK's transports call it. What fails becomes a 502 whose reason is in the errand."""
        here = errand.get()
        sent = here.sent if here is not None else 0
        try:
            return await super().send(request, **options)
        except (httpx2.HTTPError, httpx2.InvalidURL, OAuthFlowError, NoToken, NotSent) as error:
            if here is not None:
                here.trouble = here.trouble or _words(error)
                if isinstance(error, _NOT_REACHED):
                    here.sent = sent
            return httpx2.Response(502, request=request)

    async def _leaving(self, request: httpx2.Request) -> None:
        if request.method == "DELETE":
            request.extensions["timeout"] = httpx2.Timeout(_GOODBYE).as_dict()
        if _origin(request.url) != self._origin:
            return
        token, signer = self._http.server.token, self._http.signer
        if self._asker is not None and token is not None and signer is not None:
            request.headers[token.header] = signer.sign(self._asker)
        here = errand.get()
        if here is not None and _is_call(request):
            here.begin()

    async def _arriving(self, response: httpx2.Response) -> None:
        here = errand.get()
        request = response.request
        opens = request.method == "GET" and self._http.server.transport == "sse"
        tells = opens or _is_message(request)  # not OAuth's own requests, nor a GET stream that a server does not have
        if here is not None and tells and _origin(request.url) == self._origin:
            here.status = response.status_code
            here.retry_after = _retry_after(response.headers)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            _note("its reply is compressed, which nobody asked for")
            response.stream = _Nothing(response.stream)
            del response.headers["content-encoding"]
        elif not response.headers.get("content-type", "").lower().startswith("text/event-stream"):
            response.stream = _Bounded(response.stream, self._http.server.max_bytes)


class _Bounded(httpx2.AsyncByteStream):
    """A body that ends in a StreamError, which costs the SDK this one call, where it is too long or breaks off."""

    def __init__(self, body: Any, limit: int) -> None:
        self._body = body
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limit
        try:
            async for part in self._body:
                left -= len(part)
                if left < 0:
                    _note(f"its reply is larger than {size(self._limit)}")
                    raise httpx2.StreamError("the reply is too large")
                yield part
        except httpx2.TransportError as error:
            _note(_words(error))
            raise httpx2.StreamError("the reply broke off") from error

    async def aclose(self) -> None:
        await self._body.aclose()


class _Nothing(_Bounded):
    def __init__(self, body: Any) -> None:
        super().__init__(body, 0)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for nothing in ():
            yield nothing


def _note(trouble: str) -> None:
    if (here := errand.get()) is not None:
        here.trouble = here.trouble or trouble


def _is_message(request: httpx2.Request) -> bool:
    return request.method == "POST" and request.headers.get("content-type", "").startswith("application/json")


def _is_call(request: httpx2.Request) -> bool:
    """Whether it is a JSON-RPC request: not a notification or an answer, and none of OAuth's own."""
    if not _is_message(request):
        return False
    message: Any = json.loads(request.content)
    return isinstance(message, dict) and {"id", "method"} <= message.keys()


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _words(error: Exception) -> str:
    if isinstance(error, httpx2.TimeoutException):
        return "no answer in time" if isinstance(error, httpx2.ReadTimeout) else "no connection in time"
    kind = "cannot be reached" if isinstance(error, _NOT_REACHED) else "the connection broke off"
    if isinstance(error, NoToken):
        return str(error)
    if isinstance(error, OAuthFlowError):
        kind = "OAuth failed"
    return one_line(f"{kind}: {error or type(error).__name__}", 160)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; dates, which nobody sends here, are not read."""
    text = headers.get("retry-after", "")
    return min(float(text), _LONGEST_RETRY) if text.isascii() and text.isdigit() and len(text) < 8 else None
