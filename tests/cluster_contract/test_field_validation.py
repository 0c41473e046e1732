"""Fields that no schema has (fieldValidation): dropped with a warning or silently, or refused; and wrong types."""

from __future__ import annotations

from typing import Any

import pytest
from contract_backend import MERGE, STRATEGIC, Api
from seeding import backup, deployment

_DEPLOYMENTS = "/apis/apps/v1/namespaces/alpha/deployments"
_BACKUPS = "/apis/shop.example/v1/namespaces/alpha/backups"
_UNKNOWN: Any = {"spec": {"foo": 1}}


def _body(**spec: Any) -> Any:
    body = deployment("validated", 1)
    body["spec"].update(spec)
    return body


def test_unknown_fields_are_dropped_with_a_warning(admin: Api) -> None:
    body = _body(foo=1)
    body["spec"]["template"]["spec"]["containers"][0]["bar"] = {"x": 1}
    response = admin.send("POST", _DEPLOYMENTS, body, dryRun="All")
    assert response.status_code == 201
    assert "foo" not in response.json()["spec"]
    assert response.headers.get_list("Warning") == [
        '299 - "unknown field \\"spec.template.spec.containers[0].bar\\""',
        '299 - "unknown field \\"spec.foo\\""',
    ]
    assert admin.send("POST", _DEPLOYMENTS, body, dryRun="All", fieldValidation="Ignore").headers.get("Warning") is None


def test_unknown_fields_are_refused_when_that_is_asked_for(admin: Api) -> None:
    status = admin.refused("POST", _DEPLOYMENTS, _body(foo=1), dryRun="All", fieldValidation="Strict")
    why = 'strict decoding error: unknown field "spec.foo"'
    text = f'Deployment in version "v1" cannot be handled as a Deployment: {why}'
    assert (status["code"], status["message"]) == (400, text)
    status = admin.refused(
        "PATCH", f"{_DEPLOYMENTS}/web", _UNKNOWN, content_type=STRATEGIC, dryRun="All", fieldValidation="Strict"
    )
    text = f' "" is invalid: patch: Invalid value: "map[spec:map[foo:1]]": {why}'
    assert (status["code"], status["message"]) == (422, text)
    status = admin.refused("POST", _DEPLOYMENTS, _body(), dryRun="All", fieldValidation="Foo")
    assert status["message"] == (
        'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Foo": supported values: "", '
        '"Ignore", "Strict", "Warn"'
    )


@pytest.mark.parametrize("content_type", [MERGE, STRATEGIC])
def test_unknown_fields_of_a_patch_are_dropped_too(admin: Api, content_type: str) -> None:
    response = admin.send("PATCH", f"{_DEPLOYMENTS}/web", _UNKNOWN, content_type=content_type, dryRun="All")
    assert response.headers["Warning"] == '299 - "unknown field \\"spec.foo\\""'
    assert "foo" not in response.json()["spec"]


def test_values_of_a_wrong_type_cannot_be_decoded(admin: Api) -> None:
    status = admin.refused("POST", _DEPLOYMENTS, _body(replicas="three"))
    why = "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
    text = f'Deployment in version "v1" cannot be handled as a Deployment: {why}'
    assert (status["code"], status["message"]) == (400, text)
    path = f"{_DEPLOYMENTS}/web"
    status = admin.refused("PATCH", path, {"spec": {"replicas": "x"}}, content_type=MERGE)
    assert status["code"] == 422
    assert status["message"].endswith(
        "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
    )
    status = admin.refused("PATCH", path, {"spec": {"replicas": "x"}}, content_type=STRATEGIC)
    text = ' "" is invalid: patch: Invalid value: "map[spec:map[replicas:x]]": unrecognized type: int32'
    assert (status["code"], status["message"]) == (422, text)


def test_quantities_have_to_be_quantities(admin: Api) -> None:
    body = _body()
    body["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"memory": "lots"}}
    status = admin.refused("POST", _DEPLOYMENTS, body)
    assert status["code"] == 400
    assert status["message"].endswith(
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    )


def test_custom_resources_are_pruned_and_checked_against_their_schema(admin: Api) -> None:
    body = backup("checked", "stock")
    body["spec"]["zip"] = True
    response = admin.send("POST", _BACKUPS, body, dryRun="All")
    assert response.json()["spec"] == {"source": "stock", "keep": 3}
    assert response.headers["Warning"] == '299 - "unknown field \\"spec.zip\\""'
    status = admin.refused("PATCH", f"{_BACKUPS}/nightly", {"spec": {"keep": "3"}}, content_type=MERGE)
    assert (status["code"], status["message"]) == (
        422,
        (
            'Backup.shop.example "nightly" is invalid: spec.keep: Invalid value: "string": spec.keep in body must be '
            'of type integer: "string"'
        ),
    )
