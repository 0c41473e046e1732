"""Container logs of the shop."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

from cluster_client import Requests

from kubeai_bot.playground.cluster.scenario import Fault
from kubeai_bot.playground.cluster.server import DemoCluster


def _fault(shop: DemoCluster, kind: str) -> Fault:
    return next(fault for fault in shop.scenario.faults if fault.kind == kind)


def _log(fault: Fault) -> str:
    return f"/api/v1/namespaces/{fault.namespace}/pods/{fault.pod}/log"


async def test_a_crashing_container_logs_which_key_is_missing(shop: DemoCluster, shop_admin: Requests) -> None:
    fault = _fault(shop, "crash-loop")
    for previous in ("false", "true"):
        text = await shop_admin.text(_log(fault), container=fault.workload, previous=previous)
        assert f"required key '{fault.evidence[1]}' is not set" in text


async def test_a_wrong_probe_path_shows_in_the_access_log(shop: DemoCluster, shop_admin: Requests) -> None:
    text = await shop_admin.text(_log(_fault(shop, "readiness")), tailLines="3")
    assert text.count('call="GET /healthz" status=404') == 3


async def test_a_container_must_be_chosen_beside_a_sidecar(shop: DemoCluster, shop_admin: Requests) -> None:
    fault = _fault(shop, "crash-loop")
    response = await shop_admin.send("GET", _log(fault))
    assert response.json()["message"] == (
        f"a container name must be specified for pod {fault.pod}, choose one of: [{fault.workload} log-shipper]"
    )


async def test_a_container_that_never_started_has_no_log(shop: DemoCluster, shop_admin: Requests) -> None:
    fault = _fault(shop, "image-pull")
    response = await shop_admin.send("GET", _log(fault))
    assert (response.status_code, response.json()["message"]) == (
        400,
        f'container "{fault.workload}" in pod "{fault.pod}" is waiting to start: trying and failing to pull image',
    )
    assert (await shop_admin.send("GET", _log(_fault(shop, "unschedulable")))).status_code == 204


async def test_a_container_that_never_restarted_has_no_previous_log(shop_admin: Requests) -> None:
    response = await shop_admin.send("GET", "/api/v1/namespaces/payments/pods/ledger-db-0/log", previous="true")
    assert (response.status_code, response.json()["message"]) == (
        400,
        'previous terminated container "postgres" in pod "ledger-db-0" not found',
    )


async def test_the_tail_the_bytes_and_the_time_limit_what_is_read(shop_admin: Requests) -> None:
    path = "/api/v1/namespaces/payments/pods/ledger-db-0/log"
    whole = await shop_admin.text(path)
    assert len(whole.splitlines()) > 20
    assert await shop_admin.text(path, tailLines="2") == "".join(whole.splitlines(keepends=True)[-2:])
    assert await shop_admin.text(path, tailLines="0") == ""
    assert await shop_admin.text(path, limitBytes="40") == whole[:40]
    recent = await shop_admin.text(path, sinceSeconds="60")
    assert 0 < len(recent.splitlines()) < len(whole.splitlines())
    since = (datetime.now(UTC) - timedelta(seconds=60)).isoformat()
    assert len((await shop_admin.text(path, sinceTime=since)).splitlines()) <= len(recent.splitlines())


async def test_timestamps_come_first_on_each_line(shop_admin: Requests) -> None:
    path = "/api/v1/namespaces/payments/pods/ledger-db-0/log"
    for line in (await shop_admin.text(path, timestamps="true", tailLines="5")).splitlines():
        assert re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z level=", line)


async def test_following_sends_new_lines_until_the_client_leaves(shop: DemoCluster, shop_admin: Requests) -> None:
    path = "/api/v1/namespaces/payments/pods/ledger-db-0/log"
    query = {"follow": "true", "tailLines": "1"}
    async with asyncio.timeout(30), shop_admin.client.stream("GET", path, params=query) as response:
        lines = response.aiter_lines()
        assert "level=info" in await anext(lines)
        for text in ("first new line", "second new line"):
            shop.state.logs.append("payments", "ledger-db-0", "postgres", text)
            assert await anext(lines) == text


async def test_following_ends_with_the_pod(shop: DemoCluster, shop_admin: Requests) -> None:
    fault = _fault(shop, "readiness")
    async with (
        asyncio.timeout(30),
        shop_admin.client.stream("GET", _log(fault), params={"follow": "true", "tailLines": "0"}) as response,
    ):
        await shop_admin.send("DELETE", _log(fault).removesuffix("/log"))
        assert [line async for line in response.aiter_lines()] == []
