"""JSON Patch, merge patch and strategic merge patch: what they do to lists, and what they are refused for."""

from __future__ import annotations

from typing import Any

import pytest
from contract_backend import JSON_PATCH, MERGE, STRATEGIC, Api
from seeding import config_map, deployment, pod

_MAPS = "/api/v1/namespaces/alpha/configmaps"
_DEPLOYMENTS = "/apis/apps/v1/namespaces/alpha/deployments"
_PATH = f"{_DEPLOYMENTS}/patches"
_STALE = (
    'Operation cannot be fulfilled on deployments.apps "patches": the object has been modified; please apply your '
    "changes to the latest version and try again"
)


@pytest.fixture(scope="module", autouse=True)
def _patches(admin: Api) -> None:
    """A Deployment that the tests of this module only patch with dry runs."""
    body = deployment("patches", 1)
    spec = body["spec"]["template"]["spec"]
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    spec["containers"][0].update(args=["a"], env=env, ports=[{"containerPort": 80}])
    spec["containers"].append({"name": "side", "image": "registry.example/side:1"})
    spec["tolerations"] = [{"key": "a", "operator": "Exists"}]
    admin.post(_DEPLOYMENTS, body)


def _strategic(admin: Api, spec: Any) -> Any:
    """The pod spec after a strategic patch of the template's spec."""
    body = {"spec": {"template": {"spec": spec}}}
    return admin.patch(_PATH, body, STRATEGIC, dryRun="All")["spec"]["template"]["spec"]


def _names(items: Any) -> list[str]:
    return [item["name"] for item in items]


def test_a_strategic_patch_adds_changes_and_deletes_items_by_key(admin: Api) -> None:
    env = [{"name": "C", "value": "3"}, {"name": "A", "$patch": "delete"}, {"name": "B", "value": "9"}]
    container = _strategic(admin, {"containers": [{"name": "app", "env": env}]})["containers"][0]
    assert container["env"] == [{"name": "C", "value": "3"}, {"name": "B", "value": "9"}]
    assert container["args"] == ["a"]
    assert _names(_strategic(admin, {"containers": [{"name": "side", "$patch": "delete"}]})["containers"]) == ["app"]
    ports = [{"containerPort": 81}]
    found = _strategic(admin, {"containers": [{"name": "app", "ports": ports}]})["containers"][0]["ports"]
    assert [port["containerPort"] for port in found] == [81, 80]


def test_a_strategic_patch_can_replace_and_order_lists(admin: Api) -> None:
    fresh = {"name": "z", "image": "registry.example/z:1"}
    assert _names(_strategic(admin, {"containers": [{"$patch": "replace"}, fresh]})["containers"]) == ["z"]
    order = [{"name": "side"}, {"name": "app"}]
    body = {"$setElementOrder/containers": order, "containers": [{"name": "app", "image": "registry.example/app:2"}]}
    assert _names(_strategic(admin, body)["containers"]) == ["side", "app"]
    tolerations = [{"key": "b", "operator": "Exists"}]
    assert _strategic(admin, {"tolerations": tolerations})["tolerations"] == tolerations


def test_a_strategic_patch_replaces_or_retains_parts_of_maps(admin: Api) -> None:
    for strategy in ({"$patch": "replace", "type": "Recreate"}, {"$retainKeys": ["type"], "type": "Recreate"}):
        patched = admin.patch(_PATH, {"spec": {"strategy": strategy}}, STRATEGIC, dryRun="All")
        assert patched["spec"]["strategy"] == {"type": "Recreate"}
    status = admin.refused("PATCH", _PATH, {"spec": {"strategy": {"type": "Recreate"}}}, content_type=STRATEGIC)
    assert status["message"] == (
        'Deployment.apps "patches" is invalid: spec.strategy.rollingUpdate: Forbidden: may not be specified when '
        "strategy `type` is 'Recreate'"
    )


@pytest.mark.parametrize(
    ("patch", "code", "message"),
    [
        ({"spec": {"$patch": "frob"}}, 500, "unknown patch type: frob in map: map[$patch:frob]"),
        (
            {"spec": {"template": {"spec": {"containers": [{"image": "x:2"}]}}}},
            500,
            "map: map[image:x:2] does not contain declared merge key: name",
        ),
        ([1], 400, "json: cannot unmarshal array into Go value of type map[string]interface {}"),
    ],
)
def test_strategic_patches_that_cannot_be_read_are_refused(admin: Api, patch: Any, code: int, message: str) -> None:
    status = admin.refused("PATCH", _PATH, patch, content_type=STRATEGIC, dryRun="All")
    assert (status["code"], status["message"]) == (code, message)


