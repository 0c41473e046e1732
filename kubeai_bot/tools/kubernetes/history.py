"""rollout_history: the revisions of a workload, and what one of them changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff

from kubeai_bot.domain.message import Json
from kubeai_bot.domain.tool import ToolResult
from kubeai_bot.errors import ApiStatus, ToolError
from kubeai_bot.tools.kubernetes.arguments import RolloutHistory
from kubeai_bot.tools.kubernetes.family import selector_text
from kubeai_bot.tools.kubernetes.known import CONTROLLER_REVISIONS, REPLICASETS, WORKLOADS
from kubeai_bot.tools.kubernetes.measures import age
from kubeai_bot.tools.kubernetes.near import found_or_near
from kubeai_bot.tools.kubernetes.paths import at, items, mapping
from kubeai_bot.tools.kubernetes.prune import prune, to_yaml
from kubeai_bot.tools.kubernetes.reach import Reach, Ref
from kubeai_bot.tools.kubernetes.rollout import revision_of
from kubeai_bot.tools.kubernetes.text import aligned, counted, cut_middle, one_line
from kubeai_bot.tools.kubernetes.tool import Scene, Step

_CAUSE = "kubernetes.io/change-cause"


@dataclass(frozen=True, slots=True)
class Revision:
    """One template that a workload has had; `replicas` None where the API keeps no count."""

    number: int
    template: Json
    created: str
    cause: str
    replicas: int | None

    def row(self, scene: Scene) -> list[str]:
        images = ", ".join(str(container.get("image")) for container in items(self.template, "spec", "containers"))
        now = "" if self.replicas is None else counted(self.replicas, "replica")
        return [str(self.number), age(self.created, scene.now), now, images, one_line(self.cause, 120)]


def plan_history(arguments: RolloutHistory, scene: Scene) -> Step:
    ref = Ref(WORKLOADS[arguments.kind], arguments.namespace, arguments.name)
    kept_in = REPLICASETS if arguments.kind == "deployment" else CONTROLLER_REVISIONS
    revisions_ref = Ref(kept_in, ref.namespace)
    acts = scene.acts(("get", ref), ("list", Ref(ref.resource, ref.namespace)), ("list", revisions_ref))

    async def run(reach: Reach) -> ToolResult:
        workload = await found_or_near(reach, ref)
        found = await revisions(reach, revisions_ref, workload)
        if not found:
            return ToolResult(f"{ref} has no recorded revisions.", "no revisions")
        lines = aligned(
            ["REVISION", "AGE", "NOW", "IMAGES", "CHANGE-CAUSE"], [revision.row(scene) for revision in found]
        )
        text = "\n".join([*lines, "", *_change(found, arguments.revision)])
        shown = cut_middle(text, scene.budget, "choose a revision")
        return ToolResult(shown, counted(len(found), "revision"), whole=text)

    return Step(f"Rollout history of {ref}", acts, run)


async def revisions(reach: Reach, ref: Ref, workload: Json) -> list[Revision]:
    """Oldest first."""
    selector = selector_text(mapping(workload, "spec", "selector"))
    try:
        listed = await reach.items(ref, (("labelSelector", selector),) if selector else ())
    except ApiStatus as error:
        if error.code == 404:
            raise ToolError(
                f"Cluster {reach.cluster.name} keeps no {ref.resource.name}: no history to show."
            ) from error
        raise
    uid = at(workload, "metadata", "uid")
    own = [obj for obj in listed.items if uid in {o.get("uid") for o in items(obj, "metadata", "ownerReferences")}]
    return sorted((_revision(obj) for obj in own), key=lambda revision: revision.number)


def _revision(obj: Json) -> Revision:
    is_replica_set = "revision" not in obj
    template = mapping(obj, "spec", "template") if is_replica_set else mapping(obj, "data", "spec", "template")
    return Revision(
        revision_of(obj) if is_replica_set else int(obj["revision"]),
        template,
        str(at(obj, "metadata", "creationTimestamp") or ""),
        str(at(obj, "metadata", "annotations", _CAUSE) or ""),
        int(at(obj, "spec", "replicas") or 0) if is_replica_set else None,
    )


def _change(found: Sequence[Revision], number: int) -> list[str]:
    """What a revision's template has that the one before has not, as a diff."""
    index = len(found) - 1 if not number else next((i for i, r in enumerate(found) if r.number == number), -1)
    if index < 0:
        raise ToolError(f"There is no revision {number}. There are: {', '.join(str(r.number) for r in found)}.")
    new = found[index]
    if index == 0:
        return [f"Revision {new.number} is the oldest kept; its template:", to_yaml(_comparable(new)).rstrip()]
    old = found[index - 1]
    diff = unified_diff(
        to_yaml(_comparable(old)).splitlines(), to_yaml(_comparable(new)).splitlines(), lineterm="", n=2
    )
    lines = list(diff)[2:]
    return [f"Revision {new.number} against {old.number}:", *(lines or ["no difference in the pod template"])]


def _comparable(revision: Revision) -> Json:
    """The template without the hash label that differs by nature."""
    template = prune({"metadata": {}, "spec": {"template": revision.template}})["spec"]["template"]
    metadata = dict(mapping(template, "metadata"))
    labels = {k: v for k, v in mapping(metadata, "labels").items() if k != "pod-template-hash"}
    return {**template, "metadata": {**metadata, "labels": labels}}
