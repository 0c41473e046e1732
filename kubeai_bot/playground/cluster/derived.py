"""Objects made from other objects: pods from templates, ReplicaSets from Deployments, statuses from pods."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime

from kubeai_bot.playground.cluster.defaults import fill_defaults
from kubeai_bot.playground.cluster.objects import (
    Obj,
    copied,
    dig,
    labels_of,
    name_of,
    namespace_of,
    owner_reference,
    stamp,
)

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
CHANGE_CAUSE = "kubernetes.io/change-cause"
_SAFE = "bcdfghjklmnpqrstvwxz2456789"
_AVAILABLE = "MinimumReplicasAvailable", "Deployment has minimum availability."
_UNAVAILABLE = "MinimumReplicasUnavailable", "Deployment does not have minimum availability."


def safe_text(number: int, length: int) -> str:
    """`number` in the letters Kubernetes uses for generated names."""
    letters: list[str] = []
    for _ in range(length):
        number, digit = divmod(number, len(_SAFE))
        letters.append(_SAFE[digit])
    return "".join(letters)


def template_hash(template: Obj) -> str:
    """A pod-template-hash: the same for the same template."""
    text = json.dumps(template, sort_keys=True).encode()
    return safe_text(zlib.crc32(text) * 27**3 + zlib.adler32(text) % 27**3, 9)


def replica_set_for(deployment: Obj, hashed: str, revision: int, at: datetime, uid: str) -> Obj:
    """The ReplicaSet of the Deployment's present template, with no replicas yet; `hashed` is its template hash."""
    template = copied(deployment["spec"]["template"])
    labels = {**template["metadata"]["labels"], HASH_LABEL: hashed}
    template["metadata"]["labels"] = labels
    annotations = {
        "deployment.kubernetes.io/desired-replicas": str(deployment["spec"]["replicas"]),
        "deployment.kubernetes.io/max-replicas": str(deployment["spec"]["replicas"] + rollout_bounds(deployment)[0]),
        REVISION: str(revision),
    }
    cause = dig(deployment, "metadata", "annotations", CHANGE_CAUSE)
    if cause:
        annotations[CHANGE_CAUSE] = cause
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{name_of(deployment)}-{hashed}",
            "namespace": namespace_of(deployment),
            "uid": uid,
            "creationTimestamp": stamp(at),
            "generation": 1,
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {**deployment["spec"]["selector"]["matchLabels"], HASH_LABEL: hashed}},
            "template": template,
        },
        "status": {"replicas": 0, "observedGeneration": 1},
    }


def pod_for(
    owner: Obj, name: str, node: str, at: datetime, uid: str, *, labels: Mapping[str, str] | None = None
) -> Obj:
    """A pod of the owner's template with more `labels`, Pending; bound to `node` unless that is empty."""
    template: Obj = owner["spec"]["template"]
    metadata: Obj = {
        "name": name,
        "generateName": f"{name_of(owner)}-",
        "namespace": namespace_of(owner),
        "uid": uid,
        "creationTimestamp": stamp(at),
        "generation": 1,
        "labels": {**dig(template, "metadata", "labels", default={}), **(labels or {})},
        "ownerReferences": [owner_reference(owner)],
    }
    if annotations := dig(template, "metadata", "annotations"):
        metadata["annotations"] = copied(annotations)
    account = dig(template, "spec", "serviceAccountName", default="default")
    spec = {**copied(template["spec"]), **({"nodeName": node} if node else {})}
    spec.update(serviceAccountName=account, serviceAccount=account)
    pod: Obj = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    fill_defaults(pod)
    return pod


def is_ready(pod: Obj) -> bool:
    conditions = dig(pod, "status", "conditions", default=[])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def replica_set_status(replica_set: Obj, pods: list[Obj]) -> Obj:
    """The status of a ReplicaSet that owns `pods`."""
    ready = sum(1 for pod in pods if is_ready(pod))
    status: Obj = {
        "replicas": len(pods),
        "fullyLabeledReplicas": len(pods),
        "readyReplicas": ready,
        "availableReplicas": ready,
    }
    shown = {key: value for key, value in status.items() if value or key == "replicas"}
    return {**shown, "observedGeneration": replica_set["metadata"].get("generation", 1)}


def rollout_bounds(deployment: Obj) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) in pods: percentages are rounded up for the one and down for the other."""
    wanted = deployment["spec"]["replicas"]
    rolling = dig(deployment, "spec", "strategy", "rollingUpdate")
    if rolling is None or not wanted:
        return 0, 0
    surge = _share(rolling.get("maxSurge", "25%"), wanted, math.ceil)
    unavailable = _share(rolling.get("maxUnavailable", "25%"), wanted, math.floor)
    return surge, unavailable if surge or unavailable else 1


def _share(value: int | str, whole: int, rounded: Callable[[float], int]) -> int:
    return value if isinstance(value, int) else rounded(int(value.removesuffix("%")) * whole / 100)


def deployment_status(deployment: Obj, new: Obj | None, pods: list[Obj], at: datetime, *, stuck: bool = False) -> Obj:
    """The status of a Deployment whose newest ReplicaSet is `new` and all of whose pods are `pods`.

    `stuck` says that the rollout made no progress within progressDeadlineSeconds.
    """
    hashed = labels_of(new).get(HASH_LABEL) if new else ""
    wanted = deployment["spec"]["replicas"]
    updated = sum(1 for pod in pods if labels_of(pod).get(HASH_LABEL) == hashed)
    ready = sum(1 for pod in pods if is_ready(pod))
    counts: Obj = {
        "replicas": len(pods),
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": max(len(pods), wanted) - ready,
    }
    is_available = ready >= wanted - rollout_bounds(deployment)[1]
    done = updated == wanted == ready == len(pods)
    progressing = _progress(deployment, name_of(new) if new else "", stuck=stuck, done=done)
    return {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        **{key: value for key, value in counts.items() if value},
        "conditions": [
            _condition("Available", str(is_available), *(_AVAILABLE if is_available else _UNAVAILABLE), at),
            _condition("Progressing", *progressing, at),
        ],
    }


def _progress(deployment: Obj, name: str, *, stuck: bool, done: bool) -> tuple[str, str, str]:
    """(status, reason, message) of the condition Progressing."""
    if stuck:
        return "False", "ProgressDeadlineExceeded", f'ReplicaSet "{name}" has timed out progressing.'
    if dig(deployment, "spec", "paused"):
        return "Unknown", "DeploymentPaused", "Deployment is paused"
    if done:
        return "True", "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.'
    return "True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.'


def _condition(kind: str, status: str, reason: str, message: str, at: datetime) -> Obj:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastUpdateTime": stamp(at),
        "lastTransitionTime": stamp(at),
    }


def endpoints_for(service: Obj, pods: list[Obj]) -> list[Obj]:
    """The subsets of a Service's Endpoints."""
    ports = [
        {"name": port.get("name", ""), "port": port.get("targetPort", port["port"]), "protocol": "TCP"}
        for port in service["spec"]["ports"]
    ]
    subset: Obj = {"ports": ports}
    for field, wanted in (("addresses", True), ("notReadyAddresses", False)):
        found = [_address(pod) for pod in pods if dig(pod, "status", "podIP") and is_ready(pod) is wanted]
        if found:
            subset[field] = found
    return [subset] if len(subset) > 1 else []


def _address(pod: Obj) -> Obj:
    target = {"kind": "Pod", "namespace": namespace_of(pod), "name": name_of(pod), "uid": pod["metadata"]["uid"]}
    return {"ip": pod["status"]["podIP"], "nodeName": dig(pod, "spec", "nodeName", default=""), "targetRef": target}
