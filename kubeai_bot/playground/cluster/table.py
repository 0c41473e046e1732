"""Objects as meta.k8s.io/v1 Tables, the form in which kubectl gets its columns from the server."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from kubeai_bot.playground.cluster import printers_core, printers_workloads
from kubeai_bot.playground.cluster.columns import NAME, Column, Printer
from kubeai_bot.playground.cluster.durations import age
from kubeai_bot.playground.cluster.kinds import Kind
from kubeai_bot.playground.cluster.objects import Obj, dig, name_of
from kubeai_bot.playground.cluster.status import bad_request

_PRINTERS: dict[tuple[str, str], Printer] = {**printers_core.PRINTERS, **printers_workloads.PRINTERS}
_STEP = re.compile(
    r"\.(?P<key>(?:[\w-]|\\\.)+)|\[(?P<index>\d+)\]|\[\?\(@\.(?P<field>\w+)\s*==\s*[\"'](?P<value>[^\"']*)[\"']\)\]"
)


def printer_for(kind: Kind) -> Printer:
    """The columns of a kind and how a row is made: built in, from a CRD, or plain Name and Age."""
    if kind.custom:
        return _custom_printer(kind)
    return _PRINTERS.get(kind.key, _PLAIN)


def as_table(kind: Kind, objs: list[Obj], list_metadata: Obj, include: str) -> Obj:
    """A Table of `objs`; `include` is the includeObject parameter: None, Metadata (default) or Object."""
    if include not in {"", "None", "Metadata", "Object"}:
        raise bad_request(
            f'Unable to convert to Table as requested: includeObject: Invalid value: "{include}": '
            "must be 'Metadata', 'Object', 'None', or empty"
        )
    printer = printer_for(kind)
    return table_of(printer.columns, [_row(printer, obj, include or "Metadata") for obj in objs], list_metadata)


def table_of(columns: Sequence[Column], rows: list[Obj], metadata: Obj) -> Obj:
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [column.definition() for column in columns],
        "rows": rows,
    }


def partial_metadata(obj: Obj) -> Obj:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def _row(printer: Printer, obj: Obj, include: str) -> Obj:
    shown: Any = {"None": lambda: None, "Metadata": lambda: partial_metadata(obj), "Object": lambda: obj}[include]()
    row: Obj = {"cells": printer.cells(obj), "object": shown}
    if conditions := printer.conditions(obj):
        row["conditions"] = conditions
    return row


_PLAIN = Printer(
    (NAME, Column("Created At", "date")), lambda obj: [name_of(obj), dig(obj, "metadata", "creationTimestamp")]
)


def _custom_printer(kind: Kind) -> Printer:
    declared = kind.printer_columns or ({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},)
    columns = tuple(
        Column(spec["name"], spec["type"], spec.get("priority", 0), spec.get("format", "")) for spec in declared
    )
    readers = [_reader(spec) for spec in declared]
    return Printer((NAME, *columns), lambda obj: [name_of(obj), *(read(obj) for read in readers)])


def _reader(spec: Obj) -> Callable[[Obj], Any]:
    path: str = spec["jsonPath"]
    is_date = spec["type"] == "date"

    def read(obj: Obj) -> Any:
        value = json_path(obj, path)
        return age(value) if is_date and isinstance(value, str) else value

    return read


def json_path(obj: Any, path: str) -> Any:
    """The first value at a simple JSONPath (`.a.b`, `[0]`, `[?(@.type=="Ready")]`), None if there is none."""
    here = obj
    for step in _STEP.finditer(path):
        if step["key"] is not None:
            here = dig(here, step["key"].replace("\\.", "."))
        elif step["index"] is not None:
            here = dig(here, int(step["index"]))
        else:
            items = here if isinstance(here, list) else []
            here = next((item for item in items if str(dig(item, step["field"])) == step["value"]), None)
    return here
