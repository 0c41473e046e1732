"""cordon, uncordon and evict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kubeai_bot.tools.kubernetes import arguments_write as said
from kubeai_bot.tools.kubernetes.change import Change, final, these
from kubeai_bot.tools.kubernetes.edits import MERGE, Done, Edit
from kubeai_bot.tools.kubernetes.inverse import Undo, follow_up
from kubeai_bot.tools.kubernetes.known import NODES, PODS
from kubeai_bot.tools.kubernetes.reach import Ref
from kubeai_bot.tools.kubernetes.tool import ChangeStep, Scene

if TYPE_CHECKING:
    from kubeai_bot.domain.redaction.redactor import Redactor


def plan_cordon(arguments: said.Cordon, scene: Scene) -> ChangeStep:
    return _cordoning(Ref(NODES, "", arguments.node), True, scene)


def plan_uncordon(arguments: said.Uncordon, scene: Scene) -> ChangeStep:
    return _cordoning(Ref(NODES, "", arguments.node), False, scene)


def cordon_edit(ref: Ref, cordon: bool = True) -> Edit:
    return Edit(ref, "patch", lambda _: {"spec": {"unschedulable": cordon or None}}, MERGE)


def _cordoning(ref: Ref, cordon: bool, scene: Scene) -> ChangeStep:
    word, back = ("Cordon", "uncordon") if cordon else ("Uncordon", "cordon")

    def undo(_: Sequence[Done], __: Redactor) -> Undo:
        return follow_up(back, node=ref.name), f"{back.capitalize()} {ref}"

    verify = follow_up("list_resources", kind="nodes", field_selector=f"metadata.name={ref.name}")
    usual = "medium" if cordon else "low"
    change = Change(these(cordon_edit(ref, cordon)), lambda _: f"{word}ed {ref}", undo=undo, usual=usual, verify=verify)
    return ChangeStep(f"{word} {ref}", scene.acts(("get", ref), ("patch", ref)), change)


def plan_evict(arguments: said.Evict, scene: Scene) -> ChangeStep:
    pod = Ref(PODS, arguments.namespace, arguments.pod)
    selector = f"metadata.name={pod.name}"
    verify = follow_up("list_resources", kind="pods", namespace=pod.namespace, field_selector=selector)
    edit = eviction_of(pod, arguments.grace_seconds)
    change = Change(these(edit), lambda _: f"Evicted {pod}", undo=final, verify=verify)
    return ChangeStep(f"Evict {pod}", scene.acts(("get", pod), ("create", edit.ref)), change)


def eviction_of(pod: Ref, grace_seconds: int = -1) -> Edit:
    """Of the pod with the uid that was read; the Eviction API minds disruption budgets (KEP-85)."""
    options: dict[str, Any] = {"gracePeriodSeconds": grace_seconds} if grace_seconds >= 0 else {}
    return Edit(Ref(PODS, pod.namespace, pod.name, "eviction"), "evict", lambda _: options)
