"""Commands in containers: over a WebSocket, as the person, bounded, and told with their exit code."""

import asyncio
import json
import time

import pytest
from aiohttp import WSMsgType, web

from kubeai_bot.domain.cluster import Command
from kubeai_bot.domain.identity import AsBot, AsKubeconfig, KubeUser
from kubeai_bot.errors import ApiStatus, ForbiddenByPolicy, TooLate, Unreachable

MIA = KubeUser("mia@shop.example", ("shop-developers", "oncall"))
LIST = Command("shop", "cart-1", "cart", ("ls", "-l", "/data"), timeout=5.0)


def ended(code=0):
    """The Status that a kubelet sends at the end."""
    if not code:
        return json.dumps({"metadata": {}, "status": "Success"})
    details = {"causes": [{"reason": "ExitCode", "message": str(code)}]}
    return json.dumps({"status": "Failure", "reason": "NonZeroExitCode", "details": details})


def container(*messages, close=True, wait=None, protocol="v5.channel.k8s.io"):
    """A server that sends (channel, text) messages."""

    async def handler(request):
        socket = web.WebSocketResponse(protocols=(protocol,), autoping=True)
        await socket.prepare(request)
        for channel, text in messages:
            await socket.send_bytes(bytes([channel]) + (text if isinstance(text, bytes) else text.encode()))
        if wait is not None:
            await wait.wait()
        if close:
            await socket.close()
        else:
            request.transport.close()
        return socket

    return handler


async def test_output_and_exit_code_come_back_and_the_request_is_the_persons(serve, reach):
    server = await serve(container((1, "a\n"), (2, "oops\n"), (1, "b\n"), (3, ended(3))))
    output = await reach(server.url).exec(MIA, LIST)
    assert (output.stdout, output.stderr, output.exit_code, output.truncated) == ("a\nb\n", "oops\n", 3, False)
    ((method, path, _),) = server.asked
    assert method == "GET"
    assert path == (
        "/api/v1/namespaces/shop/pods/cart-1/exec"
        "?command=ls&command=-l&command=%2Fdata&container=cart&stdout=true&stderr=true"
    )
    assert server.headers("Impersonate-User") == [b"mia@shop.example"]
    assert server.headers("Impersonate-Group") == [b"shop-developers", b"oncall"]
    assert server.headers("Authorization") == [b"Bearer bot-token"]


async def test_it_works_over_tls_and_with_the_older_protocol(serve, authority):
    import ssl

    from kubeai_bot.kube.client import ImpersonatingCluster
    from kubeai_bot.kube.connection import Access, Connection

    server = await serve(container((1, "ok"), (3, ended()), protocol="v4.channel.k8s.io"), authority.server())
    context = ssl.create_default_context(cafile=str(authority.ca))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    cluster = ImpersonatingCluster("demo", Connection(lambda: Access(server.url, "Bearer bot-token", context)))
    output = await cluster.exec(MIA, LIST)
    await cluster.aclose()
    assert (output.stdout, output.exit_code) == ("ok", 0)


async def test_a_command_that_does_not_end_is_left_with_what_it_wrote(serve, reach):
    never = asyncio.Event()
    server = await serve(container((1, "working"), wait=never))
    output = await reach(server.url).exec(MIA, Command("shop", "p", "c", ("tail", "-f", "/log"), timeout=0.3))
    assert (output.stdout, output.exit_code) == ("working", None)
    never.set()


async def test_output_beyond_the_room_for_it_is_not_read(serve, reach):
    flood = [(1, b"x" * 60_000)] * 50
    server = await serve(container(*flood, (3, ended())))
    output = await reach(server.url).exec(MIA, Command("shop", "p", "c", ("yes",), timeout=5, max_bytes=100_000))
    assert (len(output.stdout), output.exit_code, output.truncated) == (100_000, None, True)


