"""The canvas on which a scenario is drawn: objects that refer to each other, their events and their logs."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from kubeai_bot.playground.cluster.defaults import fill_defaults
from kubeai_bot.playground.cluster.events import event_about
from kubeai_bot.playground.cluster.kubelet import Kubelet, Outcome
from kubeai_bot.playground.cluster.logs import ContainerKey, ContainerLog
from kubeai_bot.playground.cluster.objects import Obj, name_of, namespace_of, now, stamp
from kubeai_bot.playground.cluster.podstatus import pod_status
from kubeai_bot.playground.cluster.voices import container_log

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_EVENTS_KEPT = timedelta(hours=1)
WORKERS = ("demo-worker-1", "demo-worker-2")


@dataclass(frozen=True)
class Seen:
    """When an event was first and last seen (as time before now), how often, and in which container."""

    first: timedelta
    last: timedelta
    count: int = 1
    container: str = ""


class Scene:
    """Collects what a scenario consists of. Times are relative to `now`, fixed when the scene is made."""

    def __init__(self, rng: random.Random, kubelet: Kubelet) -> None:
        self.rng = rng
        self.now = now()
        self.kubelet = kubelet
        self.objects: list[Obj] = []
        self.logs: dict[ContainerKey, ContainerLog] = {}
        self._pods_placed = 0

    def uid(self) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def ago(self, span: timedelta) -> datetime:
        return self.now - span

    def add(self, obj: Obj, age: timedelta, *, applied: bool = False) -> Obj:
        """Adds an object created `age` ago; `applied` objects look as if made with kubectl apply."""
        metadata: Obj = obj["metadata"]
        metadata.setdefault("uid", self.uid())
        metadata.setdefault("creationTimestamp", stamp(self.ago(age)))
        if applied:
            shown = {key: value for key, value in obj.items() if key != "status"}
            bare = {key: metadata[key] for key in ("name", "namespace", "labels") if key in metadata}
            text = json.dumps({**shown, "metadata": {"annotations": {}, **bare}}, separators=(",", ":"))
            metadata.setdefault("annotations", {})[LAST_APPLIED] = text + "\n"
        fill_defaults(obj)
        self.objects.append(obj)
        return obj

    def next_node(self) -> str:
        self._pods_placed += 1
        return WORKERS[self._pods_placed % len(WORKERS)]

    def config(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """The data of a ConfigMap of the scene."""
        wanted = ("ConfigMap", namespace, name)
        found = next((o for o in self.objects if (o["kind"], namespace_of(o), name_of(o)) == wanted), None)
        return None if found is None else found.get("data", {})

    def add_pod(self, pod: Obj, at: datetime, *, restarts: int = 0) -> Outcome:
        """Adds a pod with the status and logs that follow from what it is; `restarts` is for crashing ones."""
        outcome = self.kubelet.judge(pod, self.config)
        last_end = self.ago(timedelta(seconds=70 + self.rng.randint(0, 120)))
        pod["status"] = pod_status(pod, outcome, at, restarts=restarts, last_end=last_end)
        if outcome.kind == "unschedulable":
            pod["spec"].pop("nodeName", None)
        self.objects.append(pod)
        for container in pod["spec"]["containers"]:
            key = (namespace_of(pod), name_of(pod), container["name"])
            self.logs[key] = container_log(pod, container, outcome, at, last_end)
        return outcome

    def event(self, about: Obj, reason: str, message: str, source: str, seen: Seen) -> None:
        """Adds an Event about an object, unless a real cluster would have forgotten it by now."""
        if seen.last > _EVENTS_KEPT:
            return
        made = event_about(about, reason, message, source, uid=self.uid())
        made["metadata"]["creationTimestamp"] = stamp(self.ago(seen.first))
        made.update(
            firstTimestamp=stamp(self.ago(seen.first)),
            lastTimestamp=stamp(self.ago(seen.last)),
            count=seen.count,
        )
        if seen.container:
            made["involvedObject"]["fieldPath"] = f"spec.containers{{{seen.container}}}"
        self.objects.append(made)
