"""Whether the values in a record are of the types that its class declares: for records that others wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def misfit(value: Any, declared: Any) -> str | None:
    """The path of the first value that is not of its declared type, None where all are. Knows the types that the
    domain is made of."""
    origin, parts = get_origin(declared), get_args(declared)
    if declared is Any:
        return None
    if origin in (Union, UnionType):
        paths = [misfit(value, part) for part in parts if _is_kind_of(value, part)]
        return "" if not paths else paths[0]
    if not _is_kind_of(value, declared):
        return ""
    if origin is tuple:
        return _misfit_in_tuple(value, parts)
    if is_dataclass(declared):
        for name, hint in _hints(type(value)).items():
            path = misfit(getattr(value, name), hint)
            if path is not None:
                return f".{name}{path}"
    return None


def _misfit_in_tuple(value: tuple[Any, ...], parts: tuple[Any, ...]) -> str | None:
    hints = [parts[0]] * len(value) if parts[1:] == (...,) else list(parts)
    if len(value) != len(hints):
        return ""
    for number, (each, hint) in enumerate(zip(value, hints, strict=True)):
        path = misfit(each, hint)
        if path is not None:
            return f"[{number}]{path}"
    return None


def _is_kind_of(value: Any, declared: Any) -> bool:
    """Whether the value itself is of the type, whatever is in it."""
    origin = get_origin(declared) or declared
    if origin in (Any, Literal):
        return origin is Any or value in get_args(declared)
    if declared is None or declared is NoneType:
        return value is None
    if origin is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if origin is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if origin is str:
        return isinstance(value, str) and not isinstance(value, Enum)
    return isinstance(value, Mapping if origin is Mapping else origin)


@cache
def _hints(kind: type[Any]) -> Mapping[str, Any]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}
