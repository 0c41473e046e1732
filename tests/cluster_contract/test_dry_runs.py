"""dryRun=All on every write: admitted, defaulted and validated as usual, and nothing is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from contract_backend import APPLY, JSON_PATCH, MERGE, STRATEGIC, Api
from seeding import config_map, deployment, pod

_MAPS = "/api/v1/namespaces/alpha/configmaps"
_PODS = "/api/v1/namespaces/gamma/pods"
_DEPLOYMENTS = "/apis/apps/v1/namespaces/alpha/deployments"
_EVICTION: Any = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "kept-pod"}}


@pytest.fixture(scope="module", autouse=True)
def _kept(admin: Api) -> None:
    """The objects that must be the same after each test of this module."""
    admin.post(_DEPLOYMENTS, deployment("kept", 1))
    admin.post(_PODS, pod("kept-pod", labels={"app": "kept"}))


_WRITES: dict[str, Callable[[Api], Any]] = {
    "create": lambda api: api.post(_MAPS, config_map("kept-out", a="1"), dryRun="All"),
    "replace": lambda api: api.put(f"{_DEPLOYMENTS}/kept", _sized(api, 3), dryRun="All"),
    "merge": lambda api: api.patch(f"{_DEPLOYMENTS}/kept", {"spec": {"replicas": 3}}, MERGE, dryRun="All"),
    "strategic": lambda api: api.patch(f"{_DEPLOYMENTS}/kept", {"spec": {"replicas": 3}}, STRATEGIC, dryRun="All"),
    "json": lambda api: api.patch(
        f"{_DEPLOYMENTS}/kept", [{"op": "replace", "path": "/spec/replicas", "value": 3}], JSON_PATCH, dryRun="All"
    ),
    "apply": lambda api: api.patch(
        f"{_DEPLOYMENTS}/kept", deployment("kept", 3), APPLY, fieldManager="x", force="true", dryRun="All"
    ),
    "scale": lambda api: api.patch(f"{_DEPLOYMENTS}/kept/scale", {"spec": {"replicas": 3}}, MERGE, dryRun="All"),
}


def _sized(api: Api, replicas: int) -> Any:
    body = api.get(f"{_DEPLOYMENTS}/kept")
    body["spec"]["replicas"] = replicas
    return body


def _state(api: Api) -> Any:
    return (
        api.get(f"{_DEPLOYMENTS}/kept"),
        api.get(f"{_PODS}/kept-pod"),
        api.send("GET", f"{_MAPS}/kept-out").status_code,
    )


@pytest.mark.parametrize("write", list(_WRITES))
def test_the_outcome_is_answered_and_not_stored(admin: Api, write: str) -> None:
    before = _state(admin)
    answer = _WRITES[write](admin)
    if write != "create":
        assert answer["spec"]["replicas"] == 3
    assert _state(admin) == before


def test_a_dry_run_counts_the_generation_and_keeps_the_version(admin: Api) -> None:
    before = admin.get(f"{_DEPLOYMENTS}/kept")["metadata"]
    after = admin.patch(f"{_DEPLOYMENTS}/kept", {"spec": {"replicas": 3}}, MERGE, dryRun="All")["metadata"]
    assert (after["generation"], after["resourceVersion"]) == (before["generation"] + 1, before["resourceVersion"])


def test_deletions_and_evictions_are_dry_run(admin: Api) -> None:
    before = _state(admin)
    assert admin.send("DELETE", f"{_DEPLOYMENTS}/kept", dryRun="All").json()["status"] == "Success"
    assert admin.send("DELETE", f"{_PODS}/kept-pod", dryRun="All").json()["metadata"]["deletionTimestamp"]
    assert admin.send("DELETE", _PODS, labelSelector="app=kept", dryRun="All").status_code == 200
    evicted = admin.post(f"{_PODS}/kept-pod/eviction", _EVICTION, dryRun="All")
    assert (evicted["kind"], evicted["status"]) == ("Status", "Success")
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]}
    assert admin.send("DELETE", f"{_DEPLOYMENTS}/kept", options).status_code == 200
    assert admin.post(f"{_PODS}/kept-pod/eviction", {**_EVICTION, "deleteOptions": options})["status"] == "Success"
    assert _state(admin) == before


def test_a_delete_with_a_body_does_not_read_the_query(admin: Api) -> None:
    """dryRun=All belongs into the DeleteOptions when there are any: beside them it is not seen, and the object goes."""
    admin.post(_MAPS, config_map("not-so-dry"))
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
    admin.send("DELETE", f"{_MAPS}/not-so-dry", options, dryRun="All")
    assert admin.send("GET", f"{_MAPS}/not-so-dry").status_code == 404


def test_a_dry_run_is_authorized_validated_and_checked_for_conflicts(admin: Api, viewer: Api) -> None:
    status = viewer.refused("POST", _MAPS, config_map("x"), dryRun="All")
    assert status["reason"] == "Forbidden"
    status = admin.refused(
        "PATCH", f"{_DEPLOYMENTS}/kept", {"spec": {"replicas": -1}}, content_type=MERGE, dryRun="All"
    )
    assert (status["reason"], status["details"]["causes"][0]["field"]) == ("Invalid", "spec.replicas")
    status = admin.refused("POST", _DEPLOYMENTS, deployment("kept", 1), dryRun="All")
    assert status["reason"] == "AlreadyExists"
    stale = {"metadata": {"resourceVersion": "1"}}
    status = admin.refused("PATCH", f"{_DEPLOYMENTS}/kept", stale, content_type=MERGE, dryRun="All")
    assert status["reason"] == "Conflict"


@pytest.mark.parametrize(
    ("method", "path", "content_type", "options"),
    [
        ("POST", _MAPS, "application/json", "CreateOptions"),
        ("PUT", f"{_MAPS}/two", "application/json", "UpdateOptions"),
        ("PATCH", f"{_MAPS}/two", MERGE, "PatchOptions"),
    ],
)
def test_other_values_of_dry_run_are_refused(
    admin: Api, method: str, path: str, content_type: str, options: str
) -> None:
    status = admin.refused(method, path, config_map("x"), content_type=content_type, dryRun="Some")
    assert (status["code"], status["message"]) == (
        422,
        f'{options}.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
    )
