"""Puts canaries where a cluster, its tools and its people have them, and knows by which calls each would come out."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from kubeai_bot.playground.cluster.logs import ContainerLog, LogLine
from kubeai_bot.playground.cluster.objects import now, stamp
from kubeai_bot.playground.cluster.server import DemoCluster
from kubeai_bot.playground.model.replies import Call
from tests.redaction.canaries import Canary

NAMESPACES = ("shop", "payments")
MOST_PASTES = 12
"""What people paste beyond these stands in a log: each is a turn of its own."""
KINDS = {
    "Pod": ("v1", "", "pods"),
    "ConfigMap": ("v1", "", "configmaps"),
    "Event": ("v1", "", "events"),
    "Secret": ("v1", "", "secrets"),
    "Deployment": ("apps/v1", "apps", "deployments"),
    "Ingress": ("networking.k8s.io/v1", "networking.k8s.io", "ingresses"),
    "Backup": ("shop.example/v1", "shop.example", "backups"),
}


@dataclass
class Planted:
    """`calls` bring out of the cluster what was put in; `replies` are what the MCP server says, `pastes` what people
    write, `errors` what the API server says of an object's name. `places` counts what was put where."""

    calls: list[Call] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)
    pastes: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    places: Counter[str] = field(default_factory=Counter)


def plant(cluster: DemoCluster, canaries: Iterable[Canary]) -> Planted:
    """Each canary into one object, log, reply, paste or error."""
    planted = Planted()
    for number, canary in enumerate(canaries):
        carrier = canary.carrier
        pasted = "chat" in canary.where or "pasted" in canary.where
        if pasted and len(planted.pastes) < MOST_PASTES:
            _note(planted, "paste", planted.pastes, _text(carrier))
        elif "MCP" in canary.where:
            _note(planted, "MCP reply", planted.replies, _text(carrier))
        elif isinstance(carrier, dict) and carrier.get("kind") in KINDS:
            _plant_object(cluster, planted, number, carrier)
        elif isinstance(carrier, str):
            _plant_text(cluster, planted, number, carrier)
        else:
            _plant_object(cluster, planted, number, {"kind": "Backup", "spec": {"source": "db", "settings": carrier}})
    return planted


def _note(planted: Planted, where: str, into: list[str], text: str) -> None:
    into.append(text)
    planted.places[where] += 1


def _text(carrier: object) -> str:
    return carrier if isinstance(carrier, str) else json.dumps(carrier)


def _plant_text(cluster: DemoCluster, planted: Planted, number: int, text: str) -> None:
    """In a log, an event, an annotation, a ConfigMap, or an error of the API server, by turns."""
    name, space = f"canary-{number}", NAMESPACES[number % 2]
    match number % 6:
        case 0 | 1 | 2:
            previous = number % 6 == 2
            _store(cluster, "Pod", _pod(name, space))
            lines = [LogLine(now(), line) for line in text.split("\n")]
            cluster.state.logs.put(space, name, "app", ContainerLog([] if previous else lines, lines))
            asked = {"namespace": space, "pod": name, "previous": previous}
            planted.calls += [Call("get_logs", asked)]
            if number % 30 < 3:
                planted.calls += [Call("diagnose", {"kind": "pod", "name": name, "namespace": space})]
            planted.places["previous log" if previous else "log"] += 1
        case 3:
            about = {"apiVersion": "v1", "kind": "Pod", "name": f"about-{name}", "namespace": space}
            event = {"kind": "Event", "type": "Warning", "reason": "Failed", "message": text, "involvedObject": about}
            _plant_object(cluster, planted, number, event)
        case 4:
            notes = {"metadata": {"annotations": {"shop.example/note": text}}}
            _plant_object(cluster, planted, number, {"kind": "ConfigMap", "data": {"notes.txt": text}, **notes})
        case _:
            planted.errors[name] = text
            planted.calls += [Call("get_resource", {"kind": "pod", "name": name, "namespace": space})]
            planted.calls += [Call("scale", {"kind": "deployment", "name": name, "namespace": space, "replicas": 3})]
            planted.places["error"] += 1


