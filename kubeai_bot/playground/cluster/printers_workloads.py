"""Columns of pods and of the kinds that make them, with the statuses that the real server computes."""

from __future__ import annotations

from typing import Any

from kubeai_bot.playground.cluster.columns import (
    Printer,
    columns,
    container_cells,
    created,
    label_text,
    selector_text,
)
from kubeai_bot.playground.cluster.durations import age, human_duration
from kubeai_bot.playground.cluster.objects import Obj, dig, moment, name_of, now


def pod_cells(pod: Obj) -> list[Any]:
    """Name, Ready, Status, Restarts, Age and the wide columns of a pod."""
    statuses = dig(pod, "status", "containerStatuses", default=[])
    init_statuses = dig(pod, "status", "initContainerStatuses", default=[])
    initializing = _init_reason(pod, init_statuses)
    counted = statuses if initializing is None else init_statuses
    ready = sum(1 for status in statuses if _is_running(status)) if initializing is None else 0
    total = len(dig(pod, "spec", "containers", default=[]))
    return [
        name_of(pod),
        f"{ready}/{total}",
        initializing if initializing is not None else _pod_reason(pod, statuses),
        _restarts(counted),
        created(pod),
        dig(pod, "status", "podIPs", 0, "ip", default="<none>"),
        dig(pod, "spec", "nodeName", default="<none>"),
        dig(pod, "status", "nominatedNodeName", default="<none>"),
        _gates(pod),
    ]


def _is_running(status: Obj) -> bool:
    return bool(status.get("ready")) and dig(status, "state", "running") is not None


def _init_reason(pod: Obj, statuses: list[Obj]) -> str | None:
    """`Init:…` while an init container has not succeeded, None once all have (or there are none)."""
    if _condition(pod, "Initialized") == "True":
        return None
    for index, status in enumerate(statuses):
        ended = dig(status, "state", "terminated")
        if ended is not None and ended.get("exitCode") == 0:
            continue
        if ended is not None:
            return f"Init:{_ended_reason(ended)}"
        waiting = dig(status, "state", "waiting", "reason", default="")
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}"
        return f"Init:{index}/{len(dig(pod, 'spec', 'initContainers', default=[]))}"
    return None


def _pod_reason(pod: Obj, statuses: list[Obj]) -> str:
    reason = dig(pod, "status", "reason") or dig(pod, "status", "phase", default="")
    if dig(pod, "status", "conditions") and _scheduling_gated(pod):
        reason = "SchedulingGated"
    error = ""
    for status in reversed(statuses):
        waiting = dig(status, "state", "waiting", "reason", default="")
        ended = dig(status, "state", "terminated")
        if waiting:
            reason = waiting
        elif ended is not None:
            reason = _ended_reason(ended)
            error = reason if ended.get("exitCode") else error
    if reason == "Completed":
        running = any(_is_running(status) for status in statuses)
        if running:
            reason = "Running" if _condition(pod, "Ready") == "True" else error or "NotReady"
        else:
            reason = error or reason
    if dig(pod, "metadata", "deletionTimestamp") and dig(pod, "status", "phase") not in {"Succeeded", "Failed"}:
        return "Unknown" if dig(pod, "status", "reason") == "NodeLost" else "Terminating"
    return reason


def _scheduling_gated(pod: Obj) -> bool:
    conditions = dig(pod, "status", "conditions", default=[])
    return any(c["type"] == "PodScheduled" and c.get("reason") == "SchedulingGated" for c in conditions)


def _ended_reason(ended: Obj) -> str:
    if ended.get("reason"):
        return ended["reason"]
    if ended.get("signal"):
        return f"Signal:{ended['signal']}"
    return f"ExitCode:{ended.get('exitCode', 0)}"


def _restarts(statuses: list[Obj]) -> str:
    count = sum(int(status.get("restartCount") or 0) for status in statuses)
    ends = [dig(status, "lastState", "terminated", "finishedAt") for status in statuses]
    last = max(filter(None, ends), default=None)
    return f"{count} ({age(last)} ago)" if count and last else str(count)


def _gates(pod: Obj) -> str:
    gates = dig(pod, "spec", "readinessGates", default=[])
    met = sum(1 for gate in gates if _condition(pod, gate["conditionType"]) == "True")
    return f"{met}/{len(gates)}" if gates else "<none>"


def _condition(obj: Obj, kind: str) -> str:
    conditions = dig(obj, "status", "conditions", default=[])
    return next((condition["status"] for condition in conditions if condition["type"] == kind), "")


def _pod_conditions(pod: Obj) -> list[Obj]:
    texts = {"Succeeded": "The pod has completed successfully.", "Failed": "The pod failed."}
    phase = dig(pod, "status", "phase", default="")
    if phase not in texts:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": texts[phase]}]


def _number(obj: Obj, *path: str) -> int:
    return int(dig(obj, *path, default=0))


def _deployment(obj: Obj) -> list[Any]:
    ready = f"{_number(obj, 'status', 'readyReplicas')}/{_number(obj, 'spec', 'replicas')}"
    return [
        name_of(obj),
        ready,
        _number(obj, "status", "updatedReplicas"),
        _number(obj, "status", "availableReplicas"),
        created(obj),
        *container_cells(dig(obj, "spec", "template")),
        selector_text(dig(obj, "spec", "selector")),
    ]


def _replica_set(obj: Obj) -> list[Any]:
    return [
        name_of(obj),
        _number(obj, "spec", "replicas"),
        _number(obj, "status", "replicas"),
        _number(obj, "status", "readyReplicas"),
        created(obj),
        *container_cells(dig(obj, "spec", "template")),
        selector_text(dig(obj, "spec", "selector")),
    ]


