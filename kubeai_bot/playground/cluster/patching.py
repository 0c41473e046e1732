"""The patch formats of the API: JSON merge (RFC 7396), strategic merge (by schema) and JSON Patch (RFC 6902)."""

from __future__ import annotations

from typing import Any

from kubeai_bot.playground.cluster.objects import Obj, copied, merge_patch
from kubeai_bot.playground.cluster.status import ApiError, bad_request, unsupported_media_type
from kubeai_bot.playground.cluster.typed.checking import go_text
from kubeai_bot.playground.cluster.typed.shape import UNTYPED, Shape

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"
_RETAIN = "$retainKeys"
_INTO_MAP = "json: cannot unmarshal array into Go value of type map[string]interface {}"


def media_type(content_type: str) -> str:
    return content_type.split(";", maxsplit=1)[0].strip()


def apply_patch(obj: Obj, patch: Any, content_type: str, shape: Shape) -> Obj:
    """`obj` with `patch` applied, as a new object; ApiError 415 for an unknown format, 400 or 422 for a bad patch."""
    match media_type(content_type):
        case "application/merge-patch+json":
            if not isinstance(patch, dict):
                raise bad_request(f"error decoding patch: {_INTO_MAP}")
            return merge_patch(obj, patch)
        case "application/strategic-merge-patch+json":
            if not isinstance(patch, dict):
                raise bad_request(_INTO_MAP)
            return _merge_map(obj, patch, shape)
        case "application/json-patch+json":
            if not isinstance(patch, list):
                into = "json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
                raise bad_request(f"error decoding patch: {into}")
            return _json_patch(obj, patch)
        case _:
            raise unsupported_media_type()


def _merge_map(target: Obj, patch: Obj, shape: Shape) -> Obj:
    directive = patch.get("$patch")
    if directive == "replace":
        return _clean({key: value for key, value in patch.items() if key != "$patch"})
    if directive == "delete":
        return {}
    if directive not in {None, "merge"}:
        raise ApiError(500, "", f"unknown patch type: {directive} in map: {go_text(patch)}")
    retained: list[str] | None = patch.get(_RETAIN)
    merged = {key: value for key, value in target.items() if retained is None or key in retained}
    for key, value in patch.items():
        if key.startswith(_DELETE):
            name = key.removeprefix(_DELETE)
            merged[name] = [item for item in merged.get(name) or [] if item not in value]
        if key.startswith("$"):
            continue
        child = shape.field(key) or UNTYPED
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, list) and "merge" in child.strategies:
            order = patch.get(_ORDER + key)
            merged[key] = _merge_list(merged.get(key) or [], value, order, child)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict) and "replace" not in child.strategies:
            merged[key] = _merge_map(merged[key], value, child)
        else:
            merged[key] = _clean(value)
    _order_untouched(merged, patch, shape)
    return merged


def _order_untouched(merged: Obj, patch: Obj, shape: Shape) -> None:
    """`$setElementOrder` also holds for lists that the patch does not change otherwise."""
    for key, order in patch.items():
        name = key.removeprefix(_ORDER)
        if key.startswith(_ORDER) and name not in patch and name in merged:
            merged[name] = _merge_list(merged[name], [], order, shape.field(name) or UNTYPED)


def _merge_list(target: list[Any], patch: list[Any], order: list[Any] | None, shape: Shape) -> list[Any]:
    """The items of both, in the order of `$setElementOrder` or else of the patch."""
    key = shape.merge_key
    if not key:
        merged = [*target, *(item for item in patch if item not in target)]
        return _ordered(merged, order or patch, target, key)
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [_clean(item) for item in patch if "$patch" not in item]
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise ApiError(500, "", f"map: {go_text(item)} does not contain declared merge key: {key}")
    merged = list(target)
    for item in patch:
        index = next((i for i, known in enumerate(merged) if known.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            merged = [known for known in merged if known.get(key) != item[key]]
        elif index is None:
            merged.append(_clean(item))
        else:
            merged[index] = _merge_map(merged[index], item, shape.items)
    return _ordered(merged, order or [item for item in patch if "$patch" not in item], target, key)


def _ordered(items: list[Any], wanted: list[Any], before: list[Any], key: str) -> list[Any]:
    """Items in the wanted order; one that is not named stands where the next named one stood behind it before."""

    def name(item: Any) -> Any:
        return item.get(key) if key else item

    places, old = [name(item) for item in wanted], [name(item) for item in before]
    named = sorted((item for item in items if name(item) in places), key=lambda item: places.index(name(item)))
    others = [item for item in items if name(item) not in places]
    ordered: list[Any] = []
    for item in named:
        place = old.index(name(item)) if name(item) in old else -1
        while others and old.index(name(others[0])) < place:
            ordered.append(others.pop(0))
        ordered.append(item)
    return [*ordered, *others]


def _clean(value: Any) -> Any:
    """A copy without directives and nulls, for values that are new in the object."""
    if isinstance(value, dict):
        return {key: _clean(child) for key, child in value.items() if not key.startswith("$") and child is not None}
    return copied(value)


def _json_patch(obj: Obj, operations: list[Any]) -> Obj:
    patched = copied(obj)
    for operation in operations:
        try:
            _perform(patched, operation)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            text = "the server rejected our request due to an error in our request"
            raise ApiError(422, "Invalid", text, {}) from error
    return patched


def _steps(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _parent(target: Any, steps: list[str]) -> Any:
    for step in steps[:-1]:
        target = target[int(step)] if isinstance(target, list) else target[step]
    return target


def _perform(root: Obj, operation: Obj) -> None:
    steps = _steps(operation["path"])
    parent, last = _parent(root, steps), steps[-1]
    match operation["op"]:
        case "add":
            _add(parent, last, copied(operation["value"]))
        case "replace" if isinstance(parent, list):
            parent[int(last)] = copied(operation["value"])
        case "replace":
            parent[last] = copied(operation["value"])
        case "remove":
            _take(parent, last)
        case "test":
            if _read(parent, last) != operation["value"]:
                raise ValueError(operation["path"])
        case "copy" | "move" as op:
            origin = _steps(operation["from"])
            source = _parent(root, origin)
            value = _take(source, origin[-1]) if op == "move" else copied(_read(source, origin[-1]))
            _add(_parent(root, steps), last, value)
        case other:
            raise ValueError(other)


def _read(parent: Any, step: str) -> Any:
    return parent[int(step)] if isinstance(parent, list) else parent[step]


def _take(parent: Any, step: str) -> Any:
    return parent.pop(int(step)) if isinstance(parent, list) else parent.pop(step)


def _add(parent: Any, step: str, value: Any) -> None:
    if isinstance(parent, list):
        index = len(parent) if step == "-" else int(step)
        if index > len(parent):
            raise IndexError(step)
        parent.insert(index, value)
    else:
        parent[step] = value
