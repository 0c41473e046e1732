"""drain: what it would evict, what it leaves alone, and what it says when it cannot end."""

import copy
import re
import time
from dataclasses import replace

import pytest

from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.policy import Mode
from kubeai_bot.errors import Drifted, TooLate, ToolError
from kubeai_bot.tools.kubernetes.toolset import KubernetesTools

NODE = "demo-worker-1"
REQUEST = 20.0
"""Seconds that one request may take."""


def pods_on(demo, node=NODE):
    return [pod for pod in demo.state.store.list(("", "pods")) if pod["spec"].get("nodeName") == node]


def of_kind(pods, kind):
    return [p["metadata"]["name"] for p in pods if p["metadata"].get("ownerReferences", [{}])[0].get("kind") == kind]


def budget(demo, name, labels, allowed=0):
    """A disruption budget that lets `allowed` of the pods go."""
    demo.state.store.create(
        ("policy", "poddisruptionbudgets"),
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": name, "namespace": "shop", "generation": 1},
            "spec": {"selector": {"matchLabels": labels}, "maxUnavailable": allowed},
            "status": {"disruptionsAllowed": allowed, "observedGeneration": 1, "currentHealthy": 2, "desiredHealthy": 2,
                       "expectedPods": 2},
        },
    )  # fmt: skip


@pytest.fixture(autouse=True)
async def _no_budget_of_the_demo_itself(demo):
    for found in demo.state.store.list(("policy", "poddisruptionbudgets")):
        demo.state.store.delete(("policy", "poddisruptionbudgets"), "shop", found["metadata"]["name"])


def short(desk, seconds=7.0):
    """The same cluster, with less time for a change."""
    tools = desk.tools
    return KubernetesTools(tools._clusters, "demo", Mode.AUTO, write_timeout=seconds)


async def test_the_preview_lists_what_would_go_and_what_stays(desk, demo, root):
    preview = await desk.try_out(root, "drain", node=NODE)
    here = pods_on(demo)
    assert preview.risk == "high"
    assert "+  unschedulable: true" in preview.diff
    for name in of_kind(here, "ReplicaSet"):
        assert f"/{name} (evicted)" in preview.diff
    (agent,) = of_kind(here, "DaemonSet")
    assert f"Pod kube-system/{agent} (of DaemonSet node-agent)" in preview.diff
    assert f"{agent} (evicted)" not in preview.diff
    assert preview.objects[0] == f"Node {NODE}"
    assert not demo.find("", "nodes", "", NODE)["spec"].get("unschedulable")
    assert len(pods_on(demo)) == len(here)


async def test_a_drained_node_has_only_pods_of_daemon_sets_left(desk, demo, root):
    preview = await desk.try_out(root, "drain", node=NODE)
    total = len(preview.objects) - 1
    result = await desk.run(await desk.plan(root, "drain", node=NODE), root, preview.digest)
    assert result.ok, result.content
    assert f"{total} of {total} pods gone" in result.summary
    there = {f"Pod {p['metadata']['namespace']}/{p['metadata']['name']}" for p in pods_on(demo)}
    assert not there & set(preview.objects)
    assert of_kind(pods_on(demo), "DaemonSet")
    assert demo.find("", "nodes", "", NODE)["spec"]["unschedulable"]
    assert any(line.startswith(f"{total} of {total} pods gone") for line in desk.lines)
    assert len(result.audit_ids) == total + 1
    assert (await desk.follow(root, result.verify)).ok
    await desk.follow(root, result.undo)
    assert not demo.find("", "nodes", "", NODE)["spec"].get("unschedulable")


async def test_a_budget_holds_pods_back_and_the_rest_goes(desk, demo, root, make_context):
    held = [p for p in pods_on(demo) if p["metadata"]["name"].startswith("catalog-")]
    budget(demo, "keep-catalog", {"app": held[0]["metadata"]["labels"]["app"]})
    preview = await desk.try_out(root, "drain", node=NODE)
    (name,) = [p["metadata"]["name"] for p in held]
    before = {*of_kind(pods_on(demo), "ReplicaSet"), *of_kind(pods_on(demo), "StatefulSet")}
    assert any(f"Not possible now: Pod shop/{name}" in w and "budget" in w for w in preview.warnings)
    tools = short(desk)
    planned = await tools.plan((await desk.plan(root, "drain", node=NODE)).call, root)
    result = await tools.call(planned, root, make_context(preview.digest, desk.lines))
    assert not result.ok
    assert f"Left: Pod shop/{name} (Cannot evict pod as it would violate the pod's disruption budget" in result.content
    assert "The disruption budget keep-catalog does not allow evicting pods" in result.content
    assert "its time was up" in result.content
    there = {pod["metadata"]["name"] for pod in pods_on(demo) if not pod["metadata"].get("deletionTimestamp")}
    assert there & before == {name}
    assert any("1 held by disruption budgets" in line for line in desk.lines)


