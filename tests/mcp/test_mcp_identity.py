"""Who asks reaches the server, and never as somebody else."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from kubeai_bot.domain.identity import Identity, Speaker
from kubeai_bot.errors import ToolError
from kubeai_bot.tools.mcp.asker import Asker, forwarded
from kubeai_bot.tools.mcp.config import ClientCredentials, McpServer, SignedToken
from kubeai_bot.tools.mcp.connection import Connection
from kubeai_bot.tools.mcp.opening import open_mcp
from kubeai_bot.tools.mcp.people import People
from kubeai_bot.tools.mcp.reach import Reach
from tests.mcp.plain_server import Plain, plain_server
from tests.mcp.servers.starting import MIA, OMAR, Asked, person, until

FORWARD = {"X-User": "{user}", "X-Groups": "{groups}", "X-Slack": "U={slack_user}"}


def reading(server: Plain, **more: Any) -> McpServer:
    return McpServer("srv", url=server.url, reads=("*",), generation="legacy", timeout=5.0, connect_timeout=5.0, **more)


async def test_many_people_side_by_side_are_never_mixed() -> None:
    people = [person(f"U{n}", f"p{n}@shop.example", f"team-{n}") for n in range(12)]
    async with plain_server() as server:
        arrived = 0
        all_here = asyncio.Event()

        async def wait_for_all(_params: dict[str, Any]) -> None:
            nonlocal arrived
            arrived += 1
            if arrived >= len(people) * 2:
                all_here.set()
            await asyncio.wait_for(all_here.wait(), 10)

        server.before = wait_for_all
        async with open_mcp([reading(server, forward=FORWARD)]) as tools:
            assert await tools.wait_ready(5)
            said = await asyncio.gather(
                *(Asked(tools, each).words("srv__look", at=each.speaker.user_id) for each in people * 2)
            )
        for each, words in zip(people * 2, said, strict=True):
            assert each.kube is not None
            assert f"{each.kube.user} looks at {each.speaker.user_id}" in words
        assert len(server.calls) == len(people) * 2
        for headers, arguments in server.calls:
            number = arguments["at"].removeprefix("U")
            assert headers["x-user"] == f"p{number}@shop.example"
            assert headers["x-groups"] == f"team-{number}"
            assert headers["x-slack"] == f"U=U{number}"


async def test_nobody_is_named_when_the_bot_asks_for_itself() -> None:
    async with plain_server() as server, open_mcp([reading(server, forward=FORWARD, bearer="b0t")]) as tools:
        assert await tools.wait_ready(5)
        assert server.seen
        assert all("x-user" not in headers for _, headers in server.seen)
        assert all(headers["authorization"] == "Bearer b0t" for _, headers in server.seen)


def test_a_group_cannot_smuggle_in_another() -> None:
    server = McpServer("srv", url="http://127.0.0.1:9/", forward=FORWARD)
    told = forwarded(server, Asker("Zoë %2C", ("a,admins", "b\u202e"), "U1", "T1"))
    assert told["X-Groups"] == "a%2Cadmins,b%E2%80%AE"
    assert told["X-User"] == "Zo%C3%AB %252C"


async def test_without_a_kubernetes_name_a_server_that_wants_one_is_not_asked() -> None:
    nobody = Identity(Speaker("T", "U"), "kubeconfig", None, MIA.resolved_at)
    async with plain_server() as server, open_mcp([reading(server, forward=FORWARD)]) as tools:
        assert await tools.wait_ready(5)
        assert not tools.specs(nobody)
        with pytest.raises(ToolError):
            await Asked(tools, nobody).ask("srv__look", at="x")
        assert not server.calls


def keys(algorithm: str) -> tuple[str, Any]:
    if algorithm == "HS256":
        return "k" * 40, OctKey.import_key("k" * 40)
    key = ECKey.generate_key("P-256")
    return key.as_pem(private=True).decode(), ECKey.import_key(key.as_pem(private=False))


@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
async def test_a_signed_token_says_who_asks_for_a_short_time(algorithm: Any) -> None:
    key, public = keys(algorithm)
    token = SignedToken(key, algorithm, issuer="kubeai-bot", audience="runbooks", ttl=30)
    async with plain_server() as server, open_mcp([reading(server, token=token)]) as tools:
        assert await tools.wait_ready(5)
        for who in (MIA, OMAR, MIA):
            await Asked(tools, who).ask("srv__look", at="x")
        claims = [
            jwt.decode(headers["authorization"].removeprefix("Bearer "), public, algorithms=[algorithm]).claims
            for headers, _ in server.calls
        ]
    assert [each["sub"] for each in claims] == ["mia@shop.example", "omar@shop.example", "mia@shop.example"]
    assert claims[1]["groups"] == ["platform-engineers", "on-call"]
    assert {(each["iss"], each["aud"]) for each in claims} == {("kubeai-bot", "runbooks")}
    assert all(each["exp"] - each["iat"] == 30 and each["exp"] > time.time() for each in claims)
    assert len({each["jti"] for each in claims}) == 3


async def test_a_server_that_lists_its_tools_for_people_only_is_asked_as_them() -> None:
    def only_people(request: web.Request, _message: dict[str, Any]) -> web.Response | None:
        return None if "X-User" in request.headers else web.Response(status=401)

    async with plain_server() as server:
        server.refuse = only_people
        async with open_mcp([reading(server, forward=FORWARD)]) as tools:
            assert not await tools.wait_ready(0.5)
            mia = Asked(tools, MIA)
            await until(lambda: "srv__look" in mia.specs, tools.status)
            assert "mia@shop.example looks" in await mia.words("srv__look", at="x")


async def test_only_so_many_people_keep_a_connection() -> None:
    reach = Reach(McpServer("srv", command=("/nowhere",), transport="stdio"), None)

    def make(asker: Asker) -> Connection:
        return Connection(reach, asker)

    people = People(make, most=2, idle=3600)
    first, second, third = (Asker(name, (), name, "T") for name in "abc")
    kept = people.get(first)
    with kept.held():
        people.get(second)
        people.get(third)
        assert people.known(first) is kept
        assert people.known(second) is None
        with people.get(third).held(), pytest.raises(ToolError, match="Too many people"):
            people.get(second)
    people.get(second)
    assert people.known(first) is None
    await people.stop()
    assert len(people) == 0


async def test_an_idle_connection_is_closed() -> None:
    people = People(
        lambda asker: Connection(Reach(McpServer("s", command=("/nowhere",), transport="stdio"), None), asker), idle=0
    )
    people.get(Asker("a", (), "a", "T"))
    people.get(Asker("b", (), "b", "T"))
    assert len(people) == 1
    await people.stop()


def granting(granted: list[dict[str, str]]) -> Callable[[web.Request], Any]:
    async def token(request: web.Request) -> web.Response:
        form = dict(await request.post())
        granted.append({**{name: str(value) for name, value in form.items()}, "by": request.headers["Authorization"]})
        return web.json_response({"access_token": f"t{len(granted)}", "token_type": "Bearer", "expires_in": 3600})

    return token


def wants_token(request: web.Request, _message: dict[str, Any]) -> web.Response | None:
    if request.headers.get("Authorization", "").startswith("Bearer t"):
        return None
    return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})


@pytest.mark.parametrize("way", ["token_url", "issuer"])
async def test_client_credentials_are_exchanged_for_a_token_once(way: str) -> None:
    granted: list[dict[str, str]] = []
    async with plain_server() as server:
        base = server.url.removesuffix("/mcp")

        async def protected(_request: web.Request) -> web.Response:
            return web.json_response({"resource": server.url, "authorization_servers": [base]})

        async def metadata(_request: web.Request) -> web.Response:
            endpoints = {"authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/token"}
            return web.json_response({"issuer": base, **endpoints, "response_types_supported": ["code"]})

        server.refuse = wants_token
        server.routes = {
            "/token": granting(granted),
            "/.well-known/oauth-protected-resource/mcp": protected,
            "/.well-known/oauth-authorization-server": metadata,
        }
        where = {"token_url": f"{base}/token"} if way == "token_url" else {"issuer": base}
        oauth = ClientCredentials("bot", "s3cret", scope="read", **where)
        async with open_mcp([reading(server, oauth=oauth)]) as tools:
            assert await tools.wait_ready(5), tools.status()
            assert "looks at x" in await Asked(tools).words("srv__look", at="x")
    assert len(granted) == 1
    assert granted[0]["grant_type"] == "client_credentials"
    assert granted[0].get("scope") == ("read" if way == "token_url" else None)
    assert granted[0]["by"].startswith("Basic ")


async def test_a_refused_token_is_named_as_the_reason() -> None:
    async def no(_request: web.Request) -> web.Response:
        return web.json_response({"error": "invalid_client"}, status=401)

    async with plain_server() as server:
        server.routes = {"/token": no}
        oauth = ClientCredentials("bot", "wrong", token_url=server.url.replace("/mcp", "/token"))
        async with open_mcp([reading(server, oauth=oauth)]) as tools:
            assert not await tools.wait_ready(0.5)
            assert "gave no token: HTTP 401 (invalid_client)" in tools.status()["srv"]["why"]
        assert not server.seen
