"""The Deployment controller: revisions, rolling updates within their bounds, pause, progress deadline."""

from __future__ import annotations

import uuid

from kubeai_bot.playground.cluster.control.workbench import Workbench
from kubeai_bot.playground.cluster.derived import (
    CHANGE_CAUSE,
    HASH_LABEL,
    REVISION,
    deployment_status,
    is_ready,
    replica_set_for,
    rollout_bounds,
    template_hash,
)
from kubeai_bot.playground.cluster.objects import Obj, copied, dig, name_of, namespace_of, now
from kubeai_bot.playground.cluster.store import Place

DEPLOYMENTS: Place = ("apps", "deployments")
REPLICA_SETS: Place = ("apps", "replicasets")
DESIRED = "deployment.kubernetes.io/desired-replicas"
_HISTORY = "deployment.kubernetes.io/revision-history"
_OWN = "deployment.kubernetes.io/"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_DEADLINE_PACE = 0.005
"""Real seconds for each second of progressDeadlineSeconds: 600 of them pass in 3."""


class Rollouts:
    """Brings one Deployment at a time a step closer to what it asks for."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._seen: dict[str, tuple[object, ...]] = {}

    def step(self, deployment: Obj) -> None:
        sets = self._bench.owned(REPLICA_SETS, deployment)
        new = next((one for one in sets if _is_of_template(one, deployment)), None)
        paused = bool(dig(deployment, "spec", "paused"))
        if not paused:
            new = self._newest(deployment, new, sets)
        others = [one for one in sets if new is None or name_of(one) != name_of(new)]
        if paused or self._is_scaled(deployment, [*others, *([new] if new else [])]):
            self._scale(deployment, new, others)
        elif new is not None and dig(deployment, "spec", "strategy", "type") == "Recreate":
            self._recreate(deployment, new, others)
        elif new is not None:
            self._roll(deployment, new, others)
        self._forget_old(deployment, others)
        self._report(deployment, new)

    def _newest(self, deployment: Obj, known: Obj | None, sets: list[Obj]) -> Obj:
        """The ReplicaSet of the Deployment's template: a known one (rolled back to), or a new one."""
        highest = max((_revision(one) for one in sets), default=0)
        if known is None:
            made = replica_set_for(
                deployment, template_hash(deployment["spec"]["template"]), highest + 1, now(), str(uuid.uuid4())
            )
            newest = self._bench.store.create(REPLICA_SETS, made)
        else:
            newest = known
            if _revision(known) != highest:
                newest = self._bench.change(REPLICA_SETS, known, lambda fresh: _renumber(fresh, highest + 1))
            newest = self._bench.change(REPLICA_SETS, newest, lambda fresh: _take_annotations(fresh, deployment))
        revision = str(_revision(newest))
        if dig(deployment, "metadata", "annotations", REVISION) != revision:
            self._bench.change(
                DEPLOYMENTS,
                deployment,
                lambda fresh: fresh["metadata"].setdefault("annotations", {}).update({REVISION: revision}),
            )
        return newest

    def _is_scaled(self, deployment: Obj, sets: list[Obj]) -> bool:
        """Whether only the number of replicas was changed since the sets were sized."""
        wanted = str(deployment["spec"]["replicas"])
        noted = [dig(one, "metadata", "annotations", DESIRED) for one in sets if one["spec"]["replicas"]]
        return any(desired != wanted for desired in noted)

    def _scale(self, deployment: Obj, new: Obj | None, others: list[Obj]) -> None:
        """Gives the difference to the largest set, as the real one does in proportion."""
        sets = [*others, *([new] if new else [])]
        active = [one for one in sets if one["spec"]["replicas"]] or ([new] if new else [])
        if not active:
            return
        wanted = deployment["spec"]["replicas"]
        surge = rollout_bounds(deployment)[0] if len(active) > 1 else 0
        total = sum(one["spec"]["replicas"] for one in active)
        largest = max(active, key=lambda one: one["spec"]["replicas"])
        for one in active:
            size = one["spec"]["replicas"]
            if one is largest and (wanted == 0 or total != wanted + surge):
                size = 0 if wanted == 0 else max(size + wanted + surge - total, 0)
            self._resize(deployment, one, 0 if wanted == 0 else size)

    def _recreate(self, deployment: Obj, new: Obj, others: list[Obj]) -> None:
        old = [one for one in others if one["spec"]["replicas"] or self._bench.owned(("", "pods"), one)]
        for one in old:
            self._resize(deployment, one, 0)
        if not old:
            self._resize(deployment, new, deployment["spec"]["replicas"])

    def _roll(self, deployment: Obj, new: Obj, others: list[Obj]) -> None:
        wanted = deployment["spec"]["replicas"]
        surge, unavailable = rollout_bounds(deployment)
        old_total = sum(one["spec"]["replicas"] for one in others)
        size = new["spec"]["replicas"]
        room = wanted + surge - old_total - size
        target = wanted if size > wanted else min(wanted, size + max(room, 0))
        self._resize(deployment, new, target)
        ready_new = self._ready(new)
        spare = old_total + size - (wanted - unavailable) - (size - ready_new)
        if old_total and spare > 0:
            self._shrink_old(deployment, others, spare, wanted - unavailable)

    def _shrink_old(self, deployment: Obj, others: list[Obj], spare: int, least: int) -> None:
        """Takes away up to `spare` old pods: broken ones first, then ready ones as long as `least` stay ready."""
        sizes = {name_of(one): one["spec"]["replicas"] for one in others}
        for one in others:
            broken = min(sizes[name_of(one)] - self._ready(one), spare)
            sizes[name_of(one)] -= max(broken, 0)
            spare -= max(broken, 0)
        every = self._bench.owned(REPLICA_SETS, deployment)
        free = min(sum(self._ready(one) for one in every) - least, spare)
        for one in others:
            gone = min(sizes[name_of(one)], max(free, 0))
            sizes[name_of(one)] -= gone
            free -= gone
        for one in others:
            self._resize(deployment, one, sizes[name_of(one)])

    def _ready(self, replica_set: Obj) -> int:
        return sum(1 for pod in self._bench.active_pods(replica_set) if is_ready(pod))

    def _resize(self, deployment: Obj, replica_set: Obj, size: int) -> None:
        before, wanted = replica_set["spec"]["replicas"], deployment["spec"]["replicas"]
        most = wanted + rollout_bounds(deployment)[0]

        def sized(fresh: Obj) -> None:
            if fresh["spec"]["replicas"] != size:
                fresh["metadata"]["generation"] = fresh["metadata"].get("generation", 1) + 1
                fresh["spec"]["replicas"] = size
            if size or before:
                notes = {DESIRED: str(wanted), f"{_OWN}max-replicas": str(most)}
                fresh["metadata"].setdefault("annotations", {}).update(notes)

        self._bench.change(REPLICA_SETS, replica_set, sized)
        if before != size:
            way = "up" if size > before else "down"
            text = f"Scaled {way} replica set {name_of(replica_set)} from {before} to {size}"
            self._bench.pods.note(deployment, "ScalingReplicaSet", text, "deployment-controller")

    def _forget_old(self, deployment: Obj, others: list[Obj]) -> None:
        """Keeps revisionHistoryLimit sets that have no pods."""
        limit = dig(deployment, "spec", "revisionHistoryLimit", default=10)
        empty = sorted(
            (one for one in others if not one["spec"]["replicas"] and not dig(one, "status", "replicas")),
            key=_revision,
        )
        for one in empty[: max(len(empty) - limit, 0)]:
            self._bench.store.delete(REPLICA_SETS, namespace_of(one), name_of(one))

    def _report(self, deployment: Obj, new: Obj | None) -> None:
        fresh = self._bench.fresh(DEPLOYMENTS, deployment)
        groups = [self._bench.active_pods(one) for one in self._bench.owned(REPLICA_SETS, deployment)]
        pods = [pod for group in groups for pod in group]
        known = {c["type"]: c for c in dig(fresh, "status", "conditions", default=[])}
        late = known.get("Progressing", {})
        name = name_of(new) if new else ""
        stuck = late.get("reason") == "ProgressDeadlineExceeded" and f'"{name}"' in late.get("message", "")
        updated = [pod for pod in pods if new and dig(pod, "metadata", "labels", HASH_LABEL) == _hash(new)]
        stuck = stuck and sum(is_ready(pod) for pod in updated) < fresh["spec"]["replicas"]
        self._bench.set_status(DEPLOYMENTS, fresh, deployment_status(fresh, new, pods, now(), stuck=stuck))
        ready = sum(is_ready(pod) for pod in updated)
        self._watch_progress(fresh, (name, len(updated), ready, len(pods), fresh["metadata"].get("generation")))

    def _watch_progress(self, deployment: Obj, seen: tuple[object, ...]) -> None:
        """Starts the progress deadline anew whenever something has changed."""
        uid = deployment["metadata"]["uid"]
        if self._seen.get(uid) == seen:
            return
        self._seen[uid] = seen
        seconds = dig(deployment, "spec", "progressDeadlineSeconds", default=600) * _DEADLINE_PACE
        self._bench.later(self._check_progress, (deployment, seen), seconds)

    def _check_progress(self, watched: tuple[Obj, tuple[object, ...]]) -> None:
        then, seen = watched
        uid = then["metadata"]["uid"]
        deployment = self._bench.store.get(DEPLOYMENTS, namespace_of(then), name_of(then))
        if deployment is None or deployment["metadata"]["uid"] != uid or self._seen.get(uid) != seen:
            return
        progressing = next(
            (c for c in dig(deployment, "status", "conditions", default=[]) if c["type"] == "Progressing"), {}
        )
        if progressing.get("reason") != "ReplicaSetUpdated":
            return
        sets = self._bench.owned(REPLICA_SETS, deployment)
        new = next((one for one in sets if _is_of_template(one, deployment)), None)
        pods = [pod for one in sets for pod in self._bench.active_pods(one)]
        self._bench.set_status(DEPLOYMENTS, deployment, deployment_status(deployment, new, pods, now(), stuck=True))


