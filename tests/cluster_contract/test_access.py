"""Who may do what: RBAC, impersonation with several groups, and what the audit log says of it."""

from __future__ import annotations

from typing import Any

import pytest
from contract_backend import TIMEOUT_SECONDS, Api, AuditLine, Backend, names
from seeding import ALICE, BELLA, BOT

from tests.waiting import until_now

_ALPHA = "/api/v1/namespaces/alpha/pods"
_BETA = "/api/v1/namespaces/beta/pods"
_WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


def _who(api: Api) -> Any:
    return api.post(_WHO, _REVIEW)["status"]["userInfo"]


def _audited(backend: Backend, path: str, user: str) -> AuditLine:
    """The last recorded request of an impersonated user on a path; a real log is written a moment later."""

    def look() -> AuditLine | None:
        found = [line for line in backend.audit() if line.path == path and line.impersonated_user == user]
        return found[-1] if found and found[-1].code else None

    line = until_now(look, TIMEOUT_SECONDS)
    assert line is not None, f"no audit line for {user} on {path}"
    return line


def test_the_bot_alone_may_not_read(bot: Api) -> None:
    status = bot.refused("GET", _ALPHA)
    assert (status["code"], status["reason"]) == (403, "Forbidden")
    assert status["message"] == (
        f'pods is forbidden: User "{BOT}" cannot list resource "pods" in API group "" in the namespace "alpha"'
    )
    assert status["details"] == {"kind": "pods"}
    status = bot.refused("GET", f"{_ALPHA}/plain")
    assert status["message"] == (
        f'pods "plain" is forbidden: User "{BOT}" cannot get resource "pods" in API group "" in the namespace "alpha"'
    )
    assert status["details"] == {"name": "plain", "kind": "pods"}


def test_two_people_see_what_each_may_see(bot: Api) -> None:
    alice, bella = bot.acting_as(*ALICE), bot.acting_as(*BELLA)
    assert "plain" in names(alice.get(_ALPHA))
    assert names(bella.get(_BETA)) == ["elsewhere"]
    assert alice.refused("GET", _BETA)["message"] == (
        f'pods is forbidden: User "{ALICE[0]}" cannot list resource "pods" in API group "" in the namespace "beta"'
    )
    assert bella.refused("GET", _ALPHA)["message"] == (
        f'pods is forbidden: User "{BELLA[0]}" cannot list resource "pods" in API group "" in the namespace "alpha"'
    )


def test_custom_resources_are_guarded_alike(bot: Api) -> None:
    alice, bella = bot.acting_as(*ALICE), bot.acting_as(*BELLA)
    path = "/apis/shop.example/v1/namespaces/{}/backups"
    assert names(alice.get(path.format("alpha"))) == ["nightly"]
    assert names(bella.get(path.format("beta"))) == ["hourly"]
    status = alice.refused("GET", path.format("beta"))
    assert status["message"] == (
        f'backups.shop.example is forbidden: User "{ALICE[0]}" cannot list resource "backups" in API group '
        '"shop.example" in the namespace "beta"'
    )
    assert status["details"] == {"group": "shop.example", "kind": "backups"}


@pytest.mark.parametrize(
    ("method", "path", "refusal"),
    [
        ("GET", "/api/v1/pods", 'cannot list resource "pods" in API group "" at the cluster scope'),
        ("GET", "/api/v1/nodes", 'cannot list resource "nodes" in API group "" at the cluster scope'),
        (
            "GET",
            "/api/v1/namespaces/alpha/secrets",
            'cannot list resource "secrets" in API group "" in the namespace "alpha"',
        ),
        ("DELETE", f"{_ALPHA}/plain", 'cannot delete resource "pods" in API group "" in the namespace "alpha"'),
        ("GET", f"{_ALPHA}?watch=true&x=", None),
        ("GET", f"{_BETA}/elsewhere/log", 'cannot get resource "pods/log" in API group "" in the namespace "beta"'),
        ("GET", "/metrics", 'cannot get path "/metrics"'),
        (
            "GET",
            "/apis/no.such/v1/namespaces/alpha/things",
            'cannot list resource "things" in API group "no.such" in the namespace "alpha"',
        ),
    ],
)
def test_refusals_say_who_may_not_do_what(bot: Api, method: str, path: str, refusal: str | None) -> None:
    alice = bot.acting_as(*ALICE)
    if refusal is None:
        with alice.watching(_ALPHA, timeoutSeconds="1") as events:
            assert next(events)["type"] == "ADDED"
        return
    status = alice.refused(method, path)
    assert (status["code"], status["reason"]) == (403, "Forbidden")
    assert status["message"].endswith(f'User "{ALICE[0]}" {refusal}')


def test_a_resource_name_limits_a_rule(viewer: Api) -> None:
    assert viewer.get("/api/v1/namespaces/alpha/secrets/allowed")["kind"] == "Secret"
    assert viewer.refused("GET", "/api/v1/namespaces/alpha/secrets/other")["code"] == 403
    assert viewer.refused("GET", "/api/v1/namespaces/alpha/secrets")["code"] == 403


def test_a_binding_to_a_lost_role_is_mentioned(viewer: Api) -> None:
    assert viewer.refused("GET", _BETA)["message"].endswith(
        'in the namespace "beta": RBAC: clusterrole.rbac.authorization.k8s.io "no-such-role" not found'
    )


