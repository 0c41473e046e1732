"""rollout_status: how far a workload's newest template has got, and what holds it up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from kubeai_bot.domain.message import Json
from kubeai_bot.domain.tool import ToolResult
from kubeai_bot.tools.kubernetes.arguments import RolloutStatus
from kubeai_bot.tools.kubernetes.containers import is_ready, pod_state, trouble
from kubeai_bot.tools.kubernetes.family import Children, children, family_refs
from kubeai_bot.tools.kubernetes.known import PODS, REPLICASETS, WORKLOADS
from kubeai_bot.tools.kubernetes.measures import age
from kubeai_bot.tools.kubernetes.near import found_or_near
from kubeai_bot.tools.kubernetes.paths import at, items, mapping
from kubeai_bot.tools.kubernetes.reach import Reach, Ref
from kubeai_bot.tools.kubernetes.text import cut_middle, one_line
from kubeai_bot.tools.kubernetes.tool import Scene, Step

REVISION = "deployment.kubernetes.io/revision"
_PODS_SHOWN = 10
_AT_LEAST = 45.0
"""Seconds for reading, beyond what is waited."""
_PAUSE = 1.0
_DEADLINE = "ProgressDeadlineExceeded"


def plan_status(arguments: RolloutStatus, scene: Scene) -> Step:
    ref = Ref(WORKLOADS[arguments.kind], arguments.namespace, arguments.name)
    acts = scene.acts(("get", ref), ("list", Ref(ref.resource, ref.namespace)), *family_refs(ref))

    async def run(reach: Reach) -> ToolResult:
        obj = await _followed(reach, ref, arguments.wait_seconds)
        verdict, complete = progress(obj)
        below = [] if complete else await children(reach, ref, obj)
        text = "\n".join([f"{ref}: {verdict}", *_why(obj, below, scene)])
        hint = "describe_resource and get_logs tell more"
        return ToolResult(cut_middle(text, scene.budget, hint), one_line(verdict, 100), whole=text)

    intent = f"Follow the rollout of {ref}" if arguments.wait_seconds else f"Rollout status of {ref}"
    return Step(intent, acts, run, timeout=_AT_LEAST + arguments.wait_seconds)


async def _followed(reach: Reach, ref: Ref, seconds: float) -> Json:
    """The workload, read again and again until its rollout has come to an end or the time is up."""
    until = time.monotonic() + seconds
    last = ""
    while True:
        obj = await found_or_near(reach, ref)
        verdict, complete = progress(obj)
        if not seconds:
            return obj
        if (line := _so_far(obj, verdict)) != last:
            last = line
            await reach.progress(line)
        if complete or verdict.startswith(("FAILED", "PAUSED")) or time.monotonic() + _PAUSE > until:
            return obj
        await asyncio.sleep(_PAUSE)


def _so_far(obj: Json, verdict: str) -> str:
    """`2 of 3 new pods ready`."""
    status = mapping(obj, "status")
    if verdict.startswith(("FAILED", "PAUSED", "waiting")):
        return one_line(verdict, 100)
    if obj.get("kind") == "DaemonSet":
        wanted, ready = status.get("desiredNumberScheduled"), status.get("updatedNumberScheduled")
        ready = min(int(ready or 0), int(status.get("numberReady") or 0))
    else:
        wanted = at(obj, "spec", "replicas")
        updated, all_ready = int(status.get("updatedReplicas") or 0), int(status.get("readyReplicas") or 0)
        # the old pods that are still there count as ready too, as long as there are any
        ready = max(0, min(updated, all_ready - max(0, int(status.get("replicas") or 0) - updated)))
    return f"{ready} of {int(wanted or 0)} new pods ready"


def progress(obj: Json) -> tuple[str, bool]:
    """A sentence and whether the rollout is complete, by the rules of `kubectl rollout status`."""
    observed = int(at(obj, "status", "observedGeneration") or 0)
    if int(at(obj, "metadata", "generation") or 0) > observed:
        return "waiting: the controller has not seen the newest change yet", False
    match obj.get("kind"):
        case "DaemonSet":
            return _daemon_set(mapping(obj, "status"))
        case "StatefulSet":
            return _stateful_set(obj)
        case _:
            return _deployment(obj)


def _deployment(obj: Json) -> tuple[str, bool]:
    wanted, status = int(at(obj, "spec", "replicas") or 0), mapping(obj, "status")
    total, updated, available = (
        int(status.get(key) or 0) for key in ("replicas", "updatedReplicas", "availableReplicas")
    )
    failed = next((c for c in items(obj, "status", "conditions") if c.get("reason") == _DEADLINE), None)
    counts = f"{updated} of {wanted} updated, {available} available"
    if failed:
        return f"FAILED, progress deadline exceeded ({counts}): {one_line(failed.get('message') or '')}", False
    if at(obj, "spec", "paused"):
        return f"PAUSED ({counts})", updated == wanted and total == updated
    if updated < wanted:
        return f"in progress: {counts}", False
    if total > updated:
        return f"in progress: {total - updated} old replicas are still to go ({counts})", False
    if available < updated:
        return f"in progress: {counts}", False
    return f"complete: {counts}", True


def _daemon_set(status: Json) -> tuple[str, bool]:
    wanted, updated, available = (
        int(status.get(key) or 0) for key in ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    )
    counts = f"{updated} of {wanted} nodes updated, {available} available"
    complete = updated >= wanted and available >= wanted
    return f"{'complete' if complete else 'in progress'}: {counts}", complete


def _stateful_set(obj: Json) -> tuple[str, bool]:
    wanted, status = int(at(obj, "spec", "replicas") or 0), mapping(obj, "status")
    updated, ready = int(status.get("updatedReplicas") or 0), int(status.get("readyReplicas") or 0)
    partition = int(at(obj, "spec", "updateStrategy", "rollingUpdate", "partition") or 0)
    counts = f"{updated} of {wanted} updated, {ready} ready"
    if ready < wanted:
        return f"in progress: {counts}", False
    if partition:
        complete = updated >= wanted - partition
        return f"{'complete' if complete else 'in progress'} up to partition {partition}: {counts}", complete
    complete = status.get("updateRevision") == status.get("currentRevision") or updated >= wanted
    return f"{'complete' if complete else 'in progress'}: {counts}", complete


def _why(obj: Json, below: list[Children], scene: Scene) -> Iterator[str]:
    for condition in items(obj, "status", "conditions"):
        told = condition.get("reason") == _DEADLINE  # the verdict has it
        if condition.get("status") != "True" and condition.get("message") and not told:
            yield f"Condition {condition.get('type')}={condition.get('status')}: {one_line(condition['message'])}"
    for family in below:
        if family.refused:
            yield f"{family.resource.kind}s could not be listed: {one_line(family.refused)}"
        elif family.resource is REPLICASETS:
            yield from _replica_sets(family.found, scene)
        elif family.resource is PODS:
            waiting = [pod for pod in family.found if not is_ready(pod)]
            for pod in waiting[:_PODS_SHOWN]:
                yield f"Pod {at(pod, 'metadata', 'name')} {pod_state(pod)}: {trouble(pod, scene.now) or 'not ready'}"
            if len(waiting) > _PODS_SHOWN:
                yield f"[{len(waiting) - _PODS_SHOWN} more pods are not ready]"


def _replica_sets(found: tuple[Json, ...], scene: Scene) -> Iterator[str]:
    alive = [rs for rs in found if int(at(rs, "spec", "replicas") or 0)]
    for replica_set in sorted(alive, key=revision_of, reverse=True):
        images = ", ".join(str(c.get("image")) for c in items(replica_set, "spec", "template", "spec", "containers"))
        created, status = at(replica_set, "metadata", "creationTimestamp"), mapping(replica_set, "status")
        yield (
            f"ReplicaSet {at(replica_set, 'metadata', 'name')} (revision {revision_of(replica_set)}, age "
            f"{age(created, scene.now)}): {status.get('readyReplicas') or 0} of {at(replica_set, 'spec', 'replicas')} "
            f"ready, {images}"
        )


def revision_of(replica_set: Json) -> int:
    text = str(at(replica_set, "metadata", "annotations", REVISION) or "")
    return int(text) if text.isdigit() else 0
