"""Small reading aids for Kubernetes objects kept as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Obj = dict[str, Any]
"""One Kubernetes object, or a part of one, as decoded JSON."""


def dig(obj: Any, *path: str | int, default: Any = None) -> Any:
    """The value at `path` inside nested dicts and lists, or `default` where a step is missing or null."""
    here = obj
    for step in path:
        if isinstance(step, str) and isinstance(here, Mapping):
            here = here.get(step)
        elif isinstance(step, int) and isinstance(here, Sequence) and -len(here) <= step < len(here):
            here = here[step]
        else:
            return default
    return default if here is None else here


def name_of(obj: Obj) -> str:
    return str(dig(obj, "metadata", "name", default=""))


def namespace_of(obj: Obj) -> str:
    return str(dig(obj, "metadata", "namespace", default=""))


def labels_of(obj: Obj) -> dict[str, str]:
    return dig(obj, "metadata", "labels", default={})


def controller_of(obj: Obj) -> Obj | None:
    """The owner reference that controls `obj`, if any."""
    for owner in dig(obj, "metadata", "ownerReferences", default=[]):
        if owner.get("controller"):
            return owner
    return None


def owner_reference(owner: Obj) -> Obj:
    """A controlling owner reference to `owner`, which must carry apiVersion, kind and uid."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def copied(value: Any) -> Any:
    """A deep copy of a JSON value, several times as fast as `copy.deepcopy`."""
    if isinstance(value, dict):
        return {key: copied(child) for key, child in value.items()}
    if isinstance(value, list):
        return [copied(child) for child in value]
    return value


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: a new value, `target` with `patch` applied."""
    if not isinstance(patch, dict):
        return copied(patch)
    merged: Obj = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def without_nulls(value: Any) -> Any:
    """A copy without null fields: the API server's types cannot hold them either."""
    if isinstance(value, dict):
        return {key: without_nulls(child) for key, child in value.items() if child is not None}
    if isinstance(value, list):
        return [without_nulls(child) for child in value]
    return value


def stamp(moment: datetime) -> str:
    """RFC 3339 in whole seconds, as metav1.Time is written."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str | None) -> datetime | None:
    """The reverse of `stamp`; also takes fractions of seconds and numeric offsets."""
    if not text:
        return None
    return datetime.fromisoformat(text)


def now() -> datetime:
    return datetime.now(UTC)
