"""describe_resource: the object, its family and what happened to it, as one short report."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from kubeai_bot.domain.message import Json
from kubeai_bot.domain.tool import ToolResult
from kubeai_bot.errors import ApiStatus
from kubeai_bot.tools.kubernetes import known
from kubeai_bot.tools.kubernetes.arguments import DescribeResource
from kubeai_bot.tools.kubernetes.containers import (
    container_lines,
    container_specs,
    is_ready,
    pod_state,
    readiness,
    restarts,
    state,
    statuses,
    trouble,
    volume_line,
)
from kubeai_bot.tools.kubernetes.events import Happening, event_lines, events_about, merged
from kubeai_bot.tools.kubernetes.family import Children, children, family_refs, owner_chain
from kubeai_bot.tools.kubernetes.measures import age
from kubeai_bot.tools.kubernetes.near import found_or_near
from kubeai_bot.tools.kubernetes.nodes import node_lines
from kubeai_bot.tools.kubernetes.paths import at, items, mapping
from kubeai_bot.tools.kubernetes.prune import prune, to_yaml
from kubeai_bot.tools.kubernetes.reach import Reach, Ref
from kubeai_bot.tools.kubernetes.target import one_object
from kubeai_bot.tools.kubernetes.text import aligned, cut_middle, one_line
from kubeai_bot.tools.kubernetes.tool import MOST_KEPT, Scene, Step

_PODS_SHOWN, _CHILDREN_SHOWN = 15, 10
_PODS_ASKED_FOR_EVENTS = 5


def plan_describe(arguments: DescribeResource, scene: Scene) -> Step:
    ref = one_object(arguments.kind, arguments.namespace, arguments.name, scene)
    acts = scene.acts(
        ("get", ref),
        ("list", Ref(ref.resource, ref.namespace)),
        *family_refs(ref),
        ("list", Ref(known.EVENTS, ref.namespace)),
    )

    async def run(reach: Reach) -> ToolResult:
        obj = await found_or_near(reach, ref)
        chain, below = await asyncio.gather(owner_chain(reach, ref, obj), children(reach, ref, obj))
        events = await _events(reach, ref, below)
        itself = [*_head(ref, obj, chain, scene), *_body(ref, obj, below, scene)]
        text, told = "\n".join([*itself, *_below(below, scene)]), _told(events, ref, scene, scene.budget // 3)
        hint = "get_resource with `path` shows parts, get_events the rest"
        shown = cut_middle(text, max(scene.budget - len(told), scene.budget // 2), hint)
        whole = "\n".join([*itself, *_below(below, scene, every=True), _told(events, ref, scene, MOST_KEPT)])
        return ToolResult(f"{shown}\n{told}", _summary(ref, obj, below), whole=whole)

    return Step(f"Describe {ref}", acts, run)


def _head(ref: Ref, obj: Json, chain: list[str], scene: Scene) -> Iterator[str]:
    metadata = mapping(obj, "metadata")
    yield f"{ref} ({ref.resource.api_version}), age {age(metadata.get('creationTimestamp'), scene.now)}"
    if metadata.get("deletionTimestamp"):
        waits = ", ".join(map(str, metadata.get("finalizers") or ())) or "its grace period"
        yield f"BEING DELETED since {age(metadata['deletionTimestamp'], scene.now)}, waits for: {waits}"
    if chain:
        yield f"Owned by: {' < '.join(chain)}"
    if labels := mapping(metadata, "labels"):
        yield "Labels: " + one_line(", ".join(f"{key}={value}" for key, value in labels.items()), 400)
    if annotations := mapping(prune(obj), "metadata", "annotations"):
        yield "Annotations: " + one_line(", ".join(f"{key}={value}" for key, value in annotations.items()), 600)


def _body(ref: Ref, obj: Json, below: list[Children], scene: Scene) -> Iterator[str]:
    match (ref.resource.group, ref.resource.name):
        case ("", "pods"):
            yield from _pod(obj, scene)
        case ("apps", "deployments" | "statefulsets" | "daemonsets" | "replicasets") | ("batch", "jobs"):
            yield from _workload(obj)
            yield from _conditions(obj, scene)
            yield from _template(mapping(obj, "spec", "template", "spec"))
        case ("", "nodes"):
            yield from _conditions(obj, scene)
            yield from node_lines(obj, _pods_of(below))
        case _:
            yield from _conditions(obj, scene)
            rest: dict[str, Any] = {
                key: value for key, value in prune(obj).items() if key not in ("apiVersion", "kind", "metadata")
            }
            if isinstance(rest.get("status"), Mapping):
                rest["status"] = {key: value for key, value in mapping(rest, "status").items() if key != "conditions"}
            yield to_yaml({key: value for key, value in rest.items() if value}).rstrip() if any(rest.values()) else ""


def _pod(pod: Json, scene: Scene) -> Iterator[str]:
    place = f"node {at(pod, 'spec', 'nodeName') or 'none yet'}, IP {at(pod, 'status', 'podIP') or 'none'}"
    yield f"Status: {pod_state(pod)}, ready {readiness(pod)}, {place}, QoS {at(pod, 'status', 'qosClass') or '?'}"
    if message := at(pod, "status", "message"):
        yield f"Message: {one_line(message)}"
    yield from _conditions(pod, scene)
    states = statuses(pod)
    for kind, spec in container_specs(pod):
        first, *rest = container_lines(spec, kind)
        yield first
        yield f"  STATE: {state(states.get(str(spec.get('name')), {}), scene.now) or 'not started'}"
        yield from rest
    yield from _scheduling(mapping(pod, "spec"))


def _template(spec: Json) -> Iterator[str]:
    for kind, container in container_specs({"spec": spec}):
        yield from container_lines(container, kind)
    yield from _scheduling(spec)


def _scheduling(spec: Json) -> Iterator[str]:
    if volumes := volume_line(spec):
        yield f"Volumes: {volumes}"
    if selector := mapping(spec, "nodeSelector"):
        yield "Node selector: " + ", ".join(f"{key}={value}" for key, value in selector.items())
    if spec.get("serviceAccountName") not in (None, "default"):
        yield f"Service account: {spec['serviceAccountName']}"


def _workload(obj: Json) -> Iterator[str]:
    status = mapping(obj, "status")
    wanted = at(obj, "spec", "replicas")
    if wanted is None:
        wanted = status.get("desiredNumberScheduled") or at(obj, "spec", "completions")
    words = {
        "updatedReplicas": "updated", "readyReplicas": "ready", "availableReplicas": "available",
        "unavailableReplicas": "unavailable", "numberReady": "ready", "numberUnavailable": "unavailable",
        "updatedNumberScheduled": "updated", "active": "active", "succeeded": "succeeded", "failed": "failed",
    }  # fmt: skip
    counts = [f"{status[key]} {word}" for key, word in words.items() if status.get(key)]
    yield f"Replicas: {wanted} wanted, {', '.join(counts) or 'none there'}"
    strategy = mapping(obj, "spec", "strategy") or mapping(obj, "spec", "updateStrategy")
    if strategy:
        rolling = mapping(strategy, "rollingUpdate")
        limits = ", ".join(f"{key} {value}" for key, value in rolling.items())
        yield f"Strategy: {strategy.get('type')}{f' ({limits})' if limits else ''}"
    if at(obj, "spec", "paused"):
        yield "PAUSED: changes of the template are not rolled out"


def _conditions(obj: Json, scene: Scene) -> Iterator[str]:
    """Conditions in full, save those that are True and say nothing: these share one line."""
    silent: list[str] = []
    said: set[str] = set()
    for condition in items(obj, "status", "conditions"):
        kind, value = str(condition.get("type")), condition.get("status")
        reason, message = condition.get("reason") or "", one_line(condition.get("message") or "")
        if value == "True" and not (reason or message):
            silent.append(kind)
            continue
        if message and f"{reason}{message}" in said:
            message = "as above"
        said.add(f"{reason}{message}")
        since = age(condition.get("lastTransitionTime"), scene.now)
        yield f"Condition {kind}={value} {reason} (for {since}){': ' if message else ''}{message}".replace("  ", " ")
    if silent:
        yield f"Conditions True: {', '.join(silent)}"


def _below(below: list[Children], scene: Scene, *, every: bool = False) -> Iterator[str]:
    for family in below:
        if family.refused:
            yield f"{family.resource.kind}s: could not be listed: {one_line(family.refused)}"
        elif family.resource is known.PODS:
            yield from _pods(family.found, scene, len(family.found) if every else _PODS_SHOWN)
        elif family.found:
            most = len(family.found) if every else _CHILDREN_SHOWN
            rows = [_child_row(child, scene) for child in _newest_first(family.found)[:most]]
            yield f"{family.resource.kind}s ({len(family.found)}, newest first):"
            yield from (f"  {line}" for line in aligned((), rows))


def _child_row(child: Json, scene: Scene) -> list[str]:
    images = ", ".join(str(c.get("image")) for c in items(child, "spec", "template", "spec", "containers"))
    status = mapping(child, "status")
    revision = at(child, "metadata", "annotations", "deployment.kubernetes.io/revision")
    done = ("succeeded", "failed", "active")
    counts = [f"{status[key]} {key}" for key in done if status.get(key)] or [
        f"{status.get('readyReplicas') or 0}/{at(child, 'spec', 'replicas') or 0} ready"
    ]
    return [
        str(at(child, "metadata", "name")),
        f"revision {revision}" if revision else "",
        ", ".join(counts),
        f"age {age(at(child, 'metadata', 'creationTimestamp'), scene.now)}",
        images,
    ]


def _pods(pods: tuple[Json, ...], scene: Scene, most: int) -> Iterator[str]:
    if not pods:
        yield "Pods: none"
        return
    ready = sum(map(is_ready, pods))
    yield f"Pods ({len(pods)}, {ready} ready; those in trouble first):"
    ordered = sorted(pods, key=lambda pod: (is_ready(pod), -restarts(pod), str(at(pod, "metadata", "name"))))
    rows = [
        [
            str(at(pod, "metadata", "name")),
            readiness(pod),
            pod_state(pod),
            f"{restarts(pod)} restarts",
            age(at(pod, "metadata", "creationTimestamp"), scene.now),
            trouble(pod, scene.now),
        ]
        for pod in ordered[:most]
    ]
    yield from (f"  {line}" for line in aligned((), rows))
    if len(pods) > most:
        yield f"  [{len(pods) - most} more pods left out]"


async def _events(reach: Reach, ref: Ref, below: list[Children]) -> list[Happening] | str:
    """Events about the object, its newest ReplicaSet or Job, and its pods in trouble; or why there are none."""
    asked = [(ref.resource.kind, ref.name)]
    if ref.resource.name != "nodes":  # what befalls its pods is another question
        for family in below:
            newest = _newest_first(family.found)
            if family.resource is known.PODS:
                newest = [pod for pod in newest if not is_ready(pod)][:_PODS_ASKED_FOR_EVENTS]
            asked += [
                (family.resource.kind, str(at(child, "metadata", "name"))) for child in newest[:_PODS_ASKED_FOR_EVENTS]
            ]
    try:
        found = await asyncio.gather(*(events_about(reach, ref.namespace, kind, name) for kind, name in asked))
    except ApiStatus as error:
        return f"Events: could not be read: {one_line(error.message)}"
    return merged(event for events in found for event in events)


def _told(events: list[Happening] | str, ref: Ref, scene: Scene, budget: int) -> str:
    if isinstance(events, str):
        return events
    lines = event_lines(events, scene.now, budget, about=f"{ref.resource.kind}/{ref.name}")
    return (
        "\n".join(["Events (newest last):", *(f"  {line}" for line in lines)])
        if lines
        else "Events: none (kept for about an hour)"
    )


def _newest_first(objects: tuple[Json, ...]) -> list[Json]:
    return sorted(objects, key=lambda obj: str(at(obj, "metadata", "creationTimestamp")), reverse=True)


def _summary(ref: Ref, obj: Json, below: list[Children]) -> str:
    if ref.resource.name == "pods":
        return f"{pod_state(obj)}, ready {readiness(obj)}"
    pods = _pods_of(below)
    return f"{sum(map(is_ready, pods))} of {len(pods)} pods ready" if pods else str(ref)


def _pods_of(below: list[Children]) -> tuple[Json, ...]:
    return next((family.found for family in below if family.resource is known.PODS), ())
