"""Values that Go leaves out when it writes JSON: fields with `omitempty` that hold their type's zero value."""

from __future__ import annotations

from typing import Any

from kubeai_bot.playground.cluster.objects import Obj
from kubeai_bot.playground.cluster.typed.shape import Shape

_PLAIN_BOOLEANS = frozenset(
    (
        *("hostIPC", "hostNetwork", "hostPID", "paused", "publishNotReadyAddresses"),
        *("readOnly", "stdin", "stdinOnce", "tty", "unschedulable"),
    )
)
"""Other booleans are pointers, whose false is written."""
_PLAIN_NUMBERS = frozenset(("minReadySeconds", "hostPort", "nodePort", "initialDelaySeconds"))
_POINTERS_TO_TEXT = frozenset(("storageClassName", "ingressClassName", "volumeAttributesClassName", "runtimeClassName"))


def without_zeros(value: Any, shape: Shape) -> Any:
    """A copy of a built-in value without empty lists, maps, texts and such that its types do not write."""
    if isinstance(value, list):
        return [without_zeros(item, shape.items) for item in value]
    if not isinstance(value, dict):
        return value
    kept: Obj = {}
    for name, child in value.items():
        child_shape = shape.fields.get(name)
        if child_shape is None:
            kept[name] = child
            continue
        written = without_zeros(child, child_shape)
        if name in shape.required or not _is_zero(name, written, child_shape):
            kept[name] = written
    return kept


def _is_zero(name: str, value: Any, shape: Shape) -> bool:
    match value:
        case list():
            return not value
        case dict():
            return not value and shape.type == "object" and not shape.type_name
        case str():
            return not value and shape.type == "string" and name not in _POINTERS_TO_TEXT
        case bool():
            return not value and name in _PLAIN_BOOLEANS
        case int():
            return not value and name in _PLAIN_NUMBERS
        case _:
            return False
