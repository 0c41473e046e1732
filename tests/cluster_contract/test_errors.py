"""Refusals: code, reason, message and details of the Status."""

from __future__ import annotations

import pytest
from contract_backend import STRATEGIC, Api
from seeding import backup, config_map, pod

_MAPS = "/api/v1/namespaces/alpha/configmaps"


def test_what_does_not_exist_is_not_found(admin: Api) -> None:
    status = admin.refused("GET", "/api/v1/namespaces/alpha/pods/gone")
    assert (status["code"], status["reason"]) == (404, "NotFound")
    assert status["message"] == 'pods "gone" not found'
    assert status["details"] == {"name": "gone", "kind": "pods"}
    status = admin.refused("GET", "/apis/apps/v1/namespaces/alpha/deployments/gone")
    assert status["message"] == 'deployments.apps "gone" not found'
    assert status["details"] == {"name": "gone", "group": "apps", "kind": "deployments"}
    status = admin.refused("GET", "/apis/shop.example/v1/namespaces/alpha/backups/gone")
    assert status["message"] == 'backups.shop.example "gone" not found'


@pytest.mark.parametrize(
    "path", ["/api/v1/frogs", "/api/v2", "/apis/apps/v7", "/api/v1/namespaces/alpha/pods/plain/frog"]
)
def test_an_unknown_resource_of_a_builtin_group_is_not_found(admin: Api, path: str) -> None:
    status = admin.refused("GET", path)
    assert (status["code"], status["reason"]) == (404, "NotFound")
    assert status["message"] == "the server could not find the requested resource"


@pytest.mark.parametrize("path", ["/apis/frogs", "/apis/frogs/v1/frogs", "/apis/shop.example/v1/frogs", "/frogs"])
def test_a_path_that_nobody_serves_is_answered_in_plain_text(admin: Api, path: str) -> None:
    response = admin.send("GET", path)
    assert (response.status_code, response.text) == (404, "404 page not found\n")
    assert response.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/v1/namespaces/alpha/pods"),
        ("PATCH", "/api/v1/namespaces/alpha/pods"),
        ("POST", "/api/v1/namespaces/alpha/pods/plain"),
        ("POST", "/api/v1/pods"),
        ("DELETE", "/version"),
        ("DELETE", "/api/v1/namespaces/alpha/pods/plain/log"),
        ("DELETE", "/apis/apps/v1/namespaces/alpha/deployments/web/scale"),
        ("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
    ],
)
def test_a_method_the_path_does_not_take_is_not_allowed(admin: Api, method: str, path: str) -> None:
    status = admin.refused(method, path, {} if method in {"POST", "PUT", "PATCH"} else None)
    assert (status["code"], status["reason"]) == (405, "MethodNotAllowed")
    assert status["message"] == "the server does not allow this method on the requested resource"


def test_an_unknown_token_is_unauthorized(stranger: Api) -> None:
    for path in ("/api", "/version", "/api/v1/pods"):
        status = stranger.refused("GET", path)
        assert (status["code"], status["reason"], status["message"]) == (401, "Unauthorized", "Unauthorized")


def test_a_request_without_a_token_is_anonymous(nobody: Api) -> None:
    status = nobody.refused("GET", "/api/v1/namespaces/alpha/pods")
    assert status["code"] == 403
    assert 'User "system:anonymous" cannot list resource "pods"' in status["message"]
    assert nobody.refused("GET", "/api")["message"] == 'forbidden: User "system:anonymous" cannot get path "/api"'


def test_a_name_that_is_taken_already_exists(admin: Api) -> None:
    status = admin.refused("POST", _MAPS, config_map("two"))
    assert (status["code"], status["reason"]) == (409, "AlreadyExists")
    assert status["message"] == 'configmaps "two" already exists'
    assert status["details"] == {"name": "two", "kind": "configmaps"}


def test_an_object_needs_an_existing_namespace(admin: Api) -> None:
    status = admin.refused("POST", "/api/v1/namespaces/nowhere/configmaps", config_map("lost"))
    assert (status["code"], status["message"]) == (404, 'namespaces "nowhere" not found')


def test_a_stale_version_is_a_conflict(admin: Api) -> None:
    current = admin.get(f"{_MAPS}/two")
    current["metadata"]["resourceVersion"] = "1"
    status = admin.refused("PUT", f"{_MAPS}/two", current)
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert status["message"] == (
        'Operation cannot be fulfilled on configmaps "two": the object has been modified; please apply your '
        "changes to the latest version and try again"
    )
    assert status["details"] == {"name": "two", "kind": "configmaps"}


def test_validation_names_the_field(admin: Api) -> None:
    status = admin.refused("POST", _MAPS, config_map("Bad_Name"))
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["message"].startswith('ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": ')
    assert status["details"]["causes"][0]["field"] == "metadata.name"
    assert status["details"]["causes"][0]["reason"] == "FieldValueInvalid"
    empty = pod("empty")
    empty["spec"]["containers"] = []
    status = admin.refused("POST", "/api/v1/namespaces/alpha/pods", empty)
    assert status["message"] == 'Pod "empty" is invalid: spec.containers: Required value'


def test_a_negative_number_of_replicas_is_invalid(admin: Api) -> None:
    path = "/apis/apps/v1/namespaces/alpha/deployments/web"
    body = {"spec": {"replicas": -1}}
    status = admin.refused("PATCH", path, body, content_type="application/merge-patch+json")
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["message"] == (
        'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
    )


def test_a_body_for_another_namespace_is_a_bad_request(admin: Api) -> None:
    body = config_map("elsewhere")
    body["metadata"]["namespace"] = "beta"
    status = admin.refused("POST", _MAPS, body)
    assert status["message"] == "the namespace of the provided object does not match the namespace sent on the request"


def test_a_body_of_another_kind_or_no_json_is_a_bad_request(admin: Api) -> None:
    status = admin.refused("POST", _MAPS, pod("not-a-map"))
    assert (status["code"], status["reason"]) == (400, "BadRequest")
    assert status["message"].startswith('Pod in version "v1" cannot be handled as a ConfigMap:')
    response = admin.send("POST", _MAPS, "text", content_type="text/plain")
    assert response.status_code == 415


def test_custom_resources_take_no_strategic_patch(admin: Api) -> None:
    path = "/apis/shop.example/v1/namespaces/alpha/backups/nightly"
    status = admin.refused("PATCH", path, {"spec": {"keep": 5}}, content_type=STRATEGIC)
    assert (status["code"], status["reason"]) == (415, "UnsupportedMediaType")


def test_custom_resources_need_a_version_to_be_replaced(admin: Api) -> None:
    path = "/apis/shop.example/v1/namespaces/alpha/backups/nightly"
    status = admin.refused("PUT", path, backup("nightly", "orders"))
    assert status["message"] == (
        'backups.shop.example "nightly" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified '
        "for an update"
    )


def test_an_unknown_dry_run_is_invalid(admin: Api) -> None:
    status = admin.refused("POST", _MAPS, config_map("dry"), dryRun="Some")
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert 'dryRun: Unsupported value: ["Some"]: supported values: "All"' in status["message"]
