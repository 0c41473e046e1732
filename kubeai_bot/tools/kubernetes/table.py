"""Rows and columns: the server's own Table, or rows made from plain objects where it has none.

https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kubeai_bot.domain.message import Json
from kubeai_bot.errors import ToolError
from kubeai_bot.tools.kubernetes.measures import age, quantity, read_duration
from kubeai_bot.tools.kubernetes.paths import at, items, mapping, steps_of
from kubeai_bot.tools.kubernetes.text import one_line

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of an object, and as much of the object as the request asked for."""

    cells: tuple[str, ...]
    obj: Json

    @property
    def namespace(self) -> str:
        return str(at(self.obj, "metadata", "namespace") or "")


@dataclass(frozen=True, slots=True)
class Table:
    """`wide` marks the columns that only `wide` output shows. `token` leads to the next page, `left` counts what is
    on it and after it, None where the server does not say."""

    columns: tuple[str, ...]
    wide: tuple[bool, ...]
    rows: tuple[Row, ...]
    token: str = ""
    left: int | None = None

    def joined(self, following: Table) -> Table:
        """With the rows of the next page below."""
        return replace(following, rows=(*self.rows, *following.rows))

    def sorted(self, by: str) -> Table:
        """By a column or by a path into the objects; `-` in front turns the order. Missing values come last."""
        down, name = by.startswith("-"), by.removeprefix("-").strip()
        upper = [column.upper() for column in self.columns]
        if name.upper() in upper:
            column = upper.index(name.upper())
            values: list[Any] = [row.cells[column] for row in self.rows]
        elif name.startswith((".", "{")) or "." in name:
            steps = steps_of(name)
            values = [at(row.obj, *steps) for row in self.rows]
        else:
            raise ToolError(f"There is no column {name!r} to sort by. Columns: {', '.join(upper)}. Or a path: .spec.x")
        keyed = [(_sort_key(value), row) for value, row in zip(values, self.rows, strict=True)]
        there = [pair for pair in keyed if pair[0] is not None]
        there.sort(key=lambda pair: pair[0] or (0, 0.0, ""), reverse=down)
        ordered = (*(row for _, row in there), *(row for key, row in keyed if key is None))
        return replace(self, rows=ordered)

    def lines(self, *, wide: bool, with_namespace: bool) -> tuple[list[str], list[list[str]]]:
        """The header and the rows' cells that are to be shown."""
        shown = [index for index, only_wide in enumerate(self.wide) if wide or not only_wide]
        header = [self.columns[index].upper() for index in shown]
        rows = [[row.cells[index] for index in shown] for row in self.rows]
        if with_namespace:
            header.insert(0, "NAMESPACE")
            rows = [[row.namespace, *cells] for row, cells in zip(self.rows, rows, strict=True)]
        return header, rows


def needs_objects(sort_by: str) -> bool:
    """Whether sorting looks into the objects, beyond what the table's cells and metadata hold."""
    name = sort_by.removeprefix("-").strip().lstrip("{.")
    return "." in name and not name.startswith("metadata.")


def read_table(document: Json, now: datetime) -> Table:
    """From a Table, or from the list or single object that a server without Tables answers."""
    metadata = mapping(document, "metadata")
    if document.get("kind") != "Table":
        return _from_objects(document, now)
    definitions = items(document, "columnDefinitions")
    rows = tuple(
        Row(tuple(_cell(cell) for cell in row.get("cells") or ()), mapping(row, "object"))
        for row in items(document, "rows")
    )
    return Table(
        tuple(str(column.get("name")) for column in definitions),
        tuple(bool(column.get("priority")) for column in definitions),
        rows,
        str(metadata.get("continue") or ""),
        metadata.get("remainingItemCount"),
    )


def _from_objects(document: Json, now: datetime) -> Table:
    is_list = isinstance(document.get("items"), list)
    metadata = mapping(document, "metadata") if is_list else {}
    rows = tuple(
        Row(
            (str(at(obj, "metadata", "name")), _condition(obj), age(at(obj, "metadata", "creationTimestamp"), now)),
            obj,
        )
        for obj in (items(document, "items") if is_list else [document])
    )
    token, left = str(metadata.get("continue") or ""), metadata.get("remainingItemCount")
    return Table(("Name", "Status", "Age"), (False, False, False), rows, token, left)


def _condition(obj: Json) -> str:
    """A word on how an object fares: its phase, or its Ready or Available condition."""
    if phase := at(obj, "status", "phase"):
        return str(phase)
    for condition in items(obj, "status", "conditions"):
        if condition.get("type") in ("Ready", "Available"):
            good = condition.get("status") == "True"
            return str(condition["type"]) if good else f"Not{condition['type']}: {condition.get('reason') or ''}"
    return "-"


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "<none>"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return one_line(text, 120)


def _sort_key(value: Any) -> tuple[int, float, str] | None:
    """Numbers, quantities and durations by size, everything else by name; None for what is missing."""
    if value is None or value == "<none>":
        return None
    text = str(value)
    seconds = read_duration(text)
    number = seconds if seconds is not None else quantity(text)
    if number is None and (leading := re.match(r"\d+", text)) and not re.match(r"\d{4}-", text):
        number = float(leading[0])
    return (1, 0.0, text.lower()) if number is None else (0, number, "")
