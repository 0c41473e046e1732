"""Objects made from other objects: pods from templates, ReplicaSets from Deployments, statuses from pods."""

from __future__ import annotations

import copy
import json
import zlib
from datetime import datetime

from kubeai_bot.playground.cluster.defaults import fill_defaults
from kubeai_bot.playground.cluster.objects import Obj, dig, labels_of, name_of, namespace_of, owner_reference, stamp

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
    template = copy.deepcopy(deployment["spec"]["template"])
    labels = {**template["metadata"]["labels"], HASH_LABEL: hashed}
    template["metadata"]["labels"] = labels
    annotations = {
        "deployment.kubernetes.io/desired-replicas": str(deployment["spec"]["replicas"]),
        "deployment.kubernetes.io/max-replicas": str(deployment["spec"]["replicas"] + 1),
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


def pod_for(owner: Obj, name: str, node: str, at: datetime, uid: str) -> Obj:
    """A pod of the owner's template, placed on `node`, Pending."""
    template: Obj = owner["spec"]["template"]
    metadata: Obj = {
        "name": name,
        "generateName": f"{name_of(owner)}-",
        "namespace": namespace_of(owner),
        "uid": uid,
        "creationTimestamp": stamp(at),
        "generation": 1,
        "labels": copy.deepcopy(template["metadata"]["labels"]),
        "ownerReferences": [owner_reference(owner)],
    }
    if annotations := dig(template, "metadata", "annotations"):
        metadata["annotations"] = copy.deepcopy(annotations)
    account = dig(template, "spec", "serviceAccountName", default="default")
    spec = {**copy.deepcopy(template["spec"]), "nodeName": node}
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


def deployment_status(deployment: Obj, new: Obj, pods: list[Obj], at: datetime, *, stuck: bool = False) -> Obj:
    """The status of a Deployment whose newest ReplicaSet is `new` and all of whose pods are `pods`.

    `stuck` says that the rollout made no progress within progressDeadlineSeconds.
    """
    hashed = labels_of(new).get(HASH_LABEL)
    wanted = deployment["spec"]["replicas"]
    updated = sum(1 for pod in pods if labels_of(pod).get(HASH_LABEL) == hashed)
    ready = sum(1 for pod in pods if is_ready(pod))
    missing = max(wanted - ready, 0)
    counts: Obj = {
        "replicas": len(pods),
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": max(len(pods), wanted) - ready,
    }
    allowed_missing = wanted // 4
    available = _AVAILABLE if missing <= allowed_missing else _UNAVAILABLE
    done = updated == wanted == ready == len(pods)
    name = name_of(new)
    if stuck:
        text = f'ReplicaSet "{name}" has timed out progressing.'
        progressing = ("False", "ProgressDeadlineExceeded", text)
    elif done:
        text = f'ReplicaSet "{name}" has successfully progressed.'
        progressing = ("True", "NewReplicaSetAvailable", text)
    else:
        progressing = ("True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')
    return {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        **{key: value for key, value in counts.items() if value},
        "conditions": [
            _condition("Available", "True" if available is _AVAILABLE else "False", *available, at),
            _condition("Progressing", *progressing, at),
        ],
    }


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
