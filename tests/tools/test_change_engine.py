"""What holds for every change: bound to what was shown, under the version that was read, sent once."""

import copy
import json
import time
from dataclasses import replace

import pytest

from kubeai_bot.domain.policy import Act
from kubeai_bot.errors import ApiStatus, Drifted, TooLate, ToolError, Unreachable
from kubeai_bot.playground.cluster.interference import cut_off, fail, path_contains
from kubeai_bot.playground.cluster.status import ApiError, conflict

CART = {"name": "cart", "namespace": "shop"}
DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/cart"
SCALE = f"{DEPLOYMENT}/scale"


def cart(demo):
    return demo.find("apps", "deployments", "shop", "cart")


def write(demo, **fields):
    """Somebody else changes the Deployment."""
    other = copy.deepcopy(cart(demo))
    for field, value in fields.items():
        other[field] = {**other[field], **value}
    demo.state.store.replace(("apps", "deployments"), other)


def written(demo):
    """(method, status) of the requests that were no dry run and no read."""
    return [
        (record.method, record.status)
        for record in demo.requests
        if record.method in ("POST", "PUT", "PATCH", "DELETE")
        and record.query.get("dryRun") != "All"
        and not (isinstance(record.body, dict) and record.body.get("dryRun") == ["All"])
    ]


def real(path, method):
    """Matches what is no dry run."""
    return lambda record: path_contains(path, method)(record) and record.query.get("dryRun") != "All"


async def test_every_change_is_tried_out_before_it_is_made(desk, demo, omar):
    await desk.ask(omar, "scale", kind="deployment", **CART, replicas=5)
    sent = [(r.method, r.query.get("dryRun", "")) for r in demo.requests if r.path == SCALE]
    assert sent == [("GET", ""), ("PUT", "All"), ("PUT", "")]
    assert {r.query.get("fieldManager") for r in demo.requests if r.method == "PUT"} == {"kubeai-bot"}


async def test_what_has_drifted_since_the_approval_is_not_made(desk, demo, omar):
    planned = await desk.plan(omar, "set_image", **CART, image="registry.shop.example/cart:9")
    preview = await desk.try_out(omar, "set_image", **CART, image="registry.shop.example/cart:9")
    write(demo, spec={"replicas": 7})
    with pytest.raises(Drifted, match="must be asked for and approved anew"):
        await desk.run(planned, omar, preview.digest)
    assert written(demo) == []
    again = await desk.try_out(omar, "set_image", **CART, image="registry.shop.example/cart:9")
    assert again.digest != preview.digest
    assert (await desk.run(planned, omar, again.digest)).ok


async def test_another_start_to_the_same_end_is_drift_too(desk, demo, omar):
    arguments = {"kind": "deployment", **CART, "replicas": 5}
    preview = await desk.try_out(omar, "scale", **arguments)
    write(demo, spec={"replicas": 7})
    with pytest.raises(Drifted):
        await desk.run(await desk.plan(omar, "scale", **arguments), omar, preview.digest)
    assert cart(demo)["spec"]["replicas"] == 7


async def test_status_and_versions_are_no_drift(desk, demo, omar):
    arguments = {**CART, "image": "registry.shop.example/cart:9"}
    preview = await desk.try_out(omar, "set_image", **arguments)
    version = cart(demo)["metadata"]["resourceVersion"]
    write(demo, status={"availableReplicas": 1})
    assert cart(demo)["metadata"]["resourceVersion"] != version
    assert (await desk.run(await desk.plan(omar, "set_image", **arguments), omar, preview.digest)).ok


async def test_an_object_made_again_under_the_same_name_is_another(desk, demo, omar):
    place = {"kind": "cm", "name": "cart-config", "namespace": "shop"}
    preview = await desk.try_out(omar, "delete", **place)
    found = copy.deepcopy(demo.find("", "configmaps", "shop", "cart-config"))
    demo.state.store.delete(("", "configmaps"), "shop", "cart-config")
    found["metadata"]["uid"] = "another"
    demo.state.store.create(("", "configmaps"), found)
    with pytest.raises(Drifted):
        await desk.run(await desk.plan(omar, "delete", **place), omar, preview.digest)
    assert demo.find("", "configmaps", "shop", "cart-config") is not None


