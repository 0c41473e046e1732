"""Server-side apply: who owns which field, what a conflict says, and what goes when it is not stated any more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from contract_backend import APPLY, JSON_PATCH, MERGE, STRATEGIC, Api
from seeding import binding, cluster_role, config_map, deployment, rule

_MAPS = "/api/v1/namespaces/alpha/configmaps"
_DEPLOYMENTS = "/apis/apps/v1/namespaces/alpha/deployments"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


def _config(name: str, **data: str) -> Any:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def _web(name: str, **container: Any) -> Any:
    """A Deployment with one container, replicas left to others."""
    body = deployment(name, 1)
    del body["spec"]["replicas"]
    body["spec"]["template"]["spec"]["containers"][0].update(container)
    return body


def _apply(api: Api, path: str, body: Any, manager: str = "kubeai", **params: str) -> Any:
    return api.patch(path, body, APPLY, fieldManager=manager, **params)


def _apply_refused(api: Api, path: str, body: Any, manager: str = "kubeai", **params: str) -> Any:
    return api.refused("PATCH", path, body, content_type=APPLY, fieldManager=manager, **params)


def _owned(obj: Any, manager: str, operation: str = "Apply") -> Any:
    """The fields of one manager's entry, None without one."""
    entries = obj["metadata"].get("managedFields", ())
    return next((e["fieldsV1"] for e in entries if (e["manager"], e["operation"]) == (manager, operation)), None)


def test_apply_creates_what_is_not_there(admin: Api) -> None:
    response = admin.send(
        "PATCH", f"{_MAPS}/applied", _config("applied", a="1"), content_type=APPLY, fieldManager="kubeai"
    )
    assert response.status_code == 201
    made = response.json()
    assert _owned(made, "kubeai") == {"f:data": {"f:a": {}}}
    again = admin.send(
        "PATCH", f"{_MAPS}/applied", _config("applied", a="1"), content_type=APPLY, fieldManager="kubeai"
    )
    assert (again.status_code, again.json()) == (200, made)


def test_yaml_is_applied_as_well(admin: Api) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: from-yaml\ndata:\n  day: '2026-11-21'\n"
    made = admin.send_text("PATCH", f"{_MAPS}/from-yaml", text, content_type=APPLY, fieldManager="kubeai").json()
    assert made["data"] == {"day": "2026-11-21"}
    status = admin.send_text("PATCH", f"{_MAPS}/from-yaml", "a: [", content_type=APPLY, fieldManager="kubeai").json()
    assert (status["code"], status["reason"]) == (400, "BadRequest")
    assert status["message"].startswith("error decoding YAML: error converting YAML to JSON: yaml: ")


def test_list_items_are_owned_by_their_keys(admin: Api) -> None:
    name = "keyed"
    body = _web(name, ports=[{"containerPort": 80}], env=[{"name": "A", "value": "1"}], args=["x"])
    made = _apply(admin, f"{_DEPLOYMENTS}/{name}", body)
    spec = _owned(made, "kubeai")["f:spec"]
    container = spec["f:template"]["f:spec"]["f:containers"]['k:{"name":"app"}']
    assert container == {
        ".": {},
        "f:args": {},
        "f:env": {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}},
        "f:image": {},
        "f:name": {},
        "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
    }
    assert spec["f:selector"] == {}
    assert "f:replicas" not in spec