def test_all_groups_arrive_in_order_and_authenticated_is_added(bot: Api) -> None:
    assert _who(bot.acting_as(*ALICE)) == {
        "username": ALICE[0],
        "groups": ["devs", "oncall", "system:authenticated"],
    }
    assert _who(bot.acting_as(ALICE[0], "oncall", "devs"))["groups"] == ["oncall", "devs", "system:authenticated"]
    assert _who(bot.acting_as(ALICE[0]))["groups"] == ["system:authenticated"]
    mine = _who(bot)
    assert mine["username"] == BOT
    assert set(mine["groups"]) == {
        "system:serviceaccounts",
        "system:serviceaccounts:kubeai",
        "system:authenticated",
    }


def test_only_the_named_groups_give_their_rights(bot: Api) -> None:
    """Alice without her group is nobody: what she may do hangs on the group, not on her name."""
    assert bot.acting_as(ALICE[0], "oncall").refused("GET", _ALPHA)["code"] == 403
    assert bot.acting_as(ALICE[0], "oncall", "devs").get(_ALPHA)["kind"] == "PodList"


def test_the_audit_log_names_the_bot_the_person_and_all_groups(bot: Api, backend: Backend) -> None:
    path = f"{_ALPHA}/plain"
    bot.acting_as(*ALICE).get(path)
    line = _audited(backend, path, ALICE[0])
    assert (line.user, line.verb, line.code) == (BOT, "get", 200)
    assert line.groups == ("devs", "oncall")
    bot.acting_as(*BELLA).refused("GET", path)
    line = _audited(backend, path, BELLA[0])
    assert (line.user, line.groups, line.code) == (BOT, ("ops",), 403)


def test_extra_travels_with_the_request(bot: Api, backend: Backend) -> None:
    path = f"{_ALPHA}/pulling"
    key = "kubeai-bot.io%2Fslack-user"
    alice = bot.acting_as(*ALICE).with_headers((f"Impersonate-Extra-{key}", "U0ALICE"))
    alice.get(path)
    assert _audited(backend, path, ALICE[0]).extra == {"kubeai-bot.io/slack-user": ("U0ALICE",)}
    assert _who(alice)["extra"] == {"kubeai-bot.io/slack-user": ["U0ALICE"]}
    other = bot.acting_as(*ALICE).with_headers((f"Impersonate-Extra-{key}", "U0OTHER"))
    assert other.refused("GET", path)["message"] == (
        f'userextras.authentication.k8s.io "U0OTHER" is forbidden: User "{BOT}" cannot impersonate resource '
        '"userextras/kubeai-bot.io/slack-user" in API group "authentication.k8s.io" at the cluster scope'
    )


@pytest.mark.parametrize(
    ("user", "groups", "resource", "name"),
    [
        ("eve@other.example", (), "users", "eve@other.example"),
        ("contract-admin", (), "users", "contract-admin"),
        (ALICE[0], ("admins",), "groups", "admins"),
        (ALICE[0], ("devs", "system:masters"), "groups", "system:masters"),
        (ALICE[0], ("devs", "system:authenticated"), "groups", "system:authenticated"),
    ],
)
def test_users_and_groups_that_are_not_listed_are_refused(
    bot: Api, user: str, groups: tuple[str, ...], resource: str, name: str
) -> None:
    status = bot.acting_as(user, *groups).refused("GET", _ALPHA)
    assert (status["code"], status["reason"]) == (403, "Forbidden")
    assert status["message"] == (
        f'{resource} "{name}" is forbidden: User "{BOT}" cannot impersonate resource "{resource}" in API group "" '
        "at the cluster scope"
    )
    assert status["details"] == {"name": name, "kind": resource}


def test_a_service_account_is_impersonated_as_such(bot: Api) -> None:
    status = bot.acting_as("system:serviceaccount:alpha:runner").refused("GET", _ALPHA)
    assert status["message"] == (
        f'serviceaccounts "runner" is forbidden: User "{BOT}" cannot impersonate resource "serviceaccounts" in API '
        'group "" in the namespace "alpha"'
    )


def test_a_group_without_a_user_is_a_bad_request(bot: Api) -> None:
    status = bot.with_headers(("Impersonate-Group", "devs"), ("Impersonate-Group", "ops")).refused("GET", _ALPHA)
    assert (status["code"], status["reason"]) == (400, "BadRequest")
    assert status["message"] == (
        'requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"devs", "ops"}, '
        "Extra:map[string][]string(nil)} without impersonating a user name"
    )


def test_impersonation_needs_a_right_even_for_those_who_may_read(viewer: Api) -> None:
    status = viewer.acting_as(*ALICE).refused("GET", "/api/v1/namespaces/alpha/secrets/allowed")
    assert status["code"] == 403
    assert 'User "vera" cannot impersonate' in status["message"]


def test_an_administrator_may_impersonate_anybody(admin: Api) -> None:
    eve = admin.acting_as("eve@other.example", "guests")
    assert _who(eve)["groups"] == ["guests", "system:authenticated"]
    assert eve.refused("GET", _ALPHA)["code"] == 403
