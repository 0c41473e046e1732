"""The fields that an API server fills in by itself when an object is created or changed."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable

from kubeai_bot.playground.cluster.objects import Obj, dig, name_of
from kubeai_bot.playground.cluster.workload_defaults import (
    fill,
    fill_cron_job,
    fill_daemon_set,
    fill_deployment,
    fill_job,
    fill_pod,
    fill_replica_set,
    fill_stateful_set,
)

RBAC_GROUP = "rbac.authorization.k8s.io"
_BUDGET_COUNTS = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")


def fill_defaults(obj: Obj) -> None:
    """Fills in the defaults of the kinds that people create or change through the demo, in place."""
    filler = _FILLERS.get(obj["kind"])
    if filler:
        filler(obj, obj.get("spec") or {})


def _fill_namespace(obj: Obj, _spec: Obj) -> None:
    obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name_of(obj)
    obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    obj.setdefault("status", {"phase": "Active"})


def _fill_budget(obj: Obj, _spec: Obj) -> None:
    obj.setdefault("status", dict.fromkeys(_BUDGET_COUNTS, 0))


def _fill_event(obj: Obj, _spec: Obj) -> None:
    obj.setdefault("eventTime", None)
    fill(obj, {"reportingComponent": "", "reportingInstance": ""})


def _fill_definition(obj: Obj, spec: Obj) -> None:
    spec.setdefault("conversion", {"strategy": "None"})
    obj["status"] = established(obj)


def _fill_service(obj: Obj, spec: Obj) -> None:
    spec.setdefault("type", "ClusterIP")
    if spec["type"] != "ExternalName":
        number = zlib.crc32(obj["metadata"]["uid"].encode())
        address = spec.setdefault("clusterIP", f"10.96.{number % 250}.{number // 250 % 250 + 2}")
        spec.setdefault("clusterIPs", [address])
        fill(spec, {"ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster"})
    spec.setdefault("sessionAffinity", "None")
    for port in spec.get("ports", ()):
        fill(port, {"protocol": "TCP", "targetPort": port["port"]})
    obj.setdefault("status", {"loadBalancer": {}})


def _fill_secret(obj: Obj, _spec: Obj) -> None:
    obj.setdefault("type", "Opaque")
    for key, value in obj.pop("stringData", {}).items():
        obj.setdefault("data", {})[key] = base64.b64encode(str(value).encode()).decode()


def _fill_binding(obj: Obj, _spec: Obj) -> None:
    obj["roleRef"].setdefault("apiGroup", RBAC_GROUP)
    for subject in obj.get("subjects") or ():
        if subject["kind"] != "ServiceAccount":
            subject.setdefault("apiGroup", RBAC_GROUP)


def established(crd: Obj) -> Obj:
    """The status of a CustomResourceDefinition that is served."""
    at = dig(crd, "metadata", "creationTimestamp")
    conditions = [
        {"type": "NamesAccepted", "reason": "NoConflicts", "message": "no conflicts found"},
        {
            "type": "Established",
            "reason": "InitialNamesAccepted",
            "message": "the initial names have been accepted",
        },
    ]
    return {
        "acceptedNames": crd["spec"]["names"],
        "storedVersions": [version["name"] for version in crd["spec"]["versions"] if version.get("storage")],
        "conditions": [{**condition, "status": "True", "lastTransitionTime": at} for condition in conditions],
    }


_FILLERS: dict[str, Callable[[Obj, Obj], None]] = {
    "Namespace": _fill_namespace,
    "Pod": fill_pod,
    "Deployment": fill_deployment,
    "ReplicaSet": fill_replica_set,
    "StatefulSet": fill_stateful_set,
    "DaemonSet": fill_daemon_set,
    "Job": fill_job,
    "CronJob": fill_cron_job,
    "PodDisruptionBudget": _fill_budget,
    "Service": _fill_service,
    "Secret": _fill_secret,
    "Event": _fill_event,
    "RoleBinding": _fill_binding,
    "ClusterRoleBinding": _fill_binding,
    "CustomResourceDefinition": _fill_definition,
}
