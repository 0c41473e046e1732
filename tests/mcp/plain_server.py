"""A small MCP server of the 2025 generation over HTTP, on a loopback port, that shows what was sent to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOOL: dict[str, Any] = {
    "name": "look",
    "description": "Looks.",
    "inputSchema": {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]},
}

Refuse = Callable[[web.Request, dict[str, Any]], "web.StreamResponse | None"]


def _allow(_request: web.Request, _message: dict[str, Any]) -> web.StreamResponse | None:
    return None


async def _nothing(_message: dict[str, Any]) -> None:
    return None


@dataclass
class Plain:
    """`calls` are the headers and arguments of every `tools/call`; `refuse` may answer in the server's place; `before`
    runs before a call is answered."""

    url: str = ""
    tools: list[dict[str, Any]] = field(default_factory=lambda: [TOOL])
    calls: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    refuse: Refuse = _allow
    before: Callable[[dict[str, Any]], Awaitable[None]] = _nothing
    routes: dict[str, Callable[[web.Request], Awaitable[web.Response]]] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if (route := self.routes.get(request.path)) is not None:
            return await route(request)
        if request.method != "POST":
            return web.Response(status=405)
        message = await request.json()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((message.get("method", ""), headers))
        refused = self.refuse(request, message)
        if refused is not None:
            return refused
        if "id" not in message:
            return web.Response(status=202)
        return web.json_response({"jsonrpc": "2.0", "id": message["id"], **await self._answer(message, headers)})

    async def _answer(self, message: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        params = message.get("params", {})
        match message["method"]:
            case "initialize":
                info = {"name": "plain", "version": "1"}
                return {"result": {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": info}}
            case "tools/list":
                return {"result": {"tools": self.tools}}
            case "tools/call":
                self.calls.append((headers, params["arguments"]))
                await self.before(params)
                said = f"{headers.get('x-user', '')} looks at {params['arguments'].get('at')}"
                return {"result": {"content": [{"type": "text", "text": said}]}}
            case _:
                return {"error": {"code": -32601, "message": "no such method"}}


@asynccontextmanager
async def plain_server() -> AsyncGenerator[Plain]:
    plain = Plain()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", plain.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    plain.url = f"http://{host}:{port}/mcp"
    try:
        yield plain
    finally:
        await asyncio.wait_for(runner.cleanup(), 5)