def test_ownership_after_create_and_patch_is_that_of_the_real_server(admin: Api) -> None:
    path = f"{_DEPLOYMENTS}/owned"
    body = deployment("owned", 1)
    body["metadata"]["finalizers"] = ["shop.example/kept"]
    made = admin.post(_DEPLOYMENTS, body, fieldManager="maker")
    fields = _owned(made, "maker", "Update")
    assert fields["f:metadata"] == {
        "f:finalizers": {".": {}, 'v:"shop.example/kept"': {}},
        "f:labels": {".": {}, "f:app": {}},
    }
    assert fields["f:spec"]["f:strategy"] == {
        "f:rollingUpdate": {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}},
        "f:type": {},
    }
    container = fields["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"app"}']
    assert set(container) == {
        *(".", "f:image", "f:imagePullPolicy", "f:name", "f:resources"),
        *("f:terminationMessagePath", "f:terminationMessagePolicy"),
    }
    patched = admin.patch(path, {"spec": {"replicas": 5}}, fieldManager="scaler")
    assert _owned(patched, "scaler", "Update") == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in _owned(patched, "maker", "Update")["f:spec"]
    admin.patch(path, {"metadata": {"finalizers": None}})


def test_a_conflict_names_manager_and_fields(admin: Api) -> None:
    path = f"{_DEPLOYMENTS}/contested"
    env = [{"name": "A", "value": "1"}]
    first = _web("contested", env=env)
    first["spec"]["replicas"] = 1
    _apply(admin, path, first, "first")
    second = _web("contested", env=[{"name": "A", "value": "2"}])
    second["spec"]["replicas"] = 3
    status = _apply_refused(admin, path, second, "second")
    field = '.spec.template.spec.containers[name="app"].env[name="A"].value'
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert status["message"] == (f'Apply failed with 2 conflicts: conflicts with "first":\n- .spec.replicas\n- {field}')
    assert status["details"] == {
        "causes": [
            {"reason": "FieldManagerConflict", "message": 'conflict with "first"', "field": ".spec.replicas"},
            {"reason": "FieldManagerConflict", "message": 'conflict with "first"', "field": field},
        ]
    }
    admin.patch(path, {"spec": {"replicas": 4}}, fieldManager="scaler")
    status = _apply_refused(admin, path, first, "first")
    assert status["message"] == ('Apply failed with 1 conflict: conflict with "scaler" using apps/v1: .spec.replicas')


def test_conflicts_with_several_managers_are_listed_by_manager(admin: Api) -> None:
    path = f"{_MAPS}/shared"
    _apply(admin, path, _config("shared", a="1", b="1"), "zoe")
    admin.patch(path, {"data": {"c": "1"}}, fieldManager="anna")
    status = _apply_refused(admin, path, _config("shared", a="2", b="2", c="2"), "third")
    assert status["message"] == (
        'Apply failed with 3 conflicts: conflicts with "anna" using v1:\n- .data.c\n'
        'conflicts with "zoe":\n- .data.a\n- .data.b'
    )


def test_force_takes_the_fields_over_and_equal_values_are_shared(admin: Api) -> None:
    path = f"{_MAPS}/forced"
    _apply(admin, path, _config("forced", a="1", b="1"), "first")
    shared = _apply(admin, path, _config("forced", b="1"), "second")
    assert _owned(shared, "first") == {"f:data": {"f:a": {}, "f:b": {}}}
    assert _owned(shared, "second") == {"f:data": {"f:b": {}}}
    taken = _apply(admin, path, _config("forced", a="2"), "third", force="true")
    assert taken["data"] == {"a": "2", "b": "1"}
    assert _owned(taken, "first") == {"f:data": {"f:b": {}}}
    assert _owned(taken, "third") == {"f:data": {"f:a": {}}}


def test_what_is_not_stated_any_more_is_removed_unless_somebody_else_owns_it(admin: Api) -> None:
    path = f"{_MAPS}/shrinking"
    _apply(admin, path, _config("shrinking", a="1", b="1", c="1"), "first")
    _apply(admin, path, _config("shrinking", b="1"), "second")
    admin.patch(path, {"data": {"d": "1"}}, fieldManager="third")
    left = _apply(admin, path, _config("shrinking", a="1"), "first")
    assert left["data"] == {"a": "1", "b": "1", "d": "1"}
    assert _owned(left, "first") == {"f:data": {"f:a": {}}}


def test_a_removed_field_falls_back_to_its_default(admin: Api) -> None:
    path = f"{_DEPLOYMENTS}/defaulted"
    body = _web("defaulted")
    body["spec"]["replicas"] = 4
    _apply(admin, path, body)
    left = _apply(admin, path, _web("defaulted"))
    assert left["spec"]["replicas"] == 1
    assert left["metadata"]["generation"] == 2


def test_items_of_keyed_lists_come_and_go_by_themselves(admin: Api) -> None:
    path = f"{_DEPLOYMENTS}/items"
    _apply(admin, path, _web("items", env=[{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]), "first")
    strategic = {"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "registry.example/side:1"}]}}}}
    admin.patch(path, strategic, STRATEGIC, fieldManager="injector")
    left = _apply(admin, path, _web("items", env=[{"name": "C", "value": "1"}, {"name": "B", "value": "1"}]), "first")
    containers = {one["name"]: one for one in left["spec"]["template"]["spec"]["containers"]}
    assert set(containers) == {"app", "side"}
    assert [one["name"] for one in containers["app"]["env"]] == ["C", "B"]
    gone = _apply(admin, path, _web("items"), "first")
    assert "env" not in next(one for one in gone["spec"]["template"]["spec"]["containers"] if one["name"] == "app")


def test_applied_items_keep_their_order_and_others_their_place(admin: Api) -> None:
    path = f"{_DEPLOYMENTS}/ordered"
    variables = [{"name": name, "value": "1"} for name in "ABCD"]
    _apply(admin, path, _web("ordered", env=variables), "first")
    mixed = [{"name": name, "value": "1"} for name in "DXB"]
    merged = _apply(admin, path, _web("ordered", env=mixed), "second")
    env = merged["spec"]["template"]["spec"]["containers"][0]["env"]
    assert [one["name"] for one in env] == ["A", "C", "D", "X", "B"]


def test_atomic_lists_and_maps_are_owned_as_a_whole(admin: Api) -> None:
    path = f"{_DEPLOYMENTS}/atomic"
    body = _web("atomic", args=["a", "b"])
    body["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}
    _apply(admin, path, body, "first")
    other = _web("atomic", args=["a"])
    other["spec"]["template"]["spec"]["nodeSelector"] = {"zone": "a"}
    status = _apply_refused(admin, path, other, "second")
    fields = {cause["field"] for cause in status["details"]["causes"]}
    assert fields == {'.spec.template.spec.containers[name="app"].args', ".spec.template.spec.nodeSelector"}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"foo": 1}, ".spec.foo: field not declared in schema"),
        ({"replicas": "three"}, ".spec.replicas: expected numeric (int or float), got string"),
        ({"paused": "x"}, ".spec.paused: expected boolean, got &{x}"),
        ({"template": "x"}, ".spec.template: expected map, got &{x}"),
    ],
)
def test_what_the_schema_does_not_have_is_not_applied(admin: Api, change: Any, fault: str) -> None:
    body = _web("faulty")
    body["metadata"]["namespace"] = "alpha"
    body["spec"].update(change)
    status = _apply_refused(admin, f"{_DEPLOYMENTS}/faulty", body)
    title = "failed to create typed patch object (alpha/faulty; apps/v1, Kind=Deployment)"
    assert (status["code"], status["message"]) == (500, f"{title}: {fault}")


