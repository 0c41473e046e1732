"""pods/exec in the shop: framing, how commands end, and who may run them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from cluster_client import MIA, OMAR, SHARED, Requests, ready_pods

from kubeai_bot.playground.cluster.server import DemoCluster

_PODS = "/api/v1/namespaces/shop/pods"
_V5 = "v5.channel.k8s.io"
_V4 = "v4.channel.k8s.io"
_WAIT = 5.0


@dataclass
class Ran:
    """What came over the channels of one exec."""

    out: str = ""
    err: str = ""
    status: dict[str, Any] = field(default_factory=dict[str, Any])
    protocol: str | None = None

    @property
    def code(self) -> int:
        causes = self.status.get("details", {}).get("causes", ())
        return next((int(one["message"]) for one in causes if one.get("reason") == "ExitCode"), 0)


@pytest.fixture
async def web() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def pod(shop_admin: Requests) -> str:
    return ready_pods(await shop_admin.get(_PODS, labelSelector="app=frontend"))[0]


@dataclass(frozen=True)
class Terminal:
    """Runs commands in one pod as one person."""

    cluster: DemoCluster
    web: aiohttp.ClientSession
    who: Requests
    pod: str

    async def run(self, *command: str, method: str = "GET", protocol: str = _V5, **options: str) -> Ran:
        asked = {"stdout": "true", "stderr": "true", **options}
        params = [*asked.items(), *(("command", word) for word in command)]
        ran = Ran()
        async with self.web.ws_connect(
            f"{self.cluster.url}{_PODS}/{self.pod}/exec",
            method=method,
            params=params,
            headers=self.who.headers,
            protocols=(protocol,),
        ) as socket:
            ran.protocol = socket.protocol
            while (message := await socket.receive(_WAIT)).type is aiohttp.WSMsgType.BINARY:
                channel, text = message.data[0], message.data[1:].decode()
                match channel:
                    case 1:
                        ran.out += text
                    case 2:
                        ran.err += text
                    case _:
                        assert channel == 3
                        ran.status = json.loads(text)
        return ran

    async def refused(self, *command: str, **options: str) -> tuple[int, Any]:
        """(status, body) of an exec that is refused before the upgrade."""
        params = [("command", word) for word in command]
        params += list({"stdout": "true", **options}.items())
        url = f"{self.cluster.url}{_PODS}/{self.pod}/exec"
        headers = {
            **self.who.headers,
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "ZGVtbyBvZiBhIGtleSAhIQ==",
            "Sec-WebSocket-Protocol": _V5,
        }
        async with self.web.get(url, params=params, headers=headers) as response:
            return response.status, await response.json()


@pytest.fixture
def terminal(shop: DemoCluster, web: aiohttp.ClientSession, shop_bot: Requests, pod: str) -> Terminal:
    return Terminal(shop, web, shop_bot.acting_as(*OMAR), pod)


@pytest.mark.parametrize("protocol", [_V5, _V4])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_output_comes_on_its_channel_and_a_status_ends_it(terminal: Terminal, method: str, protocol: str) -> None:
    ran = await terminal.run("cat", "/etc/resolv.conf", method=method, protocol=protocol)
    assert ran.protocol == protocol
    assert ran.out.startswith("search shop.svc.cluster.local ")
    assert ran.err == ""
    assert ran.status == {"metadata": {}, "status": "Success"}


async def test_an_exit_code_is_told_as_a_cause(terminal: Terminal) -> None:
    ran = await terminal.run("cat", "/nothing")
    assert (ran.out, ran.err) == ("", "cat: can't open '/nothing': No such file or directory\n")
    assert (ran.status["status"], ran.status["reason"], ran.code) == ("Failure", "NonZeroExitCode", 1)
    assert ran.status["message"].startswith("command terminated with non-zero exit code: ")


async def test_a_command_that_is_not_there_cannot_be_started(terminal: Terminal) -> None:
    ran = await terminal.run("curl", "http://catalog")
    assert (ran.status["reason"], ran.status["code"]) == ("InternalError", 500)
    assert 'exec: "curl": executable file not found in $PATH' in ran.status["message"]
    ran = await terminal.run("sh", "-c", "curl http://catalog")
    assert (ran.code, ran.err) == (127, "sh: curl: not found\n")


async def test_commands_see_the_cluster_as_it_is(terminal: Terminal, shop_admin: Requests) -> None:
    service = await shop_admin.get("/api/v1/namespaces/payments/services/payments-api")
    found = await terminal.run("nslookup", "payments-api.payments")
    assert f"Address: {service['spec']['clusterIP']}" in found.out
    lost = await terminal.run("nslookup", "payments-api")
    assert (lost.code, lost.err) == (1, "** server can't find payments-api: NXDOMAIN\n")
    assert (await terminal.run("wget", "-qO-", "http://catalog/health")).out == '{"status":"ok"}\n'
    missing = await terminal.run("wget", "-qO-", "http://catalog/healthz")
    assert (missing.code, missing.err) == (1, "wget: server returned error: HTTP/1.1 404 Not Found\n")
    unready = await terminal.run("wget", "-qO-", "http://search/health")
    assert "Connection refused" in unready.err
    assert (await terminal.run("hostname")).out == f"{terminal.pod}\n"
    assert "/app/frontend" in (await terminal.run("ps")).out
    assert "etc\n" in (await terminal.run("ls", "/")).out
    assert "HTTP_PORT=8080\n" in (await terminal.run("env")).out


async def test_a_client_that_leaves_ends_the_command(terminal: Terminal) -> None:
    url = f"{terminal.cluster.url}{_PODS}/{terminal.pod}/exec?command=sleep&command=30&stdout=true"
    async with terminal.web.ws_connect(url, headers=terminal.who.headers, protocols=(_V5,)) as socket:
        await socket.close()
    assert (await terminal.run("true")).status["status"] == "Success"


async def test_streams_that_are_not_asked_for_stay_away_and_a_terminal_has_one(terminal: Terminal) -> None:
    quiet = await terminal.run("cat", "/etc/hostname", "/nothing", stdout="false")
    assert (quiet.out, bool(quiet.err), quiet.code) == ("", True, 1)
    merged = await terminal.run("cat", "/etc/hostname", "/nothing", tty="true")
    assert (merged.err, merged.out.splitlines()[0]) == ("", terminal.pod)


async def test_only_those_who_may_create_pods_exec_run_commands(
    shop: DemoCluster, web: aiohttp.ClientSession, shop_bot: Requests, shop_admin: Requests, pod: str
) -> None:
    for person in (MIA, SHARED):
        status, body = await Terminal(shop, web, shop_bot.acting_as(*person), pod).refused("ls")
        assert (status, body["reason"]) == (403, "Forbidden")
    rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop"
    role = {
        "metadata": {"name": "half-exec"},
        "rules": [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get"]}],
    }
    await shop_admin.post(f"{rbac}/roles", role)
    bound = {
        "metadata": {"name": "half-exec"},
        "subjects": [{"kind": "User", "name": MIA[0]}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "half-exec"},
    }
    await shop_admin.post(f"{rbac}/rolebindings", bound)
    status, body = await Terminal(shop, web, shop_bot.acting_as(*MIA), pod).refused("ls")
    assert (status, body["message"]) == (
        403,
        (
            f'pods "{pod}" is forbidden: User "mia@shop.example" cannot create resource "pods/exec" in API group "" in '
            'the namespace "shop"'
        ),
    )
    assert shop.requests[-1].impersonated_user == MIA[0]


async def test_what_cannot_be_run_is_said_before_the_upgrade(
    shop: DemoCluster, terminal: Terminal, shop_admin: Requests
) -> None:
    status, body = await terminal.refused("ls", container="none")
    assert (status, body["message"]) == (400, f"container none is not valid for pod {terminal.pod}")
    assert (await terminal.refused())[1]["message"] == "you must specify at least 1 command for the container"
    crashing = next(fault for fault in shop.scenario.faults if fault.kind == "crash-loop")
    other = Terminal(shop, terminal.web, terminal.who, crashing.pod)
    status, body = await other.refused("ls")
    assert (status, body["reason"]) == (400, "BadRequest")
    assert body["message"].startswith(f"a container name must be specified for pod {crashing.pod}, choose one of: ")
    status, body = await other.refused("ls", container=crashing.workload)
    assert (status, body["reason"]) == (500, "InternalError")
    assert f'container not found ("{crashing.workload}")' in body["message"]
    plain = await terminal.who.send("GET", f"{_PODS}/{terminal.pod}/exec", command="ls", stdout="true")
    assert (plain.status_code, plain.json()["message"]) == (400, "Upgrade request required")
    assert await shop_admin.status(f"{_PODS}/none/exec", command="ls", stdout="true") == 404
