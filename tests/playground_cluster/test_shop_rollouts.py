"""Rollouts of Deployments, StatefulSets and DaemonSets: forward, stuck, paused, and back."""

from __future__ import annotations

from typing import Any

import pytest
from cluster_client import OMAR, Requests, ready_pods, until

from kubeai_bot.playground.cluster.server import DemoCluster

_APPS = "/apis/apps/v1/namespaces"
_FRONTEND = f"{_APPS}/shop/deployments/frontend"
_REVISION = "deployment.kubernetes.io/revision"
_RESTART = {
    "spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-21T10:00:00Z"}}}}
}


@pytest.fixture
def omar(shop_bot: Requests) -> Requests:
    return shop_bot.acting_as(*OMAR)


def _image(container: str, tag: str) -> Any:
    image = {"name": container, "image": f"registry.shop.example/{container}:{tag}"}
    return {"spec": {"template": {"spec": {"containers": [image]}}}}


async def _set_image(api: Requests, path: str, container: str, tag: str) -> None:
    content_type = "application/strategic-merge-patch+json"
    response = await api.send("PATCH", path, _image(container, tag), content_type=content_type)
    assert response.status_code == 200, response.text


def _condition(deployment: Any, kind: str) -> Any:
    return next(one for one in deployment["status"]["conditions"] if one["type"] == kind)


async def _rolled_out(api: Requests, path: str) -> Any:
    """The Deployment as soon as `kubectl rollout status` would call it done."""

    async def done() -> bool:
        found = await api.get(path)
        status, wanted = found["status"], found["spec"]["replicas"]
        counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
        return status["observedGeneration"] == found["metadata"]["generation"] and counts == [wanted] * 3

    await until(done, f"{path} is not rolled out")
    return await api.get(path)


async def _sets(api: Requests, app: str) -> dict[str, Any]:
    """Revision to ReplicaSet."""
    found = await api.get(f"{_APPS}/shop/replicasets", labelSelector=f"app={app}")
    return {one["metadata"]["annotations"][_REVISION]: one for one in found["items"]}