def test_a_list_with_the_same_key_twice_is_not_applied(admin: Api) -> None:
    body = _web("twice")
    body["spec"]["template"]["spec"]["containers"] *= 2
    status = _apply_refused(admin, f"{_DEPLOYMENTS}/twice", body)
    assert status["message"].endswith('.spec.template.spec.containers: duplicate entries for key [name="app"]')


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"managedFields": []}, 400, "metadata.managedFields must be nil"),
        ({"name": "other"}, 400, "the name of the object (other) does not match the name on the URL (placed)"),
        (
            {"namespace": "beta"},
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            {"resourceVersion": "1"},
            409,
            (
                'Operation cannot be fulfilled on configmaps "placed": the object has been modified; please apply your '
                "changes to the latest version and try again"
            ),
        ),
        ({"uid": "1"}, 422, 'ConfigMap "placed" is invalid: metadata.uid: Invalid value: "1": field is immutable'),
    ],
)
def test_metadata_that_does_not_fit_is_refused(admin: Api, change: Any, code: int, message: str) -> None:
    _apply(admin, f"{_MAPS}/placed", _config("placed", a="1"))
    body = _config("placed", a="2")
    body["metadata"].update(change)
    status = _apply_refused(admin, f"{_MAPS}/placed", body)
    assert (status["code"], status["message"]) == (code, message)


def test_the_type_has_to_be_stated_and_right(admin: Api) -> None:
    path = f"{_MAPS}/typed"
    for kind in ("", "Secret"):
        status = _apply_refused(admin, path, {**_config("typed"), "kind": kind})
        assert (status["code"], status["message"]) == (400, f"invalid object type: /v1, Kind={kind}")
    unnamed = {"apiVersion": "v1", "kind": "ConfigMap", "data": {}}
    status = _apply_refused(admin, path, unnamed)
    assert status["message"] == "the name of the object (typed based on URL) was undeterminable: name must be provided"