@pytest.mark.parametrize(
    "case",
    [
        ("scale", {"kind": "deployment", **CART, "replicas": 5}, "PUT", SCALE),
        ("patch", {"kind": "deploy", **CART, "patch": "{spec: {minReadySeconds: 3}}"}, "PATCH", DEPLOYMENT),
        ("set_image", {**CART, "image": "x:1"}, "PATCH", DEPLOYMENT),
        ("rollout_undo", CART, "PATCH", DEPLOYMENT),
        ("delete", {"kind": "deploy", **CART}, "DELETE", DEPLOYMENT),
        (
            "apply",
            {"manifest": "{apiVersion: apps/v1, kind: Deployment, metadata: {name: cart, labels: {a: b}}}",
             "namespace": "shop"},
            "PATCH",
            DEPLOYMENT,
        ),
    ],
)  # fmt: skip
async def test_a_change_between_the_last_look_and_the_write_makes_the_write_fail(desk, demo, omar, case):
    tool, arguments, method, path = case
    tried = []

    async def somebody_else(record):
        dry = record.query.get("dryRun") == "All" or (isinstance(record.body, dict) and record.body.get("dryRun"))
        if (record.method, record.path) == (method, path) and not dry and not tried:
            tried.append(record)
            write(demo, spec={"replicas": 7})

    demo.on_request.append(somebody_else)
    with pytest.raises(Drifted, match="nothing was written"):
        await desk.ask(omar, tool, **arguments)
    assert len(tried) == 1, "sent once"
    assert cart(demo)["spec"]["replicas"] == 7
    assert written(demo) == [(method, 409)]


async def test_a_status_that_moves_between_the_last_look_and_the_write_is_no_drift(desk, demo, omar):
    async def controller(record):
        if real("/scale", "PUT")(record) and len(written(demo)) == 1:
            write(demo, status={"availableReplicas": 1})

    demo.on_request.append(controller)
    assert (await desk.ask(omar, "scale", kind="deployment", **CART, replicas=5)).ok
    assert written(demo) == [("PUT", 409), ("PUT", 200)]


async def test_an_object_that_never_rests_is_given_up(desk, demo, omar):
    async def controller(record):
        if real("/scale", "PUT")(record):
            write(demo, status={"availableReplicas": len(demo.requests)})

    demo.on_request.append(controller)
    with pytest.raises(Drifted, match="nothing was written"):
        await desk.ask(omar, "scale", kind="deployment", **CART, replicas=5)
    assert written(demo) == [("PUT", 409)] * 3


async def test_a_conflict_at_the_dry_run_only_means_to_look_again(desk, demo, omar):
    error = conflict("apps", "deployments", "cart")
    demo.on_request.append(fail(path_contains("/scale", "PUT"), error))
    assert (await desk.ask(omar, "scale", kind="deployment", **CART, replicas=5)).summary == "2 → 5"
    assert written(demo) == [("PUT", 200)]


async def test_an_answer_that_is_lost_leaves_the_outcome_open_and_nothing_is_sent_again(desk, demo, omar):
    demo.on_request.append(cut_off(real("/scale", "PUT")))
    with pytest.raises(Unreachable):
        await desk.ask(omar, "scale", kind="deployment", **CART, replicas=5)
    assert len(written(demo)) == 1


async def test_a_server_that_fails_at_the_change_leaves_the_outcome_open(desk, demo, omar):
    error = ApiError(504, "Timeout", "request did not complete within the allotted timeout", {})
    demo.on_request.append(fail(real("/scale", "PUT"), error))
    with pytest.raises(Unreachable, match="did not complete"):
        await desk.ask(omar, "scale", kind="deployment", **CART, replicas=5)
    assert written(demo) == [("PUT", 504)]


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_cluster_that_is_away_before_the_change_changed_nothing_for_sure(scripted, script, mia, method):
    scale = {"metadata": {"name": "cart", "resourceVersion": "7"}, "spec": {"replicas": 2}}
    script.answers[f"GET {SCALE}"] = scale
    script.answers[f"{method} {SCALE}"] = Unreachable("cluster demo: no answer within 20 s")
    with pytest.raises(ToolError, match="Nothing was changed"):
        await scripted.ask(mia, "scale", kind="deployment", **CART, replicas=5)


