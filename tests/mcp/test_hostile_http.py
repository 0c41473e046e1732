"""HTTP servers that refuse, redirect, drop, hang, die and come back."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from kubeai_bot.tools.mcp.config import McpServer
from kubeai_bot.tools.mcp.opening import open_mcp
from tests.mcp.servers.refusing import Answer, refusing
from tests.mcp.servers.starting import LIAR, POLITE, Asked, liar, listening, until

SECRET = "s3cret-bearer"


def answering(status: int, body: str = "", **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(
            status=status, text=body, headers={name.replace("_", "-"): v for name, v in headers.items()}
        )

    return answer


async def cut(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def page(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>Please sign in</html>", content_type="text/html")


async def no_json(_request: web.Request) -> web.StreamResponse:
    return web.Response(text='{"jsonrpc": "2.0", "id"', content_type="application/json")


async def another_number(_request: web.Request) -> web.StreamResponse:
    return web.json_response({"jsonrpc": "2.0", "id": 424_242, "result": {"content": []}})


def http(url: str, **more: object) -> McpServer:
    given = {"reads": ("*",), "timeout": 1.0, "connect_timeout": 3.0, **more}
    return McpServer("web", url=url, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (answering(401, "no", WWW_Authenticate="Bearer"), "401"),
        (answering(403, "no"), "403"),
        (answering(404, "no"), "404"),
        (answering(429, "slow down", Retry_After="17"), "429"),
        (answering(500, "oops"), "500"),
        (answering(503, "later"), "503"),
        (cut, "broke off"),
        (page, "web"),
        (no_json, "web"),
        (another_number, "web"),
    ],
    ids=["401", "403", "404", "429", "500", "503", "cut", "html", "half", "number"],
)
async def test_what_went_wrong_in_a_call_is_said_and_the_next_call_works(answer: Answer, said: str) -> None:
    async with refusing(answer) as server, open_mcp([http(server.url, generation="legacy")]) as tools:
        mia = Asked(tools)
        await until(lambda: "web__refuse" in mia.specs, tools.status)
        words = await mia.words("web__refuse")
        assert said in words
        assert SECRET not in words
        await until(lambda: "web__greet" in mia.specs, tools.status)
        assert "hello" in await mia.words("web__greet")


async def test_too_many_requests_says_when_to_come_back() -> None:
    async with refusing(answering(429, Retry_After="17")) as server, open_mcp([http(server.url)]) as tools:
        mia = Asked(tools)
        await until(lambda: "web__refuse" in mia.specs, tools.status)
        assert "17" in await mia.words("web__refuse")


@pytest.mark.parametrize("status", [401, 403, 429, 500, 404])
async def test_status_names_the_http_error_that_keeps_a_server_away(status: int) -> None:
    async with (
        refusing(answering(status), always=True) as server,
        open_mcp([http(server.url, bearer=SECRET)]) as tools,
    ):
        await until(lambda: str(status) in str(tools.status()), tools.status)
        assert SECRET not in str(tools.status()) + tools.describe()


async def test_secrets_do_not_follow_a_redirect_to_another_host() -> None:
    async with refusing(answering(200), always=True) as thief:
        moved = answering(307, Location=thief.url)
        async with refusing(moved, always=True) as server:
            given = http(server.url, bearer=SECRET, headers={"X-Api-Key": SECRET}, forward={"X-User": "{user}"})
            async with open_mcp([given]) as tools:
                await tools.wait_ready(1.0)
                await Asked(tools).words("web__greet")
                assert len(server.seen) > 0
        everything = str(thief.seen)
        assert SECRET not in everything
        assert "mia@shop.example" not in everything


@pytest.mark.parametrize("kind", ["HugeReply", "Trickle", "HangsInCall"])
async def test_huge_slow_and_silent_answers_over_http_end_in_their_time(kind: str) -> None:
    async with listening(*LIAR, kind) as running, open_mcp([http(running.url, timeout=1.0), liar("honest")]) as tools:
        mia = Asked(tools)
        await until(lambda: {"web__greet", "liar__greet"} <= set(mia.specs), tools.status)
        async with asyncio.timeout(10):
            said = await mia.words("web__greet")
        assert len(said) < 1_000
        assert "hello" in await mia.words("liar__greet")


async def test_a_server_killed_in_a_call_and_restarted_on_its_port_is_used_again() -> None:
    async with (
        listening(*LIAR, "HangsInCall") as first,
        open_mcp([http(first.url, timeout=20.0), liar("honest")]) as tools,
    ):
        mia = Asked(tools)
        await until(lambda: {"web__greet", "liar__greet"} <= set(mia.specs), tools.status)
        waiting = asyncio.create_task(mia.words("web__greet"))
        assert "hello" in await mia.words("liar__greet")
        assert not waiting.done()
        async with asyncio.timeout(10):
            await first.kill()
            assert "web" in await waiting
        assert "hello" in await mia.words("liar__greet")
        await until(lambda: not tools.status()["web"]["connected"], tools.status)
        async with listening(*LIAR, "honest", port=first.port):
            await until(lambda: tools.status()["web"]["connected"], tools.status)
            assert "hello" in await mia.words("web__greet")


async def test_sse_servers_are_served_too() -> None:
    async with (
        listening(*POLITE, "--transport", "sse", path="/sse") as running,
        open_mcp([http(running.url, transport="sse", timeout=5.0)]) as tools,
    ):
        mia = Asked(tools)
        await until(lambda: "web__weather" in mia.specs, tools.status)
        assert "21.5" in await mia.words("web__weather", city="Kyiv")
        assert "21.5" in await mia.words("web__weather", city="Oslo")
