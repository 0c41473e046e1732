"""What follows from changes: scaling, rollouts, repairs, deletions."""

from __future__ import annotations

from typing import Any

from cluster_client import OMAR, Requests, ready_pods, until

from kubeai_bot.playground.cluster.scenario import Fault
from kubeai_bot.playground.cluster.server import DemoCluster

_SHOP = "/apis/apps/v1/namespaces/shop"
_PODS = "/api/v1/namespaces/shop/pods"


def _fault(shop: DemoCluster, kind: str) -> Fault:
    return next(fault for fault in shop.scenario.faults if fault.kind == kind)


async def _settled(admin: Requests, path: str, replicas: int) -> Any:
    """The Deployment, once its status has caught up with its spec."""

    async def caught_up() -> bool:
        found = await admin.get(path)
        status = found["status"]
        return (
            status["observedGeneration"] == found["metadata"]["generation"]
            and status.get("availableReplicas", 0) == replicas
            and status.get("replicas", 0) == replicas
        )

    await until(caught_up, f"{path} has no {replicas} available replicas")
    return await admin.get(path)


async def test_scaling_up_makes_pods_ready_and_reachable(shop_admin: Requests) -> None:
    path = f"{_SHOP}/deployments/catalog"
    before = await shop_admin.get(path)
    await shop_admin.patch(f"{path}/scale", {"spec": {"replicas": 4}})
    after = await _settled(shop_admin, path, 4)
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1
    assert (after["status"]["readyReplicas"], after["status"]["updatedReplicas"]) == (4, 4)
    pods = await shop_admin.get(_PODS, labelSelector="app=catalog")
    assert len(ready_pods(pods)) == 4
    sets = await shop_admin.get(f"{_SHOP}/replicasets", labelSelector="app=catalog")
    assert sorted(one["spec"]["replicas"] for one in sets["items"]) == [0, 0, 4]
    endpoints = await shop_admin.get("/api/v1/namespaces/shop/endpoints/catalog")
    assert len(endpoints["subsets"][0]["addresses"]) == 4
    scale = await shop_admin.get(f"{path}/scale")
    assert scale["status"]["replicas"] == 4


async def test_scaling_leaves_events(shop_admin: Requests) -> None:
    await shop_admin.patch(f"{_SHOP}/deployments/catalog/scale", {"spec": {"replicas": 3}})
    await _settled(shop_admin, f"{_SHOP}/deployments/catalog", 3)
    events = await shop_admin.get("/api/v1/namespaces/shop/events", fieldSelector="reason=ScalingReplicaSet")
    assert any("from 2 to 3" in event["message"] for event in events["items"])


async def test_scaling_down_to_nothing_and_up_again(shop_admin: Requests) -> None:
    path = f"{_SHOP}/deployments/catalog"
    await shop_admin.patch(f"{path}/scale", {"spec": {"replicas": 0}})
    await _settled(shop_admin, path, 0)

    async def gone() -> bool:
        return (await shop_admin.get(_PODS, labelSelector="app=catalog"))["items"] == []

    await until(gone, "pods are left")
    assert "subsets" not in await shop_admin.get("/api/v1/namespaces/shop/endpoints/catalog")
    await shop_admin.patch(f"{path}/scale", {"spec": {"replicas": 1}})
    await _settled(shop_admin, path, 1)


async def test_scaling_is_seen_in_a_watch(shop_admin: Requests) -> None:
    version = (await shop_admin.get(_PODS))["metadata"]["resourceVersion"]
    await shop_admin.patch(f"{_SHOP}/deployments/catalog/scale", {"spec": {"replicas": 3}})
    seen: list[tuple[str, str]] = []
    async for event in shop_admin.watch(_PODS, resourceVersion=version, labelSelector="app=catalog"):
        seen.append((event["type"], event["object"]["status"]["phase"]))
        if seen[-1] == ("MODIFIED", "Running"):
            break
    # made, placed on a node, running
    assert seen == [("ADDED", "Pending"), ("MODIFIED", "Pending"), ("MODIFIED", "Running")]


async def test_an_idle_watch_is_kept_alive_with_bookmarks(shop_admin: Requests) -> None:
    listed = await shop_admin.get("/api/v1/namespaces")
    version = listed["metadata"]["resourceVersion"]
    async for event in shop_admin.watch("/api/v1/namespaces", resourceVersion=version, allowWatchBookmarks="true"):
        assert event["type"] == "BOOKMARK"
        assert int(event["object"]["metadata"]["resourceVersion"]) >= int(version)
        break


async def test_a_dry_run_scales_nothing(shop: DemoCluster, shop_bot: Requests) -> None:
    before = shop.state.store.version
    path = f"{_SHOP}/deployments/catalog/scale"
    answer = await shop_bot.acting_as(*OMAR).patch(path, {"spec": {"replicas": 9}}, dryRun="All")
    assert answer["spec"]["replicas"] == 9
    assert shop.state.store.version == before


async def test_a_stateful_set_counts_its_pods_by_name(shop_admin: Requests) -> None:
    path = "/apis/apps/v1/namespaces/payments/statefulsets/ledger-db"
    await shop_admin.patch(f"{path}/scale", {"spec": {"replicas": 3}})

    async def three() -> bool:
        return (await shop_admin.get(path))["status"].get("readyReplicas") == 3

    await until(three, "no three ready replicas")
    pods = await shop_admin.get("/api/v1/namespaces/payments/pods", labelSelector="app=ledger-db")
    assert [pod["metadata"]["name"] for pod in pods["items"]] == ["ledger-db-0", "ledger-db-1", "ledger-db-2"]


