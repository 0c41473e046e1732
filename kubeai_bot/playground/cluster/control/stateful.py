"""The controllers of pods with a place of their own: StatefulSets (an ordinal) and DaemonSets (a node)."""

from __future__ import annotations

from kubeai_bot.playground.cluster.admission import random_suffix
from kubeai_bot.playground.cluster.control.history import newest_revision
from kubeai_bot.playground.cluster.control.placement import fault_of
from kubeai_bot.playground.cluster.control.podlife import NODES, PODS
from kubeai_bot.playground.cluster.control.workbench import Workbench
from kubeai_bot.playground.cluster.derived import is_ready, replica_set_status
from kubeai_bot.playground.cluster.objects import Obj, copied, dig, name_of, now
from kubeai_bot.playground.cluster.revisions import is_of, revision_label
from kubeai_bot.playground.cluster.store import Place

STATEFUL_SETS: Place = ("apps", "statefulsets")
DAEMON_SETS: Place = ("apps", "daemonsets")
_EVERYWHERE = ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")


class StatefulSets:
    """Pods by name; a changed template reaches them one by one, the highest ordinal first."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    def step(self, owner: Obj) -> None:
        revision = newest_revision(self._bench, owner, now())
        pods = {name_of(pod): pod for pod in self._bench.owned(PODS, owner)}
        wanted = [f"{name_of(owner)}-{number}" for number in range(owner["spec"]["replicas"])]
        for name in sorted(set(pods) - set(wanted), reverse=True):
            self._bench.pods.delete(owner, pods[name], "statefulset-controller")
        for number, name in enumerate(wanted):
            if name not in pods:
                labels = {
                    "apps.kubernetes.io/pod-index": str(number),
                    "controller-revision-hash": revision_label(revision),
                    "statefulset.kubernetes.io/pod-name": name,
                }
                pod = self._bench.pods.fresh(owner, name, labels=labels)
                self._bench.pods.create(owner, pod, "statefulset-controller")
        self._update(owner, revision, [pods[name] for name in wanted if name in pods])
        self._report(owner, revision)

    def _update(self, owner: Obj, revision: Obj, pods: list[Obj]) -> None:
        """Replaces the next outdated pod once all those above it are ready."""
        if dig(owner, "spec", "updateStrategy", "type") == "OnDelete":
            return
        first = dig(owner, "spec", "updateStrategy", "rollingUpdate", "partition", default=0)
        for pod in reversed(pods[first:]):
            if not is_of(pod, revision):
                self._bench.pods.delete(owner, pod, "statefulset-controller")
                return
            if not is_ready(pod):
                return

    def _report(self, owner: Obj, revision: Obj) -> None:
        pods = self._bench.active_pods(owner)
        updated = [pod for pod in pods if is_of(pod, revision)]
        status = replica_set_status(owner, pods)
        status.pop("fullyLabeledReplicas", None)
        name, before = name_of(revision), dig(owner, "status", "currentRevision")
        done = len(updated) == len(pods) == owner["spec"]["replicas"] and all(is_ready(pod) for pod in pods)
        status.update(
            currentRevision=name if done or not before else before,
            updateRevision=name,
            currentReplicas=len(pods) if done else len(pods) - len(updated),
            updatedReplicas=len(updated),
            collisionCount=0,
        )
        self._bench.set_status(STATEFUL_SETS, owner, status)


class DaemonSets:
    """A pod on every node that takes it; a changed template reaches one node at a time."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    def step(self, owner: Obj) -> None:
        revision = newest_revision(self._bench, owner, now())
        by_node: dict[str, list[Obj]] = {}
        for pod in self._bench.owned(PODS, owner):
            by_node.setdefault(dig(pod, "spec", "nodeName", default=""), []).append(pod)
        wanted = [name_of(node) for node in self._bench.store.list(NODES) if _runs_on(owner, node)]
        for node in wanted:
            if not by_node.get(node):
                self._make(owner, node, revision)
        for node in set(by_node) - set(wanted):
            for pod in by_node[node]:
                self._bench.pods.delete(owner, pod, "daemonset-controller")
        pods = [pod for node in wanted for pod in by_node.get(node, ())]
        settled = len(pods) == len(wanted) and all(is_ready(pod) for pod in pods)
        outdated = next((pod for pod in pods if not is_of(pod, revision)), None)
        broken = next((pod for pod in pods if not is_of(pod, revision) and not is_ready(pod)), None)
        if dig(owner, "spec", "updateStrategy", "type") != "OnDelete" and (broken or (settled and outdated)):
            self._bench.pods.delete(owner, broken or outdated or {}, "daemonset-controller")
        self._report(owner, revision, len(wanted))

    def _make(self, owner: Obj, node: str, revision: Obj) -> None:
        labels = {
            "controller-revision-hash": revision_label(revision),
            "pod-template-generation": str(dig(owner, "metadata", "generation", default=1)),
        }
        pod = self._bench.pods.fresh(owner, f"{name_of(owner)}-{random_suffix()}", node=node, labels=labels)
        pod["spec"] = _tolerant(pod["spec"])
        self._bench.pods.create(owner, pod, "daemonset-controller")

    def _report(self, owner: Obj, revision: Obj, wanted: int) -> None:
        pods = self._bench.active_pods(owner)
        ready = sum(1 for pod in pods if is_ready(pod))
        updated = sum(1 for pod in pods if is_of(pod, revision))
        status: Obj = {
            "currentNumberScheduled": len(pods),
            "numberMisscheduled": 0,
            "desiredNumberScheduled": wanted,
            "numberReady": ready,
            "observedGeneration": dig(owner, "metadata", "generation", default=1),
        }
        also = {"updatedNumberScheduled": updated, "numberAvailable": ready, "numberUnavailable": wanted - ready}
        self._bench.set_status(DAEMON_SETS, owner, {**status, **{key: value for key, value in also.items() if value}})


def _tolerant(spec: Obj) -> Obj:
    """The spec with the tolerations that the controller adds: its pods also run on cordoned nodes."""
    known: list[Obj] = list(spec.get("tolerations") or ())
    for word in _EVERYWHERE:
        effect = "NoExecute" if word in {"not-ready", "unreachable"} else "NoSchedule"
        added = {"key": f"node.kubernetes.io/{word}", "operator": "Exists", "effect": effect}
        if added not in known:
            known.append(added)
    return {**spec, "tolerations": known}


def _runs_on(owner: Obj, node: Obj) -> bool:
    template: Obj = copied(owner["spec"]["template"])
    return not fault_of({**template, "spec": _tolerant(template["spec"])}, node)
