"""The life of pods in a running demo cluster: created, started by the kubelet, gone; and the Endpoints they serve."""

from __future__ import annotations

import copy
import itertools
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from kubeai_bot.playground.cluster.derived import endpoints_for, pod_for
from kubeai_bot.playground.cluster.events import event_about
from kubeai_bot.playground.cluster.kubelet import Kubelet, Outcome
from kubeai_bot.playground.cluster.objects import Obj, dig, labels_of, name_of, namespace_of, now
from kubeai_bot.playground.cluster.podstatus import (
    UNSCHEDULABLE,
    back_off_image,
    back_off_restart,
    pod_status,
    starting_status,
)
from kubeai_bot.playground.cluster.scene import WORKERS
from kubeai_bot.playground.cluster.state import ClusterState
from kubeai_bot.playground.cluster.voices import container_log

PODS = ("", "pods")
ENDPOINTS = ("", "endpoints")
Later = Callable[[Callable[..., None], Any], None]
"""Runs a function with one argument a little later."""


class PodLife:
    """Makes and removes pods; what becomes of them is the kubelet's verdict, a little later."""

    def __init__(self, state: ClusterState, kubelet: Kubelet, later: Later) -> None:
        self._state = state
        self._store = state.store
        self._kubelet = kubelet
        self._later = later
        self._nodes = itertools.cycle(WORKERS)

    def create(self, owner: Obj, name: str, source: str) -> None:
        """A new pod of `owner`, Pending at first."""
        at = now()
        pod = pod_for(owner, name, next(self._nodes), at, str(uuid.uuid4()))
        if self._judge(pod).kind == "unschedulable":
            pod["spec"].pop("nodeName")
            pod["status"] = {"phase": "Pending", "qosClass": "Burstable"}
        else:
            pod["status"] = starting_status(pod, at)
        stored = self._store.create(PODS, pod)
        self.note(owner, "SuccessfulCreate", f"Created pod: {name}", source)
        self._later(self.settle, stored["metadata"]["uid"])

    def delete(self, owner: Obj, pod: Obj, source: str) -> None:
        self._store.delete(PODS, namespace_of(pod), name_of(pod))
        self.note(owner, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}", source)

    def settle(self, uid: str) -> None:
        """Gives the pod with this uid (if it still is there) the status and logs that follow from its verdict."""
        pod = next((p for p in self._store.list(PODS) if p["metadata"]["uid"] == uid), None)
        if pod is None:
            return
        outcome = self._judge(pod)
        at = now()
        settled = copy.deepcopy(pod)
        settled["status"] = pod_status(pod, outcome, at, restarts=1, last_end=at)
        for container in pod["spec"]["containers"]:
            log = container_log(pod, container, outcome, at, at)
            self._state.logs.put(namespace_of(pod), name_of(pod), container["name"], log)
        self._store.replace(PODS, settled)
        self._note_outcome(settled, outcome)

    def retry(self, config_namespace: str) -> None:
        """Settles the unready pods of a namespace again: their next start reads the changed ConfigMaps."""
        for pod in self._store.list(PODS, config_namespace):
            statuses = dig(pod, "status", "containerStatuses", default=[])
            if any(dig(status, "state", "waiting", "reason") == "CrashLoopBackOff" for status in statuses):
                self._later(self.settle, pod["metadata"]["uid"])

    def refresh_endpoints(self, namespace: str) -> None:
        """Brings the Endpoints of every Service in the namespace in step with its pods."""
        pods = self._store.list(PODS, namespace)
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

    def _judge(self, pod: Obj) -> Outcome:
        return self._kubelet.judge(pod, self._read_config)

    def _read_config(self, namespace: str, name: str) -> Mapping[str, str] | None:
        found = self._store.get(("", "configmaps"), namespace, name)
        return None if found is None else found.get("data", {})

    def _note_outcome(self, pod: Obj, outcome: Outcome) -> None:
        if outcome.kind == "unschedulable":
            self.note(pod, "FailedScheduling", UNSCHEDULABLE, "default-scheduler")
            return
        target = f"{namespace_of(pod)}/{name_of(pod)} to {pod['spec']['nodeName']}"
        self.note(pod, "Scheduled", f"Successfully assigned {target}", "default-scheduler")
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