async def test_nothing_is_sent_after_the_moment_by_which_it_had_to_begin(desk, demo, omar):
    planned = await desk.plan(omar, "scale", kind="deployment", **CART, replicas=5)
    with pytest.raises(TooLate):
        await desk.run(replace(planned, start_before=0.0), omar)
    assert written(demo) == []


async def test_a_change_goes_on_as_long_as_each_request_ends_within_its_time(desk, demo, omar):
    planned = await desk.plan(omar, "scale", kind="deployment", **CART, replicas=5)
    left = planned.timeout - 20  # seconds after which a request of up to 20 s could end too late
    with pytest.raises(TooLate):
        await desk.run(replace(planned, start_before=time.monotonic() - left - 1), omar)
    assert written(demo) == []
    assert (await desk.run(replace(planned, start_before=time.monotonic() - left / 2), omar)).ok


async def test_the_acts_name_every_verb_that_the_change_needs(desk, omar):
    async def verbs(tool, **arguments):
        planned = await desk.plan(omar, tool, **arguments)
        return {(act.verb, act.kind, act.namespace, act.name) for act in planned.acts}

    assert await verbs("set_image", **CART, image="x:1") == {
        ("get", "deployments.apps", "shop", "cart"),
        ("patch", "deployments.apps", "shop", "cart"),
    }
    assert await verbs("scale", kind="deployment", **CART, replicas=1) == {
        ("get", "deployments.apps/scale", "shop", "cart"),
        ("update", "deployments.apps/scale", "shop", "cart"),
    }
    assert await verbs("evict", pod="p", namespace="shop") == {
        ("get", "pods", "shop", "p"),
        ("create", "pods/eviction", "shop", "p"),
    }
    planned = await desk.plan(omar, "drain", node="demo-worker-1")
    assert Act("demo", "create", "", "pods", "eviction") in planned.acts


async def test_an_api_server_that_refuses_the_dry_run_is_quoted(scripted, script, mia):
    script.answers[f"GET {DEPLOYMENT}"] = {"metadata": {"name": "cart", "resourceVersion": "7"}, "spec": {}}
    script.answers[f"PATCH {DEPLOYMENT}"] = ApiStatus(422, "Invalid", "spec.paused: must be positive")
    with pytest.raises(ToolError, match=r"refused the request .*must be positive"):
        await scripted.try_out(mia, "rollout_pause", **CART)


async def test_audit_ids_are_those_of_the_changing_requests(desk, demo, omar):
    result = await desk.ask(omar, "scale", kind="deployment", **CART, replicas=5)
    assert len(result.audit_ids) == 1


async def test_a_diff_shows_no_secret_like_values_but_that_they_change(desk, demo, omar):
    old, new = "correct-horse-battery", "staple-wagon-lantern"
    other = copy.deepcopy(cart(demo))
    other["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "DB_PASSWORD", "value": old}]
    demo.state.store.replace(("apps", "deployments"), other)
    path = "/spec/template/spec/containers/0/env/0/value"
    patch = json.dumps([{"op": "replace", "path": path, "value": new}])
    preview = await desk.try_out(omar, "patch", kind="deploy", **CART, type="json", patch=patch)
    assert old not in preview.diff
    assert new not in preview.diff
    assert preview.diff.count("<redacted:") == 2
    result = await desk.ask(omar, "patch", kind="deploy", **CART, type="json", patch=patch)
    assert old not in result.content + str(result.undo)
    assert new not in result.content + str(result.undo)
    assert result.undo is None, "to take it back would show the value"


async def test_invisible_characters_are_written_out_in_a_diff(desk, omar):
    preview = await desk.try_out(omar, "annotate", kind="deploy", **CART, annotations=["note=\u202egnp.exe"])
    assert "\\u202egnp.exe" in preview.diff
