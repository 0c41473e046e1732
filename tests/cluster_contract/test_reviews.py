"""Access reviews of oneself, which the bot uses to explain what somebody may do."""

from __future__ import annotations

from typing import Any

from contract_backend import Api
from seeding import ALICE

_ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"


def _review(kind: str, spec: Any) -> Any:
    return {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}


def _may(api: Api, **attributes: str) -> Any:
    body = _review("SelfSubjectAccessReview", {"resourceAttributes": attributes})
    answer = api.post(_ACCESS, body)
    assert answer["spec"]["resourceAttributes"] == attributes
    return answer["status"]


def test_access_is_told_with_the_binding_that_gives_it(bot: Api) -> None:
    alice = bot.acting_as(*ALICE)
    status = _may(alice, namespace="alpha", verb="list", resource="pods")
    assert status == {
        "allowed": True,
        "reason": 'RBAC: allowed by RoleBinding "devs/alpha" of ClusterRole "contract-developer" to Group "devs"',
    }
    assert _may(alice, namespace="alpha", verb="get", resource="pods", subresource="log")["allowed"] is True
    scale = {"group": "apps", "resource": "deployments", "subresource": "scale"}
    assert _may(alice, namespace="alpha", verb="patch", **scale)["allowed"] is True
    assert _may(alice, namespace="alpha", verb="list", group="shop.example", resource="backups")["allowed"] is True


def test_denial_is_told_without_a_reason(bot: Api) -> None:
    alice = bot.acting_as(*ALICE)
    assert _may(alice, namespace="beta", verb="list", resource="pods") == {"allowed": False}
    assert _may(alice, verb="list", resource="pods") == {"allowed": False}
    assert _may(alice, namespace="alpha", verb="delete", resource="pods") == {"allowed": False}
    assert _may(alice, namespace="alpha", verb="*", group="*", resource="*") == {"allowed": False}


def test_a_name_matters_where_a_rule_names_one(viewer: Api) -> None:
    where = {"namespace": "alpha", "verb": "get", "resource": "secrets"}
    assert _may(viewer, **where, name="allowed")["allowed"] is True
    assert _may(viewer, **where, name="other")["allowed"] is False


def test_administrators_are_allowed_everything(admin: Api) -> None:
    assert _may(admin, verb="delete", resource="namespaces", name="alpha") == {"allowed": True}


def test_paths_can_be_asked_about(bot: Api) -> None:
    for path, allowed in (("/api", True), ("/metrics", False)):
        spec = {"nonResourceAttributes": {"path": path, "verb": "get"}}
        assert bot.post(_ACCESS, _review("SelfSubjectAccessReview", spec))["status"]["allowed"] is allowed


def test_the_review_needs_exactly_one_question(admin: Api) -> None:
    status = admin.refused("POST", _ACCESS, _review("SelfSubjectAccessReview", {}))
    assert status["code"] == 422
    assert "exactly one of nonResourceAttributes or resourceAttributes must be specified" in status["message"]


def test_rules_are_listed_for_a_namespace(bot: Api) -> None:
    answer = bot.acting_as(*ALICE).post(_RULES, _review("SelfSubjectRulesReview", {"namespace": "alpha"}))
    rules = answer["status"]["resourceRules"]
    backups = next(rule for rule in rules if "backups" in rule["resources"])
    assert backups == {"verbs": ["get", "list", "watch"], "apiGroups": ["shop.example"], "resources": ["backups"]}
    assert answer["status"]["incomplete"] is False
    paths = [url for rule in answer["status"]["nonResourceRules"] for url in rule["nonResourceURLs"]]
    assert {"/api", "/apis/*", "/version"} <= set(paths)


def test_rules_need_a_namespace(admin: Api) -> None:
    status = admin.refused("POST", _RULES, _review("SelfSubjectRulesReview", {}))
    assert (status["code"], status["message"]) == (400, "no namespace on request")


def test_a_lost_role_is_reported(viewer: Api) -> None:
    answer = viewer.post(_RULES, _review("SelfSubjectRulesReview", {"namespace": "beta"}))
    assert "no-such-role" in answer["status"]["evaluationError"]
