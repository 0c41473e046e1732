"""drain: a node cordoned and its pods evicted, as far as disruption budgets and the time allow."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from kubeai_bot.domain.approval import Preview
from kubeai_bot.domain.message import Json
from kubeai_bot.domain.tool import CallContext, ToolResult
from kubeai_bot.errors import ApiStatus, ClusterError, Drifted, TooLate, ToolError, Unreachable
from kubeai_bot.tools.kubernetes.arguments_write import Drain
from kubeai_bot.tools.kubernetes.change import DRIFTED
from kubeai_bot.tools.kubernetes.changes_nodes import cordon_edit, eviction_of
from kubeai_bot.tools.kubernetes.diff import changes_nothing, diff_of, digest_of
from kubeai_bot.tools.kubernetes.edits import Tried, make, try_out
from kubeai_bot.tools.kubernetes.inverse import follow_up
from kubeai_bot.tools.kubernetes.known import NODES, PODS
from kubeai_bot.tools.kubernetes.paths import at, items, mapping
from kubeai_bot.tools.kubernetes.reach import Reach, Ref
from kubeai_bot.tools.kubernetes.risk import of_places, risk_of
from kubeai_bot.tools.kubernetes.text import counted, one_line
from kubeai_bot.tools.kubernetes.tool import ChangeStep, Scene

_MIRROR = "kubernetes.io/config.mirror"
_PAUSE = 2.0
"""Seconds between two rounds."""
_SPARE = 5.0
"""Seconds before the time limit at which it stops by itself, to say what is left."""
_MOST_PODS = 500
_REASON = 400
"""Characters of a refusal; the name of a budget has up to 253."""
_BUDGET = "disruption budget"
"""In the API server's words where a budget refuses an eviction."""


@dataclass(frozen=True, slots=True)
class _Pods:
    """What is on a node. `kept` stays, in words."""

    to_go: tuple[Json, ...]
    kept: tuple[str, ...]


@dataclass(slots=True)
class _Round:
    """How far it is: pods by uid that are still there, those told to go, why some cannot go now; and what has gone."""

    waiting: dict[str, Json]
    gone: list[Json] = field(default_factory=list[Json])
    going: set[str] = field(default_factory=set[str])
    blocked: dict[str, str] = field(default_factory=dict[str, str])
    audit_ids: list[str] = field(default_factory=list[str])


def plan_drain(arguments: Drain, scene: Scene) -> ChangeStep:
    node = Ref(NODES, "", arguments.node)
    acts = scene.acts(
        ("get", node),
        ("patch", node),
        ("list", Ref(PODS)),
        ("get", Ref(PODS)),
        ("create", Ref(PODS, subresource="eviction")),
    )
    return ChangeStep(f"Drain {node}", acts, _Drain(node, arguments, scene.write_timeout))


