"""The fields that an API server fills in by itself when an object is created or changed."""

from __future__ import annotations

import base64
import zlib
from typing import Any

from kubeai_bot.playground.cluster.objects import Obj, dig, name_of

RBAC_GROUP = "rbac.authorization.k8s.io"
_CONTAINER = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
_POD = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
}
_DEPLOYMENT = {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}
_CRON_JOB = {
    "concurrencyPolicy": "Allow",
    "suspend": False,
    "successfulJobsHistoryLimit": 3,
    "failedJobsHistoryLimit": 1,
}
_ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}


def fill_defaults(obj: Obj) -> None:
    """Fills in the defaults of the kinds that people create or change through the demo, in place."""
    spec: Obj = obj.get("spec") or {}
    match obj["kind"]:
        case "Namespace":
            obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name_of(obj)
            obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
            obj.setdefault("status", {"phase": "Active"})
        case "Pod":
            _fill_pod(spec)
            obj.setdefault("status", {"phase": "Pending", "qosClass": _quality(spec)})
        case "Deployment":
            _fill(spec, _DEPLOYMENT)
            if dig(spec, "strategy", "type") in {None, "RollingUpdate"}:
                spec["strategy"] = {**_ROLLING, **spec.get("strategy", {})}
            _fill_template(spec.get("template"))
            obj.setdefault("status", {})
        case "StatefulSet" | "ReplicaSet":
            _fill(spec, {"replicas": 1})
            _fill_template(spec.get("template"))
            obj.setdefault("status", {"replicas": 0})
        case "CronJob":
            _fill(spec, _CRON_JOB)
            _fill_template(dig(spec, "jobTemplate", "spec", "template"))
        case "Service":
            _fill_service(obj, spec)
        case "Secret":
            _fill_secret(obj)
        case "Event":
            obj.setdefault("eventTime", None)
            _fill(obj, {"reportingComponent": "", "reportingInstance": ""})
        case "RoleBinding" | "ClusterRoleBinding":
            _fill_binding(obj)
        case "CustomResourceDefinition":
            spec.setdefault("conversion", {"strategy": "None"})
            obj["status"] = established(obj)
        case _:
            pass


def _fill(target: Obj, defaults: dict[str, Any]) -> None:
    for key, value in defaults.items():
        target.setdefault(key, value)


def _fill_template(template: Obj | None) -> None:
    if template is not None:
        _fill_pod_spec(template.setdefault("spec", {}))


def _fill_pod_spec(spec: Obj) -> None:
    _fill(spec, _POD)
    spec.setdefault("securityContext", {})
    for container in [*spec.get("initContainers", ()), *spec.get("containers", ())]:
        _fill(container, _CONTAINER)
        container.setdefault("resources", {})
        _, _, tag = str(container.get("image", "")).rpartition("/")[2].partition(":")
        container.setdefault("imagePullPolicy", "Always" if tag in {"", "latest"} else "IfNotPresent")
        for port in container.get("ports", ()):
            port.setdefault("protocol", "TCP")


def _fill_pod(spec: Obj) -> None:
    _fill_pod_spec(spec)
    _fill(spec, {"enableServiceLinks": True, "priority": 0, "preemptionPolicy": "PreemptLowerPriority"})
    tolerations: list[Obj] = spec.setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(known.get("key") == key for known in tolerations):
            tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})


def _quality(spec: Obj) -> str:
    wanted = [container.get("resources") or {} for container in spec.get("containers", ())]
    if not any(wanted):
        return "BestEffort"
    same = all(one.get("limits") and one.get("requests", one["limits"]) == one["limits"] for one in wanted)
    return "Guaranteed" if same else "Burstable"


def _fill_service(obj: Obj, spec: Obj) -> None:
    spec.setdefault("type", "ClusterIP")
    if spec["type"] != "ExternalName":
        number = zlib.crc32(obj["metadata"]["uid"].encode())
        address = spec.setdefault("clusterIP", f"10.96.{number % 250}.{number // 250 % 250 + 2}")
        spec.setdefault("clusterIPs", [address])
        _fill(spec, {"ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster"})
    spec.setdefault("sessionAffinity", "None")
    for port in spec.get("ports", ()):
        _fill(port, {"protocol": "TCP", "targetPort": port["port"]})
    obj.setdefault("status", {"loadBalancer": {}})


def _fill_secret(obj: Obj) -> None:
    obj.setdefault("type", "Opaque")
    for key, value in obj.pop("stringData", {}).items():
        obj.setdefault("data", {})[key] = base64.b64encode(str(value).encode()).decode()


def _fill_binding(obj: Obj) -> None:
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
