"""What the rendered ClusterRole grants, read as rules; tests/chart/test_chart_on_server.py asks a real server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.rendering import of_kind, only, render
from tests.chart.switches import SWITCHES

PREFIX = "impersonate-on:user-info:"


def _rules(values: dict[str, Any]) -> list[dict[str, Any]]:
    return only(render(values), "ClusterRole")["rules"]


@pytest.mark.parametrize("switch", [name for name in SWITCHES if name not in ("no-rbac", "other-clusters")])
def test_the_bot_never_has_both_forms_of_impersonation_nor_any_right_of_its_own(switch: str) -> None:
    verbs = {verb for rule in _rules(SWITCHES[switch]) for verb in rule["verbs"]}
    plain = verbs == {"impersonate"}
    constrained = all(verb == "impersonate:user-info" or verb.startswith(PREFIX) for verb in verbs)
    assert plain != constrained


@pytest.mark.parametrize("switch", [name for name in SWITCHES if name not in ("no-rbac", "other-clusters")])
def test_people_are_listed_by_name_and_secrets_are_never_granted(switch: str) -> None:
    for rule in _rules(SWITCHES[switch]):
        resources = set(rule.get("resources", []))
        assert not resources & {"secrets", "*"}
        if {"impersonate", "impersonate:user-info"} & set(rule["verbs"]):
            assert rule["resourceNames"]
            assert resources <= {"users", "groups"}


@pytest.mark.parametrize(("version", "verb"), [("1.35.9", "impersonate"), ("v1.36.0", "impersonate:user-info")])
def test_auto_takes_the_form_that_the_cluster_has(version: str, verb: str) -> None:
    assert verb in _rules({"kubeVersion": version})[0]["verbs"]


def test_mapped_people_are_impersonated_and_nobody_else() -> None:
    people = [
        {"slack": "U0MIA", "user": "mia@shop.example", "groups": ["developers"]},
        {"email": "omar@shop.example", "user": "omar", "groups": ["ops", "developers"]},
        {
            "slack": "U0ADA",
            "user": "ada",
            "groups": ["elsewhere"],
            "clusters": {"in-cluster": {"user": "ada-here", "groups": ["here"]}, "prod": {"user": "ada-prod"}},
        },
    ]
    rules = _rules(
        {
            "env": {"AUTH_METHOD": "MAPPING"},
            "config": {"identity": {"users": people}},
            "rbac": {"impersonation": "plain", "impersonate": {"users": ["eve"], "groups": []}},
        }
    )
    assert rules == [
        {
            "apiGroups": [""],
            "resources": ["users"],
            "verbs": ["impersonate"],
            "resourceNames": ["ada-here", "eve", "mia@shop.example", "omar"],
        },
        {
            "apiGroups": [""],
            "resources": ["groups"],
            "verbs": ["impersonate"],
            "resourceNames": ["developers", "here", "ops"],
        },
    ]


def test_the_shared_names_can_be_changed() -> None:
    env = {"SHARED_USER": "visitor", "SHARED_GROUPS": "readers, viewers"}
    rules = _rules({"env": env, "rbac": {"impersonation": "plain"}})
    assert [rule["resourceNames"] for rule in rules] == [["visitor"], ["readers", "viewers"]]
    bound = only(render({"env": env, "rbac": {"sharedView": {"enabled": True}}}), "ClusterRoleBinding", "-view")
    assert [each["name"] for each in bound["subjects"]] == ["readers", "viewers"]


def _doing(values: dict[str, Any]) -> set[str]:
    """The verbs on cluster objects, without the reviews of the asker's own rights."""
    return {
        verb.removeprefix(PREFIX)
        for rule in _rules(values)
        for verb in rule["verbs"]
        if verb.startswith(PREFIX)
        and not set(rule.get("resources", [])) & {"selfsubjectaccessreviews", "selfsubjectreviews"}
    }


def test_reading_grants_no_verb_that_changes_anything() -> None:
    assert _doing({}) == {"get", "list"}
    assert _doing(SWITCHES["write"]) == {"get", "list", "create", "update", "patch", "delete"}


def test_plain_impersonation_needs_nothing_more_to_write() -> None:
    reading = _rules({"rbac": {"impersonation": "plain"}})
    assert _rules(SWITCHES["write-plain"]) == reading


def test_custom_resources_are_added_with_the_constrained_form_only() -> None:
    extra = SWITCHES["custom-resources"]["rbac"]["extraRules"]
    (added,) = [rule for rule in _rules(SWITCHES["custom-resources"]) if rule.get("apiGroups") == ["shop.example"]]
    assert added["verbs"] == [f"{PREFIX}get", f"{PREFIX}list"]
    plain = _rules({"rbac": {"extraRules": extra, "impersonation": "plain"}})
    assert {verb for rule in plain for verb in rule["verbs"]} == {"impersonate"}


@pytest.mark.parametrize(
    ("switch", "places"), [("shared-view", [None]), ("shared-view-in-namespaces", ["shop", "payments"])]
)
def test_the_shared_view_is_bound_where_it_was_asked_for(switch: str, places: list[str | None]) -> None:
    objects = render(SWITCHES[switch])
    bound = [
        each for each in objects if each["kind"].endswith("Binding") and each["metadata"]["name"].endswith("-view")
    ]
    assert [each["metadata"].get("namespace") for each in bound] == places
    assert {each["roleRef"]["name"] for each in bound} == {"view"}
    assert not of_kind(objects, "Role")