@dataclass(frozen=True, slots=True)
class _Drain:
    node: Ref
    arguments: Drain
    timeout: float

    async def preview(self, reach: Reach, context: CallContext) -> Preview:
        tried, pods, digest = await self._look(reach)
        blocked = await self._blocked(reach, pods)
        risk, why = risk_of(reach.cluster.name, [tried], "high", (("high", f"empties {self.node}"),))
        namespaces = [Ref(PODS, str(at(pod, "metadata", "namespace")), _name(pod)) for pod in pods.to_go]
        more = [f"High risk: {reason}." for _, reason in of_places(reach.cluster.name, namespaces)]
        lines = [f"- {ref} (evicted)" for ref in namespaces]
        kept = [f"  {one_line(word)}" for word in pods.kept]
        diff = "\n".join(part for part in (diff_of([tried], context.redactor), *lines, *kept) if part)
        objects = (str(self.node), *map(str, namespaces))
        warnings = (*dict.fromkeys((*why, *more)), *(f"Not possible now: {text}" for text in blocked))
        return Preview(objects, diff, digest, risk, warnings)

    async def carry_out(self, reach: Reach, context: CallContext) -> ToolResult:
        until = time.monotonic() + max(self.timeout - _SPARE, 1.0)
        tried, pods, digest = await self._look(reach)
        if context.approved is not None and context.approved != digest:
            raise Drifted(DRIFTED)
        done = None if changes_nothing(tried) else await make(reach, tried)
        here = _Round({_uid(pod): pod for pod in pods.to_go})
        if done is not None and done.audit_id:
            here.audit_ids.append(done.audit_id)
        trouble = await self._empty(reach, here, until)
        return self._told(here, pods, trouble, reach)

    async def _look(self, reach: Reach) -> tuple[Tried, _Pods, str]:
        """The cordon tried out, the pods, and a digest of both. Raises ToolError where pods are not to be evicted."""
        tried = await try_out(reach, cordon_edit(self.node))
        try:
            pods = _sorted(await self._pods(reach), self.arguments)
        except Unreachable as error:
            raise ToolError(f"{error}. Nothing was changed.") from error
        said = [digest_of([tried]), sorted(map(_uid, pods.to_go))]
        return tried, pods, hashlib.sha256(json.dumps(said).encode()).hexdigest()

    async def _pods(self, reach: Reach) -> Sequence[Json]:
        query = (("fieldSelector", f"spec.nodeName={self.node.name}"),)
        return (await reach.items(Ref(PODS), query, most=_MOST_PODS)).items

    async def _blocked(self, reach: Reach, pods: _Pods) -> list[str]:
        """Which evictions the server would refuse now, by dry runs."""
        found: list[str] = []
        for pod in pods.to_go:
            try:
                await try_out(reach, eviction_of(_ref(pod), self.arguments.grace_seconds))
            except (ApiStatus, ToolError) as error:
                if isinstance(error, ApiStatus) and error.code == 403:
                    raise
                found.append(f"{_ref(pod)}: {one_line(error)}")
        return found

    async def _empty(self, reach: Reach, here: _Round, until: float) -> str:
        """Evict, and wait until the pods have gone, up to `until` or to the end of the time in which requests of this
        call may be sent. What went wrong, "" for nothing."""
        total = len(here.waiting)
        while True:
            try:
                await self._evict_all(reach, here, until)
                there = {_uid(pod) for pod in await self._pods(reach)}
            except TooLate:
                return ""
            except ClusterError as error:
                return one_line(error)
            for uid in [uid for uid in here.waiting if uid not in there]:
                here.gone.append(here.waiting.pop(uid))
                here.blocked.pop(uid, None)
            await reach.progress(f"{len(here.gone)} of {counted(total, 'pod')} gone{_blocked_words(here)}")
            if not here.waiting or time.monotonic() + _PAUSE > until:
                return ""
            await asyncio.sleep(_PAUSE)

    async def _evict_all(self, reach: Reach, here: _Round, until: float) -> None:
        for uid, pod in here.waiting.items():
            if uid not in here.going and time.monotonic() <= until:
                await self._evict(reach, here, uid, pod)

    async def _evict(self, reach: Reach, here: _Round, uid: str, pod: Json) -> None:
        """A refusal says for certain that the pod stays, so it may be tried again in the next round."""
        edit = eviction_of(_ref(pod), self.arguments.grace_seconds)
        try:
            done = await make(reach, Tried(edit, pod, edit.body(pod), {}))
        except ApiStatus as error:
            if error.code == 404:
                return
            here.blocked[uid] = one_line(error.message, _REASON)
            if error.code not in (409, 429):
                here.going.add(uid)  # it will not go, however often it is told
        except Drifted:
            return
        else:
            here.going.add(uid)
            here.blocked.pop(uid, None)
            here.audit_ids += [done.audit_id] if done.audit_id else []

    def _told(self, here: _Round, pods: _Pods, trouble: str, reach: Reach) -> ToolResult:
        total, left = len(pods.to_go), here.waiting
        ending = [uid for uid in left if uid in here.going and uid not in here.blocked]
        gone = f"{len(here.gone)} of {counted(total, 'pod')} gone"
        lines = [f"Cordoned {self.node} in cluster {reach.cluster.name}; {gone}."]
        lines += [f"Left: {_ref(pod)} ({here.blocked.get(uid) or _state(uid, here)})" for uid, pod in left.items()]
        if left and here.gone:
            lines.append(f"Gone: {', '.join(str(_ref(pod)) for pod in here.gone)}")
        lines += [f"Kept: {word}" for word in pods.kept]
        if trouble:
            lines.append(f"It stopped before the end: {trouble}")
        elif left:
            lines.append(f"It has stopped here, because its time was up{_what_helps(here)}.")
        if trouble or left:
            lines.append("The node stays cordoned. Drain again to go on; uncordon lets pods onto the node again.")
        undo = follow_up("uncordon", node=self.node.name)
        verify = follow_up("list_resources", kind="pods", field_selector=f"spec.nodeName={self.node.name}")
        return ToolResult(
            "\n".join(lines),
            f"{gone}{_blocked_words(here)}{f', {len(ending)} still ending' if ending else ''}",
            ok=len(ending) == len(left) and not trouble,
            audit_ids=tuple(here.audit_ids),
            verify=verify,
            undo=undo,
            undo_intent=f"Uncordon {self.node}",
        )


