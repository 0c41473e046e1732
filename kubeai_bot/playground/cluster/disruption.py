"""What a PodDisruptionBudget allows at a moment, as the disruption controller computes it."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from kubeai_bot.playground.cluster.derived import is_ready
from kubeai_bot.playground.cluster.objects import Obj, dig, moment, name_of, stamp

_FORGOTTEN_AFTER = timedelta(minutes=2)


def needs_sizes(budget: Obj) -> bool:
    """Whether the bounds refer to the sizes of the workloads, and not just to a number of pods."""
    spec: Obj = budget["spec"]
    return spec.get("maxUnavailable") is not None or isinstance(spec.get("minAvailable"), str)


def budget_status(budget: Obj, pods: list[Obj], sizes: int, at: datetime) -> Obj:
    """The status of a budget that selects `pods`, whose workloads ask for `sizes` pods together."""
    expected = sizes if needs_sizes(budget) else len(pods)
    wanted = _must_stay(budget["spec"], expected)
    leaving = _leaving(budget, pods, at)
    healthy = sum(
        1
        for pod in pods
        if is_ready(pod) and "deletionTimestamp" not in pod["metadata"] and name_of(pod) not in leaving
    )
    allowed = max(healthy - wanted, 0) if expected else 0
    generation = budget["metadata"].get("generation", 1)
    condition = {
        "type": "DisruptionAllowed",
        "status": "True" if allowed else "False",
        "observedGeneration": generation,
        "lastTransitionTime": stamp(at),
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "message": "",
    }
    return {
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": wanted,
        "expectedPods": expected,
        "observedGeneration": generation,
        "conditions": [condition],
        **({"disruptedPods": leaving} if leaving else {}),
    }


def _must_stay(spec: Obj, expected: int) -> int:
    if spec.get("maxUnavailable") is not None:
        return max(expected - _share(spec["maxUnavailable"], expected), 0)
    return _share(spec.get("minAvailable", 1), expected)


def _leaving(budget: Obj, pods: list[Obj], at: datetime) -> dict[str, str]:
    """Pods whose eviction was granted a moment ago and is not seen yet."""
    there = {name_of(pod) for pod in pods if "deletionTimestamp" not in pod["metadata"]}
    known: dict[str, str] = dig(budget, "status", "disruptedPods", default={})
    since = at - _FORGOTTEN_AFTER
    return {name: then for name, then in known.items() if name in there and (moment(then) or since) > since}


def _share(value: int | str, whole: int) -> int:
    """A number, or a percentage of `whole` rounded up, as the real controller reads both bounds."""
    if isinstance(value, int):
        return value
    return math.ceil(int(value.removesuffix("%")) * whole / 100)