def test_a_json_patch_moves_copies_and_indexes(admin: Api) -> None:
    operations = [
        {"op": "copy", "from": "/metadata/labels/app", "path": "/metadata/labels/b"},
        {"op": "move", "from": "/metadata/labels/b", "path": "/metadata/labels/c"},
        {"op": "test", "path": "/spec/replicas", "value": 1},
        {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "registry.example/app:9"},
        {"op": "remove", "path": "/spec/template/spec/containers/1"},
        {"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "z"},
        {"op": "add", "path": "/metadata/labels/shop.example~1team", "value": "web"},
    ]
    patched = admin.patch(_PATH, operations, JSON_PATCH, dryRun="All")
    assert patched["metadata"]["labels"] == {"app": "patches", "c": "patches", "shop.example/team": "web"}
    (container,) = patched["spec"]["template"]["spec"]["containers"]
    assert (container["image"], container["args"]) == ("registry.example/app:9", ["a", "z"])


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/spec/replicas", "value": 7},
        {"op": "add", "path": "/spec/none/x", "value": 7},
        {"op": "remove", "path": "/metadata/annotations/x"},
        {"op": "replace", "path": "/spec/template/spec/containers/9/image", "value": "x"},
        {"op": "frob", "path": "/spec/replicas", "value": 7},
    ],
)
def test_a_json_patch_that_does_not_fit_changes_nothing(admin: Api, operation: Any) -> None:
    operations = [{"op": "replace", "path": "/spec/replicas", "value": 5}, operation]
    status = admin.refused("PATCH", _PATH, operations, content_type=JSON_PATCH)
    assert (status["code"], status["reason"], status["details"]) == (422, "Invalid", {})
    assert admin.get(_PATH)["spec"]["replicas"] == 1


def test_patches_of_the_wrong_json_type_are_refused(admin: Api) -> None:
    status = admin.refused("PATCH", _PATH, {"op": "add"}, content_type=JSON_PATCH)
    into = "json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
    assert (status["code"], status["message"]) == (400, f"error decoding patch: {into}")
    status = admin.refused("PATCH", _PATH, [1], content_type=MERGE)
    into = "json: cannot unmarshal array into Go value of type map[string]interface {}"
    assert (status["code"], status["message"]) == (400, f"error decoding patch: {into}")
    status = admin.refused("PATCH", _PATH, {}, content_type="application/json")
    assert (status["code"], status["reason"]) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize("content_type", [MERGE, STRATEGIC])
def test_a_stale_resource_version_in_a_patch_is_a_conflict(admin: Api, content_type: str) -> None:
    patch = {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 2}}
    status = admin.refused("PATCH", _PATH, patch, content_type=content_type)
    assert (status["code"], status["reason"], status["message"]) == (409, "Conflict", _STALE)
    assert status["details"] == {"name": "patches", "group": "apps", "kind": "deployments"}
    current = admin.get(_PATH)["metadata"]["resourceVersion"]
    fresh = {"metadata": {"resourceVersion": current}, "spec": {"replicas": 2}}
    assert admin.patch(_PATH, fresh, content_type, dryRun="All")["spec"]["replicas"] == 2


def test_a_stale_resource_version_in_a_put_and_in_a_json_patch_is_a_conflict(admin: Api) -> None:
    body = admin.get(_PATH)
    body["metadata"]["resourceVersion"] = "1"
    assert admin.refused("PUT", _PATH, body)["message"] == _STALE
    operations = [{"op": "replace", "path": "/metadata/resourceVersion", "value": "1"}]
    assert admin.refused("PATCH", _PATH, operations, content_type=JSON_PATCH)["message"] == _STALE


