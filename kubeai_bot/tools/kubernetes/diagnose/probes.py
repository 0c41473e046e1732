"""Probes that fail: which, why, and what of the container speaks against them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kubeai_bot.domain.message import Json
from kubeai_bot.tools.kubernetes import known
from kubeai_bot.tools.kubernetes.diagnose.finding import Finding
from kubeai_bot.tools.kubernetes.diagnose.picture import Box, Picture, event_text, name_of
from kubeai_bot.tools.kubernetes.measures import quantity
from kubeai_bot.tools.kubernetes.paths import at, items, mapping

_SMALL_CPU = 0.1
_WORDS = {"readiness": "gets no traffic", "liveness": "is restarted again and again", "startup": "is never started"}


def probe_findings(picture: Picture, box: Box, extra: Sequence[str]) -> Iterator[Finding]:
    """One finding a container: of the probe that says most (liveness and startup probes kill, readiness does not)."""
    unhealthy = picture.about("Pod", name_of(box.pod), "Unhealthy", "Killing", "ProbeWarning")
    running = bool(mapping(box.status, "state", "running"))
    for kind in ("startup", "liveness", "readiness"):
        probe = mapping(box.spec, f"{kind}Probe")
        told = [e for e in unhealthy if f"{kind} probe" in e.message.lower() and e.reason != "Killing"]
        told = [e for e in told if len(items(box.pod, "spec", "containers")) == 1 or _names_its_port(e.message, probe)
                or not box.status.get("ready")]  # fmt: skip
        silent = kind == "readiness" and running and not box.status.get("ready") and bool(probe)
        well = bool(box.status.get("ready")) and kind == "readiness"
        if not probe or well or not (told or silent):
            continue
        evidence = [f".spec.containers[{box.name}].{kind}Probe: {probe_text(probe)}"]
        evidence += [event_text(event) for event in told[:1]]
        evidence += [event_text(e) for e in unhealthy if e.reason == "Killing"][: int(kind != "readiness")]
        contradictions = list(_against(box.spec, probe, " ".join(e.message for e in told)))
        says = f"container {box.name} {_WORDS[kind]}: its {kind} probe fails"
        weight = (4 if kind != "readiness" else 0) + (3 if contradictions else 0)
        lines = (*evidence, *contradictions, *extra)
        yield Finding(picture.ref(known.PODS, box.pod), says, lines, box.group, weight)
        return


def probe_text(probe: Json) -> str:
    """`httpGet :8080/healthz, timeout 1s, period 10s, fails after 3`."""
    if http := mapping(probe, "httpGet"):
        how = f"httpGet :{http.get('port')}{http.get('path') or '/'}"
    elif mapping(probe, "exec"):
        how = "exec " + " ".join(map(str, at(probe, "exec", "command") or ()))[:100]
    elif grpc := mapping(probe, "grpc"):
        how = f"grpc :{grpc.get('port')}"
    else:
        how = f"tcpSocket :{at(probe, 'tcpSocket', 'port')}"
    times = (("initialDelaySeconds", "delay", 0), ("timeoutSeconds", "timeout", 1), ("periodSeconds", "period", 10))
    shown = [f"{word} {probe.get(key) or default}s" for key, word, default in times if probe.get(key) or default]
    return ", ".join([how, *shown, f"fails after {probe.get('failureThreshold') or 3}"])


def _against(spec: Json, probe: Json, told: str) -> Iterator[str]:
    """What the container itself says against its probe."""
    ports = items(spec, "ports")
    port = _port(probe)
    declared = {entry.get("containerPort") for entry in ports} | {entry.get("name") for entry in ports}
    if port is not None and ports and port not in declared:
        listed = ", ".join(f"{p.get('name') or '-'}={p.get('containerPort')}" for p in ports)
        yield f"the probe asks port {port}, but .spec.containers[{spec.get('name')}].ports has {listed}"
    limit = at(spec, "resources", "limits", "cpu")
    cores = quantity(limit)
    late = "deadline exceeded" in told or "timed out" in told or "Timeout" in told
    if late and cores is not None and cores <= _SMALL_CPU:
        yield f"the answers come too late, and the CPU limit is only {limit}: the container is throttled"
    elif late:
        yield f"the answers take longer than timeoutSeconds={probe.get('timeoutSeconds') or 1}"


def _port(probe: Json) -> Any:
    return next((at(probe, how, "port") for how in ("httpGet", "tcpSocket", "grpc") if mapping(probe, how)), None)


def _names_its_port(message: str, probe: Json) -> bool:
    return f":{_port(probe)}" in message
