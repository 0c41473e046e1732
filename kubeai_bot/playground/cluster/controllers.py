"""The controllers of a running demo cluster: Deployments, ReplicaSets, StatefulSets and garbage collection.

Level-based like the real ones: a change marks the workload it belongs to, and the next pass compares what is wanted
with what is there. A state that is as wanted is left alone.
"""

from __future__ import annotations

import asyncio
import copy
import uuid
from collections.abc import Callable
from typing import Any

from kubeai_bot.playground.cluster.admission import random_suffix
from kubeai_bot.playground.cluster.derived import (
    CHANGE_CAUSE,
    HASH_LABEL,
    REVISION,
    deployment_status,
    is_ready,
    replica_set_for,
    replica_set_status,
    template_hash,
)
from kubeai_bot.playground.cluster.kubelet import Kubelet
from kubeai_bot.playground.cluster.objects import Obj, controller_of, dig, name_of, namespace_of, now
from kubeai_bot.playground.cluster.podlife import PODS, PodLife
from kubeai_bot.playground.cluster.state import ClusterState
from kubeai_bot.playground.cluster.store import Change, Place

DEPLOYMENTS: Place = ("apps", "deployments")
REPLICA_SETS: Place = ("apps", "replicasets")
STATEFUL_SETS: Place = ("apps", "statefulsets")
_OWNERS: dict[str, Place] = {
    "Deployment": DEPLOYMENTS,
    "ReplicaSet": REPLICA_SETS,
    "StatefulSet": STATEFUL_SETS,
}
_PACE = 0.1


