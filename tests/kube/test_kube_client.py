"""One request, one answer: what goes over the wire and what comes of every kind of reply."""

import asyncio
import gzip
import json
import time
from dataclasses import replace

import pytest
from aiohttp import web

from kubeai_bot.domain.cluster import Request
from kubeai_bot.domain.identity import AsBot, AsKubeconfig, KubeUser
from kubeai_bot.domain.policy import SECRETS_REFUSED
from kubeai_bot.errors import ApiStatus, ClusterError, ForbiddenByPolicy, TooLate, Unreachable

MIA = KubeUser("mia@shop.example", ("shop-developers", "oncall, primary", "größe"))
PODS = Request("GET", "/api/v1/namespaces/shop/pods")


def status(code, reason, message):
    return web.json_response(
        {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": code},
        status=code,
    )


async def empty(_request):
    return web.json_response({"kind": "PodList", "items": []}, headers={"Audit-Id": "a-1"})


async def test_every_group_travels_in_a_header_of_its_own(serve, reach):
    server = await serve(empty)
    await reach(server.url).request(MIA, PODS)
    assert server.headers("Impersonate-User") == [b"mia@shop.example"]
    assert server.headers("Impersonate-Group") == [b"shop-developers", b"oncall, primary", "größe".encode()]
    assert server.headers("Authorization") == [b"Bearer bot-token"]
    assert not [
        key for key, _ in server.asked[0][2] if key.lower().startswith((b"impersonate-extra", b"impersonate-uid"))
    ]


async def test_a_request_that_would_begin_too_late_is_not_sent(serve, reach):
    """As when the process was paused past the lease under which it acts."""
    server = await serve(empty)
    cluster = reach(server.url)
    with pytest.raises(TooLate):
        await cluster.request(MIA, replace(PODS, start_before=time.monotonic() - 0.001))
    assert not server.asked
    await cluster.request(MIA, replace(PODS, start_before=time.monotonic() + 60))
    assert len(server.asked) == 1


async def test_two_people_never_share_headers(serve, reach):
    server = await serve(empty)
    cluster = reach(server.url)
    people = [KubeUser(f"person-{n}@shop.example", (f"group-{n}",)) for n in range(20)]
    await asyncio.gather(
        *(cluster.request(who, Request("GET", f"/api/v1/namespaces/n-{n}/pods")) for n, who in enumerate(people))
    )
    assert len(server.asked) == 20
    for n, (_, path, _) in enumerate(server.asked):
        number = path.split("/")[4].removeprefix("n-")
        assert server.headers("Impersonate-User", n) == [f"person-{number}@shop.example".encode()]
        assert server.headers("Impersonate-Group", n) == [f"group-{number}".encode()]


async def test_the_answer_carries_json_status_and_audit_id(serve, reach):
    server = await serve(empty)
    answer = await reach(server.url).request(MIA, PODS)
    assert (answer.status, answer.json["kind"], answer.text, answer.audit_id) == (200, "PodList", "", "a-1")


async def test_queries_and_bodies_arrive_as_given(serve, reach):
    async def echo(request):
        return web.json_response({"query": list(request.query.items()), "body": await request.json()})

    server = await serve(echo)
    query = (("labelSelector", "app in (a,b)"), ("continue", "a+b/c="), ("x", "ü&y"))
    request = Request("PUT", "/apis/apps/v1/namespaces/shop/deployments/web/scale", query, {"spec": {"replicas": 3}})
    answer = await reach(server.url).request(MIA, request)
    assert answer.json == {"query": [list(pair) for pair in query], "body": {"spec": {"replicas": 3}}}
    assert server.headers("Content-Type") == [b"application/json"]


async def test_nothing_is_sent_for_a_secret_or_for_the_wrong_identity(serve, reach):
    server = await serve(empty)
    cluster = reach(server.url)
    for identity, path in [
        (MIA, "/api/v1/namespaces/shop/secrets"),
        (AsBot(), "/api/v1/pods"),
        (AsKubeconfig(), "/api/v1/pods"),
        (AsKubeconfig(), "/version"),
    ]:
        with pytest.raises(ForbiddenByPolicy):
            await cluster.request(identity, Request("GET", path))
    with pytest.raises(ForbiddenByPolicy) as refused:
        await cluster.request(MIA, Request("GET", "/api/v1/secrets"))
    assert str(refused.value) == SECRETS_REFUSED
    assert server.asked == []


async def test_the_kubeconfigs_own_user_sends_no_impersonation_headers(serve, reach):
    server = await serve(empty)
    await reach(server.url, impersonate=False).request(AsKubeconfig(), PODS)
    assert server.headers("Impersonate-User") == []


@pytest.mark.parametrize(
    ("code", "reason"), [(401, "Unauthorized"), (403, "Forbidden"), (409, "Conflict"), (422, "Invalid")]
)
async def test_a_status_object_becomes_an_api_status(serve, reach, code, reason):
    async def refuse(_request):
        return status(code, reason, 'pods is forbidden: User "mia" cannot list')

    server = await serve(refuse)
    with pytest.raises(ApiStatus) as error:
        await reach(server.url).request(MIA, PODS)
    assert (error.value.code, error.value.reason) == (code, reason)
    assert error.value.message == 'pods is forbidden: User "mia" cannot list'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<html>no\nhealthy upstream</html>", "HTTP 503 Service Unavailable: <html>no healthy upstream</html>"),
        ("", "HTTP 503 Service Unavailable"),
        ('{"kind": "Status", "message"', 'HTTP 503 Service Unavailable: {"kind": "Status", "message"'),
        ("[" * 100_000, "HTTP 503 Service Unavailable: " + "[" * 300),
        ("é" * 100_000, "HTTP 503 Service Unavailable: " + "é" * 300),
    ],
)
async def test_an_error_that_is_no_status_object_still_says_what_happened(serve, reach, body, message):
    async def fail(_request):
        return web.Response(status=503, text=body)

    server = await serve(fail)
    with pytest.raises(ApiStatus) as error:
        await reach(server.url).request(MIA, PODS)
    assert (error.value.code, error.value.reason, error.value.message) == (503, "", message)


