"""The defaults of pods and of the workloads that make them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubeai_bot.playground.cluster.objects import Obj, dig, name_of

_CONTAINER = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
_POD = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
}
_DEPLOYMENT = {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}
_STATEFUL_SET = {
    "replicas": 1,
    "podManagementPolicy": "OrderedReady",
    "revisionHistoryLimit": 10,
    "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
}
_CRON_JOB = {
    "concurrencyPolicy": "Allow",
    "suspend": False,
    "successfulJobsHistoryLimit": 3,
    "failedJobsHistoryLimit": 1,
}
_JOB = {
    "parallelism": 1,
    "completions": 1,
    "backoffLimit": 6,
    "manualSelector": False,
    "completionMode": "NonIndexed",
    "suspend": False,
    "podReplacementPolicy": "TerminatingOrFailed",
}
_DAEMON_COUNTS = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")


def fill(target: Obj, defaults: Mapping[str, Any]) -> None:
    """Sets what is not set."""
    for key, value in defaults.items():
        target.setdefault(key, value)


def _fill_template(template: Obj | None) -> None:
    if template is not None:
        _fill_pod_spec(template.setdefault("spec", {}))


def _fill_rolling(spec: Obj, field: str, bounds: dict[str, Any]) -> None:
    """The strategy in `field`: RollingUpdate unless it is another one, with the bounds that are not set."""
    strategy: Obj = spec.get(field) or {}
    if strategy.get("type", "RollingUpdate") == "RollingUpdate":
        rolling = {**bounds, **(strategy.get("rollingUpdate") or {})}
        spec[field] = {"type": "RollingUpdate", **strategy, "rollingUpdate": rolling}


def fill_deployment(obj: Obj, spec: Obj) -> None:
    fill(spec, _DEPLOYMENT)
    _fill_rolling(spec, "strategy", {"maxUnavailable": "25%", "maxSurge": "25%"})
    _fill_template(spec.get("template"))
    obj.setdefault("status", {})


def fill_replica_set(obj: Obj, spec: Obj) -> None:
    fill(spec, {"replicas": 1})
    _fill_template(spec.get("template"))
    obj.setdefault("status", {"replicas": 0})


def fill_stateful_set(obj: Obj, spec: Obj) -> None:
    fill(spec, _STATEFUL_SET)
    _fill_rolling(spec, "updateStrategy", {"partition": 0})
    _fill_template(spec.get("template"))
    obj.setdefault("status", {"replicas": 0, "availableReplicas": 0})


def fill_daemon_set(obj: Obj, spec: Obj) -> None:
    fill(spec, {"revisionHistoryLimit": 10})
    _fill_rolling(spec, "updateStrategy", {"maxUnavailable": 1, "maxSurge": 0})
    _fill_template(spec.get("template"))
    obj.setdefault("status", dict.fromkeys(_DAEMON_COUNTS, 0))


def fill_cron_job(obj: Obj, spec: Obj) -> None:
    fill(spec, _CRON_JOB)
    _fill_template(dig(spec, "jobTemplate", "spec", "template"))
    obj.setdefault("status", {})


def fill_job(obj: Obj, spec: Obj) -> None:
    """A Job also gets a selector of its own, unless somebody selects by hand."""
    fill(spec, _JOB)
    _fill_template(spec.get("template"))
    if "selector" not in spec and not spec["manualSelector"]:
        uid, name = obj["metadata"]["uid"], name_of(obj)
        spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
        labels: Obj = spec["template"].setdefault("metadata", {}).setdefault("labels", {})
        own = {"controller-uid": uid, "job-name": name}
        labels.update({**{f"batch.kubernetes.io/{key}": value for key, value in own.items()}, **own})
    obj.setdefault("status", {})


def _fill_pod_spec(spec: Obj) -> None:
    fill(spec, _POD)
    spec.setdefault("securityContext", {})
    for container in [*spec.get("initContainers", ()), *spec.get("containers", ())]:
        fill(container, _CONTAINER)
        container.setdefault("resources", {})
        _, _, tag = str(container.get("image", "")).rpartition("/")[2].partition(":")
        container.setdefault("imagePullPolicy", "Always" if tag in {"", "latest"} else "IfNotPresent")
        for port in container.get("ports", ()):
            port.setdefault("protocol", "TCP")


def fill_pod(obj: Obj, spec: Obj) -> None:
    _fill_pod_spec(spec)
    fill(spec, {"enableServiceLinks": True, "priority": 0, "preemptionPolicy": "PreemptLowerPriority"})
    tolerations: list[Obj] = spec.setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(known.get("key") == key for known in tolerations):
            tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
    obj.setdefault("status", {"phase": "Pending", "qosClass": quality_of(spec)})


def quality_of(spec: Obj) -> str:
    """The QoS class of a pod with this spec."""
    wanted = [container.get("resources") or {} for container in spec.get("containers", ())]
    if not any(wanted):
        return "BestEffort"
    same = all(one.get("limits") and one.get("requests", one["limits"]) == one["limits"] for one in wanted)
    return "Guaranteed" if same else "Burstable"
