"""Rules about workloads: what keeps pods from being made, rollouts, Jobs, autoscalers, disruption budgets."""

from __future__ import annotations

from collections.abc import Iterator

from kubeai_bot.domain.message import Json
from kubeai_bot.tools.kubernetes import known
from kubeai_bot.tools.kubernetes.containers import is_ready
from kubeai_bot.tools.kubernetes.diagnose.changes import last_change
from kubeai_bot.tools.kubernetes.diagnose.finding import Finding
from kubeai_bot.tools.kubernetes.diagnose.kinds import AUTOSCALERS, BUDGETS, LIMIT_RANGES, QUOTAS
from kubeai_bot.tools.kubernetes.diagnose.picture import Picture, event_text, name_of
from kubeai_bot.tools.kubernetes.diagnose.scheduling import node_troubles
from kubeai_bot.tools.kubernetes.measures import age
from kubeai_bot.tools.kubernetes.paths import at, items, mapping
from kubeai_bot.tools.kubernetes.text import counted, one_line

_MAKERS = (known.REPLICASETS, known.STATEFULSETS, known.DAEMONSETS, known.JOBS)
_KEEPING = (known.DEPLOYMENTS, known.STATEFULSETS, known.DAEMONSETS)


def refused_pods(picture: Picture) -> Iterator[Finding]:
    """Pods that are wanted and that the API server does not let be made."""
    for resource in _MAKERS:
        for obj in picture.of(resource):
            told = picture.about(resource.kind, name_of(obj), "FailedCreate")
            condition = _condition(obj, "ReplicaFailure")
            message = str(condition.get("message") or next((e.message for e in told), ""))
            wanted, there = _wanted(obj), int(at(obj, "status", "replicas") or at(obj, "status", "active") or 0)
            if not message or (not condition and there >= wanted):
                continue
            evidence = [f".status.conditions[ReplicaFailure]: {one_line(message, 300)}"] if condition else []
            evidence += [event_text(e) for e in told[:1] if not condition]
            evidence += _rules_in_the_way(picture, message)
            says = f"its pods are not made: {_kind_of_refusal(message)}"
            yield Finding(picture.ref(resource, obj), says, tuple(evidence))


def _kind_of_refusal(message: str) -> str:
    table = (
        ("exceeded quota", "a ResourceQuota is used up"),
        ("failed quota", "a ResourceQuota demands requests or limits"),
        ("must specify", "a ResourceQuota demands requests or limits"), ("serviceaccount", "ServiceAccount missing"),
        ("PodSecurity", "Pod Security admission refuses them"), ("admission webhook", "an admission webhook refuses"),
        ("usage per", "a LimitRange forbids the size"), ("forbidden", "admission refuses them"),
    )  # fmt: skip
    return next((words for sign, words in table if sign.lower() in message.lower()), "the API server refuses them")


def _rules_in_the_way(picture: Picture, message: str) -> Iterator[str]:
    if "quota" in message or "must specify" in message:
        for quota in picture.of(QUOTAS):
            hard, used = (
                mapping(quota, "status", "hard") or mapping(quota, "spec", "hard"),
                mapping(quota, "status", "used"),
            )
            if name_of(quota) in message:
                rows = ", ".join(
                    f"{key} {used.get(key, '?')} of {value}" for key, value in hard.items() if key in message
                )
                yield f"{picture.ref(QUOTAS, quota)} .status.used: {rows}"
    if "usage per" in message:
        for limits in picture.of(LIMIT_RANGES):
            rows = [
                f"{i.get('type')} max {dict(mapping(i, 'max'))} min {dict(mapping(i, 'min'))}"
                for i in items(limits, "spec", "limits")
            ]
            yield f"{picture.ref(LIMIT_RANGES, limits)} .spec.limits: {one_line('; '.join(rows), 200)}"


def switched_off(picture: Picture) -> Iterator[Finding]:
    for resource in (*_KEEPING, known.CRONJOBS, known.JOBS):
        for obj in picture.of(resource):
            ref, spec = picture.ref(resource, obj), mapping(obj, "spec")
            if spec.get("paused"):
                yield Finding(ref, "is paused: template changes are not rolled out", (".spec.paused: true",))
            if spec.get("suspend"):
                yield Finding(ref, "is suspended: it starts nothing", (".spec.suspend: true",))
            if spec.get("replicas") == 0:
                about_it = picture.target is not None and picture.target.name == name_of(obj)
                told = [event_text(e) for e in picture.about(resource.kind, name_of(obj), "ScalingReplicaSet")[:1]]
                yield Finding(ref, "is scaled to zero", (".spec.replicas: 0", *told), "", 0 if about_it else -40)


