"""One call: planned, previewed, bound to what was approved, sent at most once and never too late."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.policy import Act, Effect
from kubeai_bot.domain.redaction.redactor import Redactor
from kubeai_bot.domain.tool import CallContext, PlannedCall
from kubeai_bot.errors import Drifted, TooLate, ToolError, Unreachable
from kubeai_bot.tools.mcp.config import McpServer
from kubeai_bot.tools.mcp.opening import open_mcp
from kubeai_bot.tools.mcp.toolset import McpTools
from tests.mcp.plain_server import TOOL, Plain, plain_server
from tests.mcp.servers.starting import MIA, liar, until


def writing(server: Plain, **more: Any) -> McpServer:
    return McpServer("srv", url=server.url, generation="legacy", timeout=5.0, connect_timeout=5.0, **more)


async def _silent(_words: str) -> None:
    return None


def context(approved: str | None = None) -> CallContext:
    return CallContext("s", "t", "D0MIA", Redactor(b"k" * 32), _silent, approved)


async def planned(tools: McpTools, **arguments: Any) -> PlannedCall:
    assert await tools.wait_ready(5)
    return await tools.plan(ToolCall("1", "srv__look", arguments or {"at": "it"}), MIA)


async def test_a_plan_names_the_server_the_tool_and_what_it_is_given() -> None:
    async with plain_server() as server, open_mcp([writing(server)]) as tools:
        plan = await planned(tools, at="the\nmoon")
        assert plan.acts == (Act("", "call", "mcp", "srv", name="look"),)
        assert plan.acts[0].kind == "srv.mcp"
        assert plan.effect is Effect.WRITE
        assert plan.intent == "srv: look (at: the moon)"
        with pytest.raises(ToolError, match="not of type 'string'"):
            await planned(tools, at=7)
        assert not server.calls


async def test_what_was_approved_is_done() -> None:
    async with plain_server() as server, open_mcp([writing(server)]) as tools:
        plan = await planned(tools)
        preview = await tools.preview(plan, MIA, context())
        assert preview.objects == ("MCP server srv: look",)
        assert '"at": "it"' in preview.diff
        assert not server.calls
        result = await tools.call(plan, MIA, context(preview.digest))
        assert result.ok
        assert len(server.calls) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"description": "Looks, and deletes."},
        {"inputSchema": {**TOOL["inputSchema"], "properties": {"at": {"type": "string", "description": "secret"}}}},
    ],
)
async def test_a_tool_that_changes_after_its_approval_is_not_called(changed: dict[str, Any]) -> None:
    async with plain_server() as server, open_mcp([writing(server)]) as tools:
        plan = await planned(tools)
        preview = await tools.preview(plan, MIA, context())
        server.tools = [{**TOOL, **changed}]
        with pytest.raises(Drifted):
            await tools.call(plan, MIA, context(preview.digest))
        assert not server.calls


async def test_other_arguments_than_the_approved_ones_are_not_sent() -> None:
    async with plain_server() as server, open_mcp([writing(server)]) as tools:
        preview = await tools.preview(await planned(tools, at="a"), MIA, context())
        with pytest.raises(Drifted):
            await tools.call(await planned(tools, at="b"), MIA, context(preview.digest))
        assert not server.calls


async def test_a_tool_that_stops_being_harmless_is_not_called_as_if_it_were() -> None:
    async with plain_server() as server:
        server.tools = [{**TOOL, "annotations": {"readOnlyHint": True}}]
        async with open_mcp([writing(server, trust_hints=True)]) as tools:
            plan = await planned(tools)
            assert plan.effect is Effect.READ
            server.tools = [TOOL]
            with pytest.raises(ToolError, match="has changed"):
                await tools.preview(plan, MIA, context())
            with pytest.raises(ToolError, match="has changed"):
                await tools.call(plan, MIA, context())
            assert not server.calls


async def test_a_change_that_comes_too_late_is_not_sent() -> None:
    async with plain_server() as server, open_mcp([writing(server)]) as tools:
        plan = replace(await planned(tools), start_before=time.monotonic())
        with pytest.raises(TooLate):
            await tools.call(plan, MIA, context())
        assert not server.calls
        assert (await tools.call(replace(plan, start_before=None), MIA, context())).ok


async def test_nor_is_it_written_to_a_child() -> None:
    async with open_mcp([liar("honest", name="srv", reads=())]) as tools:
        assert await tools.wait_ready(10)
        plan = await tools.plan(ToolCall("1", "srv__greet", {}), MIA)
        with pytest.raises(TooLate):
            await tools.call(replace(plan, start_before=time.monotonic()), MIA, context())
        assert (await tools.call(plan, MIA, context())).ok


async def test_a_child_ends_with_all_that_it_has_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"echo $$ > {pids}; sleep 1000 & echo $! >> {pids}; trap '' TERM; wait; sleep 1000"
    async with open_mcp([McpServer("srv", command=("/bin/sh", "-c", script), transport="stdio")]):
        await until(lambda: pids.exists() and len(pids.read_text().split()) == 2, lambda: "no child")
    for pid in pids.read_text().split():
        await until(lambda pid=pid: not running(pid), lambda pid=pid: f"{pid} still runs")


def running(pid: str) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_change_that_dies_is_unknown_and_sent_once(status: int) -> None:
    async with plain_server() as server, open_mcp([writing(server)]) as tools:
        plan = await planned(tools)
        sent = 0

        def dies(_request: web.Request, message: dict[str, Any]) -> web.Response | None:
            nonlocal sent
            if message["method"] != "tools/call":
                return None
            sent += 1
            return web.Response(status=status)

        server.refuse = dies
        with pytest.raises(Unreachable, match=str(status)):
            await tools.call(plan, MIA, context())
        assert sent == 1


async def test_a_connection_that_breaks_in_one_call_leaves_the_others_alone() -> None:
    async with plain_server() as server, open_mcp([writing(server)]) as tools:
        breaking, waiting = await planned(tools, at="break"), await planned(tools, at="wait")
        broken = asyncio.Event()

        async def before(params: dict[str, Any]) -> None:
            await asyncio.wait_for(broken.wait(), 5)

        def breaks(request: web.Request, message: dict[str, Any]) -> web.Response | None:
            if message["method"] == "tools/call" and message["params"]["arguments"]["at"] == "break":
                assert request.transport is not None
                request.transport.close()
            return None

        server.before, server.refuse = before, breaks
        other = asyncio.create_task(tools.call(waiting, MIA, context()))
        await until(lambda: bool(server.calls), lambda: "no call has arrived")
        with pytest.raises(Unreachable):
            await tools.call(breaking, MIA, context())
        broken.set()
        assert (await other).ok


async def test_a_huge_reply_costs_its_call_only() -> None:
    async with plain_server() as server, open_mcp([writing(server, reads=("*",), max_bytes=20_000)]) as tools:
        plan = await planned(tools)

        def huge(_request: web.Request, message: dict[str, Any]) -> web.Response | None:
            large = message["method"] == "tools/call"
            return web.Response(body=b"x" * 5_000_000, content_type="application/json") if large else None

        server.refuse = huge
        with pytest.raises(ToolError, match=r"larger than 20\.0 kB"):
            await tools.call(plan, MIA, context())
        server.refuse = lambda *_: None
        assert (await tools.call(plan, MIA, context())).ok


async def test_a_compressed_reply_nobody_asked_for_is_not_unpacked() -> None:
    async with plain_server() as server, open_mcp([writing(server, reads=("*",))]) as tools:
        plan = await planned(tools)

        def bomb(_request: web.Request, message: dict[str, Any]) -> web.Response | None:
            if message["method"] != "tools/call":
                return None
            return web.Response(
                body=b"\x1f\x8b", headers={"Content-Encoding": "gzip", "Content-Type": "application/json"}
            )

        server.refuse = bomb
        with pytest.raises(ToolError, match="compressed"):
            await tools.call(plan, MIA, context())
