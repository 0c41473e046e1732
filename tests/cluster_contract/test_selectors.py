"""Label and field selectors, and what the server says of wrong ones."""

from __future__ import annotations

import pytest
from contract_backend import Api, names

_PODS = "/api/v1/namespaces/alpha/pods"


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("app=plain", ["plain"]),
        ("app==plain", ["plain"]),
        ("tier=back,app!=pulling", ["crashing"]),
        ("tier in (front, back)", ["crashing", "plain", "pulling"]),
        ("tier notin (back)", ["plain", "unlabelled"]),
        ("app", ["crashing", "plain", "pulling"]),
        ("!app", ["unlabelled"]),
        ("app in (,plain)", ["plain"]),
        ("app=", []),
        ("", ["crashing", "plain", "pulling", "unlabelled"]),
    ],
)
def test_labels_select_by_equality_and_by_set(admin: Api, selector: str, expected: list[str]) -> None:
    found = names(admin.get(_PODS, labelSelector=selector))
    assert [name for name in found if name in {"crashing", "plain", "pulling", "unlabelled"}] == expected


@pytest.mark.parametrize(
    ("selector", "complaint"),
    [
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("app in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
        ("app in a", "unable to parse requirement: found 'a' expected: '('"),
        ("app notin (a,b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("app,", "found '', expected: identifier after ','"),
        ("app=a=b", "found '=', expected: ',' or 'end of string'"),
        ("=x", "found '=', expected: !, identifier, or 'end of string'"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("a>b", "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value"),
        ("app=-x", 'unable to parse requirement: values[0][app]: Invalid value: "-x": a valid label must be'),
        ("-x", 'unable to parse requirement: <nil>: Invalid value: "-x": name part must consist of'),
    ],
)
def test_a_label_selector_that_cannot_be_parsed_is_a_bad_request(admin: Api, selector: str, complaint: str) -> None:
    status = admin.refused("GET", _PODS, labelSelector=selector)
    assert (status["code"], status["reason"]) == (400, "BadRequest")
    assert status["message"].startswith(complaint)


def test_fields_select_objects(admin: Api) -> None:
    assert names(admin.get(_PODS, fieldSelector="metadata.name=plain")) == ["plain"]
    assert names(admin.get("/api/v1/pods", fieldSelector="metadata.namespace=beta")) == ["elsewhere"]
    assert "plain" in names(admin.get(_PODS, fieldSelector="status.phase=Pending"))
    assert names(admin.get(_PODS, fieldSelector="status.phase=Succeeded")) == []
    assert "plain" in names(admin.get(_PODS, fieldSelector="spec.nodeName="))
    assert "plain" not in names(admin.get(_PODS, fieldSelector="metadata.name!=plain"))
    both = admin.get(_PODS, fieldSelector="metadata.name=plain", labelSelector="app=crashing")
    assert names(both) == []


def test_events_are_found_by_what_they_are_about(admin: Api) -> None:
    path = "/api/v1/namespaces/alpha/events"
    about = "involvedObject.kind=Pod,involvedObject.name=crashing,involvedObject.namespace=alpha"
    for fields in (about, "type=Warning", "reason=BackOff", "involvedObject.uid=u-1", "source=kubelet"):
        assert names(admin.get(path, fieldSelector=fields)) == ["crashing.1"], fields
    for fields in ("involvedObject.name=plain", "type=Normal", "reason!=BackOff"):
        assert names(admin.get(path, fieldSelector=fields)) == [], fields


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        (_PODS, "field label not supported: spec.color"),
        ("/api/v1/events", "field label not supported: spec.color"),
        ("/api/v1/nodes", "field label not supported: spec.color"),
        ("/apis/shop.example/v1/backups", "field label not supported: spec.color"),
        ("/apis/batch/v1/jobs", 'field label "spec.color" not supported for Job'),
        (
            "/apis/apps/v1/deployments",
            '"spec.color" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
        (
            "/api/v1/configmaps",
            '"spec.color" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
    ],
)
def test_a_field_without_an_index_is_a_bad_request(admin: Api, path: str, complaint: str) -> None:
    status = admin.refused("GET", path, fieldSelector="spec.color=red")
    assert (status["code"], status["reason"], status["message"]) == (400, "BadRequest", complaint)


def test_text_that_is_no_field_selector_is_a_bad_request(admin: Api) -> None:
    status = admin.refused("GET", _PODS, fieldSelector="metadata.name")
    assert status["message"] == "invalid selector: 'metadata.name'; can't understand 'metadata.name'"


def test_a_namespace_that_does_not_exist_lists_as_empty(admin: Api) -> None:
    assert admin.get("/api/v1/namespaces/nowhere/pods")["items"] == []