def _revision(replica_set: Obj) -> int:
    return int(dig(replica_set, "metadata", "annotations", REVISION, default="0"))


def _hash(replica_set: Obj) -> str:
    return dig(replica_set, "metadata", "labels", HASH_LABEL, default="")


def _is_of_template(replica_set: Obj, deployment: Obj) -> bool:
    """Whether the set was made from the Deployment's present template, but for the label that was added."""
    template = copied(replica_set["spec"]["template"])
    template["metadata"]["labels"].pop(HASH_LABEL, None)
    return template == deployment["spec"]["template"]


def _renumber(replica_set: Obj, revision: int) -> None:
    annotations: Obj = replica_set["metadata"]["annotations"]
    history = [*filter(None, annotations.get(_HISTORY, "").split(",")), annotations[REVISION]]
    annotations.update({_HISTORY: ",".join(history), REVISION: str(revision)})


def _take_annotations(replica_set: Obj, deployment: Obj) -> None:
    """The newest set carries the Deployment's annotations, such as the cause of the change."""
    theirs: Obj = dig(deployment, "metadata", "annotations", default={})
    for key, value in theirs.items():
        if key != _LAST_APPLIED and not key.startswith(_OWN):
            replica_set["metadata"]["annotations"][key] = value
    if CHANGE_CAUSE not in theirs:
        replica_set["metadata"]["annotations"].pop(CHANGE_CAUSE, None)