def test_a_field_manager_is_required_and_force_is_for_apply_only(admin: Api) -> None:
    path = f"{_MAPS}/managed"
    status = admin.refused("PATCH", path, _config("managed"), content_type=APPLY)
    text = 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    assert (status["code"], status["message"]) == (422, text)
    assert status["details"]["causes"] == [
        {
            "reason": "FieldValueRequired",
            "message": "Required value: is required for apply patch",
            "field": "fieldManager",
        }
    ]
    for content_type, body in ((MERGE, {}), (JSON_PATCH, [])):
        status = admin.refused("PATCH", path, body, content_type=content_type, force="true")
        text = 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch'
        assert (status["code"], status["message"]) == (422, text)
    status = _apply_refused(admin, path, _config("managed"), "x" * 129)
    text = 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes'
    assert (status["code"], status["message"]) == (422, text)


def test_creating_by_apply_needs_the_right_to_create(admin: Api, bot: Api) -> None:
    admin.post(f"{_RBAC}/clusterroles", cluster_role("map-patcher", rule([""], ["configmaps"], ["patch"])))
    path = f"{_RBAC}/namespaces/alpha/rolebindings"
    admin.post(path, binding("map-patchers", "map-patcher", "User", "alice@shop.example", "alpha"))
    admin.post(_MAPS, config_map("there", a="1"), fieldManager="maker")
    alice = bot.acting_as("alice@shop.example")
    assert _apply(alice, f"{_MAPS}/there", _config("there", b="1"))["data"] == {"a": "1", "b": "1"}
    status = _apply_refused(alice, f"{_MAPS}/not-there", _config("not-there", b="1"))
    assert (status["code"], status["reason"]) == (403, "Forbidden")
    assert 'User "alice@shop.example" cannot create resource "configmaps" in API group ""' in status["message"]


def test_a_dry_run_shows_the_outcome_and_stores_nothing(admin: Api) -> None:
    path = f"{_MAPS}/dry-applied"
    dry = _apply(admin, path, _config("dry-applied", a="1"), dryRun="All")
    assert (dry["data"], "resourceVersion" in dry["metadata"]) == ({"a": "1"}, False)
    assert admin.send("GET", path).status_code == 404
    made = _apply(admin, path, _config("dry-applied", a="1"))
    assert _apply(admin, path, _config("dry-applied", a="2"), dryRun="All")["data"] == {"a": "2"}
    assert admin.get(path) == made
    conflict = _apply_refused(admin, path, _config("dry-applied", a="2"), "other", dryRun="All")
    assert conflict["reason"] == "Conflict"


def test_status_and_spec_are_applied_apart(admin: Api) -> None:
    path = "/apis/shop.example/v1/namespaces/beta/backups/applied"
    body: Any = {"apiVersion": "shop.example/v1", "kind": "Backup", "metadata": {"name": "applied"}}
    made = _apply(admin, path, {**body, "spec": {"source": "stock", "keep": 3}, "status": {"phase": "Invented"}})
    assert "status" not in made
    assert _owned(made, "kubeai") == {"f:spec": {"f:keep": {}, "f:source": {}}}
    changed = _apply(admin, f"{path}/status", {**body, "status": {"phase": "Running"}, "spec": {"keep": 9}}, "runner")
    assert (changed["status"], changed["spec"]["keep"]) == ({"phase": "Running"}, 3)
    entry = next(one for one in changed["metadata"]["managedFields"] if one["manager"] == "runner")
    assert (entry["subresource"], entry["fieldsV1"]) == ("status", {"f:status": {"f:phase": {}}})


def test_scale_is_applied_to_the_replicas(admin: Api) -> None:
    admin.post(_DEPLOYMENTS, deployment("scaled-by-apply", 1), fieldManager="maker")
    path = f"{_DEPLOYMENTS}/scaled-by-apply/scale"
    scale = {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": "scaled-by-apply"},
        "spec": {"replicas": 4},
    }
    status = _apply_refused(admin, path, scale)
    text = 'Apply failed with 1 conflict: conflict with "maker" using autoscaling/v1: .spec.replicas'
    assert (status["code"], status["message"]) == (409, text)
    assert _apply(admin, path, scale, force="true")["spec"] == {"replicas": 4}
    found = admin.get(f"{_DEPLOYMENTS}/scaled-by-apply")
    entry = next(one for one in found["metadata"]["managedFields"] if one["manager"] == "kubeai")
    assert (entry["operation"], entry["subresource"]) == ("Apply", "scale")
    assert json.dumps(entry["fieldsV1"]) == '{"f:spec": {"f:replicas": {}}}'
