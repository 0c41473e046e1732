"""Servers that never come up: the start does not wait for them, the others work, and status says what is the matter."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kubeai_bot.tools.mcp.config import McpServer
from kubeai_bot.tools.mcp.opening import open_mcp
from tests.mcp.servers.starting import Asked, liar, until

HOPELESS = ("ExitsAtOnce", "HangsInHandshake", "OnlyBabbles", "HangsInList")


async def test_hopeless_servers_hold_up_neither_the_start_nor_a_good_one_nor_the_end() -> None:
    servers = [liar(kind, name=kind, connect_timeout=20.0) for kind in HOPELESS]
    servers.append(McpServer("missing", command=("/nonexistent/program",), transport="stdio"))
    servers.append(McpServer("nobody", url="http://127.0.0.1:9/mcp"))
    clock = asyncio.get_running_loop().time
    began = clock()
    async with open_mcp([*servers, liar("honest", name="good")]) as tools:
        assert clock() - began < 10
        mia = Asked(tools)
        await until(lambda: "good__greet" in mia.specs, tools.status)
        assert (await mia.ask("good__greet")).content.count("hello") == 1
        assert set(mia.specs) == {"good__greet"}
        ended = clock()
    assert clock() - ended < 15


async def test_status_says_why_each_server_is_not_connected() -> None:
    expected = {"ExitsAtOnce": "exit code 3", **dict.fromkeys(HOPELESS[1:], "within 1 s")}
    servers = [liar(kind, name=kind, connect_timeout=1.0, legacy=True) for kind in HOPELESS]
    servers += [McpServer("missing", command=("/nonexistent/program",), transport="stdio")]
    servers += [McpServer("nobody", url="http://127.0.0.1:9/mcp")]
    expected |= {"missing": "cannot be started", "nobody": "cannot be reached"}
    async with open_mcp(servers) as tools:
        for name, said in expected.items():
            await until(lambda name=name, said=said: said in tools.status()[name]["why"], tools.status)
        assert not any(server["connected"] for server in tools.status().values())
        assert all(f"**{name}**: not connected" in tools.describe() for name in expected)


async def test_waiting_until_ready_is_bounded() -> None:
    async with open_mcp([liar("HangsInHandshake", legacy=True)]) as tools:
        async with asyncio.timeout(5):
            await tools.wait_ready(0.3)


async def test_a_tool_of_a_server_that_is_not_there_is_refused_in_words() -> None:
    async with open_mcp([liar("ExitsAtOnce", connect_timeout=1.0)]) as tools:
        assert "liar" in await Asked(tools).words("liar__greet")


@pytest.mark.parametrize("legacy", [False, True])
async def test_babble_between_the_answers_does_no_harm(*, legacy: bool) -> None:
    async with open_mcp([liar("Babbles", legacy=legacy)]) as tools:
        mia = Asked(tools)
        await until(lambda: "liar__greet" in mia.specs, tools.status)
        assert "hello" in await mia.words("liar__greet")


async def test_the_bot_can_end_while_servers_are_still_starting() -> None:
    servers = [liar(kind, name=kind) for kind in (*HOPELESS, "honest")]
    async with asyncio.timeout(15):
        async with open_mcp(servers):
            pass


async def test_a_child_that_will_not_end_is_killed_with_its_own_children(tmp_path: Path) -> None:
    record = tmp_path / "record"
    async with open_mcp([liar("WillNotEnd", env={"RECORD": str(record)})]) as tools:
        assert await tools.wait_ready(10)
        children = [int(pid) for pid in record.read_text().split()]
        clock = asyncio.get_running_loop().time
        began = clock()
    assert clock() - began < 15
    await until(lambda: not any(map(_runs, children)), lambda: children)


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
