"""Cordoned nodes as they are printed, and the roles that a server makes by itself."""

from __future__ import annotations

from typing import Any

import pytest
from contract_backend import MERGE, STRATEGIC, Api, column, names

_NODES = "/api/v1/nodes"
_ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"


def test_a_cordoned_node_says_so_until_it_is_uncordoned(admin: Api) -> None:
    admin.post(_NODES, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "cordoned"}})
    path = f"{_NODES}/cordoned"
    assert admin.patch(path, {"spec": {"unschedulable": True}}, STRATEGIC)["spec"]["unschedulable"] is True
    assert column(admin.table(path), "Status") == ["Unknown,SchedulingDisabled"]
    assert "cordoned" in names(admin.get(_NODES, fieldSelector="spec.unschedulable=true"))
    for off in (None, False):
        admin.patch(path, {"spec": {"unschedulable": True}}, MERGE)
        assert "unschedulable" not in admin.patch(path, {"spec": {"unschedulable": off}}, MERGE)["spec"]
    assert column(admin.table(path), "Status") == ["Unknown"]


def _rights(role: Any) -> set[tuple[str, ...]]:
    """(API group, resource, verb), without the group that no server has any more."""
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule.get("apiGroups", ())
        for resource in rule.get("resources", ())
        for verb in rule["verbs"]
        if group != "extensions"
    }


@pytest.mark.parametrize("name", ["view", "edit", "admin"])
def test_the_default_roles_are_those_of_the_real_server(admin: Api, name: str) -> None:
    """On the demo trivially so: the roles that it makes are compared with those of the server under test."""
    from kubeai_bot.playground.cluster.default_roles import bootstrap_rbac

    source = f"system:aggregate-to-{name}"
    made = next(one for one in bootstrap_rbac() if one["metadata"]["name"] == source)
    assert _rights(admin.get(f"{_ROLES}/{source}")) == _rights(made)
    wanted = next(one for one in bootstrap_rbac() if one["metadata"]["name"] == name)
    found = admin.get(f"{_ROLES}/{name}")
    assert found["metadata"]["labels"] == wanted["metadata"]["labels"]
    assert found["aggregationRule"] == wanted["aggregationRule"]
