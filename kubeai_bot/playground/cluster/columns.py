"""What a printed resource is made of: columns, and the cells of one object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubeai_bot.playground.cluster.durations import age
from kubeai_bot.playground.cluster.objects import Obj, dig

Cells = Callable[[Obj], list[Any]]


@dataclass(frozen=True)
class Column:
    """`priority` 0 is always printed, 1 only with `-o wide`."""

    name: str
    type: str = "string"
    priority: int = 0
    format: str = ""

    def definition(self) -> Obj:
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": "",
            "priority": self.priority,
        }


NAME = Column("Name", format="name")
AGE = Column("Age")


def _no_conditions(_obj: Obj) -> list[Obj]:
    return []


@dataclass(frozen=True)
class Printer:
    """How one kind is printed; `conditions` marks rows of finished objects."""

    columns: tuple[Column, ...]
    cells: Cells
    conditions: Callable[[Obj], list[Obj]] = _no_conditions


def columns(*names: str) -> tuple[Column, ...]:
    """Columns from short notes: `Name`, `Data:integer`, and a trailing `+` for `-o wide` only."""
    made: list[Column] = []
    for note in names:
        wide = note.endswith("+")
        name, _, kind = note.rstrip("+").partition(":")
        made.append(Column(name, kind or "string", int(wide), "name" if name == "Name" else ""))
    return tuple(made)


def created(obj: Obj) -> str:
    """The Age cell of an object."""
    return age(dig(obj, "metadata", "creationTimestamp"))


def label_text(labels: dict[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "<none>"


def selector_text(selector: Obj | None) -> str:
    """A LabelSelector as text, its conditions in order of their keys: `app=web,!old,tier in (a,b)`."""
    parts = [(key, f"{key}={value}") for key, value in dig(selector, "matchLabels", default={}).items()]
    words = {"In": "in", "NotIn": "notin"}
    for item in dig(selector, "matchExpressions", default=[]):
        key, operator = item["key"], item["operator"]
        if operator in words:
            text = f"{key} {words[operator]} ({','.join(sorted(item['values']))})"
        else:
            text = key if operator == "Exists" else f"!{key}"
        parts.append((key, text))
    return ",".join(text for _, text in sorted(parts)) or "<none>"


def container_cells(template: Obj | None) -> list[Any]:
    """Names and images of a pod template's containers."""
    containers = dig(template, "spec", "containers", default=[])
    return [
        ",".join(container["name"] for container in containers),
        ",".join(container.get("image", "") for container in containers),
    ]
