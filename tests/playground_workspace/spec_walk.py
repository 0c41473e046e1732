"""Walks over the simulator's spec: which records it knows, by their `type`."""

from __future__ import annotations

from collections.abc import Iterator

from kubeai_bot.playground.workspace.schema import ByType, Items, Nullable, Record, Shape, Text
from kubeai_bot.playground.workspace.shapes.blocks import MESSAGE_BLOCK, VIEW_BLOCK
from kubeai_bot.playground.workspace.shapes.chunks import CHUNK
from kubeai_bot.playground.workspace.shapes.views import VIEW


def records(*roots: Shape) -> Iterator[Record]:
    """Every record that the shapes can contain, once each."""
    seen: set[int] = set()
    waiting: list[Shape] = list(roots)
    while waiting:
        shape = waiting.pop()
        if id(shape) in seen:
            continue
        seen.add(id(shape))
        match shape:
            case Items():
                waiting.append(shape.item)
            case Nullable():
                waiting.append(shape.shape)
            case ByType():
                waiting += shape.shapes().values()
            case Record():
                waiting += [*shape.needs.values(), *shape.may.values()]
                yield shape
            case _:
                pass


def typed_records() -> dict[str, list[Record]]:
    """Records of blocks, elements, parts, views and chunks by their `type`."""
    found: dict[str, list[Record]] = {}
    for record in records(MESSAGE_BLOCK, VIEW_BLOCK, VIEW, CHUNK):
        kind = record.needs.get("type")
        if isinstance(kind, Text):
            found.setdefault(kind.choices[0], []).append(record)
    return found