class Controllers:
    """Runs between `start` and `stop`; without a kubelet it does nothing, as on a bare API server."""

    def __init__(self, state: ClusterState, kubelet: Kubelet | None) -> None:
        self._state = state
        self._store = state.store
        self._kubelet = kubelet
        self._timers: set[asyncio.TimerHandle] = set()
        self._marked: dict[tuple[Place, str, str], None] = {}
        self._pass_due = False
        self._pods: PodLife | None = None

    def start(self) -> None:
        if self._kubelet is None:
            return
        self._pods = PodLife(self._state, self._kubelet, self._later)
        self._store.listen(self._notice)

    def stop(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._pods = None

    def _later(self, step: Callable[..., None], argument: Any = None) -> None:
        def run() -> None:
            self._timers.discard(timer)
            step(argument)

        timer = asyncio.get_running_loop().call_later(_PACE, run)
        self._timers.add(timer)

    def _notice(self, change: Change) -> None:
        if self._pods is None:
            return
        obj = change.obj
        if change.type == "DELETED":
            self._collect_dependents(obj)
        if change.place == ("", "configmaps") and change.type == "MODIFIED":
            self._pods.retry(namespace_of(obj))
        if change.place == PODS:
            if change.type == "DELETED":
                self._state.logs.forget(namespace_of(obj), name_of(obj))
            self._pods.refresh_endpoints(namespace_of(obj))
        self._mark(change.place, obj)

    def _mark(self, place: Place, obj: Obj) -> None:
        """Remembers the workload that `obj` is or belongs to."""
        if place in _OWNERS.values():
            self._marked[place, namespace_of(obj), name_of(obj)] = None
        owner = controller_of(obj)
        if owner is not None and owner["kind"] in _OWNERS:
            self._marked[_OWNERS[owner["kind"]], namespace_of(obj), owner["name"]] = None
        if self._marked and not self._pass_due:
            self._pass_due = True
            self._later(self._pass)

    def _pass(self, _argument: Any) -> None:
        self._pass_due = False
        marked, self._marked = list(self._marked), {}
        steps = {
            DEPLOYMENTS: self._deployment,
            REPLICA_SETS: self._replica_set,
            STATEFUL_SETS: self._stateful_set,
        }
        for place, namespace, name in marked:
            obj = self._store.get(place, namespace, name)
            if obj is not None and self._pods is not None:
                steps[place](self._pods, obj)

    def _collect_dependents(self, owner: Obj) -> None:
        """Deletes what `owner` controlled, and everything in a deleted namespace."""
        uid = owner["metadata"]["uid"]
        gone = name_of(owner) if owner["kind"] == "Namespace" else None
        for kind in self._state.registry.all():
            for obj in self._store.list(kind.key):
                owners = dig(obj, "metadata", "ownerReferences", default=[])
                owned = any(reference["uid"] == uid for reference in owners)
                still_there = self._store.get(kind.key, namespace_of(obj), name_of(obj)) is obj
                if still_there and (owned or (gone and namespace_of(obj) == gone)):
                    self._store.delete(kind.key, namespace_of(obj), name_of(obj))

    def _owned(self, place: Place, owner: Obj) -> list[Obj]:
        uid = owner["metadata"]["uid"]
        return [
            obj for obj in self._store.list(place, namespace_of(owner)) if (controller_of(obj) or {}).get("uid") == uid
        ]

    def _deployment(self, pods: PodLife, deployment: Obj) -> None:
        sets = self._owned(REPLICA_SETS, deployment)
        new = self._newest_set(deployment, sets)
        old = [other for other in sets if name_of(other) != name_of(new)]
        of_set = {name_of(s): self._owned(PODS, s) for s in [*old, new]}
        wanted = deployment["spec"]["replicas"]
        ready = sum(1 for pod in of_set[name_of(new)] if is_ready(pod))
        old_pods = sum(len(of_set[name_of(other)]) for other in old)
        if dig(deployment, "spec", "strategy", "type") == "Recreate":
            keep_old, new_size = 0, (0 if old_pods else wanted)
        else:
            keep_old = max(wanted - ready, 0) if old_pods else 0
            new_size = min(wanted, ready + 1) if old_pods else wanted
        self._resize(pods, deployment, new, new_size)
        for other in sorted(old, key=lambda s: -len(of_set[name_of(s)])):
            size = min(keep_old, wanted) if of_set[name_of(other)] else 0
            keep_old -= size
            self._resize(pods, deployment, other, size)
        self._write_deployment_status(deployment, new, [pod for group in of_set.values() for pod in group])

    def _newest_set(self, deployment: Obj, sets: list[Obj]) -> Obj:
        """The ReplicaSet of the Deployment's template: a known one (rolled back to), or a new one."""
        revision = max((int(_revision(s)) for s in sets), default=0)
        template = deployment["spec"]["template"]
        for known in sets:
            if _plain_template(known) != template:
                continue
            if int(_revision(known)) != revision:
                fresh = copy.deepcopy(known)
                fresh["metadata"]["annotations"][REVISION] = str(revision + 1)
                known = self._store.replace(REPLICA_SETS, fresh)
            self._note_revision(deployment, known)
            return known
        made = replica_set_for(deployment, template_hash(template), revision + 1, now(), str(uuid.uuid4()))
        stored = self._store.create(REPLICA_SETS, made)
        self._note_revision(deployment, stored)
        return stored

    def _note_revision(self, deployment: Obj, newest: Obj) -> None:
        fresh = copy.deepcopy(self._fresh(DEPLOYMENTS, deployment))
        annotations: Obj = fresh["metadata"].setdefault("annotations", {})
        annotations[REVISION] = _revision(newest)
        cause = dig(newest, "metadata", "annotations", CHANGE_CAUSE)
        if cause:
            annotations[CHANGE_CAUSE] = cause
        self._store.replace(DEPLOYMENTS, fresh)

    def _resize(self, pods: PodLife, deployment: Obj, replica_set: Obj, size: int) -> None:
        before = replica_set["spec"]["replicas"]
        if before == size:
            return
        fresh = copy.deepcopy(replica_set)
        fresh["spec"]["replicas"] = size
        fresh["metadata"]["generation"] = fresh["metadata"].get("generation", 1) + 1
        fresh["metadata"]["annotations"]["deployment.kubernetes.io/desired-replicas"] = str(
            deployment["spec"]["replicas"]
        )
        self._store.replace(REPLICA_SETS, fresh)
        way = "up" if size > before else "down"
        text = f"Scaled {way} replica set {name_of(replica_set)} from {before} to {size}"
        pods.note(deployment, "ScalingReplicaSet", text, "deployment-controller")

    def _write_deployment_status(self, deployment: Obj, new: Obj, pods: list[Obj]) -> None:
        fresh = copy.deepcopy(self._fresh(DEPLOYMENTS, deployment))
        known = {c["type"]: c for c in dig(fresh, "status", "conditions", default=[])}
        late = known.get("Progressing", {})
        stuck = late.get("reason") == "ProgressDeadlineExceeded" and f'"{name_of(new)}"' in late["message"]
        wanted = deployment["spec"]["replicas"]
        stuck = stuck and sum(1 for pod in pods if is_ready(pod) and _is_of(pod, new)) < wanted
        status = deployment_status(fresh, new, pods, now(), stuck=stuck)
        status["conditions"] = [_kept(known.get(c["type"]), c) for c in status["conditions"]]
        fresh["status"] = status
        self._store.replace(DEPLOYMENTS, fresh)

    def _replica_set(self, pods: PodLife, replica_set: Obj) -> None:
        source = "replicaset-controller"
        mine = self._owned(PODS, replica_set)
        wanted = replica_set["spec"]["replicas"]
        for _ in range(wanted - len(mine)):
            pods.create(replica_set, f"{name_of(replica_set)}-{random_suffix()}", source)
        for pod in sorted(mine, key=_keep_worth)[: max(len(mine) - wanted, 0)]:
            pods.delete(replica_set, pod, source)
        self._write_status(REPLICA_SETS, replica_set)

    def _stateful_set(self, pods: PodLife, stateful_set: Obj) -> None:
        source = "statefulset-controller"
        mine = {name_of(pod): pod for pod in self._owned(PODS, stateful_set)}
        names = [f"{name_of(stateful_set)}-{number}" for number in range(stateful_set["spec"]["replicas"])]
        for name in names:
            if name not in mine:
                pods.create(stateful_set, name, source)
        for name in sorted(set(mine) - set(names), reverse=True):
            pods.delete(stateful_set, mine[name], source)
        self._write_status(STATEFUL_SETS, stateful_set)

    def _write_status(self, place: Place, workload: Obj) -> None:
        fresh = copy.deepcopy(self._fresh(place, workload))
        status = replica_set_status(fresh, self._owned(PODS, workload))
        if place == STATEFUL_SETS:
            status.pop("fullyLabeledReplicas", None)
            status.update(currentReplicas=status["replicas"], updatedReplicas=status["replicas"])
        fresh["status"] = status
        self._store.replace(place, fresh)

    def _fresh(self, place: Place, obj: Obj) -> Obj:
        """The object as it is stored now, after the writes of this pass."""
        return self._store.get(place, namespace_of(obj), name_of(obj)) or obj


def _revision(replica_set: Obj) -> str:
    return dig(replica_set, "metadata", "annotations", REVISION, default="0")


def _plain_template(replica_set: Obj) -> Obj:
    """The template without the label that the controller added."""
    template = copy.deepcopy(replica_set["spec"]["template"])
    template["metadata"]["labels"].pop(HASH_LABEL, None)
    return template


def _is_of(pod: Obj, replica_set: Obj) -> bool:
    return (controller_of(pod) or {}).get("uid") == replica_set["metadata"]["uid"]


def _keep_worth(pod: Obj) -> tuple[bool, list[int]]:
    """Pods to delete first sort first: unready before ready, then young before old."""
    created = dig(pod, "metadata", "creationTimestamp", default="")
    return is_ready(pod), [-ord(letter) for letter in created]


def _kept(known: Obj | None, fresh: Obj) -> Obj:
    """A condition keeps its times while it says the same."""
    same = ("status", "reason", "message")
    if known is not None and all(known.get(key) == fresh[key] for key in same):
        return known
    return fresh
