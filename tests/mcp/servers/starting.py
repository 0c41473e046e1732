"""Starting the servers of this folder, and asking the bot's MCP tools as the loop does: plan, then call."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.redaction.redactor import Redactor
from kubeai_bot.domain.tool import CallContext, ToolResult, ToolSpec
from kubeai_bot.errors import ToolError
from kubeai_bot.tools.mcp.config import McpServer
from kubeai_bot.tools.mcp.toolset import McpTools

ROOT = Path(__file__).parents[3]
LIAR = (sys.executable, "-m", "tests.mcp.servers.liar")
POLITE = (sys.executable, "-m", "tests.mcp.servers.polite")
BOUND = 30.0
"""Seconds that anything here may take."""


def person(slack: str, user: str, *groups: str) -> Identity:
    return Identity(Speaker("T0SHOP", slack), "mapping", KubeUser(user, groups), datetime.now(UTC))


MIA = person("U0MIA", "mia@shop.example", "shop-developers")
OMAR = person("U0OMAR", "omar@shop.example", "platform-engineers", "on-call")


def liar(kind: str, *, name: str = "liar", legacy: bool = False, **more: Any) -> McpServer:
    """A lying server as a child. All of its tools count as reading unless `more` says otherwise."""
    flags = ("--legacy",) if legacy else ()
    generation = "legacy" if legacy else "auto"
    given: dict[str, Any] = {"reads": ("*",), "timeout": 15.0, "connect_timeout": 15.0, **more}
    return McpServer(
        name, command=(*LIAR, kind, *flags), cwd=str(ROOT), transport="stdio", generation=generation, **given
    )


@dataclass
class Listening:
    """A server program on a loopback port."""

    process: asyncio.subprocess.Process
    port: int
    path: str = "/mcp"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await asyncio.wait_for(self.process.wait(), BOUND)


@asynccontextmanager
async def listening(*command: str, port: int = 0, path: str = "/mcp") -> AsyncGenerator[Listening]:
    """The program with `--port`; it says on its first line where it listens."""
    process = await asyncio.create_subprocess_exec(
        *command, "--port", str(port), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    server = Listening(process, 0, path)
    try:
        server.port = int(await asyncio.wait_for(process.stdout.readline(), BOUND))
        yield server
    finally:
        await server.kill()


@dataclass
class Asked:
    """A person who asks; `told` is the progress that was shown."""

    tools: McpTools
    identity: Identity = MIA
    told: list[str] = field(default_factory=list[str])

    @property
    def specs(self) -> dict[str, ToolSpec]:
        return {spec.name: spec for spec in self.tools.specs(self.identity)}

    async def ask(self, name: str, /, **arguments: Any) -> ToolResult:
        """Raises ToolError and TimeoutError."""

        async def tell(words: str) -> None:
            self.told.append(words)

        call = ToolCall("call-1", name, arguments)
        context = CallContext("session", "turn", "D0MIA", Redactor(b"k" * 32), tell)
        async with asyncio.timeout(BOUND):
            return await self.tools.call(await self.tools.plan(call, self.identity), self.identity, context)

    async def words(self, name: str, /, **arguments: Any) -> str:
        """What the model reads, whether it went well or not."""
        try:
            return (await self.ask(name, **arguments)).content
        except ToolError as error:
            return str(error)


async def until(true: Callable[[], bool], otherwise: Callable[[], object]) -> None:
    """Look again and again, with a bound; `otherwise` says how things stand where that was in vain."""
    try:
        async with asyncio.timeout(BOUND):
            while not true():  # noqa: ASYNC110 - another program tells nobody
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {BOUND} s: {otherwise()}") from None