async def test_redirects_are_not_followed(serve, reach):
    elsewhere = await serve(empty)

    async def redirect(_request):
        return web.Response(status=307, headers={"Location": f"{elsewhere.url}/api/v1/namespaces/shop/pods"})

    server = await serve(redirect)
    with pytest.raises(ApiStatus, match="HTTP 307"):
        await reach(server.url).request(MIA, PODS)
    assert elsewhere.asked == []


async def test_cookies_of_one_answer_do_not_travel_with_the_next_request(serve, reach):
    async def bake(_request):
        return web.json_response({}, headers={"Set-Cookie": "session=of-mia; Path=/"})

    server = await serve(bake)
    cluster = reach(server.url)
    await cluster.request(MIA, PODS)
    await cluster.request(KubeUser("omar@shop.example"), PODS)
    assert server.headers("Cookie") == []


async def test_a_slow_server_is_given_up_after_the_requests_time(serve, reach):
    async def never(_request):
        await asyncio.Event().wait()

    server = await serve(never)
    with pytest.raises(Unreachable, match=r"cluster demo: no answer within 0\.2 s"):
        await reach(server.url).request(MIA, Request("GET", "/api/v1/pods", timeout=0.2))


async def test_a_dripping_answer_is_given_up_after_the_requests_time(serve, reach):
    async def drip(request):
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    server = await serve(drip)
    with pytest.raises(Unreachable, match="no answer within"):
        await reach(server.url).request(MIA, Request("GET", "/api/v1/pods", timeout=0.3))


async def test_a_cut_answer_is_unreachable(serve, reach):
    async def cut(request):
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "100"})
        await response.prepare(request)
        await response.write(b'{"items": [')
        request.transport.close()
        return response

    server = await serve(cut)
    with pytest.raises(Unreachable, match="the connection broke"):
        await reach(server.url).request(MIA, PODS)


@pytest.mark.parametrize("body", ['{"items": [', "", "\udcff".encode("utf-8", "surrogateescape") + b'"'])
async def test_json_that_is_none_is_unreachable(serve, reach, body):
    async def broken(_request):
        data = body.encode() if isinstance(body, str) else body
        return web.Response(body=data, content_type="application/json")

    server = await serve(broken)
    with pytest.raises(Unreachable, match="not valid JSON"):
        await reach(server.url).request(MIA, PODS)


async def test_a_login_page_where_json_was_asked_for_is_unreachable(serve, reach):
    async def login(_request):
        return web.Response(text="<html>Sign in</html>", content_type="text/html")

    server = await serve(login)
    with pytest.raises(Unreachable, match="text/html instead of JSON"):
        await reach(server.url).request(MIA, PODS)


