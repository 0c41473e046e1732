"""Every tool that changes something: tried out as a diff, refused to who may not, done for who may, and taken back."""

import copy

import pytest

from kubeai_bot.domain.policy import Effect, Mode
from kubeai_bot.errors import ToolError
from kubeai_bot.tools.kubernetes.toolset import KubernetesTools

CART = {"name": "cart", "namespace": "shop"}
CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: banner, namespace: shop}
data: {text: "Sale!"}
"""

# tool, arguments, a line of the diff, the object that shows it, and what holds of it afterwards
CHANGES = [
    ("apply", {"manifest": CONFIG}, "+  text: Sale!", ("", "configmaps", "shop", "banner"),
     lambda o: o["data"] == {"text": "Sale!"}),
    ("patch", {"kind": "deploy", **CART, "patch": '{"spec": {"minReadySeconds": 7}}'}, "+  minReadySeconds: 7",
     ("apps", "deployments", "shop", "cart"), lambda o: o["spec"]["minReadySeconds"] == 7),
    ("patch", {"kind": "deploy", **CART, "type": "json",
               "patch": '[{"op": "add", "path": "/metadata/labels/tier", "value": "web"}]'}, "+    tier: web",
     ("apps", "deployments", "shop", "cart"), lambda o: o["metadata"]["labels"]["tier"] == "web"),
    ("scale", {"kind": "deployment", **CART, "replicas": 4}, "+  replicas: 4",
     ("apps", "deployments", "shop", "cart"), lambda o: o["spec"]["replicas"] == 4),
    ("rollout_pause", CART, "+  paused: true", ("apps", "deployments", "shop", "cart"),
     lambda o: o["spec"]["paused"]),
    ("set_image", {**CART, "image": "registry.shop.example/cart:9"}, "image: registry.shop.example/cart:9",
     ("apps", "deployments", "shop", "cart"),
     lambda o: o["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.shop.example/cart:9"),
    ("set_env", {**CART, "variables": ["LOG_STYLE=plain"]}, "+        - name: LOG_STYLE",
     ("apps", "deployments", "shop", "cart"),
     lambda o: {"name": "LOG_STYLE", "value": "plain"} in o["spec"]["template"]["spec"]["containers"][0]["env"]),
    ("set_resources", {**CART, "memory_limit": "700Mi"}, "memory: 700Mi", ("apps", "deployments", "shop", "cart"),
     lambda o: o["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] == "700Mi"),
    ("delete", {"kind": "cm", "name": "cart-config", "namespace": "shop"}, "-kind: ConfigMap",
     ("", "configmaps", "shop", "cart-config"), lambda o: o is None),
    ("label", {"kind": "deploy", **CART, "labels": ["tier=web"]}, "+    tier: web",
     ("apps", "deployments", "shop", "cart"), lambda o: o["metadata"]["labels"]["tier"] == "web"),
    ("annotate", {"kind": "deploy", **CART, "annotations": ["note=looked at"]}, "+    note: looked at",
     ("apps", "deployments", "shop", "cart"), lambda o: o["metadata"]["annotations"]["note"] == "looked at"),
    ("create_job_from_cronjob", {"cronjob": "nightly-report", "namespace": "shop"},
     "+  name: nightly-report-manual", ("batch", "jobs", "shop", "nightly-report-manual"),
     lambda o: o["metadata"]["ownerReferences"][0]["name"] == "nightly-report"),
    ("suspend_cronjob", {"cronjob": "nightly-report", "namespace": "shop"}, "+  suspend: true",
     ("batch", "cronjobs", "shop", "nightly-report"), lambda o: o["spec"]["suspend"]),
]  # fmt: skip
IDS = [f"{tool}-{number}" for number, (tool, *_) in enumerate(CHANGES)]


def spoken(obj):
    """What of an object somebody has written."""
    if obj is None:
        return None
    kept = {key: value for key, value in obj.items() if key not in ("status", "metadata")}
    annotations = dict(obj["metadata"].get("annotations") or {})
    annotations.pop("deployment.kubernetes.io/revision", None)
    return copy.deepcopy({**kept, "labels": obj["metadata"].get("labels"), "annotations": annotations})


@pytest.mark.parametrize("change", CHANGES, ids=IDS)
async def test_a_change_is_shown_then_made_then_taken_back(desk, demo, omar, change):
    tool, arguments, line, place, holds = change
    before = spoken(demo.find(*place))
    preview = await desk.try_out(omar, tool, **arguments)
    assert line in preview.diff
    assert spoken(demo.find(*place)) == before, "a preview changes nothing"

    planned = await desk.plan(omar, tool, **arguments)
    assert planned.effect is Effect.WRITE
    result = await desk.run(planned, omar, approved=preview.digest)
    assert result.ok
    assert holds(demo.find(*place))
    assert result.verify is not None
    if tool not in ("set_env", "set_resources"):  # they roll out as slowly as set_image does
        assert (await desk.follow(omar, result.verify)).ok

    assert result.undo_intent
    await desk.follow(omar, result.undo)
    assert spoken(demo.find(*place)) == before


async def test_who_may_not_change_is_refused_by_the_cluster_and_shown_no_diff(desk, demo, mia, subtests):
    for tool, arguments, _, place, _ in CHANGES:
        with subtests.test(tool):
            before = spoken(demo.find(*place))
            for way in (desk.try_out, desk.ask):
                with pytest.raises(ToolError, match=r"Forbidden: mia@shop.example .*lacks this right in cluster demo"):
                    await way(mia, tool, **arguments)
            assert spoken(demo.find(*place)) == before


async def test_a_restart_marks_the_template_and_cannot_be_taken_back(desk, demo, omar):
    first = await desk.try_out(omar, "rollout_restart", **CART)
    assert "restartedAt" in first.diff
    assert first.digest == (await desk.try_out(omar, "rollout_restart", **CART)).digest, "the moment does not count"
    result = await desk.run(await desk.plan(omar, "rollout_restart", **CART), omar, first.digest)
    template = demo.find("apps", "deployments", "shop", "cart")["spec"]["template"]
    assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]
    assert result.undo is None
    assert (result.verify.name, result.verify.arguments["wait_seconds"]) == ("rollout_status", 60)


async def test_a_paused_deployment_is_neither_restarted_nor_rolled_back_until_it_is_resumed(desk, omar):
    await desk.ask(omar, "rollout_pause", **CART)
    for tool in ("rollout_restart", "rollout_undo"):
        with pytest.raises(ToolError, match=r"is paused.*rollout_resume first"):
            await desk.ask(omar, tool, **CART)
    resumed = await desk.ask(omar, "rollout_resume", **CART)
    assert resumed.undo.name == "rollout_pause"
    assert (await desk.ask(omar, "rollout_restart", **CART)).ok


async def test_a_rollback_goes_to_the_revision_before_or_to_the_one_that_is_named(desk, demo, omar):
    def image():
        found = demo.find("apps", "deployments", "shop", workload)
        return found["spec"]["template"]["spec"]["containers"][0]["image"]

    workload = next(found.workload for found in demo.scenario.faults if found.kind == "rollout")
    place = {"name": workload, "namespace": "shop"}
    bad = image()
    preview = await desk.try_out(omar, "rollout_undo", **place)
    assert any(line.startswith("-") and bad in line for line in preview.diff.splitlines())
    assert "pod-template-hash" not in preview.diff
    result = await desk.ask(omar, "rollout_undo", **place)
    good = image()
    assert good != bad
    assert result.undo.arguments["to_revision"] == 4
    await desk.ask(omar, "rollout_undo", **place, to_revision=1)
    assert image() not in (good, bad)
    with pytest.raises(ToolError, match=r"has no revision 77. Kept: 1?"):
        await desk.ask(omar, "rollout_undo", **place, to_revision=77)


async def test_nodes_are_cordoned_and_uncordoned_by_who_may(desk, demo, mia, root):
    with pytest.raises(ToolError, match=r"Forbidden: mia@shop.example"):
        await desk.ask(mia, "cordon", node="demo-worker-1")
    preview = await desk.try_out(root, "cordon", node="demo-worker-1")
    assert "+  unschedulable: true" in preview.diff
    result = await desk.ask(root, "cordon", node="demo-worker-1")
    assert demo.find("", "nodes", "", "demo-worker-1")["spec"]["unschedulable"]
    await desk.follow(root, result.undo)
    assert "unschedulable" not in demo.find("", "nodes", "", "demo-worker-1")["spec"]
    with pytest.raises(ToolError, match="already so in cluster demo: nothing was changed"):
        await desk.try_out(root, "uncordon", node="demo-worker-1")


async def test_what_is_so_already_is_not_put_up_for_approval_and_sends_no_change(desk, demo, omar):
    arguments = {"kind": "deployment", **CART, "replicas": 2}
    with pytest.raises(ToolError, match="already so"):
        await desk.try_out(omar, "scale", **arguments)
    result = await desk.ask(omar, "scale", **arguments)
    assert "nothing was changed" in result.content
    assert all(r.query.get("dryRun") == "All" for r in demo.requests if r.method == "PUT")


@pytest.mark.parametrize(
    ("tool", "arguments", "risk", "why"),
    [
        ("scale", {"kind": "deployment", **CART, "replicas": 0}, "high", "left without replicas"),
        ("scale", {"kind": "deployment", **CART, "replicas": 3}, "medium", ""),
        ("label", {"kind": "deploy", **CART, "labels": ["a=b"]}, "low", ""),
        ("label", {"kind": "deploy", "name": "coredns", "namespace": "kube-system", "labels": ["a=b"]}, "high",
         "belongs to the cluster itself"),
        ("delete", {"kind": "pdb", "name": "frontend", "namespace": "shop"}, "high", "deletes PodDisruptionBudget"),
        ("delete", {"kind": "ns", "name": "payments"}, "high", "everything in namespace payments goes with it"),
        ("apply", {"manifest": CONFIG, "force": True}, "high", "takes over fields"),
    ],
)  # fmt: skip
async def test_the_risk_is_told_with_its_reasons(desk, root, tool, arguments, risk, why):
    preview = await desk.try_out(root, tool, **arguments)
    assert preview.risk == risk
    assert any(why in warning for warning in preview.warnings) if why else not preview.warnings


async def test_set_env_refuses_what_looks_like_a_secret_and_takes_references(desk, demo, omar):
    with pytest.raises(ToolError, match=r"DB_PASSWORD looks like a secret.*from_secret=\['DB_PASSWORD=SECRET/KEY'\]"):
        await desk.ask(omar, "set_env", **CART, variables=["DB_PASSWORD=correct-horse-battery"])
    with pytest.raises(ToolError, match="must be NAME=object/key"):
        await desk.ask(omar, "set_env", **CART, from_secret=["DB_PASSWORD=cart-db"])
    await desk.ask(omar, "set_env", **CART, from_secret=["DB_PASSWORD=cart-db/password"], variables=["A=1"])
    await desk.ask(omar, "set_env", **CART, remove=["A"], from_config_map=["B=cart-config/b"])
    env = demo.find("apps", "deployments", "shop", "cart")["spec"]["template"]["spec"]["containers"][0]["env"]
    found = {entry["name"]: entry for entry in env}
    assert "A" not in found
    assert found["DB_PASSWORD"]["valueFrom"] == {"secretKeyRef": {"name": "cart-db", "key": "password"}}
    assert found["B"]["valueFrom"] == {"configMapKeyRef": {"name": "cart-config", "key": "b"}}


async def test_a_container_that_is_not_there_is_not_added(desk, omar):
    with pytest.raises(ToolError, match=r"has no container 'nope'. It has: cart"):
        await desk.ask(omar, "set_image", **CART, container="nope", image="x:1")


async def test_a_pod_is_evicted_within_its_budget_only(desk, demo, root):
    pods = [
        o["metadata"]["name"] for o in demo.state.store.list(("", "pods")) if o["metadata"]["name"].startswith("cart")
    ]
    preview = await desk.try_out(root, "evict", pod=pods[0], namespace="shop")
    assert f"- Pod shop/{pods[0]} (evicted)" in preview.diff
    assert demo.find("", "pods", "shop", pods[0]) is not None
    assert (await desk.ask(root, "evict", pod=pods[0], namespace="shop")).ok
    gone = demo.find("", "pods", "shop", pods[0])
    assert gone is None or gone["metadata"].get("deletionTimestamp")


def test_changes_are_not_offered_in_mode_none(script, mia):
    effects = {spec.name: spec.effect for spec in KubernetesTools({"demo": script}, "demo", Mode.NONE).specs(mia)}
    assert set(effects.values()) == {Effect.READ}
