"""Opening the MCP servers: one supervising task each, and nobody waits for any of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import httpx2

from kubeai_bot.errors import ConfigError
from kubeai_bot.tools.mcp.asker import Asker, BadKey
from kubeai_bot.tools.mcp.config import McpServer
from kubeai_bot.tools.mcp.connection import Connection
from kubeai_bot.tools.mcp.people import People
from kubeai_bot.tools.mcp.reach import Reach, reach_of
from kubeai_bot.tools.mcp.toolset import McpTools, Serving

_SWEEP = 60.0


@asynccontextmanager
async def open_mcp(servers: Sequence[McpServer], reserved: frozenset[str] = frozenset()) -> AsyncGenerator[McpTools]:
    """The tools of all servers while the block runs. `reserved` are names of tools that exist beside them. Raises
    ConfigError for what no waiting would mend; a server that cannot be reached is reported by `status`."""
    _check(servers)
    tls = await asyncio.to_thread(httpx2.create_ssl_context)  # reading the trust store takes long
    try:
        serving = [_serving(reach_of(server, tls), reserved) for server in servers]
    except BadKey as error:
        raise ConfigError([str(error)]) from error
    for each in serving:
        each.own.start()
    sweeping = asyncio.create_task(_sweep([each.people for each in serving if each.people is not None]))
    try:
        yield McpTools(serving)
    finally:
        sweeping.cancel()
        closing = [each.own.stop() for each in serving]
        closing += [each.people.stop() for each in serving if each.people is not None]
        await asyncio.gather(*closing, asyncio.wait({sweeping}))


def _serving(reach: Reach, reserved: frozenset[str]) -> Serving:
    def of_a_person(asker: Asker) -> Connection:
        return Connection(reach, asker, reserved)

    people = People(of_a_person) if reach.server.per_person else None
    return Serving(Connection(reach, None, reserved), people)


def _check(servers: Sequence[McpServer]) -> None:
    faults = [f"two MCP servers are named {name!r}" for name in _twice([server.name for server in servers])]
    for prefix in _twice([server.public_prefix.lower() for server in servers]):
        names = ", ".join(server.name for server in servers if server.public_prefix.lower() == prefix)
        faults.append(f"the MCP servers {names} have the same prefix {prefix!r}: give them different ones")
    if faults:
        raise ConfigError(faults)


def _twice(names: Sequence[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]


async def _sweep(crowds: Sequence[People]) -> None:
    while crowds:
        await asyncio.sleep(_SWEEP)
        for people in crowds:
            people.close_idle()