async def test_a_drain_ends_by_itself_before_the_moment_after_which_nothing_may_be_sent(desk, demo, root):
    held = next(p for p in pods_on(demo) if p["metadata"]["name"].startswith("catalog-"))
    budget(demo, "never", {"app": held["metadata"]["labels"]["app"]})
    goes = next(p for p in pods_on(demo) if p["metadata"]["name"].startswith("cart-"))["metadata"]["name"]
    planned = await desk.plan(root, "drain", node=NODE)
    begun = time.monotonic() + 7 + REQUEST - planned.timeout  # the last request may be sent in 7 s
    result = await desk.run(replace(planned, start_before=begun), root)
    name = held["metadata"]["name"]
    assert not result.ok
    assert re.search(rf"^Left: Pod shop/{name} \(.*The disruption budget never does not allow", result.content, re.M)
    assert re.search(rf"^Gone: .*Pod shop/{goes}", result.content, re.M)
    assert "its time was up" in result.content
    assert "The node stays cordoned" in result.content
    assert "uncordon lets pods onto the node again" in result.content
    assert "not sent" not in result.content
    assert "1 held by disruption budgets" in result.summary
    assert demo.find("", "nodes", "", NODE)["spec"]["unschedulable"]
    assert name in [p["metadata"]["name"] for p in pods_on(demo)]
    await desk.follow(root, result.undo)
    assert not demo.find("", "nodes", "", NODE)["spec"].get("unschedulable")


async def test_pods_that_take_their_time_to_end_make_no_drain_fail(script, root, make_context):
    owner = [{"kind": "ReplicaSet", "name": "web-1", "controller": True}]
    pod = {"metadata": {"namespace": "shop", "name": "web-1-a", "uid": "u1", "ownerReferences": owner}}
    node = {"kind": "Node", "metadata": {"name": NODE, "uid": "n1", "resourceVersion": "7"}, "spec": {}}
    path = f"/api/v1/nodes/{NODE}"
    script.answers = {
        f"GET {path}": node,
        f"PATCH {path}": {**node, "spec": {"unschedulable": True}},
        "GET /api/v1/pods": {"items": [pod]},
        "POST /api/v1/namespaces/shop/pods/web-1-a/eviction": {"kind": "Status", "status": "Success"},
    }
    tools = KubernetesTools({"demo": script}, "demo", Mode.AUTO, write_timeout=6)
    planned = await tools.plan(ToolCall("call-1", "drain", {"node": NODE}), root)
    result = await tools.call(planned, root, make_context())
    assert result.ok
    assert result.summary == "0 of 1 pod gone, 1 still ending"
    assert "Left: Pod shop/web-1-a (evicted, still ending)" in result.content
    assert "disruption" not in result.content
    assert len([sent for _, sent in script.sent if sent.path.endswith("/eviction")]) == 1


async def test_a_drain_that_may_not_begin_any_more_changes_nothing_and_says_so(desk, demo, root):
    planned = await desk.plan(root, "drain", node=NODE)
    with pytest.raises(TooLate, match=r"time for this change was up .* changed nothing"):
        await desk.run(replace(planned, start_before=time.monotonic() + REQUEST - planned.timeout - 1), root)
    assert not demo.find("", "nodes", "", NODE)["spec"].get("unschedulable")


async def test_pods_that_would_be_lost_need_a_word_of_the_person(desk, demo, root):
    lone = copy.deepcopy(pods_on(demo)[0])
    lone["metadata"] = {"name": "lone", "namespace": "shop", "uid": "lone", "labels": {}}
    lone["spec"]["volumes"] = [{"name": "scratch", "emptyDir": {}}]
    demo.state.store.create(("", "pods"), lone)
    with pytest.raises(ToolError, match=r"would create these again: Pod shop/lone \(evict_unmanaged=true") as caught:
        await desk.try_out(root, "drain", node=NODE)
    assert "lose emptyDir data: Pod shop/lone (delete_local_data=true" in str(caught.value)
    with pytest.raises(ToolError, match="Not drained; ask the person first"):
        await desk.ask(root, "drain", node=NODE)
    assert not demo.find("", "nodes", "", NODE)["spec"].get("unschedulable")
    preview = await desk.try_out(root, "drain", node=NODE, evict_unmanaged=True, delete_local_data=True)
    assert "- Pod shop/lone (evicted)" in preview.diff


async def test_other_pods_than_were_shown_void_the_approval(desk, demo, root):
    preview = await desk.try_out(root, "drain", node=NODE)
    newcomer = copy.deepcopy(next(p for p in pods_on(demo) if p["metadata"]["name"].startswith("cart-")))
    newcomer["metadata"] |= {"name": "cart-newcomer", "uid": "newcomer"}
    demo.state.store.create(("", "pods"), newcomer)
    with pytest.raises(Drifted):
        await desk.run(await desk.plan(root, "drain", node=NODE), root, preview.digest)
    assert not demo.find("", "nodes", "", NODE)["spec"].get("unschedulable")


async def test_a_single_eviction_is_refused_where_a_budget_forbids_it(desk, demo, root):
    pod = next(p for p in pods_on(demo) if p["metadata"]["name"].startswith("catalog-"))
    budget(demo, "keep-catalog", {"app": pod["metadata"]["labels"]["app"]})
    with pytest.raises(ToolError, match=r"A disruption budget in cluster demo does not allow that now.* keep-catalog "):
        await desk.ask(root, "evict", pod=pod["metadata"]["name"], namespace="shop")
    assert pod["metadata"]["name"] in [p["metadata"]["name"] for p in pods_on(demo)]