async def test_a_huge_json_answer_says_to_ask_for_less(serve, reach):
    async def huge(_request):
        return web.json_response({"items": ["x" * 1000] * 100})

    server = await serve(huge)
    with pytest.raises(ClusterError, match=r"larger than 10,000 bytes.*selector"):
        await reach(server.url).request(MIA, Request("GET", "/api/v1/pods", max_bytes=10_000))


async def test_a_compressed_answer_counts_as_large_as_it_unpacks(serve, reach):
    async def bomb(_request):
        body = gzip.compress(json.dumps({"items": "x" * 5_000_000}).encode())
        return web.Response(body=body, headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})

    server = await serve(bomb)
    cluster = reach(server.url)
    with pytest.raises(ClusterError, match="larger than"):
        await cluster.request(MIA, Request("GET", "/api/v1/pods", max_bytes=1_000_000))
    assert len((await cluster.request(MIA, PODS)).json["items"]) == 5_000_000


async def test_long_text_is_cut_and_says_so(serve, reach):
    async def log(_request):
        return web.Response(text="é" * 5000, content_type="text/plain")

    server = await serve(log)
    request = Request("GET", "/api/v1/namespaces/shop/pods/web/log", accept="*/*", max_bytes=1001)
    answer = await reach(server.url).request(MIA, request)
    assert (answer.text, answer.truncated, answer.json) == ("é" * 500, True, None)


async def test_logs_that_are_no_utf8_are_decoded_with_replacement(serve, reach):
    async def log(_request):
        return web.Response(body=b"ok \xff\xfe caf\xe9\n", content_type="text/plain")

    server = await serve(log)
    answer = await reach(server.url).request(MIA, Request("GET", "/api/v1/namespaces/shop/pods/web/log", accept="*/*"))
    assert (answer.text, answer.truncated) == ("ok �� caf�\n", False)


async def test_an_endless_log_is_cut_and_its_connection_freed(serve, reach, eventually):
    async def endless(request):
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        while True:
            await response.write(b"line\n" * 100)

    server = await serve(endless)
    request = Request("GET", "/api/v1/namespaces/shop/pods/web/log", accept="*/*", max_bytes=2000)
    answer = await reach(server.url).request(MIA, request)
    assert (len(answer.text), answer.truncated) == (2000, True)
    await eventually(lambda: server.open_requests == 0)


async def test_cancelling_frees_the_connection(serve, reach, eventually):
    async def never(_request):
        await asyncio.Event().wait()

    server = await serve(never)
    task = asyncio.create_task(reach(server.url).request(MIA, PODS))
    await eventually(lambda: server.open_requests == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await eventually(lambda: server.open_requests == 0)


class Doorman:
    """A raw TCP server that hangs up on the first callers, then counts the requests that it reads."""

    def __init__(self):
        self.requests = 0

    async def __call__(self, reader, writer):
        if await reader.readline():
            self.requests += 1
        writer.close()
        await writer.wait_closed()


async def test_a_broken_write_is_not_sent_again(reach):
    doorman = Doorman()
    server = await asyncio.start_server(doorman, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    path = "/apis/apps/v1/namespaces/shop/deployments/web/scale"
    with pytest.raises(Unreachable, match="the connection broke"):
        await reach(f"http://127.0.0.1:{port}").request(MIA, Request("PUT", path, body={}))
    assert doorman.requests == 1
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(("method", "attempts"), [("GET", 2), ("PUT", 1), ("PATCH", 1), ("POST", 1), ("DELETE", 1)])
async def test_only_a_get_tries_to_connect_again(reach, method, attempts):
    """A TLS client at a server that hangs up in the handshake: every connection is one attempt."""
    connections = 0

    async def hang_up(_reader, writer):
        nonlocal connections
        connections += 1
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    path = "/apis/apps/v1/namespaces/shop/deployments/web"
    with pytest.raises(Unreachable):
        await reach(f"https://127.0.0.1:{port}").request(MIA, Request(method, path))
    assert connections == attempts
    server.close()
    await server.wait_closed()


async def test_a_closed_port_is_named_with_its_reason(serve, reach):
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(Unreachable, match="cluster demo cannot be reached: connection refused") as error:
        await reach(f"http://127.0.0.1:{port}").request(MIA, PODS)
    assert "bot-token" not in str(error.value)


async def test_an_unknown_host_is_named_with_its_reason(reach):
    with pytest.raises(Unreachable, match="its host name is not known"):
        await reach("http://no-such-host.invalid").request(MIA, PODS)
