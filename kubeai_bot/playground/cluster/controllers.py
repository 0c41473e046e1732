"""The controllers of a running demo cluster, and when each of them looks at what.

Level-based like the real ones: a change marks the objects that it may concern, and the next pass compares what they ask
for with what is there. A state that is as wanted is left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from kubeai_bot.playground.cluster.control.batch import CRON_JOBS, JOBS, CronJobs, Jobs
from kubeai_bot.playground.cluster.control.budgets import Budgets
from kubeai_bot.playground.cluster.control.collecting import Collector, owner_uids
from kubeai_bot.playground.cluster.control.placement import with_cordon_taint
from kubeai_bot.playground.cluster.control.podlife import NODES, PODS
from kubeai_bot.playground.cluster.control.recurring import Recurring
from kubeai_bot.playground.cluster.control.replicas import Replicas
from kubeai_bot.playground.cluster.control.rollouts import DEPLOYMENTS, REPLICA_SETS, Rollouts
from kubeai_bot.playground.cluster.control.stateful import DAEMON_SETS, STATEFUL_SETS, DaemonSets, StatefulSets
from kubeai_bot.playground.cluster.control.workbench import Workbench
from kubeai_bot.playground.cluster.eviction import BUDGETS
from kubeai_bot.playground.cluster.kubelet import Kubelet
from kubeai_bot.playground.cluster.objects import Obj, controller_of, dig, name_of, namespace_of
from kubeai_bot.playground.cluster.state import ClusterState
from kubeai_bot.playground.cluster.store import Change, Place

_OWNERS: dict[str, Place] = {
    "Deployment": DEPLOYMENTS,
    "ReplicaSet": REPLICA_SETS,
    "StatefulSet": STATEFUL_SETS,
    "DaemonSet": DAEMON_SETS,
    "Job": JOBS,
    "CronJob": CRON_JOBS,
}
_STEPPED = {*_OWNERS.values(), BUDGETS}
_PACE = 0.1
Mark = tuple[Place, str, str]


class Controllers:
    """Runs between `start` and `stop`; without a kubelet it does nothing, as on a bare API server."""

    def __init__(self, state: ClusterState, kubelet: Kubelet | None) -> None:
        self._state = state
        self._store = state.store
        self._kubelet = kubelet
        self._timers: set[asyncio.TimerHandle] = set()
        self._marked: dict[Mark, None] = {}
        self._pass_due = False
        self._collector = Collector(state)
        self._bench: Workbench | None = None
        self._steps: dict[Place, Callable[[Obj], None]] = {}

    def start(self) -> None:
        if self._kubelet is None:
            return
        bench = self._bench = Workbench(self._state, self._kubelet, self._later)
        self._steps = {
            DEPLOYMENTS: Rollouts(bench).step,
            REPLICA_SETS: Replicas(bench).step,
            STATEFUL_SETS: StatefulSets(bench).step,
            DAEMON_SETS: DaemonSets(bench).step,
            JOBS: Jobs(bench).step,
            CRON_JOBS: CronJobs(bench).step,
            BUDGETS: Budgets(bench).step,
        }
        self._store.listen(self._notice)
        Recurring(bench).start()

    def stop(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._bench = None

    def _later(self, step: Callable[..., None], argument: Any = None, seconds: float = _PACE) -> None:
        def run() -> None:
            self._timers.discard(timer)
            step(argument)

        timer = asyncio.get_running_loop().call_later(seconds, run)
        self._timers.add(timer)

    def _notice(self, change: Change) -> None:
        bench = self._bench
        if bench is None:
            return
        obj = change.obj
        if change.type == "DELETED":
            self._collector.after_deletion(obj)
            for uid in owner_uids(obj):
                self._later(self._collector.advance, uid)
        elif dig(obj, "metadata", "deletionTimestamp") and dig(obj, "metadata", "finalizers"):
            self._later(self._collector.advance, obj["metadata"]["uid"])
        if change.place == ("", "configmaps") and change.type == "MODIFIED":
            bench.pods.retry(namespace_of(obj))
        if change.place == PODS:
            self._notice_pod(bench, change)
        if change.place == NODES:
            self._notice_node(bench, change)
        self._mark(change)

    def _notice_pod(self, bench: Workbench, change: Change) -> None:
        before, pod = change.before, change.obj
        marked = "deletionTimestamp" in pod["metadata"]
        if change.type != "MODIFIED" or (marked and before and "deletionTimestamp" not in before["metadata"]):
            bench.pods.see(change.type, pod)
        elif before and _images(before) != _images(pod):
            bench.pods.restart(pod)
        bench.pods.refresh_endpoints(namespace_of(pod))

    def _notice_node(self, bench: Workbench, change: Change) -> None:
        if change.type != "DELETED":
            self._store.replace(NODES, with_cordon_taint(change.obj))
        self._later(bench.pods.place_waiting)

    def _mark(self, change: Change) -> None:
        self._marked.update(dict.fromkeys(self._concerned(change)))
        if self._marked and not self._pass_due:
            self._pass_due = True
            self._later(self._pass)

    def _concerned(self, change: Change) -> Iterator[Mark]:
        """What the change may be news for: the object, its owner, budgets of pods, DaemonSets of nodes."""
        obj, namespace = change.obj, namespace_of(change.obj)
        if change.place in _STEPPED:
            yield change.place, namespace, name_of(obj)
        owner = controller_of(obj)
        if owner is not None and owner["kind"] in _OWNERS:
            yield _OWNERS[owner["kind"]], namespace, owner["name"]
        if change.place == PODS:
            yield from ((BUDGETS, namespace, name_of(budget)) for budget in self._store.list(BUDGETS, namespace))
        if change.place == NODES:
            yield from ((DAEMON_SETS, namespace_of(one), name_of(one)) for one in self._store.list(DAEMON_SETS))

    def _pass(self, _argument: Any) -> None:
        self._pass_due = False
        marked, self._marked = list(self._marked), {}
        for place, namespace, name in marked:
            obj = self._store.get(place, namespace, name)
            if obj is not None and self._bench is not None and "deletionTimestamp" not in obj["metadata"]:
                self._steps[place](obj)


def _images(pod: Obj) -> list[str]:
    return [container.get("image", "") for container in pod["spec"]["containers"]]
