"""Which fields a value has, and which differ between two values of one shape (structured-merge-diff's field sets)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kubeai_bot.playground.cluster.typed.fieldsets import FieldSet, Path
from kubeai_bot.playground.cluster.typed.shape import Shape

_ABSENT: Any = object()


def is_granular(value: Any, shape: Shape) -> bool:
    """Whether the value is owned field by field (or item by item)."""
    if isinstance(value, dict):
        return not (shape.atomic and shape.type != "array")
    return isinstance(value, list) and shape.type == "array" and not shape.atomic


def field_set(value: Any, shape: Shape) -> FieldSet:
    """The fields that a configuration states: leaves, list items and empty maps."""
    found: set[Path] = set()
    _collect(value, shape, (), found)
    found.discard(())
    return frozenset(found)


def _collect(value: Any, shape: Shape, path: Path, found: set[Path]) -> None:
    if not is_granular(value, shape):
        found.add(path)
        return
    for element, child, child_shape in shape.children(value):
        here = (*path, element)
        _collect(child, child_shape, here, found)
        declared = element[2:] in shape.fields if element.startswith("f:") else False
        if not declared or child == {}:
            found.add(here)


@dataclass
class Comparison:
    """Paths that only the new value has, that differ, and that only the old one has."""

    added: set[Path] = field(default_factory=set[Path])
    modified: set[Path] = field(default_factory=set[Path])
    removed: set[Path] = field(default_factory=set[Path])

    def without(self, ignored: FieldSet) -> Comparison:
        return Comparison(self.added - ignored, self.modified - ignored, self.removed - ignored)


def compare(old: Any, new: Any, shape: Shape) -> Comparison:
    """What changed from `old` to `new`."""
    found = Comparison()
    _walk(old, new, shape, (), found)
    for paths in (found.added, found.modified, found.removed):
        paths.discard(())
    return found


def _walk(old: Any, new: Any, shape: Shape, path: Path, found: Comparison) -> None:
    if old is _ABSENT or new is _ABSENT:
        only, paths = (new, found.added) if old is _ABSENT else (old, found.removed)
        _everything(only, shape, path, paths)
    elif old is new:
        return
    elif _opens(old, new, shape):
        before, after = _indexed(old, shape), _indexed(new, shape)
        for element in {**before, **after}:
            child_shape = (after.get(element) or before[element])[1]
            pair = (_side(before, element, old, child_shape), _side(after, element, new, child_shape))
            _walk(*pair, child_shape, (*path, element), found)
    elif old != new:
        found.modified.add(path)


def _opens(old: Any, new: Any, shape: Shape) -> bool:
    """Whether two values are compared part by part. A null beside something with parts is one without any."""
    if old is None or new is None:
        some = new if old is None else old
        return bool(some) and is_granular(some, shape)
    return type(old) is type(new) and is_granular(new, shape) and is_granular(old, shape)


def _everything(value: Any, shape: Shape, path: Path, paths: set[Path]) -> None:
    paths.add(path)
    if is_granular(value, shape):
        for element, child, child_shape in shape.children(value):
            _everything(child, child_shape, (*path, element), paths)


def _indexed(value: Any, shape: Shape) -> dict[str, tuple[Any, Shape]]:
    return {element: (child, child_shape) for element, child, child_shape in shape.children(value)}


def _side(index: dict[str, tuple[Any, Shape]], element: str, parent: Any, shape: Shape) -> Any:
    """The child on one side; a struct held by value is there whenever its parent is."""
    if element in index:
        return index[element][0]
    return {} if shape.by_value and isinstance(parent, dict) else _ABSENT
