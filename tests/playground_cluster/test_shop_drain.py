"""Cordons, evictions, deletions with dependents: what a drain and a delete meet in the shop."""

from __future__ import annotations

from typing import Any

from cluster_client import MIA, OMAR, Requests, ready_pods, until

from kubeai_bot.playground.cluster.server import DemoCluster

_NODE = "/api/v1/nodes/demo-worker-1"
_PODS = "/api/v1/namespaces/shop/pods"
_BUDGET = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets"
_DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"


async def _evict(api: Requests, name: str, **params: str) -> Any:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    return (await api.send("POST", f"{_PODS}/{name}/eviction", body, **params)).json()


async def _on_node(api: Requests, app: str, node: str) -> list[str]:
    found = await api.get(_PODS, labelSelector=f"app={app}", fieldSelector=f"spec.nodeName={node}")
    return [pod["metadata"]["name"] for pod in found["items"]]


async def test_a_cordoned_node_gets_a_taint_and_no_pods(shop_bot: Requests) -> None:
    omar = shop_bot.acting_as(*OMAR)
    await omar.patch(_NODE, {"spec": {"unschedulable": True}})
    assert (await omar.get(_NODE))["spec"]["taints"] == [
        {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    ]
    before = set(await _on_node(omar, "catalog", "demo-worker-1"))
    await omar.patch(f"{_DEPLOYMENTS}/catalog/scale", {"spec": {"replicas": 5}})

    async def scaled() -> bool:
        return len(ready_pods(await omar.get(_PODS, labelSelector="app=catalog"))) == 5

    await until(scaled, "no five pods")
    assert set(await _on_node(omar, "catalog", "demo-worker-1")) == before
    await omar.patch(_NODE, {"spec": {"unschedulable": None}})
    assert "taints" not in (await omar.get(_NODE))["spec"]


async def test_pods_wait_while_no_node_takes_them(shop_bot: Requests) -> None:
    omar = shop_bot.acting_as(*OMAR)
    for node in ("demo-worker-1", "demo-worker-2"):
        await omar.patch(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": True}})
    await omar.patch(f"{_DEPLOYMENTS}/catalog/scale", {"spec": {"replicas": 3}})

    async def waiting() -> bool:
        pods = await omar.get(_PODS, labelSelector="app=catalog", fieldSelector="status.phase=Pending")
        return any(pod["status"].get("conditions") for pod in pods["items"])

    await until(waiting, "no pod waits")
    pods = await omar.get(_PODS, labelSelector="app=catalog", fieldSelector="status.phase=Pending")
    condition = pods["items"][0]["status"]["conditions"][0]
    assert (condition["type"], condition["reason"]) == ("PodScheduled", "Unschedulable")
    assert condition["message"] == (
        "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 node(s) "
        "were unschedulable. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    )
    await omar.patch(_NODE, {"spec": {"unschedulable": None}})

    async def placed() -> bool:
        return len(ready_pods(await omar.get(_PODS, labelSelector="app=catalog"))) == 3

    await until(placed, "the pod is not placed after the uncordon")


async def test_a_budget_refuses_until_the_workload_can_spare_a_pod(shop_bot: Requests) -> None:
    omar = shop_bot.acting_as(*OMAR)
    await omar.patch(_NODE, {"spec": {"unschedulable": True}})
    (name,) = await _on_node(omar, "catalog", "demo-worker-1")
    refused = await _evict(omar, name)
    assert (refused["code"], refused["reason"]) == (429, "TooManyRequests")
    assert refused["details"]["causes"] == [
        {
            "reason": "DisruptionBudget",
            "message": "The disruption budget catalog does not allow evicting pods currently",
        }
    ]
    await omar.patch(f"{_DEPLOYMENTS}/catalog/scale", {"spec": {"replicas": 3}})

    async def spare() -> bool:
        return (await omar.get(f"{_BUDGET}/catalog"))["status"]["disruptionsAllowed"] == 1

    await until(spare, "the budget does not see the third pod")
    assert (await _evict(omar, name))["status"] == "Success"

    async def moved() -> bool:
        found = ready_pods(await omar.get(_PODS, labelSelector="app=catalog"))
        return len(found) == 3 and name not in found

    await until(moved, "the evicted pod is not replaced")
    assert await _on_node(omar, "catalog", "demo-worker-1") == []


async def test_two_evictions_cannot_share_one_disruption(shop_bot: Requests) -> None:
    omar = shop_bot.acting_as(*OMAR)
    status = (await omar.get(f"{_BUDGET}/frontend"))["status"]
    assert (status["currentHealthy"], status["desiredHealthy"], status["disruptionsAllowed"]) == (3, 2, 1)
    first, second, _third = ready_pods(await omar.get(_PODS, labelSelector="app=frontend"))
    assert (await _evict(omar, first, dryRun="All"))["status"] == "Success"
    assert (await _evict(omar, first))["status"] == "Success"
    assert (await _evict(omar, second))["code"] == 429
    ending = await omar.get(f"{_PODS}/{first}")
    assert ending["metadata"]["deletionTimestamp"], "a pod takes a while to end"

    async def whole() -> bool:
        budget = (await omar.get(f"{_BUDGET}/frontend"))["status"]
        return budget["disruptionsAllowed"] == 1 and "disruptedPods" not in budget

    await until(whole, "the replacement does not count")


async def test_only_platform_engineers_cordon_and_evict(shop_bot: Requests) -> None:
    mia = shop_bot.acting_as(*MIA)
    assert (await mia.send("PATCH", _NODE, {"spec": {"unschedulable": True}})).status_code == 403
    name = ready_pods(await mia.get(_PODS, labelSelector="app=frontend"))[0]
    assert (await _evict(mia, name, dryRun="All"))["reason"] == "Forbidden"
    omar = shop_bot.acting_as(*OMAR)
    dns = (await omar.get("/api/v1/namespaces/kube-system/pods", labelSelector="app=coredns"))["items"][0]
    dns_name = dns["metadata"]["name"]
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": dns_name}}
    path = f"/api/v1/namespaces/kube-system/pods/{dns_name}"
    assert (await omar.send("POST", f"{path}/eviction", body, dryRun="All")).status_code == 201
    assert await omar.status(path, "DELETE", dryRun="All") == 403
    assert await omar.status(_NODE, "DELETE", dryRun="All") == 403


async def test_orphaned_dependents_stay_and_lose_their_owner(shop_bot: Requests) -> None:
    omar = shop_bot.acting_as(*OMAR)
    pods = ready_pods(await omar.get(_PODS, labelSelector="app=catalog"))
    await omar.send("DELETE", f"{_DEPLOYMENTS}/catalog", propagationPolicy="Orphan")

    async def gone() -> bool:
        return await omar.status(f"{_DEPLOYMENTS}/catalog") == 404

    await until(gone, "the Deployment waits")
    sets = (await omar.get("/apis/apps/v1/namespaces/shop/replicasets", labelSelector="app=catalog"))["items"]
    assert sets
    assert all("ownerReferences" not in one["metadata"] for one in sets)
    assert ready_pods(await omar.get(_PODS, labelSelector="app=catalog")) == pods


async def test_a_foreground_deletion_ends_after_the_dependents(shop: DemoCluster, shop_bot: Requests) -> None:
    omar = shop_bot.acting_as(*OMAR)
    order: list[str] = []
    kinds = {"Pod", "ReplicaSet", "Deployment"}
    shop.state.store.listen(
        lambda change: (
            order.append(change.obj["kind"]) if change.type == "DELETED" and change.obj["kind"] in kinds else None
        )
    )
    marked = (await omar.send("DELETE", f"{_DEPLOYMENTS}/catalog", propagationPolicy="Foreground")).json()
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]

    async def gone() -> bool:
        return await omar.status(f"{_DEPLOYMENTS}/catalog") == 404

    await until(gone, "the Deployment waits")
    assert order[-1] == "Deployment"
    assert order.count("Pod") == 2
    assert order.index("ReplicaSet") < order.index("Deployment")
    assert (await omar.get(_PODS, labelSelector="app=catalog"))["items"] == []


async def test_a_dry_run_reaches_neither_store_nor_controllers(shop: DemoCluster, shop_bot: Requests) -> None:
    omar = shop_bot.acting_as(*OMAR)
    before = shop.state.store.version
    name = ready_pods(await omar.get(_PODS, labelSelector="app=frontend"))[0]
    await omar.patch(f"{_DEPLOYMENTS}/catalog", {"spec": {"replicas": 0}}, dryRun="All")
    await omar.send("DELETE", f"{_DEPLOYMENTS}/catalog", dryRun="All")
    await omar.send("DELETE", f"{_DEPLOYMENTS}/catalog", propagationPolicy="Foreground", dryRun="All")
    await _evict(omar, name, dryRun="All")
    await omar.patch(_NODE, {"spec": {"unschedulable": True}}, dryRun="All")
    assert shop.state.store.version == before
