"""The patch formats of the API: JSON merge, strategic merge (by the usual merge keys) and JSON Patch."""

from __future__ import annotations

import copy
from typing import Any

from kubeai_bot.playground.cluster.objects import Obj, merge_patch
from kubeai_bot.playground.cluster.status import ApiError, unsupported_media_type

_MERGE_KEYS = {
    "conditions": "type",
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "imagePullSecrets": "name",
    "ownerReferences": "uid",
    "tolerations": "key",
}


def apply_patch(obj: Obj, patch: Any, content_type: str) -> Obj:
    """`obj` with `patch` applied, as a new object; ApiError 415 for a format not spoken here."""
    media = content_type.split(";", maxsplit=1)[0].strip()
    match media:
        case "application/merge-patch+json":
            return merge_patch(obj, patch)
        case "application/strategic-merge-patch+json":
            return _strategic(obj, patch)
        case "application/json-patch+json":
            return _json_patch(obj, patch)
        case _:
            raise unsupported_media_type()


def _strategic(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged: Obj = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None:
            merged.pop(key, None)
        elif key in _MERGE_KEYS and isinstance(value, list):
            merged[key] = _merge_list(merged.get(key) or [], value, _MERGE_KEYS[key])
        else:
            merged[key] = _strategic(merged.get(key), value)
    return merged


def _merge_list(target: list[Obj], patch: list[Obj], key: str) -> list[Obj]:
    merged = list(target)
    for item in patch:
        index = next((i for i, known in enumerate(merged) if known.get(key) == item.get(key)), None)
        if item.get("$patch") == "delete":
            merged = [known for known in merged if known.get(key) != item.get(key)]
        elif index is None:
            merged.append(_strategic({}, item))
        else:
            merged[index] = _strategic(merged[index], item)
    return merged


def _json_patch(obj: Obj, operations: list[Obj]) -> Obj:
    patched = copy.deepcopy(obj)
    for operation in operations:
        steps = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        try:
            _perform(patched, steps, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            text = "the server rejected our request due to an error in our request"
            raise ApiError(422, "Invalid", text, {}) from error
    return patched


def _perform(target: Any, steps: list[str], operation: Obj) -> None:
    *way, last = steps
    for step in way:
        target = target[int(step)] if isinstance(target, list) else target[step]
    action = operation["op"]
    if isinstance(target, list):
        index = len(target) if last == "-" else int(last)
        if action == "add":
            target.insert(index, operation["value"])
        elif action == "replace":
            target[index] = operation["value"]
        elif action == "remove":
            del target[index]
        return
    if action == "remove":
        del target[last]
    elif action == "test":
        if target[last] != operation["value"]:
            raise ValueError(last)
    elif action == "replace" and last not in target:
        raise KeyError(last)
    else:
        target[last] = copy.deepcopy(operation["value"])
