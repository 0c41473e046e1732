"""The life of pods in a running demo cluster: placed, started, ended; and the Endpoints they serve."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime

from kubeai_bot.playground.cluster.control.placement import place
from kubeai_bot.playground.cluster.deletion import DeleteOptions, remove
from kubeai_bot.playground.cluster.derived import endpoints_for, pod_for
from kubeai_bot.playground.cluster.events import event_about
from kubeai_bot.playground.cluster.kubelet import Kubelet, Outcome
from kubeai_bot.playground.cluster.objects import (
    Obj,
    controller_of,
    copied,
    dig,
    labels_of,
    moment,
    name_of,
    namespace_of,
    now,
)
from kubeai_bot.playground.cluster.podstatus import (
    back_off_image,
    back_off_restart,
    ended_status,
    pod_status,
    starting_status,
    unscheduled_status,
)
from kubeai_bot.playground.cluster.state import ClusterState
from kubeai_bot.playground.cluster.voices import container_log, last_line

PODS = ("", "pods")
NODES = ("", "nodes")
ENDPOINTS = ("", "endpoints")
Later = Callable[..., None]
"""(function, argument, seconds): calls the function with the argument a little later, or after `seconds`."""


class PodLife:
    """Makes and removes pods; what becomes of them is the kubelet's verdict, a little later."""

    def __init__(self, state: ClusterState, kubelet: Kubelet, later: Later) -> None:
        self._state = state
        self._store = state.store
        self._kubelet = kubelet
        self._later = later

    def create(self, owner: Obj, pod: Obj, source: str) -> None:
        """Stores a new pod of `owner` (see `pod_for`); one without a node is placed first."""
        self._store.create(PODS, pod)
        self.note(owner, "SuccessfulCreate", f"Created pod: {name_of(pod)}", source)

    def fresh(self, owner: Obj, name: str, *, node: str = "", labels: Mapping[str, str] | None = None) -> Obj:
        """A pod made from the owner's template, not stored yet."""
        return pod_for(owner, name, node, now(), str(uuid.uuid4()), labels=labels)

    def delete(self, owner: Obj, pod: Obj, source: str) -> None:
        kind = self._state.registry.find("", "v1", "pods")
        if kind is not None and "deletionTimestamp" not in pod["metadata"]:
            remove(self._store, kind, pod, DeleteOptions(policy="Background"))
            self.note(owner, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}", source)

    def see(self, change: str, pod: Obj) -> None:
        """What the scheduler and the kubelet do about a pod that was made, marked for deletion or removed."""
        if change == "DELETED":
            self._state.logs.forget(namespace_of(pod), name_of(pod))
        elif "deletionTimestamp" in pod["metadata"]:
            self._later(self._end, pod["metadata"]["uid"])
        elif change == "ADDED":
            self._schedule(pod)

    def place_waiting(self, _argument: None = None) -> None:
        """Tries again to place the pods that wait for a node."""
        for pod in self._store.list(PODS):
            if not dig(pod, "spec", "nodeName") and "deletionTimestamp" not in pod["metadata"]:
                self._schedule(pod)

    def _schedule(self, pod: Obj) -> None:
        at = now()
        placed = copied(pod)
        if not dig(pod, "spec", "nodeName"):
            found = place(pod, self._store.list(NODES), self._store.list(PODS))
            if not found.node:
                status = unscheduled_status(pod, found.why, at)
                if dig(pod, "status", "conditions", 0, "message") != found.why:
                    self.note(pod, "FailedScheduling", found.why, "default-scheduler")
                    self._store.replace(PODS, {**placed, "status": status})
                return
            placed["spec"]["nodeName"] = found.node
            target = f"{namespace_of(pod)}/{name_of(pod)} to {found.node}"
            self.note(pod, "Scheduled", f"Successfully assigned {target}", "default-scheduler")
        placed["status"] = starting_status(placed, at)
        self._store.replace(PODS, placed)
        self._later(self.settle, pod["metadata"]["uid"])

    def _end(self, uid: str) -> None:
        """The containers of a pod that is to be deleted have ended."""
        pod = self._find(uid)
        if pod is None or dig(pod, "metadata", "finalizers"):
            return
        for container in pod["spec"]["containers"]:
            self.note(pod, "Killing", f"Stopping container {container['name']}", "kubelet")
        self._store.delete(PODS, namespace_of(pod), name_of(pod))

    def settle(self, uid: str) -> None:
        """Gives the pod with this uid (if it still is there) the status and logs that follow from its verdict."""
        pod = self._find(uid)
        if pod is None or not dig(pod, "spec", "nodeName") or dig(pod, "status", "phase") in {"Succeeded", "Failed"}:
            return
        outcome = self.fate(pod)
        at = now()
        settled = copied(pod)
        settled["status"] = pod_status(pod, outcome, at, restarts=1, last_end=at)
        for container in pod["spec"]["containers"]:
            log = container_log(pod, container, outcome, at, at)
            self._state.logs.put(namespace_of(pod), name_of(pod), container["name"], log)
        self._store.replace(PODS, settled)
        self._note_outcome(settled, outcome)
        ends = outcome.kind in {"healthy", "crash"} and (controller_of(pod) or {}).get("kind") == "Job"
        if ends and (outcome.kind == "healthy" or dig(pod, "spec", "restartPolicy") == "Never"):
            self._later(self._complete, uid)

    def _complete(self, uid: str) -> None:
        """The containers of a job's pod have done their work, or failed at it."""
        pod = self._find(uid)
        if pod is None:
            return
        outcome = self.fate(pod)
        done = outcome.kind == "healthy"
        self._store.replace(PODS, {**pod, "status": ended_status(pod, now(), failed=not done)})
        if done:
            container = pod["spec"]["containers"][0]["name"]
            self._state.logs.append(namespace_of(pod), name_of(pod), container, last_line(pod))

    def retry(self, namespace: str) -> None:
        """Settles the crashing pods of a namespace again: their next start reads the changed ConfigMaps."""
        for pod in self._store.list(PODS, namespace):
            statuses = dig(pod, "status", "containerStatuses", default=[])
            if any(dig(status, "state", "waiting", "reason") == "CrashLoopBackOff" for status in statuses):
                self._later(self.settle, pod["metadata"]["uid"])

    def restart(self, pod: Obj) -> None:
        """Starts the containers again, as after a change of an image."""
        self._later(self.settle, pod["metadata"]["uid"])

    def fate(self, pod: Obj) -> Outcome:
        """What becomes of a pod as things are now."""
        return self._kubelet.judge(pod, self._read_config)

    def crash_again(self, pod: Obj, at: datetime) -> None:
        """The container that has crashed was started once more, and has ended again at `at`."""
        outcome = self.fate(pod)
        if outcome.kind not in {"crash", "oom"}:
            return
        known = next(s for s in pod["status"]["containerStatuses"] if s["name"] == outcome.container)
        began = moment(pod["status"]["startTime"]) or at
        again = copied(pod)
        again["status"] = pod_status(pod, outcome, began, restarts=known["restartCount"] + 1, last_end=at)
        container = next(c for c in pod["spec"]["containers"] if c["name"] == outcome.container)
        log = container_log(pod, container, outcome, began, at)
        self._state.logs.put(namespace_of(pod), name_of(pod), container["name"], log)
        self._store.replace(PODS, again)

    def refresh_endpoints(self, namespace: str) -> None:
        """Brings the Endpoints of every Service in the namespace in step with its pods."""
        pods = [pod for pod in self._store.list(PODS, namespace) if "deletionTimestamp" not in pod["metadata"]]
        for service in self._store.list(("", "services"), namespace):
            selector = dig(service, "spec", "selector")
            endpoints = self._store.get(ENDPOINTS, namespace, name_of(service))
            if not selector or endpoints is None:
                continue
            chosen = [pod for pod in pods if selector.items() <= labels_of(pod).items()]
            fresh = {key: value for key, value in endpoints.items() if key != "subsets"}
            if subsets := endpoints_for(service, chosen):
                fresh["subsets"] = subsets
            self._store.replace(ENDPOINTS, fresh)

    def note(self, about: Obj, reason: str, message: str, source: str) -> None:
        self._store.create(("", "events"), event_about(about, reason, message, source))

    def _find(self, uid: str) -> Obj | None:
        return next((pod for pod in self._store.list(PODS) if pod["metadata"]["uid"] == uid), None)

    def _read_config(self, namespace: str, name: str) -> Mapping[str, str] | None:
        found = self._store.get(("", "configmaps"), namespace, name)
        return None if found is None else found.get("data", {})

    def _note_outcome(self, pod: Obj, outcome: Outcome) -> None:
        if outcome.kind == "image":
            image = next(c["image"] for c in pod["spec"]["containers"] if c["name"] == outcome.container)
            self.note(pod, "BackOff", back_off_image(image), "kubelet")
            return
        for container in pod["spec"]["containers"]:
            self.note(pod, "Started", f"Started container {container['name']}", "kubelet")
        if outcome.kind in {"crash", "oom"}:
            self.note(pod, "BackOff", back_off_restart(pod, outcome.container), "kubelet")
        if outcome.kind == "unready":
            text = "Readiness probe failed: HTTP probe failed with statuscode: 404"
            self.note(pod, "Unhealthy", text, "kubelet")
