"""The tools of all MCP servers behind the Toolset seam."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from typing import Any

import anyio
from mcp import MCPError

from kubeai_bot.domain.approval import Preview
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import Json, ToolCall
from kubeai_bot.domain.policy import Act, Effect
from kubeai_bot.domain.tool import CallContext, PlannedCall, ToolResult, ToolSpec
from kubeai_bot.errors import Drifted, KubeAIError, ToolError
from kubeai_bot.tools.mcp.asker import asker_of
from kubeai_bot.tools.mcp.catalogue import Catalogue, ServerTool
from kubeai_bot.tools.mcp.connection import Connection
from kubeai_bot.tools.mcp.errand import Errand, NotSent
from kubeai_bot.tools.mcp.failures import for_the_model
from kubeai_bot.tools.mcp.people import People
from kubeai_bot.tools.mcp.progress import Progress
from kubeai_bot.tools.mcp.results import as_result
from kubeai_bot.tools.mcp.wording import clean, one_line

_WAITING = 10.0
"""Seconds of a call's time limit for the connection, and for listing the tools once more."""
_NOT_FOR_US = ("HTTP 401", "HTTP 403")
"""Why a server is not connected that lists its tools for people only."""
_LOST = (
    MCPError,
    ValueError,
    RuntimeError,
    OSError,
    NotSent,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
)


class Serving:
    """One server: the bot's own connection, and those of people where the server is told who asks."""

    def __init__(self, own: Connection, people: People | None) -> None:
        self.server = own.server
        self.own = own
        self.people = people

    def catalogue(self, identity: Identity) -> Catalogue:
        """What this person is offered, as far as is known: nothing is waited for."""
        if self.people is None:
            return self.own.catalogue
        try:
            asker = asker_of(self.server, identity)
            if self.own.state.why.startswith(_NOT_FOR_US):
                self.people.get(asker)
        except ToolError:
            return Catalogue({})
        person = self.people.known(asker)
        return person.catalogue if person is not None and person.state.connected else self.own.catalogue

    def connection(self, identity: Identity) -> Connection:
        """Raises ToolError."""
        return self.own if self.people is None else self.people.get(asker_of(self.server, identity))


class McpTools:
    """The tools of all servers. Nothing that a server does, or does not do, makes `specs` or `plan` wait."""

    def __init__(self, servers: Sequence[Serving]) -> None:
        self._servers = servers

    def specs(self, identity: Identity) -> Sequence[ToolSpec]:
        return [tool.spec for serving in self._servers for tool in serving.catalogue(identity).tools.values()]

    async def plan(self, call: ToolCall, identity: Identity) -> PlannedCall:
        """Check the arguments against the server's own schema; nothing is sent. Raises ToolError."""
        serving, tool = self._find(call, identity)
        if call.arguments is None:
            raise ToolError(f"The arguments of {call.name} were not a JSON object.")
        tool.check(call.arguments)
        said = ", ".join(f"{name}: {_short(value)}" for name, value in call.arguments.items())
        intent = one_line(f"{serving.server.name}: {tool.name}{f' ({said})' if said else ''}", 200)
        act = Act("", "call", "mcp", serving.server.name, name=tool.name)
        return PlannedCall(call, tool.spec.effect, intent, (act,), serving.server.timeout + _WAITING)

    async def preview(self, planned: PlannedCall, identity: Identity, context: CallContext) -> Preview:
        """The call as it would be sent, bound to what the server says of the tool now. Raises ToolError."""
        serving, _ = self._find(planned.call, identity)
        connection = serving.connection(identity)
        with connection.held():
            await connection.wait_ready()
            tool = _in(await connection.refresh(), planned)
        return _preview(serving, tool, planned, context)

    async def call(self, planned: PlannedCall, identity: Identity, context: CallContext) -> ToolResult:
        """Send it, once. Raises ToolError, Drifted; for a change that may or may not have happened Unreachable."""
        serving, _ = self._find(planned.call, identity)
        connection = serving.connection(identity)
        with connection.held():
            await connection.wait_ready()
            tool = _in(connection.catalogue, planned)
            if context.approved is not None:
                tool = _in(await connection.refresh(), planned)
                if _preview(serving, tool, planned, context).digest != context.approved:
                    raise Drifted(
                        f"Not done: what the MCP server {serving.server.name} says of {tool.name} has changed since the"
                        " approval. It needs a new one."
                    )
            return await self._send(connection, tool, planned, context)

    async def _send(
        self, connection: Connection, tool: ServerTool, planned: PlannedCall, context: CallContext
    ) -> ToolResult:
        tool.check(planned.call.arguments or {})
        progress = Progress(context)
        here = Errand(planned.start_before, tell=progress.tell)
        try:
            given = await connection.call(tool.name, planned.call.arguments or {}, here, progress)
        except _LOST as error:
            failure: KubeAIError = for_the_model(connection.server, planned.effect, here, error)
            raise failure from error
        finally:
            progress.end()
        return as_result(connection.server, tool, given, here.asked)

    def _find(self, call: ToolCall, identity: Identity) -> tuple[Serving, ServerTool]:
        for serving in self._servers:
            tool = serving.catalogue(identity).tools.get(call.name)
            if tool is not None:
                return serving, tool
        down = [each.server.name for each in self._servers if not each.own.state.connected]
        words = f" Not connected at present: {', '.join(down)}." if down else ""
        raise ToolError(f"No MCP server offers a tool {one_line(call.name, 80)!r}.{words}")

    # --- for people ---

    def status(self) -> Json:
        """By server: `connected`, `why` not, `protocol`, `transport`, number of `tools`, `left_out` ({name, why}),
        `changed` (ISO 8601), and `people`, the number of connections, where the server is told who asks."""
        return {serving.server.name: _status(serving) for serving in self._servers}

    def describe(self) -> str:
        """Markdown for the word `tools`."""
        if not self._servers:
            return "No MCP servers are configured."
        return "\n".join(["**MCP servers**", *(_described(serving) for serving in self._servers)])

    async def wait_ready(self, timeout: float) -> bool:
        """Wait until every server is connected, for at most `timeout` seconds; whether they are."""
        waits = [serving.own.wait_ready(timeout) for serving in self._servers]
        outcomes = await asyncio.gather(*waits, return_exceptions=True)
        return not any(isinstance(outcome, ToolError) for outcome in outcomes)