def _sorted(found: Sequence[Json], arguments: Drain) -> _Pods:
    """Raises ToolError that names the pods which need a word of the person first."""
    to_go: list[Json] = []
    kept: list[str] = []
    unmanaged: list[str] = []
    local: list[str] = []
    for pod in found:
        owner = next((o for o in items(pod, "metadata", "ownerReferences") if o.get("controller")), None)
        finished = at(pod, "status", "phase") in ("Succeeded", "Failed")
        if _MIRROR in mapping(pod, "metadata", "annotations"):
            kept.append(f"{_ref(pod)} (static)")
            continue
        if owner is not None and owner.get("kind") == "DaemonSet":
            kept.append(f"{_ref(pod)} (of DaemonSet {owner.get('name')})")
            continue
        to_go.append(pod)
        if owner is None and not finished:
            unmanaged.append(str(_ref(pod)))
        if not finished and any("emptyDir" in volume for volume in items(pod, "spec", "volumes")):
            local.append(str(_ref(pod)))
    faults: list[str] = []
    if unmanaged and not arguments.evict_unmanaged:
        faults.append(f"nothing would create these again: {', '.join(unmanaged)} (evict_unmanaged=true takes them)")
    if local and not arguments.delete_local_data:
        faults.append(f"these would lose emptyDir data: {', '.join(local)} (delete_local_data=true accepts that)")
    if faults:
        raise ToolError(f"Not drained; ask the person first: {'; '.join(faults)}. Nothing was changed.")
    return _Pods(tuple(to_go), tuple(kept))


def _state(uid: str, here: _Round) -> str:
    return "evicted, still ending" if uid in here.going else "not evicted yet"


def _blocked_words(here: _Round) -> str:
    held = sum(_BUDGET in why for why in here.blocked.values())
    refused = len(here.blocked) - held
    words = ((held, "held by disruption budgets"), (refused, "refused"))
    return "".join(f", {number} {word}" for number, word in words if number)


def _what_helps(here: _Round) -> str:
    if not any(_BUDGET in why for why in here.blocked.values()):
        return ""
    return "; a pod that a disruption budget holds can go once enough pods of its workload are ready elsewhere"


def _ref(pod: Json) -> Ref:
    return Ref(PODS, str(at(pod, "metadata", "namespace")), _name(pod))


def _name(pod: Json) -> str:
    return str(at(pod, "metadata", "name"))


def _uid(pod: Json) -> str:
    return str(at(pod, "metadata", "uid"))
