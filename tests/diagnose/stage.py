"""A stage for one fault: an app of its own in a namespace of its own, healthy until the scenario breaks it.

Scenarios write what a real cluster's controllers and kubelets would have written, on a cluster that stands still.
"""

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from kubeai_bot.playground.cluster.apps import App
from kubeai_bot.playground.cluster.furniture import namespace
from kubeai_bot.playground.cluster.kubelet import HEALTHY, Kubelet
from kubeai_bot.playground.cluster.logs import ContainerLog, LogLine
from kubeai_bot.playground.cluster.scenario import Scenario
from kubeai_bot.playground.cluster.scene import Scene, Seen
from kubeai_bot.playground.cluster.server import DemoCluster
from kubeai_bot.playground.cluster.workloads import draw_app

Obj = dict[str, Any]
WELL = "all-is-well"
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Case:
    """One fault. `present` must be in the evidence; `looked_at` is what an expert would describe and dump for it, the
    first of them is what the diagnosis is asked about."""

    name: str
    namespace: str
    present: tuple[str, ...]
    looked_at: tuple[tuple[str, str], ...]
    pod: str = ""


@dataclass
class Stage:
    """The app `name` in namespace `name`, drawn into `scene`."""

    scene: Scene
    name: str
    deployment: Obj
    sets: list[Obj]
    pods: list[Obj]
    service: Obj
    worker: Obj
    """A node in good health, to copy."""

    @classmethod
    def draw(cls, scene: Scene, name: str, worker: Obj) -> "Stage":
        start = len(scene.objects)
        scene.add(namespace(name), timedelta(days=40))
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}}
        scene.add(account, timedelta(days=40))
        app = App(name, name, required_key="", config={"LOG_LEVEL": "info", "HTTP_PORT": "8080"})
        pods = draw_app(scene, app)
        mine = scene.objects[start:]
        one = {o["kind"]: o for o in mine}
        sets = [o for o in mine if o["kind"] == "ReplicaSet"]
        return cls(scene, name, one["Deployment"], sets, pods, one["Service"], worker)

    @property
    def pod(self) -> Obj:
        return self.pods[0]

    def node(self, name: str) -> Obj:
        return self.scene.add(node_like(self.worker, name), timedelta(days=9))

    def everywhere(self) -> list[Obj]:
        """The pod specs of the newest template: of the Deployment, the newest ReplicaSet and the pods."""
        holders = [self.deployment["spec"]["template"], self.sets[-1]["spec"]["template"], *self.pods]
        return [holder["spec"] for holder in holders]

    def containers(self) -> list[Obj]:
        return [spec["containers"][0] for spec in self.everywhere()]

    def event(self, about: Obj, reason: str, message: str, count: int = 1, kind: str = "Warning") -> None:
        self.scene.event(about, reason, message, "kubelet", Seen(30 * MINUTE, MINUTE, count))
        self.scene.objects[-1]["type"] = kind

    def unready(self, reason: str = "ContainersNotReady") -> None:
        """All pods not ready, and the Deployment says so."""
        for pod in self.pods:
            for condition in pod["status"]["conditions"]:
                if condition["type"] in ("Ready", "ContainersReady"):
                    condition.update(status="False", reason=reason)
            pod["status"]["containerStatuses"][0].update(ready=False)
        self._counts(0)

    def _counts(self, ready: int) -> None:
        for obj in (self.deployment, self.sets[-1]):
            obj["status"].update(readyReplicas=ready, availableReplicas=ready)
        self.deployment["status"]["unavailableReplicas"] = len(self.pods) - ready

    def waiting(self, reason: str, message: str) -> None:
        self.unready()
        for pod in self.pods:
            status = pod["status"]["containerStatuses"][0]
            status.update(state={"waiting": {"reason": reason, "message": message}}, started=False)
            pod["status"]["phase"] = "Pending"
            self.scene.logs.pop((self.name, pod["metadata"]["name"], status["name"]), None)

    def crashing(self, lines: Sequence[str], code: int = 1, reason: str = "Error", restarts: int = 9) -> None:
        self.unready()
        for pod in self.pods:
            status = pod["status"]["containerStatuses"][0]
            ended = {"exitCode": code, "reason": reason, "startedAt": pod["status"]["startTime"]}
            ended["finishedAt"] = self.scene.now.strftime("%Y-%m-%dT%H:%M:%SZ")
            ended["containerID"] = status["containerID"]
            message = f"back-off 5m0s restarting failed container={status['name']} pod={pod['metadata']['name']}"
            waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
            status.update(state=waiting, lastState={"terminated": ended}, restartCount=restarts, started=False)
            self.event(pod, "BackOff", f"Back-off restarting failed container {status['name']}", 60)
            self.log(lines, pod)

    def log(self, lines: Sequence[str], pod: Obj | None = None, container: str = "") -> None:
        for one in [pod] if pod else self.pods:
            key = (self.name, one["metadata"]["name"], container or self.name)
            self.scene.logs[key] = ContainerLog([LogLine(self.scene.now, line) for line in lines])

    def unscheduled(self, message: str) -> None:
        """All pods Pending without a node, for the reason that the scheduler gives."""
        self._counts(0)
        for pod in self.pods:
            pod["spec"].pop("nodeName", None)
            at = pod["status"].get("startTime", self.scene.now.strftime("%Y-%m-%dT%H:%M:%SZ"))
            condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
            condition["lastTransitionTime"] = at
            pod["status"] = {"phase": "Pending", "conditions": [condition], "qosClass": "Burstable"}
            self.event(pod, "FailedScheduling", message, 12)
            self.scene.logs.pop((self.name, pod["metadata"]["name"], self.name), None)

    def without_pods(self) -> None:
        """No pods at all: they were wanted and not made."""
        for pod in self.pods:
            self.scene.objects.remove(pod)
            self.scene.logs.pop((self.name, pod["metadata"]["name"], self.name), None)
        for obj in (self.deployment, self.sets[-1]):
            for key in ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"):
                obj["status"].pop(key, None)
            obj["status"]["replicas"] = 0
        self.pods = []

    def add(self, api: str, kind: str, name: str, *, age: timedelta = 30 * MINUTE, **parts: Any) -> Obj:
        obj = {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": self.name}, **parts}
        return self.scene.add(obj, age, applied=True)

    def case(self, *present: str, also: Sequence[tuple[str, str]] = (), first: tuple[str, str] | None = None) -> Case:
        """`first`: what is asked about, if it is not the Deployment."""
        asked = first or ("deployment", self.name)
        has_pod = bool(self.pods) and asked[0] in ("deployment", "job")
        pod = self.pods[0]["metadata"]["name"] if has_pod else ""
        below = [("pod", pod)] if pod else [] if first else [("replicaset", self.sets[-1]["metadata"]["name"])]
        return Case(self.name, self.name, present, (asked, *below, *also), pod)


def node_like(worker: Obj, name: str) -> Obj:
    node = copy.deepcopy(worker)
    node["metadata"] = {"name": name, "labels": {**worker["metadata"]["labels"], "kubernetes.io/hostname": name}}
    return node


def busy(count: int = 240) -> list[str]:
    """What a web program writes while all is well."""
    rng = random.Random(count)
    calls = ("GET /api/items", "GET /api/items/4711", "POST /api/items", "GET /api/search?q=lamp")
    return [
        f'ts=2026-11-21T11:{n // 60 % 60:02}:{n % 60:02}Z level=info msg="request" call="{rng.choice(calls)}" '
        f"status=200 duration_ms={rng.randint(2, 180)} request_id={rng.getrandbits(48):012x}"
        for n in range(count)
    ]


def new_scene() -> Scene:
    return Scene(random.Random(5), _AllIsWell({}))


class _AllIsWell(Kubelet):
    """Pods start healthy; each scenario breaks them itself."""

    def judge(self, pod, read_config):
        return HEALTHY


_EXTRA = (
    ("", "v1", "ResourceQuota", "resourcequotas", True),
    ("", "v1", "LimitRange", "limitranges", True),
    ("storage.k8s.io", "v1", "StorageClass", "storageclasses", False),
)
"""Kinds that the demo cluster may not serve by itself."""


def standing_still(demo: Scenario, scene: Scene) -> DemoCluster:
    """A demo cluster with the shop and everything of `scene`, in which nothing moves."""
    cluster = DemoCluster(Scenario([*demo.objects, *scene.objects], {**demo.logs, **scene.logs}, demo.faults))
    for group, version, kind, plural, namespaced in _EXTRA:
        if cluster.state.registry.find(group, version, plural) is None:
            schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
            served = {"name": version, "served": True, "storage": True, "schema": schema}
            names = {"kind": kind, "plural": plural, "singular": kind.lower()}
            spec = {"group": group, "names": names, "versions": [served]}
            spec["scope"] = "Namespaced" if namespaced else "Cluster"
            cluster.state.registry.serve({"metadata": {"name": f"{plural}.{group or 'core'}"}, "spec": spec})
    return cluster


def demo_cases(shop: Scenario) -> list[Case]:
    """The faults that the demo's own scenario has."""
    return [
        Case(f"demo: {f.kind}", f.namespace, f.evidence, (("deployment", f.workload), ("pod", f.pod)), f.pod)
        for f in shop.faults
    ]
