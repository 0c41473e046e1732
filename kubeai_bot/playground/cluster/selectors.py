"""Label and field selectors, with the parse errors and unsupported-field errors of the real server."""

from __future__ import annotations

import re
from collections.abc import Callable

from kubeai_bot.playground.cluster.kinds import Kind
from kubeai_bot.playground.cluster.labelselector import Requirement, parse_labels
from kubeai_bot.playground.cluster.objects import Obj, dig, labels_of
from kubeai_bot.playground.cluster.status import bad_request

Matcher = Callable[[Obj], bool]


def label_matcher(text: str) -> Matcher:
    """A predicate over objects for the labelSelector query parameter."""
    requirements = parse_labels(text)
    return lambda obj: all(requirement.accepts(labels_of(obj)) for requirement in requirements)


def selector_matcher(selector: Obj) -> Matcher:
    """A predicate for a LabelSelector object (matchLabels and matchExpressions)."""
    wanted: dict[str, str] = selector.get("matchLabels") or {}
    ops = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "absent"}
    requirements = [Requirement(key, "in", frozenset({value})) for key, value in wanted.items()]
    requirements += [
        Requirement(item["key"], ops[item["operator"]], frozenset(item.get("values") or ()))
        for item in selector.get("matchExpressions") or ()
    ]
    return lambda obj: all(requirement.accepts(labels_of(obj)) for requirement in requirements)


_EVENT_FIELDS = (
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
)
_POD_FIELDS = (
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
)
_FIELDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "pods"): _POD_FIELDS,
    ("", "events"): _EVENT_FIELDS,
    ("", "nodes"): ("spec.unschedulable",),
    ("", "namespaces"): ("status.phase",),
    ("", "secrets"): ("type",),
    ("", "services"): ("spec.clusterIP", "spec.type"),
    ("batch", "jobs"): ("status.successful",),
}


def _field_value(obj: Obj, label: str) -> str:
    if label == "source":
        return str(dig(obj, "source", "component", default=""))
    value = dig(obj, *label.split("."), default="")
    return str(value).lower() if isinstance(value, bool) else str(value)


def field_terms(text: str) -> list[tuple[str, str, str]]:
    """(field, operator, value) of each term; ApiError 400 for what is not a field selector."""
    terms: list[tuple[str, str, str]] = []
    for term in filter(None, (part.strip() for part in text.split(","))):
        found = re.match(r"^([^=!]+)(==|=|!=)(.*)$", term)
        if not found:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        terms.append((found[1], "!=" if found[2] == "!=" else "=", found[3]))
    return terms


def field_matcher(text: str, kind: Kind) -> Matcher:
    """A predicate for the fieldSelector query parameter; ApiError 400 for a field this kind has no index for."""
    terms = field_terms(text)
    own = _FIELDS.get(kind.key, ())
    general = ("metadata.name", "metadata.namespace") if kind.namespaced or not own else ("metadata.name",)
    for label, _, _ in terms:
        if label not in own and label not in general:
            raise bad_request(_unsupported(kind, label))

    def matches(obj: Obj) -> bool:
        return all((_field_value(obj, label) == value) == (op == "=") for label, op, value in terms)

    return matches


def _unsupported(kind: Kind, label: str) -> str:
    if kind.key == ("batch", "jobs"):
        return f'field label "{label}" not supported for Job'
    if kind.custom or kind.key in _FIELDS:
        return f"field label not supported: {label}"
    return f'"{label}" is not a known field selector: only "metadata.name", "metadata.namespace"'
