"""pods/eviction and PodDisruptionBudgets, whose status is written by hand: no controller runs here."""

from __future__ import annotations

from typing import Any

import pytest
from contract_backend import MERGE, STRATEGIC, Api
from seeding import pod

_PODS = "/api/v1/namespaces/gamma/pods"
_BUDGETS = "/apis/policy/v1/namespaces/gamma/poddisruptionbudgets"
_REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."


def _eviction(name: str, **options: Any) -> Any:
    body: Any = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    return {**body, "deleteOptions": options} if options else body


def _running(admin: Api, name: str, app: str, *, ready: bool = True) -> str:
    body = pod(name, labels={"app": app})
    body["spec"]["nodeName"] = "some-node"
    admin.post(_PODS, body)
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    admin.patch(f"{_PODS}/{name}/status", {"status": {"phase": "Running", "conditions": [condition]}}, STRATEGIC)
    return f"{_PODS}/{name}/eviction"


def _budget(admin: Api, name: str, **spec: Any) -> None:
    body: Any = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}}
    made = admin.post(_BUDGETS, {**body, "spec": {"selector": {"matchLabels": {"app": name}}, **spec}})
    assert made["status"] == {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}


def _allow(admin: Api, name: str, allowed: int, *, healthy: int = 3) -> None:
    counts = {"disruptionsAllowed": allowed, "currentHealthy": healthy, "desiredHealthy": 2, "expectedPods": 3}
    admin.patch(f"{_BUDGETS}/{name}/status", {"status": {**counts, "observedGeneration": 1}}, MERGE)


def _why(status: Any) -> str:
    assert (status["code"], status["reason"], status["message"]) == (429, "TooManyRequests", _REFUSED)
    (cause,) = status["details"]["causes"]
    assert cause["reason"] == "DisruptionBudget"
    return cause["message"]


def test_a_pod_that_no_budget_selects_is_evicted(admin: Api) -> None:
    path = _running(admin, "unprotected", "unprotected")
    answer = admin.send("POST", path, _eviction("unprotected"))
    assert (answer.status_code, answer.json()) == (
        201,
        {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201},
    )
    found = admin.get(f"{_PODS}/unprotected")
    assert found["metadata"]["deletionTimestamp"]
    condition = next(one for one in found["status"]["conditions"] if one["type"] == "DisruptionTarget")
    assert (condition["status"], condition["reason"]) == ("True", "EvictionByEvictionAPI")
    assert condition["message"] == "Eviction API: evicting"


def test_a_budget_that_is_used_up_refuses(admin: Api) -> None:
    path = _running(admin, "full-1", "full")
    _budget(admin, "full", minAvailable=2)
    response = admin.send("POST", path, _eviction("full-1"))
    assert _why(response.json()) == "The disruption budget full is still being processed by the server."
    assert (response.json()["details"]["retryAfterSeconds"], response.headers["Retry-After"]) == (10, "10")
    _allow(admin, "full", 0)
    why = "The disruption budget full does not allow evicting pods currently"
    assert _why(admin.refused("POST", path, _eviction("full-1"))) == why
    assert _why(admin.refused("POST", path, _eviction("full-1"), dryRun="All")) == why
    _allow(admin, "full", 0, healthy=1)
    why = "The disruption budget full needs 2 healthy pods and has 1 currently"
    assert _why(admin.refused("POST", path, _eviction("full-1"))) == why
    assert "deletionTimestamp" not in admin.get(f"{_PODS}/full-1")["metadata"]


def test_an_eviction_is_counted_against_the_budget(admin: Api) -> None:
    first, second = (_running(admin, f"counted-{number}", "counted") for number in (1, 2))
    _budget(admin, "counted", minAvailable=2)
    _allow(admin, "counted", 1)
    admin.post(first, _eviction("counted-1"), dryRun="All")
    assert admin.get(f"{_BUDGETS}/counted")["status"]["disruptionsAllowed"] == 1
    admin.post(first, _eviction("counted-1"))
    status = admin.get(f"{_BUDGETS}/counted")["status"]
    assert (status["disruptionsAllowed"], list(status["disruptedPods"])) == (0, ["counted-1"])
    condition = status["conditions"][0]
    assert (condition["type"], condition["status"], condition["reason"]) == (
        "DisruptionAllowed",
        "False",
        "InsufficientPods",
    )
    why = "The disruption budget counted does not allow evicting pods currently"
    assert _why(admin.refused("POST", second, _eviction("counted-2"))) == why
    assert admin.post(first, _eviction("counted-1"))["status"] == "Success", "a pod on its way out costs nothing"


def test_an_unready_pod_may_go_while_enough_others_are_healthy(admin: Api) -> None:
    path = _running(admin, "sick", "sick", ready=False)
    _budget(admin, "sick", minAvailable=2)
    _allow(admin, "sick", 0, healthy=2)
    assert admin.post(path, _eviction("sick"), dryRun="All")["status"] == "Success"
    _allow(admin, "sick", 0, healthy=1)
    why = "The disruption budget sick needs 2 healthy pods and has 1 currently"
    assert _why(admin.refused("POST", path, _eviction("sick"))) == why


def test_preconditions_of_an_eviction_are_checked(admin: Api) -> None:
    path = _running(admin, "conditional", "conditional-app")
    status = admin.refused("POST", path, _eviction("conditional", preconditions={"uid": "1"}))
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert "the UID in the precondition (1) does not match the UID in record" in status["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (_eviction("other"), "name in URL does not match name in Eviction object"),
        (
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "plain"}},
            (
                'Pod in version "v1" cannot be handled as a Eviction: converting (v1.Pod) to (policy.Eviction): '
                "unknown conversion"
            ),
        ),
    ],
)
def test_an_eviction_has_to_name_its_pod(admin: Api, body: Any, message: str) -> None:
    status = admin.refused("POST", "/api/v1/namespaces/alpha/pods/plain/eviction", body)
    assert (status["code"], status["message"]) == (400, message)


def test_evicting_needs_its_own_right_and_its_own_verb(admin: Api, viewer: Api) -> None:
    status = viewer.refused("POST", "/api/v1/namespaces/alpha/pods/plain/eviction", _eviction("plain"))
    assert status["message"] == (
        'pods "plain" is forbidden: User "vera" cannot create resource "pods/eviction" in API group "" in the '
        'namespace "alpha"'
    )
    assert admin.refused("GET", "/api/v1/namespaces/alpha/pods/plain/eviction")["code"] == 405
    assert admin.refused("POST", f"{_PODS}/none/eviction", _eviction("none"))["code"] == 404


def test_a_pod_of_two_budgets_cannot_be_evicted(admin: Api) -> None:
    path = _running(admin, "doubled", "doubled")
    _budget(admin, "doubled", maxUnavailable=1)
    body: Any = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "doubled-too"}}
    admin.post(_BUDGETS, {**body, "spec": {"selector": {"matchLabels": {"app": "doubled"}}, "minAvailable": 1}})
    status = admin.refused("POST", path, _eviction("doubled"))
    text = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    assert (status["code"], status["message"]) == (500, text)


def test_a_budget_states_one_bound(admin: Api) -> None:
    body: Any = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "both"}}
    spec = {"selector": {"matchLabels": {"app": "both"}}, "minAvailable": 1, "maxUnavailable": 1}
    status = admin.refused("POST", _BUDGETS, {**body, "spec": spec})
    assert status["message"] == (
        'PodDisruptionBudget.policy "both" is invalid: spec: Invalid value: {"MinAvailable":1,"Selector":'
        '{"matchLabels":{"app":"both"}},"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}: minAvailable and '
        "maxUnavailable cannot be both set"
    )