def rollout(picture: Picture) -> Iterator[Finding]:
    """Rollouts that do not get on, and what the newest revision changed."""
    for resource in _KEEPING:
        for obj in picture.of(resource):
            wanted = _wanted(obj)
            ready = int(at(obj, "status", "readyReplicas") or at(obj, "status", "numberReady") or 0)
            stalled = _condition(obj, "Progressing").get("reason") == "ProgressDeadlineExceeded"
            if ready >= wanted and not stalled:
                continue
            ref = picture.ref(resource, obj)
            change = last_change(picture, resource, obj)
            updated = int(at(obj, "status", "updatedReplicas") or at(obj, "status", "updatedNumberScheduled") or 0)
            says = f"{ready} of {wanted} pods ready" + (", rollout stalled" if stalled else "")
            evidence: list[str] = []
            if stalled:
                message = one_line(_condition(obj, "Progressing").get("message") or "", 160)
                evidence.append(f".status.conditions[Progressing]: ProgressDeadlineExceeded: {message}")
            if stalled or updated < wanted:
                evidence += _strategy(obj, updated, wanted)
            if change:
                when, fields = age(change.created, picture.now), counted(change.count, "field")
                says += f"; revision {change.number} ({when} old) changed {fields} of the template"
                evidence += change.lines
            recent = bool(change and change.lines and ready)
            yield Finding(ref, says, tuple(evidence), "", (10 if recent else 0) + (5 if stalled else 0))


def _strategy(obj: Json, updated: int, wanted: int) -> Iterator[str]:
    rolling = mapping(obj, "spec", "strategy", "rollingUpdate") or mapping(
        obj, "spec", "updateStrategy", "rollingUpdate"
    )
    if rolling:
        limits = ", ".join(f"{key} {value}" for key, value in rolling.items())
        yield f".spec.strategy: {updated} of {wanted} updated; {limits}"


def job_failed(picture: Picture) -> Iterator[Finding]:
    for job in picture.of(known.JOBS):
        condition = _condition(job, "Failed")
        if condition.get("status") != "True":
            continue
        spec, status = mapping(job, "spec"), mapping(job, "status")
        reason, message = condition.get("reason"), one_line(condition.get("message") or "", 160)
        evidence = (
            f".status.conditions[Failed]: {reason}: {message}",
            f".spec.backoffLimit: {spec.get('backoffLimit', 6)}, .status.failed: {status.get('failed') or 0}",
            *(
                [f".spec.activeDeadlineSeconds: {spec['activeDeadlineSeconds']}"]
                if spec.get("activeDeadlineSeconds")
                else []
            ),
        )
        yield Finding(picture.ref(known.JOBS, job), f"has failed: {reason}", evidence)


def cronjob_late(picture: Picture) -> Iterator[Finding]:
    reasons = (
        "FailedNeedsStart",
        "TooManyMissedTimes",
        "JobAlreadyActive",
        "FailedCreate",
        "InvalidSchedule",
        "UnparseableSchedule",
    )
    for cron in picture.of(known.CRONJOBS):
        for event in picture.about("CronJob", name_of(cron), *reasons)[:1]:
            spec = mapping(cron, "spec")
            line = (
                f".spec: schedule {spec.get('schedule')}, concurrencyPolicy {spec.get('concurrencyPolicy') or 'Allow'}"
            )
            yield Finding(picture.ref(known.CRONJOBS, cron), "does not start its Jobs", (event_text(event), line))


