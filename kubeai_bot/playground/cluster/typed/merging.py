"""Merging a configuration into an object, and taking fields out of it, by shape."""

from __future__ import annotations

from typing import Any

from kubeai_bot.playground.cluster.objects import Obj, copied
from kubeai_bot.playground.cluster.typed.comparing import is_granular
from kubeai_bot.playground.cluster.typed.fieldsets import FieldSet, to_fields_v1
from kubeai_bot.playground.cluster.typed.shape import UNTYPED, Shape


def merge(live: Any, config: Any, shape: Shape) -> Any:
    """`live` with everything that `config` states, as a new value; atomic parts are replaced as a whole."""
    if type(live) is not type(config) or not is_granular(config, shape):
        return copied(config)
    if isinstance(config, dict):
        merged: Obj = dict(live)
        for name, value in config.items():
            child = shape.field(name) or UNTYPED
            merged[name] = merge(live[name], value, child) if name in live else copied(value)
        return merged
    return _merge_items(live, config, shape)


def _merge_items(live: list[Any], config: list[Any], shape: Shape) -> list[Any]:
    """Items that both have stand in the configuration's order; what only `live` has keeps its place before them."""
    old = {shape.element(item): item for item in live}
    wanted = {shape.element(item): item for item in config}
    shared = [element for element in wanted if element in old]
    waiting = list(old)
    merged: list[Any] = []

    def take_before(stop: str | None) -> None:
        """Moves on in `live` up to the next shared item; shared items of another turn are passed over."""
        while waiting and waiting[0] != stop:
            element = waiting.pop(0)
            if element not in wanted:
                merged.append(copied(old[element]))

    for element, item in wanted.items():
        upcoming = shared[0] if shared else None
        take_before(upcoming)
        if element in old:
            shared.pop(0)
            if waiting and waiting[0] == element:
                waiting.pop(0)
            merged.append(merge(old[element], item, shape.items))
        else:
            merged.append(copied(item))
    take_before(None)
    return merged


def remove(value: Any, paths: FieldSet, shape: Shape) -> Any:
    """A copy without the members of `paths`; maps and lists left empty by it are gone (None)."""
    return _without(value, to_fields_v1(paths), shape)


def _without(value: Any, fields: Obj, shape: Shape) -> Any:
    if not is_granular(value, shape) or not value:
        return copied(value)
    kept_map: Obj = {}
    kept_list: list[Any] = []
    for element, child, child_shape in shape.children(value):
        below = fields.get(element)
        if below is not None and (not below or "." in below):
            continue
        kept = _without(child, below, child_shape) if below else copied(child)
        if isinstance(value, dict):
            kept_map[element[2:]] = kept
        else:
            kept_list.append(kept)
    return (kept_map if isinstance(value, dict) else kept_list) or None


def with_named_fields(paths: FieldSet, shape: Shape) -> FieldSet:
    """The set with every declared field on the way to its members as a member too."""
    found = set(paths)
    for path in paths:
        here: Shape = shape
        for depth, element in enumerate(path[:-1], start=1):
            is_field = element.startswith("f:")
            if is_field and element[2:] in here.fields:
                found.add(path[:depth])
            here = (here.field(element[2:]) if is_field else here.items) or UNTYPED
    return frozenset(found)
