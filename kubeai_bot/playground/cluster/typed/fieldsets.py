"""Sets of field paths, as managedFields keep them (FieldsV1), and the few questions that ownership asks of them.

A path is a tuple of FieldsV1 elements: `f:name` for a field, `k:{...}` for an item of a list by its keys, `v:...` for
an item of a set. See KEP-555 and sigs.k8s.io/structured-merge-diff.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from kubeai_bot.playground.cluster.objects import Obj

Path = tuple[str, ...]
FieldSet = frozenset[Path]


def to_fields_v1(paths: Iterable[Path]) -> Obj:
    """The nested form; `.` marks a member that has children."""
    members = set(paths)
    root: Obj = {}
    for path in sorted(members):
        here = root
        for depth, element in enumerate(path, start=1):
            here = here.setdefault(element, {})
            if depth < len(path) and path[:depth] in members:
                here["."] = {}
    return root


def from_fields_v1(fields: Obj) -> FieldSet:
    return frozenset(_members(fields, ()))


def _members(fields: Obj, path: Path) -> Iterable[Path]:
    for element, child in fields.items():
        if element == ".":
            continue
        here = (*path, element)
        if not child or "." in child:
            yield here
        if child:
            yield from _members(child, here)


def path_text(path: Path) -> str:
    """A path as conflicts name it: `.spec.template.spec.containers[name="app"].image`."""
    return "".join(_element_text(element) for element in path)


def _element_text(element: str) -> str:
    mark, text = element[:2], element[2:]
    if mark == "f:":
        return f".{text}"
    if mark == "v:":
        return f"[={text}]"
    pairs = (f"{key}={json.dumps(value)}" for key, value in json.loads(text).items())
    return f"[{','.join(pairs)}]"


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Members of one level before what lies below them, as the server lists conflicts."""
    found = set(paths)
    return sorted(found, key=lambda path: [(step < len(path) - 1, path[step]) for step in range(len(path))])
