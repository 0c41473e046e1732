"""Label selectors, as the API server applies them. Pure."""

from __future__ import annotations

from kubeai_bot.domain.message import Json
from kubeai_bot.tools.kubernetes.paths import items, mapping


def selects(selector: Json, labels: Json) -> bool:
    """Whether a LabelSelector object (`matchLabels`, `matchExpressions`) matches. An empty one matches everything."""
    if any(labels.get(key) != value for key, value in mapping(selector, "matchLabels").items()):
        return False
    return all(_holds(expression, labels) for expression in items(selector, "matchExpressions"))


def _holds(expression: Json, labels: Json) -> bool:
    key, values = str(expression.get("key")), expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def labels_text(labels: Json) -> str:
    return ",".join(f"{key}={value}" for key, value in labels.items())
