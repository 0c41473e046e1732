"""HTTP answers that are no MCP at all, from a server in the test's own process."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.mcp.servers.raw import Json, failure, result, text, tool

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Refusing:
    """Speaks the old generation; `tools/call` gets `answer`, and where `always` is set everything else does too.
    `seen` are the headers of each request."""

    answer: Answer
    always: bool = False
    url: str = ""
    seen: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append({name.lower(): value for name, value in request.headers.items()})
        if self.always:
            return await self.answer(request)
        if request.method != "POST":
            return web.Response(status=405)
        message: Json = json.loads(await request.read())
        number: Any = message.get("id")
        match message.get("method"):
            case "initialize":
                about = {"capabilities": {"tools": {}}, "serverInfo": {"name": "refusing", "version": "1"}}
                return web.json_response(result(number, {"protocolVersion": "2025-11-25", **about}))
            case "tools/list":
                return web.json_response(result(number, {"tools": [tool("greet"), tool("refuse")]}))
            case "tools/call" if message["params"]["name"] == "greet":
                return web.json_response(result(number, text("hello")))
            case "tools/call":
                return await self.answer(request)
            case _ if number is None:
                return web.Response(status=202)
            case _:
                return web.json_response(failure(number, -32601, "Method not found"))


@asynccontextmanager
async def refusing(answer: Answer, *, always: bool = False) -> AsyncGenerator[Refusing]:
    server = Refusing(answer, always)
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/mcp"
        yield server
    finally:
        await runner.cleanup()
