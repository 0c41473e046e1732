"""The disruption controller: keeps the statuses of PodDisruptionBudgets in step with pods and workloads."""

from __future__ import annotations

from kubeai_bot.playground.cluster.control.podlife import PODS
from kubeai_bot.playground.cluster.control.workbench import Workbench
from kubeai_bot.playground.cluster.disruption import budget_status
from kubeai_bot.playground.cluster.eviction import BUDGETS
from kubeai_bot.playground.cluster.objects import Obj, controller_of, dig, namespace_of, now
from kubeai_bot.playground.cluster.selectors import selector_matcher

_SIZED = {"ReplicaSet": "replicasets", "StatefulSet": "statefulsets", "Deployment": "deployments"}


class Budgets:
    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    def step(self, budget: Obj) -> None:
        matches = selector_matcher(dig(budget, "spec", "selector", default={}))
        pods = [pod for pod in self._bench.store.list(PODS, namespace_of(budget)) if matches(pod)]
        self._bench.set_status(BUDGETS, budget, budget_status(budget, pods, self._sizes(pods), now()))

    def _sizes(self, pods: list[Obj]) -> int:
        """How many pods the workloads of these pods ask for; bare pods do not count."""
        workloads = [found for pod in pods if (found := self._owner(pod)) is not None]
        sizes = {one["metadata"]["uid"]: dig(one, "spec", "replicas", default=0) for one in workloads}
        return sum(sizes.values())

    def _owner(self, obj: Obj) -> Obj | None:
        """The workload on top that has a number of replicas."""
        owner = controller_of(obj)
        if owner is None or owner["kind"] not in _SIZED:
            return None
        found = self._bench.store.get(("apps", _SIZED[owner["kind"]]), namespace_of(obj), owner["name"])
        return (self._owner(found) or found) if found else None
