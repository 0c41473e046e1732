"""From a server's configuration to an open client: the three transports behind one door."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from mcp import Client
from mcp.client.session import ElicitationFnT, MessageHandlerFnT
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import McpHttpClientFactory  # the type of a public parameter
from mcp_types import Implementation

from kubeai_bot.tools.mcp.asker import Asker, Signer
from kubeai_bot.tools.mcp.config import McpServer
from kubeai_bot.tools.mcp.http import Http
from kubeai_bot.tools.mcp.mending import mended
from kubeai_bot.tools.mcp.oauth import oauth_of
from kubeai_bot.tools.mcp.stdio import stdio_transport

_US = Implementation(name="kubeai-bot", version="1")


@dataclass(frozen=True, slots=True)
class Handlers:
    """What a connection does with what the server says of its own accord."""

    notice: MessageHandlerFnT
    question: ElicitationFnT
    ended: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Reach:
    """How one server is reached, as whoever asks."""

    server: McpServer
    http: Http | None

    @asynccontextmanager
    async def open(self, asker: Asker | None, handlers: Handlers) -> AsyncGenerator[Client]:
        """A client after its handshake. Must be entered and left by the same task. Raises what the SDK raises."""
        server = self.server
        async with AsyncExitStack() as stack:
            transport: Any
            if self.http is None:
                transport = stdio_transport(server, handlers.ended)
            elif server.transport == "sse":
                transport = sse_client(server.url, httpx_client_factory=_always(self.http, asker))
            else:
                client = await stack.enter_async_context(self.http.client(asker))
                transport = streamable_http_client(server.url, http_client=client, max_sse_event_size=server.max_bytes)
            transport = mended(transport)
            yield await stack.enter_async_context(
                Client(
                    transport,
                    mode=server.generation,
                    read_timeout_seconds=server.connect_timeout,
                    message_handler=handlers.notice,
                    elicitation_callback=handlers.question,
                    client_info=_US,
                    cache=None,
                )
            )


def reach_of(server: McpServer, tls: ssl.SSLContext) -> Reach:
    """Raises BadKey."""
    if server.transport == "stdio":
        return Reach(server, None)
    return Reach(server, Http(server, tls, oauth_of(server), Signer(server.token) if server.token else None))


def _always(http: Http, asker: Asker | None) -> McpHttpClientFactory:
    """Our client, whatever the SDK would set: the headers, limits and time limits are ours."""

    def made(
        headers: dict[str, str] | None = None, timeout: httpx2.Timeout | None = None, auth: httpx2.Auth | None = None
    ) -> httpx2.AsyncClient:
        del headers, timeout, auth
        return http.client(asker)

    return made
