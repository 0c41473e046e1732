"""`python -m tests.mcp.servers.polite [--transport http|sse] [--port N] [--record FILE]`: a server that keeps the
protocol, written with the SDK, with tools that a test needs. The port stands on the first line of stdout; what it
records goes to FILE, a line each."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, cast

import uvicorn
from mcp.server.mcpserver import Audio, Context, Elicit, ElicitationResult, Image, MCPServer, Resolve
from mcp_types import EmbeddedResource, ResourceLink, TextResourceContents, ToolAnnotations
from pydantic import BaseModel

Any_Context = Context[Any, Any]
READS = ToolAnnotations(read_only_hint=True)
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
    "a5f645400000000049454e44ae426082"
)


class Weather(BaseModel):
    city: str
    degrees: float


class Wish(BaseModel):
    really: bool


def question() -> Elicit[Wish]:
    return Elicit("Really?", Wish)


def build(record: Callable[[str], None]) -> MCPServer:
    server: MCPServer = MCPServer("polite", version="1.0", log_level="CRITICAL")
    _about_the_caller(server, record)
    _about_time(server, record)
    _about_results(server)
    return server


def _about_the_caller(server: MCPServer, record: Callable[[str], None]) -> None:
    @server.tool(annotations=READS)
    async def headers(ctx: Any_Context) -> dict[str, str]:  # pyright: ignore[reportUnusedFunction]
        """The HTTP headers that this call came with."""
        return {name.lower(): value for name, value in (ctx.headers or {}).items()}

    @server.tool()
    def ask(answer: Annotated[ElicitationResult[Wish], Resolve(question)]) -> str:  # pyright: ignore[reportUnusedFunction]
        """Asks the person something, in the way of either generation."""
        record(f"ask {answer.action}")
        return f"the person said: {answer.action}"


def _about_time(server: MCPServer, record: Callable[[str], None]) -> None:
    @server.tool(annotations=READS)
    async def wait(name: str) -> str:  # pyright: ignore[reportUnusedFunction]
        """Waits for ever."""
        record(f"wait {name}")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            record(f"cancelled {name}")
            raise
        return "never"

    @server.tool(annotations=READS)
    async def steps(count: int, ctx: Any_Context) -> str:  # pyright: ignore[reportUnusedFunction]
        """Reports each step."""
        for step in range(1, count + 1):
            await ctx.report_progress(step, count, f"step {step} of {count}")
        return f"{count} steps"


def _about_results(server: MCPServer) -> None:
    @server.tool(annotations=READS)
    def weather(city: str) -> Weather:  # pyright: ignore[reportUnusedFunction]
        """The weather in a city."""
        return Weather(city=city, degrees=21.5)

    @server.tool(annotations=READS)
    def fail(why: str) -> str:  # pyright: ignore[reportUnusedFunction]
        """Fails."""
        raise ValueError(why)

    @server.tool(annotations=READS)
    def picture() -> Image:  # pyright: ignore[reportUnusedFunction]
        """A picture."""
        return Image(data=PIXEL, format="png")

    @server.tool(annotations=READS)
    def sound() -> Audio:  # pyright: ignore[reportUnusedFunction]
        """A sound."""
        return Audio(data=b"RIFF" + bytes(100), format="wav")

    @server.tool(annotations=READS, structured_output=False)
    def papers() -> list[ResourceLink | EmbeddedResource]:  # pyright: ignore[reportUnusedFunction]
        """A link and a document."""
        inside = TextResourceContents(uri="demo://paper", mime_type="text/plain", text="the words of the paper")
        return [
            ResourceLink(type="resource_link", uri="demo://link", name="the link"),
            EmbeddedResource(type="resource", resource=inside),
        ]


async def _serve_http(server: MCPServer, transport: str, port: int) -> None:
    app = server.streamable_http_app() if transport == "http" else server.sse_app()
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen()
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        config = uvicorn.Config(app, log_level="critical", ws="none", timeout_graceful_shutdown=0)
        await uvicorn.Server(config).serve(sockets=[listening])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--transport", default="http", choices=("http", "sse"))
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--record", type=Path, default=Path(os.devnull))
    options = parser.parse_args()

    def record(line: str) -> None:
        with cast("Path", options.record).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    asyncio.run(_serve_http(build(record), options.transport, options.port))


if __name__ == "__main__":
    main()
