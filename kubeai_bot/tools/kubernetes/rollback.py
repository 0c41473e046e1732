"""rollout_undo: back to a template that a workload has had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kubeai_bot.domain.message import Json
from kubeai_bot.errors import ToolError
from kubeai_bot.tools.kubernetes.arguments_write import RolloutUndo
from kubeai_bot.tools.kubernetes.change import Change
from kubeai_bot.tools.kubernetes.changes_workloads import refuse_paused
from kubeai_bot.tools.kubernetes.edits import JSON_PATCH, Done, Edit
from kubeai_bot.tools.kubernetes.history import Revision, revisions
from kubeai_bot.tools.kubernetes.inverse import Undo, follow_up, taken_back
from kubeai_bot.tools.kubernetes.known import CONTROLLER_REVISIONS, DEPLOYMENTS, REPLICASETS, WORKLOADS
from kubeai_bot.tools.kubernetes.paths import mapping
from kubeai_bot.tools.kubernetes.reach import Reach, Ref
from kubeai_bot.tools.kubernetes.rollout import revision_of
from kubeai_bot.tools.kubernetes.tool import ChangeStep, Scene

if TYPE_CHECKING:
    from kubeai_bot.domain.redaction.redactor import Redactor

_HASH = "pod-template-hash"


def plan_undo(arguments: RolloutUndo, scene: Scene) -> ChangeStep:
    """A Deployment's templates are in its ReplicaSets, those of the others in ControllerRevisions."""
    ref = Ref(WORKLOADS[arguments.kind], arguments.namespace, arguments.name)
    kept_in = Ref(REPLICASETS if arguments.kind == "deployment" else CONTROLLER_REVISIONS, ref.namespace)

    async def edits(reach: Reach) -> Sequence[Edit]:
        live = await reach.get(ref)
        refuse_paused(live, ref)
        found = await revisions(reach, kept_in, live)
        template = _plain(_chosen(found, arguments.to_revision, ref).template)
        return [Edit(ref, "patch", lambda _: [_replaced(template)], JSON_PATCH)]

    def undo(done: Sequence[Done], redactor: Redactor) -> Undo | None:
        before = revision_of(done[0].live)
        if ref.resource is not DEPLOYMENTS or not before:
            return taken_back(done, redactor)
        place = {"kind": arguments.kind, "name": ref.name, "namespace": ref.namespace}
        return follow_up("rollout_undo", **place, to_revision=before), f"Take {ref} forward to revision {before} again"

    where = f"revision {arguments.to_revision}" if arguments.to_revision else "the revision before"
    acts = scene.acts(("get", ref), ("list", kept_in), ("patch", ref))
    return ChangeStep(
        f"Take {ref} back to {where}", acts, Change(edits, lambda _: f"Took {ref} back to {where}", undo=undo)
    )


def _chosen(found: Sequence[Revision], number: int, ref: Ref) -> Revision:
    """The revision of that number, or the second newest: the newest is what there is now."""
    if number:
        chosen = next((revision for revision in found if revision.number == number), None)
    else:
        chosen = found[-2] if len(found) > 1 else None
    if chosen is None:
        known = ", ".join(str(revision.number) for revision in found) or "none"
        raise ToolError(f"{ref} has no {f'revision {number}' if number else 'earlier revision'}. Kept: {known}.")
    return chosen


def _plain(template: Json) -> Json:
    """As the workload itself has it: without the label that the controller adds, and the mark of a kept patch."""
    metadata: dict[str, Any] = dict(mapping(template, "metadata"))
    if labels := {key: value for key, value in mapping(metadata, "labels").items() if key != _HASH}:
        metadata["labels"] = labels
    return {key: value for key, value in {**template, "metadata": metadata}.items() if key != "$patch"}


def _replaced(template: Json) -> Json:
    return {"op": "replace", "path": "/spec/template", "value": template}