def _plant_object(cluster: DemoCluster, planted: Planted, number: int, carrier: dict[str, Any]) -> None:
    kind, space = carrier["kind"], NAMESPACES[number % 2]
    obj = copy.deepcopy(carrier)
    meta = obj.setdefault("metadata", {})
    meta |= {"name": f"canary-{number}", "namespace": space}
    if kind == "Pod":
        obj["status"] = {"phase": "Running", "podIP": "10.1.1.1"}
    if kind == "Deployment":
        spec = obj.setdefault("spec", {"template": {"spec": {"containers": [{"name": "app"}]}}})
        spec |= {"replicas": 0, "selector": {"matchLabels": {"app": meta["name"]}}}
        spec["template"]["metadata"] = {"labels": {"app": meta["name"]}}
        for container in spec["template"]["spec"]["containers"]:
            container.setdefault("image", "registry.shop.example/checkout:1.4.2")
    if kind == "Event":
        obj |= {"type": "Warning", "count": 1, "lastTimestamp": stamp(now()), "firstTimestamp": stamp(now())}
        obj["involvedObject"] = {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "namespace": space}
        planted.calls += [Call("get_events", {"namespace": space, "name": meta["name"]})]
    _store(cluster, kind, obj)
    planted.calls += list(_views(kind, meta["name"], space))
    planted.places[kind] += 1


def _views(kind: str, name: str, space: str) -> Iterator[Call]:
    """Every look at one object, and changes of it whose dry run would show it."""
    which = {"kind": kind.lower(), "name": name, "namespace": space}
    yield Call("get_resource", which)
    if int(name.partition("-")[2]) % 2:
        yield Call("describe_resource", which)
    elif kind in ("Pod", "Deployment"):
        yield Call("diagnose", which)
    if kind in ("ConfigMap", "Deployment", "Ingress", "Backup"):
        yield Call("label", {**which, "labels": ["looked=at"]})
    if kind == "ConfigMap":
        manifest = {
            "apiVersion": "v1",
            "kind": kind,
            "metadata": {"name": name, "namespace": space},
            "data": {"a": "b"},
        }
        yield Call("apply", {"manifest": json.dumps(manifest)})
    if kind == "Deployment":
        yield Call("set_image", {"name": name, "namespace": space, "image": "registry.shop.example/other:2"})
        yield Call("rollout_history", {"name": name, "namespace": space})


def everywhere() -> list[Call]:
    """Looks at whole namespaces and at all of them, in every form."""
    kinds = ("pods", "configmaps", "deployments", "ingresses", "backups", "events", "secrets")
    calls = [
        Call("list_resources", {"kind": kind, "namespace": space, "output": output, "limit": 500})
        for kind in kinds
        for space in NAMESPACES
        for output in ("wide", "yaml")
    ]
    calls += [Call("list_resources", {"kind": "pods,configmaps", "all_namespaces": True, "output": "yaml"})]
    calls += [Call("get_events", {"namespace": space, "limit": 500}) for space in NAMESPACES]
    calls += [Call("get_logs", {"namespace": space, "label_selector": "app=canary"}) for space in NAMESPACES]
    return calls


def _pod(name: str, space: str) -> dict[str, Any]:
    container = {"name": "app", "image": "registry.shop.example/checkout:1.4.2"}
    ended = {"exitCode": 1, "reason": "Error", "finishedAt": stamp(now())}
    status = {"name": "app", "ready": False, "restartCount": 4, "lastState": {"terminated": ended}}
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}}
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": space, "labels": {"app": "canary"}},
        "spec": {"containers": [container], "nodeName": "node-a"},
        "status": {"phase": "Running", "containerStatuses": [{**status, "state": waiting}]},
    }


def _store(cluster: DemoCluster, kind: str, obj: dict[str, Any]) -> None:
    api_version, group, plural = KINDS[kind]
    meta = obj["metadata"]
    meta |= {
        "uid": f"00000000-0000-4000-8000-{len(cluster.state.store.list((group, plural))):012d}",
        "creationTimestamp": stamp(now()),
    }
    cluster.state.store.create((group, plural), {**obj, "apiVersion": api_version})
