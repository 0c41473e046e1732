"""pods/eviction: deletes a pod if the disruption budgets that select it allow it (policy/v1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kubeai_bot.playground.cluster.deletion import DeleteOptions, check_preconditions, read_delete_options, remove
from kubeai_bot.playground.cluster.derived import is_ready
from kubeai_bot.playground.cluster.objects import Obj, copied, dig, name_of, namespace_of, now, stamp
from kubeai_bot.playground.cluster.resources import Resources
from kubeai_bot.playground.cluster.selectors import selector_matcher
from kubeai_bot.playground.cluster.state import Answer, Call, ClusterState
from kubeai_bot.playground.cluster.status import ApiError, bad_request, not_handled
from kubeai_bot.playground.cluster.store import Place

BUDGETS: Place = ("policy", "poddisruptionbudgets")
_SERVED = {"policy/v1", "policy/v1beta1"}
_FREE_PHASES = {"Pending", "Succeeded", "Failed"}
_EVICTED = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "EvictionByEvictionAPI",
    "message": "Eviction API: evicting",
}


def evict(state: ClusterState, resources: Resources, call: Call) -> Answer:
    """POST of an Eviction; ApiError 429 with the cause DisruptionBudget when a budget is used up."""
    pod = resources.current(call)
    options = _options(call)
    if not _is_free(pod):
        _ask_budget(state, pod, options)
    check_preconditions(call.kind, pod, options)
    if not options.dry_run:
        pod = _noted(state, pod)
    remove(state.store, call.kind, pod, replace(options, uid="", version=""))
    return Answer(201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})


def _options(call: Call) -> DeleteOptions:
    body: Any = call.body
    if not isinstance(body, dict):
        raise bad_request(
            "the object provided is unrecognized (must be of type Eviction): "
            "couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)"
        )
    if body.get("kind", "Eviction") != "Eviction" or body.get("apiVersion", "policy/v1") not in _SERVED:
        version = str(body.get("apiVersion", ""))
        why = f"converting ({version}.{body.get('kind')}) to (policy.Eviction): unknown conversion"
        raise not_handled(str(body.get("kind")), version.rpartition("/")[2], "Eviction", why)
    if dig(body, "metadata", "name") != call.info.name:
        raise bad_request("name in URL does not match name in Eviction object")
    options = read_delete_options({}, body.get("deleteOptions") or {})
    return replace(options, dry_run=options.dry_run or call.dry_run)


def _is_free(pod: Obj) -> bool:
    """Pods that no budget protects: not running (any more), or already on their way out."""
    return dig(pod, "status", "phase") in _FREE_PHASES or "deletionTimestamp" in pod["metadata"]


def _ask_budget(state: ClusterState, pod: Obj, options: DeleteOptions) -> None:
    budgets = [
        budget
        for budget in state.store.list(BUDGETS, namespace_of(pod))
        if selector_matcher(dig(budget, "spec", "selector", default={}))(pod)
    ]
    if len(budgets) > 1:
        text = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        raise ApiError(500, "", text)
    if not budgets:
        return
    budget = budgets[0]
    status: Obj = budget.get("status") or {}
    healthy, wanted = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    always = dig(budget, "spec", "unhealthyPodEvictionPolicy") == "AlwaysAllow"
    if not is_ready(pod) and (always or healthy >= wanted > 0):
        return
    name = name_of(budget)
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 1):
        raise _refusal(f"The disruption budget {name} is still being processed by the server.", retry_after=10)
    if status.get("disruptionsAllowed", 0) < 1:
        if healthy < wanted:
            raise _refusal(f"The disruption budget {name} needs {wanted} healthy pods and has {healthy} currently")
        raise _refusal(f"The disruption budget {name} does not allow evicting pods currently")
    if not options.dry_run:
        _spend(state, budget, pod)


def _refusal(why: str, retry_after: int = 0) -> ApiError:
    details: Obj = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
    if retry_after:
        details["retryAfterSeconds"] = retry_after
    text = "Cannot evict pod as it would violate the pod's disruption budget."
    return ApiError(429, "TooManyRequests", text, details)


def _spend(state: ClusterState, budget: Obj, pod: Obj) -> None:
    """Counts the disruption before the pod goes, so that two evictions cannot share one."""
    fresh = copied(budget)
    status: Obj = fresh["status"]
    status["disruptionsAllowed"] -= 1
    status.setdefault("disruptedPods", {})[name_of(pod)] = stamp(now())
    if not status["disruptionsAllowed"]:
        condition = {
            "type": "DisruptionAllowed",
            "status": "False",
            "observedGeneration": status.get("observedGeneration", 0),
            "lastTransitionTime": stamp(now()),
            "reason": "InsufficientPods",
            "message": "",
        }
        status["conditions"] = [condition]
    state.store.replace(BUDGETS, fresh)


def _noted(state: ClusterState, pod: Obj) -> Obj:
    """The pod with the condition that says why it goes."""
    fresh = copied(pod)
    conditions = [c for c in dig(fresh, "status", "conditions", default=[]) if c["type"] != _EVICTED["type"]]
    noted = {**_EVICTED, "lastProbeTime": None, "lastTransitionTime": stamp(now())}
    fresh.setdefault("status", {})["conditions"] = [*conditions, noted]
    return state.store.replace(("", "pods"), fresh)
