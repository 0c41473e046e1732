"""Where a pod goes: the scheduler's filters that matter in the demo (cordons, taints, selectors, size)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from kubeai_bot.playground.cluster.objects import Obj, dig, labels_of, name_of
from kubeai_bot.playground.cluster.quantities import as_millicores

CORDONED: Obj = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


@dataclass(frozen=True)
class Placement:
    """The node for a pod; without one, `why` is what FailedScheduling says."""

    node: str = ""
    why: str = ""


def place(pod: Obj, nodes: list[Obj], pods: list[Obj]) -> Placement:
    """The fitting node with the fewest pods, or why none fits."""
    faults = {name_of(node): fault_of(pod, node) for node in nodes}
    fitting = [name for name, fault in faults.items() if not fault]
    if fitting:
        taken = [dig(other, "spec", "nodeName") for other in pods]
        return Placement(min(fitting, key=lambda name: (taken.count(name), name)))
    reasons = sorted(faults.values())
    counted = sorted(f"{len(list(group))} {reason}" for reason, group in groupby(reasons))
    count = len(nodes)
    return Placement(
        why=f"0/{count} nodes are available: {', '.join(counted)}. preemption: 0/{count} nodes are available: "
        f"{_preemption(reasons)}."
    )


def _preemption(reasons: list[str]) -> str:
    """Evicting others could only help where something is too small."""
    small = sum(reason.startswith("Insufficient") for reason in reasons)
    parts = [(len(reasons) - small, "Preemption is not helpful for scheduling")]
    parts.append((small, "No preemption victims found for incoming pod"))
    return ", ".join(f"{count} {text}" for count, text in parts if count)


def fault_of(pod: Obj, node: Obj) -> str:
    """Why the node does not take the pod, in the scheduler's words; empty if it does."""
    spec: Obj = pod["spec"]
    if dig(node, "spec", "unschedulable") and not tolerates(spec, CORDONED):
        return "node(s) were unschedulable"
    for taint in dig(node, "spec", "taints", default=[]):
        if taint["effect"] != "PreferNoSchedule" and not tolerates(spec, taint):
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    if not (spec.get("nodeSelector") or {}).items() <= labels_of(node).items():
        return "node(s) didn't match Pod's node affinity/selector"
    wanted = sum(as_millicores(dig(c, "resources", "requests", "cpu", default=0)) for c in spec["containers"])
    if wanted > as_millicores(dig(node, "status", "allocatable", "cpu", default=0)):
        return "Insufficient cpu"
    return ""


def tolerates(pod_spec: Obj, taint: Obj) -> bool:
    """Whether one of the pod's tolerations covers the taint."""
    for toleration in pod_spec.get("tolerations") or ():
        key_fits = toleration.get("key", "") in {"", taint["key"]}
        any_value = toleration.get("operator", "Equal") == "Exists"
        value_fits = any_value or toleration.get("value", "") == taint.get("value", "")
        effect_fits = toleration.get("effect", "") in {"", taint["effect"]}
        if key_fits and value_fits and effect_fits and (toleration.get("key") or any_value):
            return True
    return False


def with_cordon_taint(node: Obj) -> Obj:
    """The node with the taint that a cordon brings and an uncordon takes away."""
    taints = [taint for taint in dig(node, "spec", "taints", default=[]) if taint["key"] != CORDONED["key"]]
    if dig(node, "spec", "unschedulable"):
        known = next((t for t in dig(node, "spec", "taints", default=[]) if t["key"] == CORDONED["key"]), CORDONED)
        taints.append(known)
    spec = {key: value for key, value in node["spec"].items() if key != "taints"}
    return {**node, "spec": {**spec, "taints": taints} if taints else spec}
