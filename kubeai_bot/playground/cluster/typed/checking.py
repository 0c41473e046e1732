"""Whether a value fits its shape: undeclared fields and wrong types, in the words of the places that find them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kubeai_bot.playground.cluster.objects import Obj
from kubeai_bot.playground.cluster.typed.comparing import is_granular
from kubeai_bot.playground.cluster.typed.fieldsets import path_text
from kubeai_bot.playground.cluster.typed.shape import UNTYPED, Shape

_QUANTITY = re.compile(r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$")
QUANTITY_RULE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_GO_SCALARS = {"boolean": "bool", "string": "string", "integer": "int64", "number": "float64"}


def applied_fault(config: Any, shape: Shape) -> str:
    """The first reason not to apply a configuration (`.spec.x: field not declared in schema`), or empty."""
    return next(_applied_faults(config, shape, ()), "")


def _applied_faults(value: Any, shape: Shape, path: tuple[str, ...]) -> Iterator[str]:
    wrong = _applied_type(value, shape)
    if wrong:
        yield f"{path_text(path)}: {wrong}"
    elif isinstance(value, dict):
        for name, child in value.items():
            here = shape.field(name)
            if here is None:
                yield f"{path_text((*path, f'f:{name}'))}: field not declared in schema"
            else:
                yield from _applied_faults(child, here, (*path, f"f:{name}"))
    elif isinstance(value, list):
        yield from _applied_items(value, shape, path)


def _applied_items(items: list[Any], shape: Shape, path: tuple[str, ...]) -> Iterator[str]:
    merged = is_granular(items, shape)
    seen: set[str] = set()
    for number, item in enumerate(items):
        element = shape.element(item) if merged else f"v:{number}"
        if merged and element in seen:
            yield f"{path_text(path)}: duplicate entries for key {path_text((element,))}"
        seen.add(element)
        yield from _applied_faults(item, shape.items, (*path, element))


def _applied_type(value: Any, shape: Shape) -> str:
    if value is None or shape is UNTYPED:
        return ""
    if shape.type == "array":
        return "" if isinstance(value, list) else f"expected list, got &{{{go_text(value)}}}"
    if shape.type == "object":
        return "" if isinstance(value, dict) else f"expected map, got &{{{go_text(value)}}}"
    match shape.scalar:
        case "numeric":
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return "" if is_number else f"expected numeric (int or float), got {_json_type(value)}"
        case "boolean":
            return "" if isinstance(value, bool) else f"expected boolean, got &{{{go_text(value)}}}"
        case "string":
            text = f"&value.valueUnstructured{{Value:{go_text(value)}}}"
            return "" if isinstance(value, str) else f"expected string, got {text}"
        case _:
            return ""


def declared(value: Any, shape: Shape, path: str = "") -> tuple[Any, list[str]]:
    """(a copy without undeclared fields, their paths such as `spec.template.spec.containers[0].x`)."""
    unknown: list[str] = []
    if isinstance(value, dict) and shape.scalar == "":
        kept: Obj = {}
        for name, child in value.items():
            here = f"{path}.{name}" if path else name
            child_shape = shape.field(name)
            if child_shape is None:
                unknown.append(here)
                continue
            kept[name], below = declared(child, child_shape, here)
            unknown += below
        return kept, unknown
    if isinstance(value, list):
        items: list[Any] = []
        for number, item in enumerate(value):
            kept_item, below = declared(item, shape.items, f"{path}[{number}]")
            items.append(kept_item)
            unknown += below
        return items, unknown
    return value, unknown


@dataclass(frozen=True)
class Misfit:
    """A value of the wrong type. `path` is dotted, without indexes; `struct` is the Go type that holds the field."""

    path: str
    struct: str
    value: Any
    shape: Shape

    @property
    def decoding_text(self) -> str:
        """What Go's JSON decoder says."""
        if self.shape.is_quantity:
            return QUANTITY_RULE
        given = _json_type(self.value)
        return f"json: cannot unmarshal {given} into Go struct field {self.struct}.{self.path} of type {self.go_type}"

    @property
    def go_type(self) -> str:
        shape = self.shape
        if shape.type == "array":
            return f"[]{_struct_name(shape.items)}"
        if shape.type == "object":
            return _struct_name(shape) if shape.type_name else f"map[string]{_struct_name(shape.values or UNTYPED)}"
        return shape.format if shape.format.startswith("int") else _GO_SCALARS.get(shape.type, shape.type)


def misfit(value: Any, shape: Shape, path: str = "", struct: str = "") -> Misfit | None:
    """The first value that the server's types cannot hold; None if all fit."""
    if value is None or shape is UNTYPED:
        return None
    if not _fits(value, shape):
        return Misfit(path, struct, value, shape)
    if isinstance(value, dict):
        owner = shape.type_name.rpartition(".")[2] or struct
        for name, child in value.items():
            child_shape = shape.field(name) or UNTYPED
            found = misfit(child, child_shape, f"{path}.{name}" if path else name, owner)
            if found:
                return found
    if isinstance(value, list):
        return next((found for item in value if (found := misfit(item, shape.items, path, struct))), None)
    return None


def _fits(value: Any, shape: Shape) -> bool:
    if shape.is_quantity:
        return not isinstance(value, dict | list | bool) and bool(_QUANTITY.match(str(value)))
    match shape.type:
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case _:
            return True


def _struct_name(shape: Shape) -> str:
    if not shape.type_name:
        return _GO_SCALARS.get(shape.type, "string")
    return ".".join(shape.type_name.split(".")[-2:])


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return {dict: "object", list: "array"}.get(type(value), "string")


def go_text(value: Any) -> str:
    """A JSON value as Go prints it with %v: `map[spec:map[replicas:x]]`."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{go_text(child)}' for key, child in sorted(value.items()))}]"
    if isinstance(value, list):
        return f"[{' '.join(go_text(child) for child in value)}]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)
