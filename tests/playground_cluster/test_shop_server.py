"""The switches and hooks of the demo cluster, and clients nobody here wrote."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from cluster_client import TABLE, Requests, until
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config

from kubeai_bot.playground.cluster.interference import cut_off, delay, fail, hold, path_contains
from kubeai_bot.playground.cluster.scenario import Scenario
from kubeai_bot.playground.cluster.server import ADMIN_TOKEN, BOT_TOKEN, DemoCluster
from kubeai_bot.playground.cluster.status import ApiError

_PODS = "/api/v1/namespaces/shop/pods"


async def test_a_kubeconfig_names_the_demo(shop: DemoCluster) -> None:
    config = yaml.safe_load(shop.kubeconfig(namespace="shop"))
    assert config["current-context"] == "demo"
    assert config["contexts"][0] == {
        "name": "demo",
        "context": {"cluster": "demo", "user": "demo", "namespace": "shop"},
    }
    assert config["clusters"][0]["cluster"]["server"] == shop.url
    assert config["users"][0]["user"]["token"] == BOT_TOKEN


async def test_a_given_port_is_used() -> None:
    async with DemoCluster(Scenario.empty()) as first:
        port = int(first.url.rpartition(":")[2])
    async with DemoCluster(Scenario.empty(), port=port) as second:
        assert second.url == f"http://127.0.0.1:{port}"


async def test_find_reads_past_all_authorization(shop: DemoCluster) -> None:
    assert shop.find("", "secrets", "shop", "db-credentials") is not None
    assert shop.find("", "namespaces", "", "shop") is not None
    assert shop.find("apps", "deployments", "shop", "none") is None


async def test_a_server_without_tables_is_not_acceptable_to_clients_that_want_only_those(
    shop: DemoCluster, shop_admin: Requests
) -> None:
    shop.state.tables = False
    assert (await shop_admin.send("GET", _PODS, accept=TABLE)).status_code == 406
    assert (await shop_admin.get(_PODS, accept=f"{TABLE},application/json"))["kind"] == "PodList"


async def test_a_cluster_without_metrics_serves_no_metrics_group(shop: DemoCluster, shop_admin: Requests) -> None:
    path = "/apis/metrics.k8s.io/v1beta1/pods"
    usage = await shop_admin.get(path)
    assert {item["metadata"]["namespace"] for item in usage["items"]} == {"shop", "payments", "kube-system"}
    assert usage["items"][0]["containers"][0]["usage"]["cpu"].endswith("m")
    nodes = await shop_admin.get("/apis/metrics.k8s.io/v1beta1/nodes")
    assert len(nodes["items"]) == 3
    shop.state.metrics = False
    assert await shop_admin.status(path) == 404
    groups = await shop_admin.get("/apis")
    assert "metrics.k8s.io" not in {group["name"] for group in groups["groups"]}


async def test_usage_is_told_for_running_containers_only(shop: DemoCluster, shop_admin: Requests) -> None:
    usage = await shop_admin.get("/apis/metrics.k8s.io/v1beta1/namespaces/payments/pods")
    names = {item["metadata"]["name"] for item in usage["items"]}
    assert "ledger-db-0" in names
    for fault in shop.scenario.faults:
        if fault.kind in {"image-pull", "unschedulable"}:
            assert fault.pod not in names
            assert await shop_admin.status(f"/apis/metrics.k8s.io/v1beta1/namespaces/payments/pods/{fault.pod}") == 404


async def test_a_request_can_be_made_to_fail_a_number_of_times(shop: DemoCluster, shop_admin: Requests) -> None:
    error = ApiError(429, "TooManyRequests", "please slow down")
    shop.on_request.append(fail(path_contains("/pods", "GET"), error, times=2, headers={"Retry-After": "1"}))
    first = await shop_admin.send("GET", _PODS)
    assert (first.status_code, first.json()["reason"], first.headers["Retry-After"]) == (429, "TooManyRequests", "1")
    assert shop.requests[-1].status == 429
    assert await shop_admin.status("/api/v1/namespaces") == 200
    assert await shop_admin.status(_PODS) == 429
    assert await shop_admin.status(_PODS) == 200


async def test_a_request_can_be_held_until_released(shop: DemoCluster, shop_admin: Requests) -> None:
    release = asyncio.Event()
    shop.on_request.append(hold(path_contains("/pods"), release))
    waiting = asyncio.create_task(shop_admin.status(_PODS))

    async def arrived() -> bool:
        return any(request.path == _PODS for request in shop.requests)

    await until(arrived, "the request did not arrive")
    assert await shop_admin.status("/api/v1/namespaces") == 200
    held = next(request for request in shop.requests if request.path == _PODS)
    assert not waiting.done()
    assert held.status is None
    release.set()
    assert await waiting == 200
    assert held.status == 200


async def test_a_request_can_be_delayed(shop: DemoCluster, shop_admin: Requests) -> None:
    shop.on_request.append(delay(path_contains("/pods"), 0.15))
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await shop_admin.status(_PODS) == 200
    assert loop.time() - began >= 0.15


async def test_a_connection_can_be_cut_off(shop: DemoCluster, shop_admin: Requests) -> None:
    shop.on_request.append(cut_off(path_contains("/pods")))
    with pytest.raises(httpx2.TransportError):
        await shop_admin.send("GET", _PODS)
    assert await shop_admin.status(_PODS) == 200


async def test_a_cluster_stops_at_once_with_open_watches() -> None:
    loop = asyncio.get_running_loop()
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with httpx2.AsyncClient(headers=headers, trust_env=False) as client:
        async with DemoCluster(Scenario.empty()) as cluster:
            stream = client.stream("GET", f"{cluster.url}/api/v1/namespaces", params={"watch": "true"})
            response = await stream.__aenter__()
            assert response.status_code == 200
            began = loop.time()
        assert loop.time() - began < 10
        with pytest.raises(httpx2.TransportError):
            async for _line in response.aiter_lines():
                pass
        await stream.__aexit__(None, None, None)


def _read_typed(config: Path) -> dict[str, Any]:
    """What the official client, which checks every object against its models, makes of the shop."""
    api_client = kubernetes_config.new_client_from_config(str(config))
    core, apps = kubernetes_client.CoreV1Api(api_client), kubernetes_client.AppsV1Api(api_client)
    return {
        "pods": core.list_pod_for_all_namespaces().items,
        "events": core.list_event_for_all_namespaces().items,
        "nodes": core.list_node().items,
        "services": core.list_service_for_all_namespaces().items,
        "claims": core.list_persistent_volume_claim_for_all_namespaces().items,
        "deployments": apps.list_deployment_for_all_namespaces().items,
        "replica_sets": apps.list_replica_set_for_all_namespaces().items,
        "jobs": kubernetes_client.BatchV1Api(api_client).list_job_for_all_namespaces().items,
        "autoscalers": kubernetes_client.AutoscalingV2Api(api_client)
        .list_horizontal_pod_autoscaler_for_all_namespaces()
        .items,
        "definitions": kubernetes_client.ApiextensionsV1Api(api_client).list_custom_resource_definition().items,
        "roles": kubernetes_client.RbacAuthorizationV1Api(api_client).list_cluster_role().items,
    }


async def test_the_official_python_client_accepts_every_object(shop: DemoCluster, tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    config.write_text(shop.kubeconfig(ADMIN_TOKEN))
    found = await asyncio.to_thread(_read_typed, config)
    assert all(found.values()), {kind: len(items) for kind, items in found.items()}
