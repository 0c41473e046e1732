"""The shop's status page as an MCP server on a loopback port: runbooks to read, incidents to see and to take."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

from kubeai_bot.playground.cluster.scenario import Fault
from kubeai_bot.playground.mcp.binder import find, search
from kubeai_bot.playground.mcp.incidents import Board, Incident

SERVER = "runbooks"
"""What the bot calls this server in `MCP_SERVERS`."""
READING_TOOLS = ("search_runbooks", "get_runbook", "list_incidents")
SPEAKER_HEADER = "x-shop-user"
"""Where the server learns for whom it is asked; whoever reaches it may claim to be anybody, as it is a demo."""

_HOST = "127.0.0.1"
_LONGEST_NOTE = 500
_CLOSE_WITHIN = 2
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_CHANGES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)


@dataclass(frozen=True, slots=True)
class Runbooks:
    """A running server: its address for `MCP_SERVERS`, and what it knows."""

    url: str
    board: Board


@asynccontextmanager
async def open_runbooks(faults: Sequence[Fault] = ()) -> AsyncGenerator[Runbooks]:
    """Serve streamable HTTP on 127.0.0.1 while the block runs; an incident is open for each of `faults`."""
    board = Board(faults)
    with socket.socket() as listening:
        listening.bind((_HOST, 0))
        listening.listen()
        app = build(board).streamable_http_app(host=_HOST)
        config = uvicorn.Config(
            app, lifespan="on", ws="none", log_config=None, access_log=False, timeout_graceful_shutdown=_CLOSE_WITHIN
        )
        server = _Guest(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield Runbooks(f"http://{_HOST}:{listening.getsockname()[1]}/mcp", board)
        finally:
            server.should_exit = True
            await serving


class _Guest(uvicorn.Server):
    """A server in a process whose signals are somebody else's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def build(board: Board) -> MCPServer:
    """The server without a transport."""
    server: MCPServer = MCPServer("shop-runbooks", title="The shop's runbooks and incidents", log_level="ERROR")

    @server.tool(annotations=_READS, structured_output=False)
    def search_runbooks(query: str = "") -> str:  # pyright: ignore[reportUnusedFunction] - registered
        """Find the shop's runbooks by words of the trouble, for example `crash loop`; without a query, all of them."""
        found = search(query)
        if not found:
            return f"No runbook mentions any of these words: {query[:100]}"
        return "\n".join(f"{book.id}  {book.title}" for book in found)

    @server.tool(annotations=_READS, structured_output=False)
    def get_runbook(id: str) -> str:  # noqa: A002 # pyright: ignore[reportUnusedFunction] - the model's name for it
        """The steps of one runbook, by its id, for example `RB-101`."""
        book = find(id)
        if book is None:
            raise ToolError(f"There is no runbook {id[:40]}. Search for one with search_runbooks.")
        return f"{book.id}: {book.title}\n\n{book.body}"

    @server.tool(annotations=_READS, structured_output=False)
    def list_incidents(include_acknowledged: bool = True) -> str:  # pyright: ignore[reportUnusedFunction] - registered
        """The shop's incidents: severity, service, what is wrong, its runbook, and who has taken it."""
        shown = [each for each in board.incidents if include_acknowledged or not each.acknowledged_by]
        return "\n".join(map(_line, shown)) or "No incident is open."

    @server.tool(annotations=_CHANGES, structured_output=False)
    async def acknowledge_incident(  # pyright: ignore[reportUnusedFunction] - registered
        id: str,  # noqa: A002 - the model's name for it
        ctx: Context[Any, Any],
        note: str = "",
    ) -> str:
        """Take an incident, by its id, for example `INC-2041`, so that nobody else is paged for it."""
        by = (ctx.headers or {}).get(SPEAKER_HEADER) or "the kubeai bot"
        try:
            incident = board.acknowledge(id, by, note[:_LONGEST_NOTE])
        except KeyError:
            raise ToolError(f"There is no incident {id[:40]}. See list_incidents.") from None
        return f"{incident.id} ({incident.title}) is {incident.state}."

    return server


def _line(incident: Incident) -> str:
    book = f"  runbook {incident.runbook}" if incident.runbook else ""
    return f"{incident.id}  {incident.severity}  {incident.service}  {incident.title}  [{incident.state}]{book}"
