"""The ReplicaSet controller: as many pods as wanted, of one template."""

from __future__ import annotations

from kubeai_bot.playground.cluster.admission import random_suffix
from kubeai_bot.playground.cluster.control.rollouts import REPLICA_SETS
from kubeai_bot.playground.cluster.control.workbench import Workbench
from kubeai_bot.playground.cluster.derived import is_ready, replica_set_status
from kubeai_bot.playground.cluster.objects import Obj, dig, name_of

_SOURCE = "replicaset-controller"


class Replicas:
    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    def step(self, owner: Obj) -> None:
        mine = self._bench.active_pods(owner)
        wanted = owner["spec"]["replicas"]
        for _ in range(wanted - len(mine)):
            pod = self._bench.pods.fresh(owner, f"{name_of(owner)}-{random_suffix()}")
            self._bench.pods.create(owner, pod, _SOURCE)
        for pod in sorted(mine, key=_keep_worth)[: max(len(mine) - wanted, 0)]:
            self._bench.pods.delete(owner, pod, _SOURCE)
        fresh = self._bench.fresh(REPLICA_SETS, owner)
        self._bench.set_status(REPLICA_SETS, fresh, replica_set_status(fresh, self._bench.active_pods(owner)))


def _keep_worth(pod: Obj) -> tuple[bool, bool, list[int]]:
    """Pods to delete first sort first: without a node before placed, unready before ready, young before old."""
    created = dig(pod, "metadata", "creationTimestamp", default="")
    placed = bool(dig(pod, "spec", "nodeName"))
    return placed, is_ready(pod), [-ord(letter) for letter in created]
