"""How much harm a change could do, with the reasons."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kubeai_bot.domain.approval import Risk
from kubeai_bot.tools.kubernetes.edits import Tried
from kubeai_bot.tools.kubernetes.paths import at
from kubeai_bot.tools.kubernetes.reach import Ref

MANY = 5
_PROD = re.compile(r"(^|[-_.])(prod|production|prd|live)($|[-_.0-9])")
_FAR_REACHING = frozenset(
    {"rbac.authorization.k8s.io", "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io"}
)
_ORDER: tuple[Risk, ...] = ("low", "medium", "high")

Reasons = tuple[tuple[Risk, str], ...]


def risk_of(cluster: str, tries: Sequence[Tried], usual: Risk, more: Reasons = ()) -> tuple[Risk, tuple[str, ...]]:
    """The highest of all, and why where it is high. `usual` is what this kind of change mostly is."""
    found = [*more, *of_places(cluster, [tried.edit.ref for tried in tries])]
    for tried in tries:
        if tried.edit.how == "delete":
            found.append(("high", f"deletes {tried.edit.ref}"))
        if at(tried.result, "spec", "replicas") == 0 and at(tried.live, "spec", "replicas") not in (None, 0):
            found.append(("high", f"{tried.edit.ref} is left without replicas"))
    levels: list[Risk] = [usual, *(level for level, _ in found)]
    risk = max(levels, key=_ORDER.index)
    return risk, tuple(dict.fromkeys(f"High risk: {why}." for level, why in found if level == "high"))


def of_places(cluster: str, refs: Sequence[Ref]) -> Reasons:
    """What makes any change risky there."""
    found: list[tuple[Risk, str]] = []
    if _PROD.search(cluster):
        found.append(("high", f"{cluster} looks like a production cluster"))
    for ref in refs:
        namespace = ref.name if ref.resource.name == "namespaces" and not ref.resource.group else ref.namespace
        if namespace.startswith("kube-"):
            found.append(("high", f"namespace {namespace} belongs to the cluster itself"))
        elif _PROD.search(namespace):
            found.append(("high", f"namespace {namespace} looks like production"))
        if ref.resource.group in _FAR_REACHING:
            found.append(("high", f"a {ref.resource.kind} reaches beyond itself"))
    if len(refs) > MANY:
        found.append(("high", f"{len(refs)} objects at once"))
    return tuple(found)