def _tags(deployment: Any) -> str:
    return deployment["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]


async def test_a_good_release_becomes_available_as_a_new_revision(shop: DemoCluster, omar: Requests) -> None:
    before = await omar.get(_FRONTEND)
    older = next(tag for tag in (await _tags_of(omar, "frontend")) if tag != _tags(before))
    old_pods = ready_pods(await omar.get("/api/v1/namespaces/shop/pods", labelSelector="app=frontend"))
    lowest = 3

    def watch(_change: object) -> None:
        nonlocal lowest
        pods = shop.state.store.list(("", "pods"), "shop")
        mine = [pod for pod in pods if pod["metadata"]["labels"].get("app") == "frontend"]
        lowest = min(lowest, len(ready_pods({"items": mine})))

    shop.state.store.listen(watch)
    annotation = {"metadata": {"annotations": {"kubernetes.io/change-cause": "try it"}}}
    await omar.patch(_FRONTEND, {**annotation, "spec": {"replicas": 3}})
    await _set_image(omar, _FRONTEND, "frontend", older)
    after = await _rolled_out(omar, _FRONTEND)
    assert _condition(after, "Progressing")["reason"] == "NewReplicaSetAvailable"
    pods = await omar.get("/api/v1/namespaces/shop/pods", labelSelector="app=frontend")
    assert len(ready_pods(pods)) == 3
    assert not set(old_pods) & set(ready_pods(pods))
    assert lowest == 3, "maxUnavailable is 0"
    revision = after["metadata"]["annotations"][_REVISION]
    assert int(revision) == int(before["metadata"]["annotations"][_REVISION]) + 1
    newest = (await _sets(omar, "frontend"))[revision]
    assert newest["metadata"]["annotations"]["kubernetes.io/change-cause"] == "try it"


async def _tags_of(api: Requests, app: str) -> list[str]:
    return [_tags(one) for one in (await _sets(api, app)).values()]


async def test_a_bad_release_gets_stuck_and_is_undone_with_the_old_replica_set(omar: Requests) -> None:
    before = await omar.get(_FRONTEND)
    revision = int(before["metadata"]["annotations"][_REVISION])
    serving = (await _sets(omar, "frontend"))[str(revision)]
    await _set_image(omar, _FRONTEND, "frontend", "9.9.9")

    async def stuck() -> bool:
        return _condition(await omar.get(_FRONTEND), "Progressing")["reason"] == "ProgressDeadlineExceeded"

    await until(stuck, "the rollout is not stuck")
    found = await omar.get(_FRONTEND)
    assert (found["status"]["availableReplicas"], found["status"]["updatedReplicas"]) == (3, 1)
    pods = await omar.get("/api/v1/namespaces/shop/pods", labelSelector="app=frontend")
    reasons = [
        status["state"]["waiting"]["reason"]
        for pod in pods["items"]
        for status in pod["status"]["containerStatuses"]
        if "waiting" in status["state"]
    ]
    assert reasons == ["ImagePullBackOff"]
    template = serving["spec"]["template"]
    template["metadata"]["labels"].pop("pod-template-hash")
    await omar.patch(_FRONTEND, {"spec": {"template": template}})
    after = await _rolled_out(omar, _FRONTEND)
    assert after["metadata"]["annotations"][_REVISION] == str(revision + 2)
    again = (await _sets(omar, "frontend"))[str(revision + 2)]
    assert again["metadata"]["uid"] == serving["metadata"]["uid"]
    assert again["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == str(revision)


async def test_a_paused_deployment_waits_with_its_rollout_and_still_scales(omar: Requests) -> None:
    await omar.patch(_FRONTEND, {"spec": {"paused": True}})
    await omar.patch(_FRONTEND, _RESTART)
    await omar.patch(f"{_FRONTEND}/scale", {"spec": {"replicas": 4}})

    async def scaled() -> bool:
        found = await omar.get(_FRONTEND)
        return found["status"].get("readyReplicas") == 4 and _condition(found, "Progressing")["status"] == "Unknown"

    await until(scaled, "a paused Deployment is not scaled")
    assert _condition(await omar.get(_FRONTEND), "Progressing")["reason"] == "DeploymentPaused"
    assert len(await _sets(omar, "frontend")) == 3
    await omar.patch(_FRONTEND, {"spec": {"paused": None}})
    after = await _rolled_out(omar, _FRONTEND)
    assert _condition(after, "Progressing")["reason"] == "NewReplicaSetAvailable"
    assert len(await _sets(omar, "frontend")) == 4


async def test_old_revisions_beyond_the_limit_are_forgotten(omar: Requests) -> None:
    await omar.patch(_FRONTEND, {"spec": {"revisionHistoryLimit": 1}})

    async def forgotten() -> bool:
        return len(await _sets(omar, "frontend")) == 2

    await until(forgotten, "old ReplicaSets are left")


async def _revisions(api: Requests, namespace: str, app: str) -> dict[int, Any]:
    found = await api.get(f"{_APPS}/{namespace}/controllerrevisions", labelSelector=f"app={app}")
    return {one["revision"]: one for one in found["items"]}


async def test_a_stateful_set_replaces_its_pods_from_the_highest_down(shop: DemoCluster, omar: Requests) -> None:
    path = f"{_APPS}/payments/statefulsets/ledger-db"
    await omar.patch(f"{path}/scale", {"spec": {"replicas": 2}})

    async def two() -> bool:
        return (await omar.get(path))["status"].get("readyReplicas") == 2

    await until(two, "no two replicas")
    gone: list[str] = []
    shop.state.store.listen(
        lambda change: (
            gone.append(change.obj["metadata"]["name"])
            if change.place == ("", "pods") and change.type == "DELETED"
            else None
        )
    )
    await omar.patch(path, _RESTART)

    async def updated() -> bool:
        status = (await omar.get(path))["status"]
        same = status["currentRevision"] == status["updateRevision"]
        return same and status.get("readyReplicas") == status.get("updatedReplicas") == 2 and len(gone) == 2

    await until(updated, "not all pods are replaced")
    assert gone == ["ledger-db-1", "ledger-db-0"]
    revisions = await _revisions(omar, "payments", "ledger-db")
    assert list(revisions) == [1, 2]
    newest = (await omar.get(path))["status"]["updateRevision"]
    assert newest == revisions[2]["metadata"]["name"]
    await omar.patch(path, {"spec": {"template": {**revisions[1]["data"]["spec"]["template"], "$patch": None}}})
    await omar.patch(path, {"spec": {"template": {"metadata": {"annotations": None}}}})

    async def undone() -> bool:
        status = (await omar.get(path))["status"]
        return status["updateRevision"] == revisions[1]["metadata"]["name"] == status["currentRevision"]

    await until(undone, "not rolled back")
    assert set(await _revisions(omar, "payments", "ledger-db")) == {2, 3}


async def test_a_daemon_set_replaces_one_node_after_the_other(shop_admin: Requests) -> None:
    path = f"{_APPS}/kube-system/daemonsets/node-agent"
    selector = {"labelSelector": "app=node-agent"}
    before = await shop_admin.get("/api/v1/namespaces/kube-system/pods", **selector)
    await shop_admin.patch(path, _RESTART)

    async def updated() -> bool:
        found = await shop_admin.get(path)
        status = found["status"]
        counts = [status.get(key, 0) for key in ("updatedNumberScheduled", "numberAvailable")]
        return status["observedGeneration"] == found["metadata"]["generation"] == 2 and counts == [3, 3]

    await until(updated, "not every node has the new pod")
    after = await shop_admin.get("/api/v1/namespaces/kube-system/pods", **selector)
    assert not set(ready_pods(before)) & set(ready_pods(after))
    assert len({pod["spec"]["nodeName"] for pod in after["items"]}) == 3
    assert set(await _revisions(shop_admin, "kube-system", "node-agent")) == {1, 2}


async def test_a_deleted_daemon_pod_comes_back_on_its_node(shop_admin: Requests) -> None:
    pods = "/api/v1/namespaces/kube-system/pods"
    gone = (await shop_admin.get(pods, labelSelector="app=node-agent"))["items"][0]
    await shop_admin.send("DELETE", f"{pods}/{gone['metadata']['name']}")

    async def back() -> bool:
        found = (await shop_admin.get(pods, labelSelector="app=node-agent"))["items"]
        nodes = {pod["spec"]["nodeName"] for pod in found if pod["metadata"]["uid"] != gone["metadata"]["uid"]}
        return len(ready_pods({"items": found})) == 3 and gone["spec"]["nodeName"] in nodes

    await until(back, "the node has no agent")
