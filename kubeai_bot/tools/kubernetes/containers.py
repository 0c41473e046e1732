"""Pods and their containers in words: what they run, how they fare, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from kubeai_bot.domain.message import Json
from kubeai_bot.tools.kubernetes.measures import age, duration, moment
from kubeai_bot.tools.kubernetes.paths import at, items, mapping
from kubeai_bot.tools.kubernetes.text import one_line

_RESTARTED_POD = re.compile(r" pod=\S+\([0-9a-f-]{36}\)")
_PLACES = (("initContainers", "initContainerStatuses"), ("containers", "containerStatuses"),
           ("ephemeralContainers", "ephemeralContainerStatuses"))  # fmt: skip


def statuses(pod: Json) -> dict[str, Json]:
    """The status of each container by name, init and ephemeral ones included."""
    return {str(status.get("name")): status for _, key in _PLACES for status in items(pod, "status", key)}


def container_specs(pod: Json) -> list[tuple[str, Json]]:
    """(kind, spec) of each container in the order in which they start: kind is `init`, `container`, `ephemeral`."""
    kinds = ("init", "container", "ephemeral")
    return [(kind, spec) for kind, (key, _) in zip(kinds, _PLACES, strict=True) for spec in items(pod, "spec", key)]


def pod_state(pod: Json) -> str:
    """The word that `kubectl get pods` shows as STATUS."""
    if at(pod, "metadata", "deletionTimestamp"):
        return "Terminating"
    for kind, spec in container_specs(pod):
        status = statuses(pod).get(str(spec.get("name")), {})
        waiting, ended = at(status, "state", "waiting", "reason"), mapping(status, "state", "terminated")
        if kind == "init" and ended and ended.get("exitCode") == 0:
            continue
        prefix = "Init:" if kind == "init" else ""
        if waiting and waiting not in ("PodInitializing", "ContainerCreating"):
            return f"{prefix}{waiting}"
        if ended and ended.get("exitCode") != 0:
            return f"{prefix}{ended.get('reason') or 'Error'}"
    return str(at(pod, "status", "reason") or at(pod, "status", "phase") or "Unknown")


def readiness(pod: Json) -> str:
    """`1/2`: ready containers of all."""
    ready = sum(bool(status.get("ready")) for status in items(pod, "status", "containerStatuses"))
    return f"{ready}/{len(items(pod, 'spec', 'containers'))}"


def is_ready(pod: Json) -> bool:
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in items(pod, "status", "conditions"))


def restarts(pod: Json) -> int:
    return sum(int(status.get("restartCount") or 0) for status in statuses(pod).values())


def trouble(pod: Json, now: datetime) -> str:
    """Why a pod is not well, in one line; "" for a pod that is."""
    if at(pod, "status", "phase") == "Succeeded" or (is_ready(pod) and not restarts(pod)):
        return ""
    reasons = [
        f"{name}: {told}"
        for name, status in statuses(pod).items()
        if (told := state(status, now)) and not _is_calm(status)
    ]
    unscheduled = (
        f"not scheduled: {one_line(condition.get('message') or condition.get('reason'), 200)}"
        for condition in items(pod, "status", "conditions")
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False"
    )
    return "; ".join([*reasons, *unscheduled])


def _is_calm(status: Json) -> bool:
    running = bool(at(status, "state", "running")) and bool(status.get("ready"))
    done = at(status, "state", "terminated", "exitCode") == 0
    return (running and not at(status, "lastState", "terminated")) or done


def state(status: Json, now: datetime) -> str:
    """`waiting CrashLoopBackOff (back-off 5m0s …); last exit 1 Error 40s ago; 12 restarts`."""
    parts: list[str] = []
    waiting, running, ended = (mapping(status, "state", key) for key in ("waiting", "running", "terminated"))
    if waiting:
        message = f" ({plain_message(waiting['message'], 250)})" if waiting.get("message") else ""
        parts.append(f"waiting {waiting.get('reason') or ''}{message}")
    elif running:
        ready = "" if status.get("ready") else ", not ready"
        parts.append(f"running for {age(running.get('startedAt'), now)}{ready}")
    elif ended:
        parts.append(f"ended: {_ending(ended, now)}")
    if last := mapping(status, "lastState", "terminated"):
        parts.append(f"last run: {_ending(last, now)}")
    if count := status.get("restartCount"):
        parts.append(f"{count} restart{'s' if count != 1 else ''}")
    return "; ".join(parts)


def brief_state(status: Json) -> str:
    """`CrashLoopBackOff, last exit 1 Error, 7 restarts`: enough to head a log with."""
    waiting, ended = at(status, "state", "waiting", "reason"), mapping(status, "state", "terminated")
    last = mapping(status, "lastState", "terminated")
    parts = [str(waiting)] if waiting else []
    if mapping(status, "state", "running"):
        parts.append("running" if status.get("ready") else "running, not ready")
    for word, run in (("exit", ended), ("last exit", last)):
        if run:
            parts.append(f"{word} {run.get('exitCode')} {run.get('reason') or ''}".rstrip())
    if count := status.get("restartCount"):
        parts.append(f"{count} restart{'s' if count != 1 else ''}")
    return ", ".join(parts) or "not started"


def plain_message(text: object, limit: int = 300) -> str:
    """A kubelet message without the pod's uid, which says nothing beside its name."""
    return one_line(_RESTARTED_POD.sub("", str(text)), limit)


