"""Constrained impersonation (KEP-5284): the bot acts as somebody only in the named ways."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from contract_backend import Api, names
from seeding import RBAC_PATH, VIEWER_TOKEN, binding, cluster_role, rule

_AUTH = "authentication.k8s.io"
_MAPS = "/api/v1/namespaces/alpha/configmaps"
_ASKER = ("root@shop.example", "admins")


@pytest.fixture
def constrained(admin: Api, viewer: Api) -> Generator[Api]:
    """The viewer's token may act as a cluster administrator, but only get and list configmaps as one."""
    assert VIEWER_TOKEN
    role = cluster_role(
        "constrained",
        rule([_AUTH], ["users"], ["impersonate:user-info"], [_ASKER[0]]),
        rule([_AUTH], ["groups"], ["impersonate:user-info"], [_ASKER[1]]),
        rule([_AUTH], ["userextras/kubeai-bot.io/slack-user"], ["impersonate:user-info"]),
        rule([""], ["configmaps"], ["impersonate-on:user-info:get", "impersonate-on:user-info:list"]),
    )
    made: list[tuple[str, Any]] = [
        ("clusterroles", role),
        ("clusterrolebindings", binding("constrained", "constrained", "User", "vera")),
        ("clusterrolebindings", binding("constrained-admins", "cluster-admin", "Group", _ASKER[1])),
    ]
    for plural, obj in made:
        admin.post(f"{RBAC_PATH}/{plural}", obj)
    viewer.acting_as(*_ASKER).get(_MAPS)
    yield viewer
    for plural, obj in made:
        admin.send("DELETE", f"{RBAC_PATH}/{plural}/{obj['metadata']['name']}")


def test_only_the_named_ways_are_open(constrained: Api) -> None:
    root = constrained.acting_as(*_ASKER)
    assert "two" in names(root.get(_MAPS))
    for method, path, verb, resource in (
        ("DELETE", f"{_MAPS}/two", "delete", "configmaps"),
        ("GET", "/api/v1/namespaces/alpha/secrets", "list", "secrets"),
    ):
        status = root.refused(method, path)
        assert status["code"] == 403
        assert f'User "vera" cannot impersonate-on:user-info:{verb} resource "{resource}"' in status["message"]


def test_unlisted_groups_and_masters_are_refused(constrained: Api) -> None:
    status = constrained.acting_as(_ASKER[0], "ops").refused("GET", _MAPS)
    assert status["message"] == (
        'groups.authentication.k8s.io "ops" is forbidden: User "vera" cannot impersonate:user-info resource "groups" '
        'in API group "authentication.k8s.io" at the cluster scope'
    )
    status = constrained.acting_as(_ASKER[0], "system:masters").refused("GET", _MAPS)
    assert status["code"] == 403
    assert status["message"].endswith("impersonating the system:masters group is not allowed")


def test_extra_keys_must_be_domain_prefixed(constrained: Api) -> None:
    root = constrained.acting_as(*_ASKER)
    good = root.with_headers(("Impersonate-Extra-kubeai-bot.io%2Fslack-user", "U123"))
    assert good.get(_MAPS)["kind"] == "ConfigMapList"
    bad = root.with_headers(("Impersonate-Extra-slack-user", "U123")).refused("GET", _MAPS)
    assert bad["code"] == 403
    assert "must be a domain-prefixed path" in bad["message"]
