"""metrics.k8s.io: usage of running pods and of nodes, derived from what the pods request."""

from __future__ import annotations

import zlib

from kubeai_bot.playground.cluster.objects import Obj, dig, labels_of, name_of, namespace_of, now, stamp
from kubeai_bot.playground.cluster.quantities import as_bytes, as_millicores
from kubeai_bot.playground.cluster.store import Store

WINDOW = "15.012s"
_SYSTEM_MILLICORES = 180
_SYSTEM_BYTES = 900 * 1024**2


def pod_metrics(store: Store, namespace: str | None) -> list[Obj]:
    """PodMetrics of every pod with a running container, in key order."""
    pods = store.list(("", "pods"), namespace)
    return [metrics for pod in pods if (metrics := _of_pod(pod)) is not None]


def node_metrics(store: Store) -> list[Obj]:
    """NodeMetrics: the running pods of each node and the node's own processes."""
    pods = store.list(("", "pods"))
    found: list[Obj] = []
    for node in store.list(("", "nodes")):
        mine = [_of_pod(pod) for pod in pods if dig(pod, "spec", "nodeName") == name_of(node)]
        containers = [c for metrics in mine if metrics for c in metrics["containers"]]
        cpu = _SYSTEM_MILLICORES + sum(as_millicores(c["usage"]["cpu"]) for c in containers)
        memory = _SYSTEM_BYTES + sum(as_bytes(c["usage"]["memory"]) for c in containers)
        found.append(_metrics("NodeMetrics", node, {"usage": _usage(cpu, memory)}))
    return found


def _of_pod(pod: Obj) -> Obj | None:
    statuses = dig(pod, "status", "containerStatuses", default=[])
    running = {status["name"] for status in statuses if dig(status, "state", "running") is not None}
    if not running:
        return None
    containers = [
        {"name": container["name"], "usage": _container_usage(pod, container)}
        for container in pod["spec"]["containers"]
        if container["name"] in running
    ]
    return _metrics("PodMetrics", pod, {"containers": containers})


def _container_usage(pod: Obj, container: Obj) -> Obj:
    """Between a third and nine tenths of the request, always the same for the same pod."""
    share = 0.3 + zlib.crc32(f"{name_of(pod)}/{container['name']}".encode()) % 60 / 100
    cpu = as_millicores(dig(container, "resources", "requests", "cpu", default="50m"))
    memory = as_bytes(dig(container, "resources", "requests", "memory", default="64Mi"))
    return _usage(max(int(cpu * share), 1), int(memory * share))


def _usage(millicores: int, size: int) -> Obj:
    return {"cpu": f"{millicores}m", "memory": f"{size // 1024}Ki"}


def _metrics(kind: str, of: Obj, usage: Obj) -> Obj:
    metadata: Obj = {"name": name_of(of), "creationTimestamp": stamp(now())}
    if namespace_of(of):
        metadata["namespace"] = namespace_of(of)
    if labels_of(of):
        metadata["labels"] = labels_of(of)
    return {
        "kind": kind,
        "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": metadata,
        "timestamp": stamp(now()),
        "window": WINDOW,
        **usage,
    }