def test_a_patch_cannot_change_identity(admin: Api) -> None:
    status = admin.refused("PATCH", _PATH, {"metadata": {"uid": "1"}}, content_type=MERGE)
    text = 'Deployment.apps "patches" is invalid: metadata.uid: Invalid value: "1": field is immutable'
    assert (status["code"], status["message"]) == (422, text)
    status = admin.refused("PATCH", _PATH, {"metadata": {"name": "x"}}, content_type=MERGE)
    text = "the name of the object (x) does not match the name on the URL (patches)"
    assert (status["code"], status["message"]) == (400, text)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"selector": {"matchLabels": {"app": "patches", "x": "y"}}},
            (
                '[spec.template.metadata.labels: Invalid value: {"app":"patches"}: `selector` does not match template '
                '`labels`, spec.selector: Invalid value: {"matchLabels":{"app":"patches","x":"y"}}: field is immutable]'
            ),
        ),
        (
            {"template": {"metadata": {"labels": {"app": "q"}}}},
            'spec.template.metadata.labels: Invalid value: {"app":"q"}: `selector` does not match template `labels`',
        ),
        (
            {"template": {"spec": {"containers": [{"name": "app", "image": ""}]}}},
            "spec.template.spec.containers[0].image: Required value",
        ),
        (
            {
                "template": {
                    "spec": {
                        "containers": [
                            {"name": "app", "resources": {"limits": {"memory": "1Mi"}, "requests": {"memory": "2Mi"}}}
                        ]
                    }
                }
            },
            (
                'spec.template.spec.containers[0].resources.requests: Invalid value: "2Mi": must be less than or equal '
                "to memory limit of 1Mi"
            ),
        ),
    ],
)
def test_the_outcome_of_a_patch_is_validated(admin: Api, spec: Any, message: str) -> None:
    status = admin.refused("PATCH", _PATH, {"spec": spec}, content_type=STRATEGIC)
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["message"] == f'Deployment.apps "patches" is invalid: {message}'


def test_labels_are_validated(admin: Api) -> None:
    status = admin.refused("PATCH", _PATH, {"metadata": {"labels": {"a": "c d"}}}, content_type=MERGE)
    assert status["message"].startswith(
        'Deployment.apps "patches" is invalid: metadata.labels: Invalid value: "c d": a valid label must be an empty '
        "string or consist of alphanumeric characters, '-', '_' or '.'"
    )


def test_of_a_pod_little_more_than_its_images_can_be_changed(admin: Api) -> None:
    path = "/api/v1/namespaces/gamma/pods"
    admin.post(path, pod("fixed", labels={"app": "fixed"}))
    change = {"spec": {"containers": [{"name": "app", "image": "registry.example/app:2"}]}}
    patched = admin.patch(f"{path}/fixed", change, STRATEGIC)
    assert patched["spec"]["containers"][0]["image"] == "registry.example/app:2"
    status = admin.refused("PATCH", f"{path}/fixed", {"spec": {"restartPolicy": "Never"}}, content_type=MERGE)
    assert status["code"] == 422
    assert status["message"].startswith('Pod "fixed" is invalid: spec: Forbidden: pod updates may not change fields ')


def test_of_a_stateful_set_and_a_job_parts_are_fixed(admin: Api) -> None:
    template: dict[str, Any] = {
        "metadata": {"labels": {"app": "parts"}},
        "spec": {"containers": [{"name": "app", "image": "registry.example/app:1"}]},
    }
    stateful: Any = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "parts"},
        "spec": {"serviceName": "s", "selector": {"matchLabels": {"app": "parts"}}, "template": template},
    }
    path = "/apis/apps/v1/namespaces/alpha/statefulsets"
    made = admin.post(path, stateful)
    assert made["spec"]["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    status = admin.refused("PATCH", f"{path}/parts", {"spec": {"serviceName": "t"}}, content_type=MERGE)
    assert status["message"].startswith(
        'StatefulSet.apps "parts" is invalid: spec: Forbidden: updates to statefulset spec for fields other than '
        "'replicas', 'ordinals', 'template', 'updateStrategy'"
    )
    template["spec"] = {**template["spec"], "restartPolicy": "Never"}
    job: Any = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "parts"}, "spec": {"template": template}}
    jobs = "/apis/batch/v1/namespaces/alpha/jobs"
    made = admin.post(jobs, job)
    uid = made["metadata"]["uid"]
    assert made["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert made["spec"]["template"]["metadata"]["labels"] == {
        "app": "parts",
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": "parts",
        "controller-uid": uid,
        "job-name": "parts",
    }
    change = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "y"}]}}}}
    status = admin.refused("PATCH", f"{jobs}/parts", change, content_type=STRATEGIC)
    assert status["message"].startswith('Job.batch "parts" is invalid: spec.template: Invalid value: ')
    assert status["message"].endswith(": field is immutable")
    admin.post(jobs, {**job, "metadata": {"name": "other-parts"}, "spec": {"template": template}}, dryRun="All")
    template["spec"] = {key: value for key, value in template["spec"].items() if key != "restartPolicy"}
    status = admin.refused("POST", jobs, {**job, "metadata": {"name": "third"}, "spec": {"template": template}})
    text = 'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'
    assert status["message"].endswith(text)


def test_nulls_in_a_strategic_patch_remove(admin: Api) -> None:
    admin.post(_MAPS, config_map("nulls", a="1", b="2"))
    assert admin.patch(f"{_MAPS}/nulls", {"data": {"a": None}}, STRATEGIC)["data"] == {"b": "2"}
