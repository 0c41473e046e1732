"""What a demo cluster holds when it starts: a small shop with faults, or nothing but a fresh cluster."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from kubeai_bot.playground.cluster.apps import App, shop_apps
from kubeai_bot.playground.cluster.default_roles import bootstrap_rbac
from kubeai_bot.playground.cluster.furniture import CLUSTER_AGE, draw_budgets, draw_furniture, namespace
from kubeai_bot.playground.cluster.kinds import Kind
from kubeai_bot.playground.cluster.kubelet import Kubelet
from kubeai_bot.playground.cluster.logs import ContainerKey, ContainerLog
from kubeai_bot.playground.cluster.objects import Obj, dig, moment, name_of
from kubeai_bot.playground.cluster.rbac_objects import people_rbac
from kubeai_bot.playground.cluster.scene import LAST_APPLIED, Scene
from kubeai_bot.playground.cluster.state import ClusterState
from kubeai_bot.playground.cluster.system import draw_system, system_programs
from kubeai_bot.playground.cluster.typed.ownership import Manager, note_update
from kubeai_bot.playground.cluster.typed.shape import shape_of
from kubeai_bot.playground.cluster.workloads import draw_app


@dataclass(frozen=True)
class Fault:
    """Something that is wrong in the scenario.

    `kind` is one of crash-loop, image-pull, oom, unschedulable, readiness, rollout; `workload` is a Deployment;
    `pod` is a pod that shows the fault; `evidence` are words that an answer from the live cluster would name.
    """

    kind: str
    namespace: str
    workload: str
    pod: str
    evidence: tuple[str, ...]


@dataclass
class Scenario:
    """Objects and logs to start with. Without a `kubelet` nothing happens by itself, as on a bare API server."""

    objects: list[Obj]
    logs: dict[ContainerKey, ContainerLog] = field(default_factory=dict[ContainerKey, ContainerLog])
    faults: list[Fault] = field(default_factory=list[Fault])
    kubelet: Kubelet | None = None

    @classmethod
    def build(cls, seed: int | None = None) -> Scenario:
        """The shop. Without a seed always the same names; a seed renames workloads and moves the faults."""
        apps = shop_apps(seed)
        programs = [*(app.program() for app in apps), *system_programs()]
        kubelet = Kubelet({program.repository: program for program in programs})
        scene = Scene(random.Random(seed or 0), kubelet)  # noqa: S311 - a repeatable scenario
        draw_furniture(scene, apps)
        for obj in [*bootstrap_rbac(), *people_rbac()]:
            scene.add(obj, CLUSTER_AGE)
        draw_system(scene)
        faults: list[Fault] = []
        for app in apps:
            pods = draw_app(scene, app)
            if app.fault:
                faults.append(_fault(app, name_of(pods[0])))
        draw_budgets(scene, apps)
        return cls(scene.objects, scene.logs, faults, kubelet)

    @classmethod
    def empty(cls) -> Scenario:
        """A fresh API server without controllers: bootstrap RBAC and the namespaces default and kube-system."""
        scene = Scene(random.Random(0), Kubelet({}))  # noqa: S311 - a repeatable scenario
        for obj in [namespace("default"), namespace("kube-system"), *bootstrap_rbac()]:
            scene.add(obj, timedelta(0))
        return cls(scene.objects)

    def install(self, state: ClusterState) -> None:
        """Puts everything into a cluster that has not started yet."""
        for obj in self.objects:
            kind = state.registry.of_object(obj)
            if kind is None:
                raise LookupError(f"no kind for {obj['apiVersion']} {obj['kind']}")
            state.store.create(kind.key, _with_owners(kind, obj))
        for (place, pod, container), log in self.logs.items():
            state.logs.put(place, pod, container, ContainerLog([*log.current], log.previous))


def _with_owners(kind: Kind, obj: Obj) -> Obj:
    """The object with the managedFields that it would carry in a cluster where it was applied, and lived on."""
    shape, version = shape_of(kind), obj["apiVersion"]
    made: Obj = {key: value for key, value in obj.items() if key != "status"}
    made["metadata"] = dict(made["metadata"])
    applied = LAST_APPLIED in dig(obj, "metadata", "annotations", default={})
    maker = "kubectl-client-side-apply" if applied else "kube-controller-manager"
    born = moment(made["metadata"]["creationTimestamp"])
    note_update(None, made, Manager(maker, "Update", version), shape, at=born)
    if "status" not in obj:
        return made
    whole = {**made, "status": obj["status"], "metadata": dict(made["metadata"])}
    reporter = "kubelet" if obj["kind"] in {"Pod", "Node"} else "kube-controller-manager"
    note_update(made, whole, Manager(reporter, "Update", version, "status"), shape, at=born)
    return whole


def _fault(app: App, pod: str) -> Fault:
    return Fault(app.fault, app.namespace, app.name, pod, _EVIDENCE[app.fault](app))


_EVIDENCE: dict[str, Callable[[App], tuple[str, ...]]] = {
    "crash-loop": lambda app: ("CrashLoopBackOff", app.required_key, app.config_name),
    "oom": lambda app: ("OOMKilled", app.memory),
    "readiness": lambda app: (app.probe_path, "404"),
    "rollout": lambda app: ("ProgressDeadlineExceeded", app.bad_tag),
    "image-pull": lambda app: (f"{app.repository}:{app.tag}", "not found"),
    "unschedulable": lambda app: ("Insufficient cpu", app.cpu),
}
