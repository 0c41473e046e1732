"""The playground's MCP server, asked with the SDK's own client."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import AsyncExitStack

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

from kubeai_bot.playground.cluster.scenario import Scenario
from kubeai_bot.playground.mcp.binder import RUNBOOKS, search
from kubeai_bot.playground.mcp.server import READING_TOOLS, SPEAKER_HEADER, open_runbooks

SCENARIO = Scenario.build()


def words(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_it_speaks_both_generations_and_says_which_tools_only_read(mode: str) -> None:
    async with open_runbooks(SCENARIO.faults) as runbooks, Client(runbooks.url, mode=mode) as client:
        tools = (await client.list_tools()).tools
        reading = {tool.name for tool in tools if tool.annotations and tool.annotations.read_only_hint}
        assert reading == set(READING_TOOLS)
        assert {tool.name for tool in tools} - reading == {"acknowledge_incident"}


async def test_each_fault_of_the_scenario_is_an_incident_with_a_runbook() -> None:
    async with open_runbooks(SCENARIO.faults) as runbooks, Client(runbooks.url) as client:
        shown = words(await client.call_tool("list_incidents", {}))
        lines = shown.splitlines()
        assert len(lines) == len(SCENARIO.faults) > 0
        for fault in SCENARIO.faults:
            (line,) = [line for line in lines if f"{fault.namespace}/{fault.workload} " in line]
            book = line.rsplit(" ", 1)[-1]
            assert book in words(await client.call_tool("get_runbook", {"id": book}))


async def test_an_incident_is_taken_by_whom_the_header_names_and_only_once() -> None:
    async with open_runbooks(SCENARIO.faults) as runbooks:
        target = runbooks.board.incidents[0].id
        for person, expected in (("mia@shop.example", "mia@shop.example"), ("omar@shop.example", "mia@shop.example")):
            async with (
                httpx2.AsyncClient(headers={SPEAKER_HEADER: person}) as http,
                Client(streamable_http_client(runbooks.url, http_client=http)) as client,
            ):
                said = words(await client.call_tool("acknowledge_incident", {"id": target.lower(), "note": "on it"}))
                assert f"acknowledged by {expected}" in said
                left = words(await client.call_tool("list_incidents", {"include_acknowledged": False}))
                assert target not in left
        assert runbooks.board.incidents[0].note == "on it"


async def test_what_is_not_there_is_an_error_with_a_way_out() -> None:
    async with open_runbooks() as runbooks, Client(runbooks.url) as client:
        assert words(await client.call_tool("list_incidents", {})) == "No incident is open."
        for tool, way_out in (("get_runbook", "search_runbooks"), ("acknowledge_incident", "list_incidents")):
            result = await client.call_tool(tool, {"id": "X-1"})
            assert result.is_error
            assert way_out in words(result)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("crash loop", "RB-101"),
        ("OOMKilled", "RB-102"),
        ("ImagePullBackOff", "RB-103"),
        ("pod is pending", "RB-104"),
        ("readiness probe 404", "RB-105"),
        ("rollout stuck", "RB-106"),
    ],
)
def test_runbooks_are_found_by_the_words_of_the_trouble(query: str, first: str) -> None:
    assert search(query)[0].id == first


def test_no_query_finds_all_and_a_foreign_one_none() -> None:
    assert search("") == list(RUNBOOKS)
    assert search("quarterly report") == []


async def test_it_leaves_the_signals_and_the_logging_of_the_process_alone() -> None:
    signals = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    handlers = list(logging.getLogger().handlers)
    async with open_runbooks() as runbooks, Client(runbooks.url) as client:
        await client.list_tools()
        assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == signals
        assert logging.getLogger().handlers == handlers


async def test_it_closes_in_time_while_somebody_still_listens() -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"notifications": {"toolsListChanged": True}, "_meta": meta}
    listen = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params}
    headers = {
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "subscriptions/listen",
    }
    async with asyncio.timeout(30), httpx2.AsyncClient(headers=headers, timeout=10) as http, AsyncExitStack() as world:
        runbooks = await world.enter_async_context(open_runbooks())
        async with http.stream("POST", runbooks.url, json=listen) as stream:
            assert stream.status_code == 200
            lines = stream.aiter_lines()
            assert "acknowledged" in "".join([await anext(lines), await anext(lines)])
            await world.aclose()
