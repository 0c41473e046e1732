"""Rules about where pods run: the scheduler's refusals with their arithmetic, evictions, nodes in trouble."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kubeai_bot.domain.message import Json
from kubeai_bot.tools.kubernetes import known
from kubeai_bot.tools.kubernetes.containers import plain_message
from kubeai_bot.tools.kubernetes.diagnose.finding import Finding
from kubeai_bot.tools.kubernetes.diagnose.picture import Picture, event_text, name_of, owner_of
from kubeai_bot.tools.kubernetes.diagnose.selecting import labels_text
from kubeai_bot.tools.kubernetes.measures import age, cpu, memory, quantity
from kubeai_bot.tools.kubernetes.paths import at, items, mapping
from kubeai_bot.tools.kubernetes.text import counted, one_line

_PREEMPTION = re.compile(r"\.? ?preemption: .*", re.IGNORECASE)
_NODES_SHOWN = 3
_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")


def unschedulable(picture: Picture) -> Iterator[Finding]:
    for pod in picture.pods:
        if at(pod, "spec", "nodeName"):
            continue
        ref = picture.ref(known.PODS, pod)
        for gate in items(pod, "spec", "schedulingGates")[:1]:
            yield Finding(ref, f"is held by the scheduling gate {gate.get('name')}", (), owner_of(pod))
        told = picture.about("Pod", name_of(pod), "FailedScheduling", "NotTriggerScaleUp")
        condition = next((c for c in items(pod, "status", "conditions") if c.get("type") == "PodScheduled"), {})
        message = str(condition.get("message") or next((e.message for e in told), ""))
        if condition.get("status") == "True" or not message:
            continue
        evidence = [f".status.conditions[PodScheduled]: {one_line(_PREEMPTION.sub('', message), 240)}"]
        evidence += _wants(pod, message)
        evidence += _offers(picture, pod, message)
        evidence += [event_text(e) for e in told if e.reason == "NotTriggerScaleUp"][:1]
        says = "fits on no node" if "volume" not in message.lower() else "waits for its volume"
        storage = "persistentvolumeclaim" in message.lower()
        yield Finding(ref, says, tuple(evidence), owner_of(pod), -15 if storage else 0)


def _wants(pod: Json, message: str) -> Iterator[str]:
    """What of the pod the scheduler's message is about."""
    lower = message.lower()
    if "insufficient" in lower:
        cores, size = _requested([pod])
        yield f".spec.containers[*].resources.requests: cpu {cpu(cores)}, memory {memory(size)} in all"
    if "selector" in lower or "affinity" in lower:
        if selector := mapping(pod, "spec", "nodeSelector"):
            yield f".spec.nodeSelector: {labels_text(selector)}"
        for kind in mapping(pod, "spec", "affinity"):
            yield f".spec.affinity: {kind}"
    if "taint" in lower:
        tolerated = [str(t.get("key") or "everything") for t in items(pod, "spec", "tolerations")]
        tolerated = [key for key in tolerated if not key.startswith("node.kubernetes.io/")]
        yield f".spec.tolerations: {', '.join(tolerated) or 'none of its own'}"


def _offers(picture: Picture, pod: Json, message: str) -> list[str]:
    """What the nodes have of it."""
    lines: list[str] = []
    lower = message.lower()
    for node in picture.of(known.NODES):
        parts: list[str] = []
        if "insufficient" in lower:
            parts.append(_room(node, picture.neighbours))
        if at(node, "spec", "unschedulable") and (parts or "unschedulable" in lower):
            parts.append("cordoned")
        if "taint" in lower or "insufficient" in lower:
            parts += [f"taint {_taint(t)}" for t in items(node, "spec", "taints") if not _cordon(t)]
        selector = mapping(pod, "spec", "nodeSelector")
        if selector and "selector" in lower:
            labels = mapping(node, "metadata", "labels")
            parts += [f"{key}={labels.get(key, '(no such label)')}" for key in selector]
        if parts:
            lines.append(f"Node {name_of(node)}: {', '.join(filter(None, parts))}")
    more = [f"and {counted(len(lines) - _NODES_SHOWN, 'more node')}"] if len(lines) > _NODES_SHOWN else []
    return [*lines[:_NODES_SHOWN], *more]


def _room(node: Json, everywhere: Sequence[Json] | None) -> str:
    """`free cpu 410m of 7910m, memory 2048Mi of 30000Mi`: allocatable less what the pods there request."""
    whole = [quantity(at(node, "status", "allocatable", name)) or 0.0 for name in ("cpu", "memory")]
    if everywhere is None:
        return f"allocatable cpu {cpu(whole[0])}, memory {memory(whole[1])}"
    used = _requested([pod for pod in everywhere if at(pod, "spec", "nodeName") == name_of(node)])
    free = [total - taken for total, taken in zip(whole, used, strict=True)]
    return f"free cpu {cpu(free[0])} of {cpu(whole[0])}, memory {memory(free[1])} of {memory(whole[1])}"