def _in(catalogue: Catalogue, planned: PlannedCall) -> ServerTool:
    """The tool as it was planned. Raises ToolError where it is gone, or has become another."""
    tool = catalogue.tools.get(planned.call.name)
    act = planned.acts[0]
    if tool is None or tool.name != act.name:
        raise ToolError(f"The MCP server {act.resource} does not offer {planned.call.name} any more. Nothing was sent.")
    if tool.spec.effect is not planned.effect:
        raise ToolError(f"What {planned.call.name} can do has changed since this call was checked. Call again.")
    return tool


def _preview(serving: Serving, tool: ServerTool, planned: PlannedCall, context: CallContext) -> Preview:
    server, arguments = serving.server, planned.call.arguments or {}
    bound: list[Any] = [server.name, tool.fingerprint, arguments]
    digest = hashlib.sha256(json.dumps(bound, sort_keys=True, default=str).encode()).hexdigest()
    shown = clean(json.dumps(arguments, indent=2, ensure_ascii=False, default=str))
    warnings = [f"Nothing was tried before: what {tool.name} really does is up to the MCP server {server.name}."]
    return Preview(
        objects=(one_line(f"MCP server {server.name}: {tool.name}", 120),),
        diff=context.redactor.text("\n".join(f"+ {line}" for line in shown.splitlines())).text,
        digest=digest,
        risk=tool.risk,
        warnings=(*warnings, *([tool.words] if tool.words else [])),
    )


def _status(serving: Serving) -> dict[str, Any]:
    state, server = serving.own.state, serving.server
    catalogue = serving.own.catalogue
    return {
        "connected": state.connected,
        "why": state.why,
        "protocol": state.protocol,
        "transport": server.transport,
        "tools": len(catalogue.tools),
        "left_out": [{"name": name, "why": why} for name, why in catalogue.left_out[:50]],
        "changed": state.since.isoformat(timespec="seconds"),
        **({"people": len(serving.people)} if serving.people is not None else {}),
    }


def _described(serving: Serving) -> str:
    state, server, catalogue = serving.own.state, serving.server, serving.own.catalogue
    how = f"connected ({server.transport}, {state.protocol})" if state.connected else f"not connected: {state.why}"
    marks = {Effect.READ: "", Effect.WRITE: " (changes something)", Effect.SENSITIVE: " (sensitive)"}
    lines = [f"- **{server.name}**: {how}"]
    lines += [f"  - `{name}`{marks[tool.spec.effect]}" for name, tool in sorted(catalogue.tools.items())]
    lines += [f"  - left out: `{name.replace('`', ' ')}` – {why}" for name, why in catalogue.left_out[:20]]
    if len(catalogue.left_out) > 20:
        lines.append(f"  - left out: {len(catalogue.left_out) - 20} more")
    return "\n".join(lines)


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return one_line(text, 60)