async def test_rolling_back_a_stuck_rollout_uses_the_old_replica_set(shop: DemoCluster, shop_admin: Requests) -> None:
    fault = _fault(shop, "rollout")
    path = f"{_SHOP}/deployments/{fault.workload}"
    sets = await shop_admin.get(f"{_SHOP}/replicasets", labelSelector=f"app={fault.workload}")
    serving = next(one for one in sets["items"] if one["status"].get("readyReplicas"))
    template = serving["spec"]["template"]
    template["metadata"]["labels"].pop("pod-template-hash")
    await shop_admin.patch(path, {"spec": {"template": template}})
    after = await _settled(shop_admin, path, 2)
    assert after["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "5"
    assert all(condition["status"] == "True" for condition in after["status"]["conditions"])
    pods = await shop_admin.get(_PODS, labelSelector=f"app={fault.workload}")
    assert {pod["metadata"]["ownerReferences"][0]["name"] for pod in pods["items"]} == {serving["metadata"]["name"]}


async def test_a_restart_replaces_every_pod(shop_admin: Requests) -> None:
    path = f"{_SHOP}/deployments/frontend"
    old = {pod["metadata"]["name"] for pod in (await shop_admin.get(_PODS, labelSelector="app=frontend"))["items"]}
    annotation = {"kubectl.kubernetes.io/restartedAt": "2026-11-21T10:00:00Z"}
    await shop_admin.patch(path, {"spec": {"template": {"metadata": {"annotations": annotation}}}})

    async def replaced() -> bool:
        pods = await shop_admin.get(_PODS, labelSelector="app=frontend")
        return len(ready_pods(pods)) == 3 and not old & {pod["metadata"]["name"] for pod in pods["items"]}

    await until(replaced, "old pods are left")


async def test_putting_the_config_right_ends_the_crash_loop(shop: DemoCluster, shop_admin: Requests) -> None:
    fault = _fault(shop, "crash-loop")
    config = f"/api/v1/namespaces/{fault.namespace}/configmaps/{fault.evidence[2]}"
    await shop_admin.patch(config, {"data": {fault.evidence[1]: "http://payments-api.payments.svc:8080"}})

    async def healed() -> bool:
        return fault.pod in ready_pods(await shop_admin.get(_PODS, labelSelector=f"app={fault.workload}"))

    await until(healed, "the pod still crashes")


async def test_more_replicas_of_a_broken_workload_are_broken_too(shop: DemoCluster, shop_admin: Requests) -> None:
    fault = _fault(shop, "readiness")
    await shop_admin.patch(f"{_SHOP}/deployments/{fault.workload}/scale", {"spec": {"replicas": 3}})

    async def running() -> bool:
        pods = (await shop_admin.get(_PODS, labelSelector=f"app={fault.workload}"))["items"]
        return len(pods) == 3 and all(pod["status"]["phase"] == "Running" for pod in pods)

    await until(running, "no third pod")
    assert ready_pods(await shop_admin.get(_PODS, labelSelector=f"app={fault.workload}")) == []


async def test_a_deleted_pod_is_replaced_and_a_deleted_deployment_is_not(shop_admin: Requests) -> None:
    pods = await shop_admin.get(_PODS, labelSelector="app=catalog")
    gone = pods["items"][0]["metadata"]["name"]
    await shop_admin.send("DELETE", f"{_PODS}/{gone}")

    async def replaced() -> bool:
        found = ready_pods(await shop_admin.get(_PODS, labelSelector="app=catalog"))
        return len(found) == 2 and gone not in found

    await until(replaced, "the pod is not replaced")
    await shop_admin.send("DELETE", f"{_SHOP}/deployments/catalog")

    async def none_left() -> bool:
        sets = await shop_admin.get(f"{_SHOP}/replicasets", labelSelector="app=catalog")
        return not sets["items"] and not (await shop_admin.get(_PODS, labelSelector="app=catalog"))["items"]

    await until(none_left, "dependents are left")


async def test_a_deleted_namespace_takes_its_content_along(shop_admin: Requests) -> None:
    await shop_admin.send("DELETE", "/api/v1/namespaces/payments")
    assert (await shop_admin.get("/api/v1/namespaces/payments/pods"))["items"] == []
    assert await shop_admin.status("/api/v1/namespaces/payments") == 404


async def test_nothing_changes_by_itself(shop: DemoCluster, shop_admin: Requests) -> None:
    """Touching an object makes the controllers look at it; the seeded state must already be what they want."""
    pods_before = shop.state.store.list(("", "pods"), "shop")
    sets_before = shop.state.store.list(("apps", "replicasets"), "shop")
    for deployment in (await shop_admin.get(f"{_SHOP}/deployments"))["items"]:
        path = f"{_SHOP}/deployments/{deployment['metadata']['name']}"
        await shop_admin.patch(path, {"metadata": {"labels": {"touched": "yes"}}})
    # when this later change has been worked off, so have the earlier ones
    other = "/apis/apps/v1/namespaces/payments/deployments/payments-api"
    await shop_admin.patch(f"{other}/scale", {"spec": {"replicas": 3}})
    await _settled(shop_admin, other, 3)
    assert shop.state.store.list(("", "pods"), "shop") == pods_before
    assert shop.state.store.list(("apps", "replicasets"), "shop") == sets_before
    for deployment in (await shop_admin.get(f"{_SHOP}/deployments"))["items"]:
        assert deployment["status"]["observedGeneration"] == deployment["metadata"]["generation"]