async def test_a_message_in_fragments_stays_in_its_channel(serve, reach):
    async def handler(request):
        socket = web.WebSocketResponse(protocols=("v5.channel.k8s.io",))
        await socket.prepare(request)
        transport = request.transport
        first, rest, end = b"\x02whole ", b"message", b"\x03" + ended().encode()
        transport.write(bytes([0x02, len(first)]) + first)
        transport.write(bytes([0x89, 0]))  # a ping in between
        transport.write(bytes([0x80, len(rest)]) + rest)
        transport.write(bytes([0x82, len(end)]) + end)
        await socket.receive(timeout=5)
        return socket

    output = await reach((await serve(handler)).url).exec(MIA, LIST)
    assert (output.stderr, output.exit_code) == ("whole message", 0)


async def test_a_refusal_is_the_api_servers(serve, reach):
    async def handler(_):
        body = {"kind": "Status", "message": 'pods "cart-1" is forbidden', "reason": "Forbidden", "code": 403}
        return web.json_response(body, status=403)

    with pytest.raises(ApiStatus, match="is forbidden") as caught:
        await reach((await serve(handler)).url).exec(MIA, LIST)
    assert caught.value.code == 403


async def test_a_program_that_is_not_there_is_told(serve, reach):
    status = {"status": "Failure", "reason": "InternalError", "code": 500, "message": 'exec: "ls": not found in $PATH'}
    server = await serve(container((3, json.dumps(status))))
    with pytest.raises(ApiStatus, match=r"not found in \$PATH") as caught:
        await reach(server.url).exec(MIA, LIST)
    assert caught.value.code < 500, "it did not run, for certain"


@pytest.mark.parametrize("close", [True, False])
async def test_a_connection_that_breaks_leaves_the_outcome_open(serve, reach, close):
    server = await serve(container((1, "half"), close=close))
    with pytest.raises(Unreachable, match="broke"):
        await reach(server.url).exec(MIA, LIST)
    assert len(server.asked) == 1, "sent once"


async def test_what_is_no_websocket_is_told(serve, reach):
    async def handler(_):
        return web.json_response({"kind": "Pod"})

    with pytest.raises(Unreachable, match="did not open a WebSocket"):
        await reach((await serve(handler)).url).exec(MIA, LIST)


async def test_a_server_that_never_answers_costs_no_more_than_the_time(serve, reach):
    async def handler(request):
        await asyncio.Event().wait()
        return web.Response()

    with pytest.raises(Unreachable, match=r"no answer within 0.2 s"):
        await reach((await serve(handler)).url).exec(MIA, Command("shop", "p", "c", ("ls",), timeout=0.2))


@pytest.mark.parametrize(
    "command",
    [
        Command("shop", "p/attach", "c", ("ls",)),
        Command("shop/pods/x", "p", "c", ("ls",)),
        Command("", "p", "c", ("ls",)),
        Command("shop", "..", "c", ("ls",)),
        Command("shop", "p", "", ("ls",)),
        Command("shop", "p", "c", ()),
        Command("shop", "p", "c", ("",)),
    ],
)
async def test_names_that_are_none_are_not_sent(serve, reach, command):
    server = await serve(container((3, ended())))
    with pytest.raises(ForbiddenByPolicy):
        await reach(server.url).exec(MIA, command)
    assert server.asked == []


async def test_nobody_runs_commands_as_the_bot_and_none_begins_too_late(serve, reach):
    server = await serve(container((3, ended())))
    for identity in (AsBot(), AsKubeconfig()):
        with pytest.raises(ForbiddenByPolicy):
            await reach(server.url).exec(identity, LIST)
    with pytest.raises(TooLate):
        await reach(server.url).exec(MIA, Command("shop", "p", "c", ("ls",), start_before=time.monotonic() - 1))
    assert server.asked == []


async def test_nothing_is_sent_into_the_container(serve, reach):
    heard = []

    async def handler(request):
        socket = web.WebSocketResponse(protocols=("v5.channel.k8s.io",))
        await socket.prepare(request)
        await socket.send_bytes(b"\x03" + ended().encode())
        heard.extend([message.type async for message in socket])
        return socket

    await reach((await serve(handler)).url).exec(MIA, LIST)
    assert WSMsgType.BINARY not in heard
    assert WSMsgType.TEXT not in heard