def _stateful_set(obj: Obj) -> list[Any]:
    ready = f"{_number(obj, 'status', 'readyReplicas')}/{_number(obj, 'spec', 'replicas')}"
    return [name_of(obj), ready, created(obj), *container_cells(dig(obj, "spec", "template"))]


def _daemon_set(obj: Obj) -> list[Any]:
    counts = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    return [
        name_of(obj),
        *(_number(obj, "status", count) for count in counts),
        label_text(dig(obj, "spec", "template", "spec", "nodeSelector")),
        created(obj),
        *container_cells(dig(obj, "spec", "template")),
        selector_text(dig(obj, "spec", "selector")),
    ]


def _job(obj: Obj) -> list[Any]:
    succeeded = _number(obj, "status", "succeeded")
    completions = dig(obj, "spec", "completions")
    parallelism = _number(obj, "spec", "parallelism")
    if completions is not None:
        done = f"{succeeded}/{completions}"
    else:
        done = f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"
    started = moment(dig(obj, "status", "startTime"))
    ended = moment(dig(obj, "status", "completionTime")) or now()
    return [
        name_of(obj),
        _job_status(obj),
        done,
        human_duration(ended - started) if started else "",
        created(obj),
        *container_cells(dig(obj, "spec", "template")),
        selector_text(dig(obj, "spec", "selector")),
    ]


def _job_status(job: Obj) -> str:
    if _condition(job, "Complete") == "True":
        return "Complete"
    if _condition(job, "Failed") == "True":
        return "Failed"
    if dig(job, "metadata", "deletionTimestamp"):
        return "Terminating"
    later = ("Suspended", "FailureTarget", "SuccessCriteriaMet")
    return next((kind for kind in later if _condition(job, kind) == "True"), "Running")


def _cron_job(obj: Obj) -> list[Any]:
    last = dig(obj, "status", "lastScheduleTime")
    suspended = dig(obj, "spec", "suspend")
    template = dig(obj, "spec", "jobTemplate", "spec", "template")
    return [
        name_of(obj),
        dig(obj, "spec", "schedule", default=""),
        dig(obj, "spec", "timeZone", default="<none>"),
        "<unset>" if suspended is None else str(suspended),
        len(dig(obj, "status", "active", default=[])),
        age(last) if last else "<none>",
        created(obj),
        *container_cells(template),
        selector_text(dig(obj, "spec", "jobTemplate", "spec", "selector")),
    ]


def _autoscaler(obj: Obj) -> list[Any]:
    reference = dig(obj, "spec", "scaleTargetRef", default={})
    return [
        name_of(obj),
        f"{reference.get('kind', '')}/{reference.get('name', '')}",
        _targets(obj),
        str(dig(obj, "spec", "minReplicas", default="<unset>")),
        _number(obj, "spec", "maxReplicas"),
        _number(obj, "status", "currentReplicas"),
        created(obj),
    ]


def _targets(obj: Obj) -> str:
    """`cpu: 31%/70%` for each resource metric; other metric kinds are not used in the demo."""
    texts: list[str] = []
    for index, metric in enumerate(dig(obj, "spec", "metrics", default=[])):
        wanted = dig(metric, "resource", "target", "averageUtilization", default="<auto>")
        seen = dig(obj, "status", "currentMetrics", index, "resource", "current", "averageUtilization", default=None)
        current = "<unknown>" if seen is None else f"{seen}%"
        texts.append(f"{dig(metric, 'resource', 'name', default='')}: {current}/{wanted}%")
    return ", ".join(texts) or "<none>"


def _budget(obj: Obj) -> list[Any]:
    return [
        name_of(obj),
        str(dig(obj, "spec", "minAvailable", default="N/A")),
        str(dig(obj, "spec", "maxUnavailable", default="N/A")),
        _number(obj, "status", "disruptionsAllowed"),
        created(obj),
    ]


_TEMPLATE = ("Containers+", "Images+", "Selector+")

PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "pods"): Printer(
        columns("Name", "Ready", "Status", "Restarts", "Age", "IP+", "Node+", "Nominated Node+", "Readiness Gates+"),
        pod_cells,
        _pod_conditions,
    ),
    ("apps", "deployments"): Printer(
        columns("Name", "Ready", "Up-to-date", "Available", "Age", *_TEMPLATE), _deployment
    ),
    ("apps", "replicasets"): Printer(
        columns("Name", "Desired:integer", "Current:integer", "Ready:integer", "Age", *_TEMPLATE), _replica_set
    ),
    ("apps", "statefulsets"): Printer(columns("Name", "Ready", "Age", *_TEMPLATE[:2]), _stateful_set),
    ("apps", "daemonsets"): Printer(
        columns(
            "Name",
            "Desired:integer",
            "Current:integer",
            "Ready:integer",
            "Up-to-date:integer",
            "Available:integer",
            "Node Selector",
            "Age",
            *_TEMPLATE,
        ),
        _daemon_set,
    ),
    ("batch", "jobs"): Printer(columns("Name", "Status", "Completions", "Duration", "Age", *_TEMPLATE), _job),
    ("batch", "cronjobs"): Printer(
        columns(
            "Name", "Schedule", "Timezone", "Suspend:boolean", "Active:integer", "Last Schedule", "Age", *_TEMPLATE
        ),
        _cron_job,
    ),
    ("autoscaling", "horizontalpodautoscalers"): Printer(
        columns("Name", "Reference", "Targets", "MinPods", "MaxPods", "Replicas", "Age"), _autoscaler
    ),
    ("policy", "poddisruptionbudgets"): Printer(
        columns("Name", "Min Available", "Max Unavailable", "Allowed Disruptions:integer", "Age"), _budget
    ),
}