def _ending(ended: Json, now: datetime) -> str:
    started, finished = moment(ended.get("startedAt")), moment(ended.get("finishedAt"))
    ran = f", ran {duration((finished - started).total_seconds())}" if started and finished else ""
    when = f", {age(ended.get('finishedAt'), now)} ago" if finished else ""
    signal = f" signal {ended['signal']}" if ended.get("signal") else ""
    message = f": {one_line(ended['message'], 300)}" if ended.get("message") else ""
    return f"exit {ended.get('exitCode')}{signal} {ended.get('reason') or ''}{ran}{when}{message}"


def container_lines(spec: Json, kind: str = "container") -> Iterator[str]:
    """What a container runs: image, command, ports, resources, probes, environment, mounts. One line each."""
    yield f"{spec.get('name')}{'' if kind == 'container' else f' ({kind})'}: {spec.get('image')}"
    command = [*(spec.get("command") or ()), *(spec.get("args") or ())]
    if command:
        yield f"  command: {one_line(' '.join(map(str, command)), 300)}"
    if ports := items(spec, "ports"):
        yield "  ports: " + ", ".join(f"{port.get('containerPort')}/{port.get('protocol') or 'TCP'}" for port in ports)
    resources = [
        f"{part} " + " ".join(f"{name}={value}" for name, value in mapping(spec, "resources", part).items())
        for part in ("requests", "limits")
        if mapping(spec, "resources", part)
    ]
    yield f"  resources: {'; '.join(resources) or 'none set'}"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if found := mapping(spec, probe):
            yield f"  {probe.removesuffix('Probe')}: {_probe(found)}"
    if environment := [*map(_env_from, items(spec, "envFrom")), *map(_env, items(spec, "env"))]:
        yield f"  env: {one_line(', '.join(environment), 600)}"
    mounts = [mount for mount in items(spec, "volumeMounts") if "serviceaccount" not in str(mount.get("mountPath"))]
    if mounts:
        yield "  mounts: " + ", ".join(f"{mount.get('mountPath')} from {mount.get('name')}" for mount in mounts)


def _probe(probe: Json) -> str:
    if http := mapping(probe, "httpGet"):
        how = f"GET {str(http.get('scheme') or 'HTTP').lower()}://:{http.get('port')}{http.get('path') or '/'}"
    elif mapping(probe, "exec"):
        how = "exec " + one_line(" ".join(map(str, at(probe, "exec", "command") or ())), 120)
    elif grpc := mapping(probe, "grpc"):
        how = f"grpc :{grpc.get('port')}"
    else:
        how = f"tcp :{at(probe, 'tcpSocket', 'port')}"
    fields = (("delay", "initialDelaySeconds"), ("timeout", "timeoutSeconds"), ("period", "periodSeconds"))
    times = [f"{word} {probe[key]}s" for word, key in fields if probe.get(key)]
    return " ".join([how, *times, f"fails after {probe.get('failureThreshold') or 3}"])


def _env(entry: Json) -> str:
    """A variable with its value, or with the name of what holds it: values of Secrets are never in a pod's spec."""
    source: Any = mapping(entry, "valueFrom")
    for key, word in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
        if found := mapping(source, key):
            return f"{entry.get('name')}=<{word} {found.get('name')}.{found.get('key')}>"
    if source:
        return f"{entry.get('name')}=<{next(iter(source))}>"
    return f"{entry.get('name')}={one_line(entry.get('value') or '', 80)}"


def _env_from(entry: Json) -> str:
    for key, word in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
        if found := mapping(entry, key):
            return f"all of <{word} {found.get('name')}>"
    return "all of <unknown>"


def volume_line(pod_spec: Json) -> str:
    """`config from ConfigMap checkout-config, data from PersistentVolumeClaim data-0`; "" without volumes."""
    found: list[str] = []
    for volume in items(pod_spec, "volumes"):
        source = next((key for key in volume if key != "name"), "")
        body = mapping(volume, source)
        if str(volume.get("name")).startswith("kube-api-access-"):
            continue
        name = body.get("name") or body.get("secretName") or body.get("claimName") or body.get("path") or ""
        found.append(f"{volume.get('name')} from {source[:1].upper()}{source[1:]} {name}".rstrip())
    return ", ".join(found)
