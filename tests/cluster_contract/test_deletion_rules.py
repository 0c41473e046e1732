"""Deletion: preconditions, finalizers, grace periods and propagation, on a server without a garbage collector."""

from __future__ import annotations

from typing import Any

import pytest
from contract_backend import MERGE, Api
from seeding import config_map, deployment, pod

_MAPS = "/api/v1/namespaces/alpha/configmaps"
_PODS = "/api/v1/namespaces/gamma/pods"


def _options(**options: Any) -> Any:
    return {"apiVersion": "v1", "kind": "DeleteOptions", **options}


def _bound(name: str) -> Any:
    body = pod(name, labels={"app": name})
    body["spec"]["nodeName"] = "some-node"
    return body


def test_preconditions_name_the_object_and_its_state(admin: Api) -> None:
    made = admin.post(_MAPS, config_map("conditional"))["metadata"]
    path = f"{_MAPS}/conditional"
    status = admin.refused("DELETE", path, _options(preconditions={"resourceVersion": "1"}))
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert status["message"] == (
        'Operation cannot be fulfilled on ConfigMap "conditional": the ResourceVersion in the precondition (1) does '
        f"not match the ResourceVersion in record ({made['resourceVersion']}). The object might have been modified"
    )
    status = admin.refused("DELETE", path, _options(preconditions={"uid": "1"}))
    assert status["message"] == (
        'Operation cannot be fulfilled on ConfigMap "conditional": the UID in the precondition (1) does not match the '
        f"UID in record ({made['uid']}). The object might have been deleted and then recreated"
    )
    fitting = _options(preconditions={"uid": made["uid"], "resourceVersion": made["resourceVersion"]})
    assert admin.send("DELETE", path, fitting).status_code == 200
    assert admin.send("GET", path).status_code == 404


@pytest.mark.parametrize(("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")])
def test_a_deletion_that_waits_for_dependents_only_marks_the_object(admin: Api, policy: str, finalizer: str) -> None:
    path = f"{_MAPS}/waiting-{policy.lower()}"
    admin.post(_MAPS, config_map(f"waiting-{policy.lower()}"))
    answer = admin.send("DELETE", path, propagationPolicy=policy).json()
    assert (answer["kind"], answer["metadata"]["finalizers"]) == ("ConfigMap", [finalizer])
    found = admin.get(path)["metadata"]
    assert (found["deletionGracePeriodSeconds"], bool(found["deletionTimestamp"])) == (0, True)
    gone = admin.patch(path, {"metadata": {"finalizers": None}}, MERGE)
    assert "finalizers" not in gone["metadata"]
    assert admin.send("GET", path).status_code == 404


def test_background_deletion_is_at_once_also_after_a_foreground_one(admin: Api) -> None:
    admin.post(_MAPS, config_map("impatient"))
    admin.send("DELETE", f"{_MAPS}/impatient", _options(propagationPolicy="Foreground"))
    answer = admin.send("DELETE", f"{_MAPS}/impatient", _options(propagationPolicy="Background")).json()
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    assert admin.send("GET", f"{_MAPS}/impatient").status_code == 404


def test_a_finalizer_keeps_the_object_until_it_is_taken_off(admin: Api) -> None:
    body = config_map("finalized", a="1")
    body["metadata"]["finalizers"] = ["shop.example/one", "shop.example/two"]
    admin.post(_MAPS, body)
    path = f"{_MAPS}/finalized"
    admin.send("DELETE", path)
    status = admin.refused(
        "PATCH", path, {"metadata": {"finalizers": ["shop.example/new", "shop.example/one"]}}, content_type=MERGE
    )
    assert status["message"] == (
        'ConfigMap "finalized" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the '
        'object is being deleted, found new finalizers []string{"shop.example/new"}'
    )
    assert admin.patch(path, {"data": {"a": "2"}}, MERGE)["data"] == {"a": "2"}
    admin.patch(path, {"metadata": {"finalizers": ["shop.example/one"]}}, MERGE)
    admin.patch(path, {"metadata": {"finalizers": []}}, MERGE, dryRun="All")
    assert admin.get(path)["metadata"]["finalizers"] == ["shop.example/one"]
    admin.patch(path, {"metadata": {"finalizers": []}}, MERGE)
    assert admin.send("GET", path).status_code == 404


def test_a_pod_on_a_node_is_given_time_to_end(admin: Api) -> None:
    admin.post(_PODS, _bound("ending"))
    path = f"{_PODS}/ending"
    marked = admin.send("DELETE", path).json()["metadata"]
    assert (marked["deletionGracePeriodSeconds"], marked["generation"]) == (30, 2)
    assert admin.get(path)["metadata"]["deletionTimestamp"] == marked["deletionTimestamp"]
    assert admin.send("DELETE", path).json()["metadata"]["deletionTimestamp"] == marked["deletionTimestamp"]
    assert admin.send("DELETE", path, gracePeriodSeconds="0").status_code == 200
    assert admin.send("GET", path).status_code == 404


def test_a_deleted_job_leaves_its_pods_unless_told_otherwise(admin: Api) -> None:
    path = "/apis/batch/v1/namespaces/alpha/jobs"
    spec = {"restartPolicy": "Never", "containers": [{"name": "app", "image": "registry.example/app:1"}]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "left"}, "spec": {"template": {"spec": spec}}}
    admin.post(path, job)
    response = admin.send("DELETE", f"{path}/left")
    assert response.json()["metadata"]["finalizers"] == ["orphan"]
    assert "child pods are preserved by default when jobs are deleted" in response.headers["Warning"]
    assert admin.send("DELETE", f"{path}/left", propagationPolicy="Background").json()["status"] == "Success"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"propagationPolicy": "Slowly"},
            (
                'propagationPolicy: Unsupported value: "Slowly": supported values: "Foreground", "Background", '
                '"Orphan", "nil"'
            ),
        ),
        (
            {"propagationPolicy": "Orphan", "orphanDependents": True},
            'propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
        ),
        ({"dryRun": ["Some"]}, 'dryRun: Unsupported value: ["Some"]: supported values: "All"'),
    ],
)
def test_options_that_are_not_known_are_refused(admin: Api, options: Any, message: str) -> None:
    status = admin.refused("DELETE", "/apis/apps/v1/namespaces/alpha/deployments/web", _options(**options))
    assert (status["code"], status["message"]) == (422, f'DeleteOptions.meta.k8s.io "" is invalid: {message}')


def test_a_marked_deployment_counts_its_generation(admin: Api) -> None:
    path = "/apis/apps/v1/namespaces/alpha/deployments"
    admin.post(path, deployment("marked", 1))
    marked = admin.send("DELETE", f"{path}/marked", propagationPolicy="Foreground").json()
    assert marked["metadata"]["generation"] == 2
    admin.send("DELETE", f"{path}/marked", propagationPolicy="Background")
