"""What matters about a node: its size, what is asked of it, and what keeps pods away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubeai_bot.domain.message import Json
from kubeai_bot.tools.kubernetes.measures import cpu, memory, quantity, share
from kubeai_bot.tools.kubernetes.paths import at, items, mapping

_FINISHED = ("Succeeded", "Failed")


def node_lines(node: Json, pods: Iterable[Json]) -> Iterator[str]:
    info, addresses = mapping(node, "status", "nodeInfo"), items(node, "status", "addresses")
    yield (
        f"Kubelet {info.get('kubeletVersion')}, {info.get('osImage')}, {info.get('containerRuntimeVersion')}, "
        + ", ".join(f"{address.get('type')} {address.get('address')}" for address in addresses)
    )
    if at(node, "spec", "unschedulable"):
        yield "CORDONED: takes no new pods"
    if taints := items(node, "spec", "taints"):
        yield "Taints: " + ", ".join(f"{t.get('key')}={t.get('value') or ''}:{t.get('effect')}" for t in taints)
    running = [pod for pod in pods if at(pod, "status", "phase") not in _FINISHED]
    there = mapping(node, "status", "allocatable")
    for name, written in (("cpu", cpu), ("memory", memory)):
        most, asked, limit = quantity(there.get(name)), _sum(running, "requests", name), _sum(running, "limits", name)
        yield (
            f"{name}: {written(most)} allocatable, requested {written(asked)} ({share(asked, most)}), "
            f"limits {written(limit)} ({share(limit, most)})"
        )
    yield f"pods: {len(running)} of {there.get('pods')}"


def _sum(pods: list[Json], part: str, name: str) -> float:
    containers = (container for pod in pods for container in items(pod, "spec", "containers"))
    return sum(quantity(mapping(container, "resources", part).get(name)) or 0.0 for container in containers)