def _requested(pods: Sequence[Json]) -> tuple[float, float]:
    """Cores and bytes that pods request: containers together, or the largest init container where that is more."""
    cores = size = 0.0
    for pod in pods:
        if at(pod, "status", "phase") in ("Succeeded", "Failed"):
            continue
        cores += _of_pod(pod, "cpu")
        size += _of_pod(pod, "memory")
    return cores, size


def _of_pod(pod: Json, name: str) -> float:
    asked = [
        [quantity(at(c, "resources", "requests", name)) or 0.0 for c in items(pod, "spec", key)]
        for key in ("containers", "initContainers")
    ]
    return max(sum(asked[0]), max(asked[1], default=0.0))


def _taint(taint: Json) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key')}{value}:{taint.get('effect')}"


def _cordon(taint: Json) -> bool:
    return taint.get("key") == "node.kubernetes.io/unschedulable"


def evicted(picture: Picture) -> Iterator[Finding]:
    for pod in picture.pods:
        reason = at(pod, "status", "reason")
        if reason not in ("Evicted", "NodeLost", "Preempting", "Terminated", "NodeShutdown"):
            continue
        message = plain_message(at(pod, "status", "message") or "", 240)
        node = str(at(pod, "spec", "nodeName") or "")
        evidence = [f".status: reason {reason}: {message}"]
        evidence += [f"Node {node}: {words}" for words in node_troubles(picture, node)]
        says = f"was thrown off {node or 'its node'}: {reason}"
        yield Finding(picture.ref(known.PODS, pod), says, tuple(evidence), f"{owner_of(pod)}/{node}")


def node_trouble(picture: Picture) -> Iterator[Finding]:
    """Nodes that carry these pods and are not well."""
    used = {str(at(pod, "spec", "nodeName")) for pod in picture.pods if at(pod, "spec", "nodeName")}
    for name in sorted(used):
        troubles = node_troubles(picture, name)
        if troubles:
            on_it = [name_of(pod) for pod in picture.pods if at(pod, "spec", "nodeName") == name]
            evidence = (*troubles, f"pods of this diagnosis there: {one_line(', '.join(on_it), 120)}")
            down = any("Ready=" in words for words in troubles)
            yield Finding(f"Node {name}", troubles[0].split(" (")[0], evidence, name, 20 if down else 0)


def node_troubles(picture: Picture, name: str) -> list[str]:
    """Conditions of a node that speak against it, and whether it is cordoned."""
    node = picture.named(known.NODES, name)
    if node is None:
        return []
    found: list[str] = []
    for condition in items(node, "status", "conditions"):
        kind, value = condition.get("type"), condition.get("status")
        bad = (kind == "Ready" and value != "True") or (kind in _PRESSURES and value == "True")
        if bad:
            since = age(condition.get("lastTransitionTime"), picture.now)
            found.append(f"{kind}={value} (for {since}): {one_line(condition.get('message') or '', 120)}")
    if at(node, "spec", "unschedulable"):
        found.append("cordoned (.spec.unschedulable)")
    return found


def sandbox(picture: Picture) -> Iterator[Finding]:
    """Pods whose network or volumes cannot be set up, so that no container starts."""
    reasons = ("FailedCreatePodSandBox", "FailedMount", "FailedAttachVolume", "FailedMapVolume", "NetworkNotReady")
    for pod in picture.pods:
        running = any(mapping(s, "state", "running") for s in items(pod, "status", "containerStatuses"))
        if running or at(pod, "status", "phase") in ("Succeeded", "Failed"):
            continue
        told = picture.about("Pod", name_of(pod), *reasons)
        if told:
            volume = told[0].reason in ("FailedMount", "FailedAttachVolume", "FailedMapVolume")
            says = f"cannot start: {'a volume cannot be mounted' if volume else 'its sandbox cannot be set up'}"
            evidence = tuple(event_text(event) for event in told[:2])
            yield Finding(picture.ref(known.PODS, pod), says, evidence, owner_of(pod))


def stuck_deletion(picture: Picture) -> Iterator[Finding]:
    """Objects that are being deleted and stay."""
    for resource, objects in picture.objects.items():
        for obj in objects:
            since = at(obj, "metadata", "deletionTimestamp")
            holds = [str(name) for name in at(obj, "metadata", "finalizers") or ()]
            if not since or not (holds or resource is known.PODS):
                continue
            grace = at(obj, "metadata", "deletionGracePeriodSeconds")
            line = f".metadata.deletionTimestamp: {age(since, picture.now)} ago, grace {grace or 0}s"
            says = f"is being deleted and held by {'finalizer ' + ', '.join(holds) if holds else 'its grace period'}"
            lines = (line, f".metadata.finalizers: {', '.join(holds) or 'none'}")
            users = [name_of(p) for p in picture.pods if _mounts(p, name_of(obj))] if "pvc" in str(holds) else []
            used = (f"still used by Pod {one_line(', '.join(users), 120)}",) if users else ()
            weight = 0 if holds else -30
            yield Finding(picture.ref(resource, obj), says, (*lines, *used), "", weight)


def _mounts(pod: Json, claim: str) -> bool:
    return any(at(v, "persistentVolumeClaim", "claimName") == claim for v in items(pod, "spec", "volumes"))