def autoscaler(picture: Picture) -> Iterator[Finding]:
    for hpa in picture.of(AUTOSCALERS):
        ref, spec, status = picture.ref(AUTOSCALERS, hpa), mapping(hpa, "spec"), mapping(hpa, "status")
        current, most = int(status.get("currentReplicas") or 0), int(spec.get("maxReplicas") or 0)
        blind, limited = _condition(hpa, "ScalingActive"), _condition(hpa, "ScalingLimited")
        metrics = list(_metric_lines(spec, status))
        if blind.get("status") == "False" and blind.get("reason") != "ScalingDisabled":
            line = (
                f".status.conditions[ScalingActive]: {blind.get('reason')}: {one_line(blind.get('message') or '', 240)}"
            )
            yield Finding(ref, "cannot scale: it has no metrics", (line, *metrics), "", 8)
        elif most and current >= most and limited.get("status") == "True" and limited.get("reason") != "TooFewReplicas":
            line = f".spec.maxReplicas: {most}, .status: current {current}, desired {status.get('desiredReplicas')}"
            told = f"{limited.get('reason') or ''} {one_line(limited.get('message') or '', 120)}".strip()
            yield Finding(ref, "is at its maximum", (line, *metrics, *([f"ScalingLimited: {told}"] if told else [])))


def _metric_lines(spec: Json, status: Json) -> Iterator[str]:
    now = {at(m, "resource", "name"): mapping(m, "resource", "current") for m in items(status, "currentMetrics")}
    for metric in items(spec, "metrics"):
        name, target = at(metric, "resource", "name"), mapping(metric, "resource", "target")
        if name:
            used, aim = mapping(now, str(name)).get("averageUtilization"), target.get("averageUtilization")
            yield f"{name}: {'?' if used is None else used}% of requests used, target {aim}%"


def disruption_budget(picture: Picture) -> Iterator[Finding]:
    """Budgets that allow no eviction: they block drains and node upgrades, not rollouts."""
    for budget in picture.of(BUDGETS):
        status, spec = mapping(budget, "status"), mapping(budget, "spec")
        if status.get("disruptionsAllowed") != 0 or not status.get("expectedPods"):
            continue
        rule = ", ".join(f"{k} {spec[k]}" for k in ("minAvailable", "maxUnavailable") if spec.get(k) is not None)
        healthy, pods, needed = (status.get(k) for k in ("currentHealthy", "expectedPods", "desiredHealthy"))
        line = f".spec: {rule}; .status: {healthy} of {pods} healthy, {needed} needed, disruptionsAllowed 0"
        nodes = sorted({str(at(pod, "spec", "nodeName")) for pod in picture.pods if at(pod, "spec", "nodeName")})
        cordoned = [
            f"Node {n}: cordoned, its pods cannot be evicted"
            for n in nodes
            if any("cordoned" in w for w in node_troubles(picture, n))
        ]
        refused = [event_text(e) for e in picture.events if "disruption budget" in e.message][-1:]
        weight = 45 if cordoned or refused else 0
        yield Finding(
            picture.ref(BUDGETS, budget), "allows no eviction (blocks drains)", (line, *cordoned, *refused), "", weight
        )


def unready_pods(picture: Picture) -> Iterator[Finding]:
    """Pods that are not ready, for whatever reason: the least that can be said."""
    for pod in picture.pods:
        phase = at(pod, "status", "phase")
        if is_ready(pod) or phase == "Succeeded" or at(pod, "metadata", "deletionTimestamp"):
            continue
        told = [event_text(e) for e in picture.events if e.about == f"Pod/{name_of(pod)}" and e.type == "Warning"][-1:]
        yield Finding(picture.ref(known.PODS, pod), f"is {phase}, not ready", tuple(told))


def namespace_leaving(picture: Picture) -> Iterator[Finding]:
    for space in picture.of(known.NAMESPACES):
        if at(space, "status", "phase") == "Terminating":
            lines = [
                f".status.conditions[{c.get('type')}]: {one_line(c.get('message') or '', 200)}"
                for c in items(space, "status", "conditions")
                if c.get("status") == "True"
            ]
            yield Finding(
                f"Namespace {name_of(space)}", "is being deleted: nothing new can be made in it", tuple(lines)
            )


def _condition(obj: Json, kind: str) -> Json:
    return next((c for c in items(obj, "status", "conditions") if c.get("type") == kind), {})


def _wanted(obj: Json) -> int:
    spec = mapping(obj, "spec")
    if "replicas" in spec:
        return int(spec["replicas"])
    return int(at(obj, "status", "desiredNumberScheduled") or spec.get("parallelism") or 1)
