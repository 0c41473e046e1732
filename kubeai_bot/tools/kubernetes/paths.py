"""Paths into objects: `.spec.template`, `.data['app.conf']`, `.items[0]`, `{.metadata.name}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from kubeai_bot.errors import ToolError

_STEP = re.compile(
    r"\.?(?P<key>(?:[^.\[\]\\'\"]|\\.)+)|\[(?P<index>\d+)\]|\[(?P<quote>['\"])(?P<quoted>.*?)(?P=quote)\]"
)


def steps_of(path: str) -> tuple[str | int, ...]:
    """The keys and indexes of a path. Raises ToolError for what is none."""
    text = path.strip().removeprefix("{").removesuffix("}").strip().removeprefix("$")
    steps: list[str | int] = []
    position = 0
    while position < len(text):
        found = _STEP.match(text, position)
        if found is None:
            raise ToolError(f"{path!r} is not a path such as .spec.template or .data['app.conf'].")
        if found["index"] is not None:
            steps.append(int(found["index"]))
        else:
            steps.append(found["quoted"] if found["quoted"] is not None else re.sub(r"\\(.)", r"\1", found["key"]))
        position = found.end()
    if not steps:
        raise ToolError(f"{path!r} is an empty path.")
    return tuple(steps)


def at(value: object, *steps: str | int) -> Any:
    """What lies there, None where nothing does."""
    here: Any = value
    for step in steps:
        if isinstance(here, Mapping) and isinstance(step, str):
            here = cast("Mapping[str, Any]", here).get(step)
        elif isinstance(here, list) and isinstance(step, int):
            items = cast("list[Any]", here)
            here = items[step] if step < len(items) else None
        else:
            return None
    return here


def mapping(value: object, *steps: str | int) -> Mapping[str, Any]:
    """The object that lies there, empty where there is none."""
    found = at(value, *steps)
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def items(value: object, *steps: str | int) -> list[Mapping[str, Any]]:
    """The objects of the list that lies there, empty where there is none."""
    found = at(value, *steps)
    if not isinstance(found, list):
        return []
    return [cast("Mapping[str, Any]", item) for item in cast("list[Any]", found) if isinstance(item, Mapping)]
