"""What an edit changes, in words and as a digest: without what the server keeps for itself, and redacted."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from difflib import unified_diff
from typing import TYPE_CHECKING, Any, cast

from kubeai_bot.domain.message import Json
from kubeai_bot.tools.kubernetes.edits import Tried
from kubeai_bot.tools.kubernetes.paths import at, mapping
from kubeai_bot.tools.kubernetes.prune import to_yaml
from kubeai_bot.tools.kubernetes.text import cut_middle, escaped

if TYPE_CHECKING:
    from kubeai_bot.domain.redaction.redactor import Redactor

_SERVERS = frozenset(
    {"managedFields", "resourceVersion", "generation", "uid", "selfLink", "creationTimestamp", "deletionTimestamp"}
)
_CONTROLLERS = frozenset({"deployment.kubernetes.io/revision"})
"""Annotations that follow from a change and are no part of it."""
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_TOKEN_VOLUME = re.compile(r"\bkube-api-access-[a-z0-9]{5}\b")
_ALLOCATED = frozenset({"clusterIP", "clusterIPs", "nodePort", "healthCheckNodePort"})
_MOST = 100_000
_DEEPEST = 60


def changes_nothing(tried: Tried) -> bool:
    """Whether the object is already as it would be."""
    if tried.edit.how in ("create", "delete", "evict") or not tried.live:
        return False
    return _sides(tried)[0] == _sides(tried)[1]


def digest_of(tries: Sequence[Tried]) -> str:
    """Of the objects' uids, of what they are and of what would become of them; of an eviction only of the uid."""
    said: list[Any] = []
    for tried in tries:
        sides = () if tried.edit.how == "evict" else _sides(tried)
        said.append([tried.edit.ref.path, tried.edit.how, tried.uid, *sides])
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=True, default=str).encode()).hexdigest()


def diff_of(tries: Sequence[Tried], redactor: Redactor) -> str:
    """Unified, one part for each object, at most about 100,000 characters."""
    parts = (_one(tried, redactor) for tried in tries)
    return cut_middle("\n".join(part for part in parts if part), _MOST, "the rest of the diff is not shown")


def _one(tried: Tried, redactor: Redactor) -> str:
    name = str(tried.edit.ref)
    if tried.edit.how == "evict":
        return f"- {name} (evicted)"
    before, after = (_shown(side, other, redactor) for side, other in _both_ways(*_sides(tried)))
    lines = unified_diff(
        before,
        after,
        f"{name} (now)" if tried.live else "/dev/null",
        f"{name} (after)" if after else "/dev/null",
        lineterm="",
        n=3,
    )
    return escaped("\n".join(lines))


def _both_ways(before: Json, after: Json) -> tuple[tuple[Json, Json], tuple[Json, Json]]:
    return (before, after), (after, before)


def _shown(side: Json, other: Json, redactor: Redactor) -> list[str]:
    if not side:
        return []
    quiet = _without_last_applied(side) if _last_applied(side) == _last_applied(other) or not other else side
    return to_yaml(redactor.value(quiet)).splitlines()


def _last_applied(obj: Json) -> Any:
    return at(obj, "metadata", "annotations", _LAST_APPLIED)


def _without_last_applied(obj: Json) -> Json:
    if _last_applied(obj) is None:
        return obj
    annotations = {key: value for key, value in mapping(obj, "metadata", "annotations").items() if key != _LAST_APPLIED}
    metadata = {key: value for key, value in mapping(obj, "metadata").items() if key != "annotations"}
    return {**obj, "metadata": {**metadata, **({"annotations": annotations} if annotations else {})}}


def _sides(tried: Tried) -> tuple[Json, Json]:
    return bare(tried.live, tried), bare(tried.result, tried)


def bare(obj: Json, tried: Tried) -> Json:
    """An object without status and bookkeeping, and without what is drawn anew at each dry run."""
    if not obj:
        return {}
    metadata = {key: value for key, value in mapping(obj, "metadata").items() if key not in _SERVERS}
    annotations = {key: value for key, value in mapping(metadata, "annotations").items() if key not in _CONTROLLERS}
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    kept: dict[str, Any] = {key: value for key, value in obj.items() if key not in ("status", "metadata")}
    ordered = {key: kept.pop(key) for key in ("apiVersion", "kind") if key in kept}
    whole: Any = {**ordered, "metadata": metadata, **dict(sorted(kept.items()))}
    own_uid = "" if tried.live else str(at(obj, "metadata", "uid") or "")
    whole = {key: _settled(value, own_uid) for key, value in whole.items()}
    if obj.get("kind") == "Service":
        whole = _unallocated(whole, tried.live, tried.body)
    if obj is tried.result:
        for path in tried.edit.fleeting:
            whole = _blank(whole, path)
    return cast("Json", whole)


def _settled(value: Any, own_uid: str, depth: int = 1) -> Any:
    """Without the uid that a dry run has drawn for an object that does not exist, and the names of token volumes; keys
    in order of the alphabet, because a server may give them in another order after a write than before."""
    if isinstance(value, str):
        text = value.replace(own_uid, "<uid>") if own_uid else value
        return _TOKEN_VOLUME.sub("kube-api-access", text)
    if depth > _DEEPEST:
        return value
    if isinstance(value, Mapping):
        found = sorted(cast("Mapping[str, Any]", value).items())
        return {key: _settled(inner, own_uid, depth + 1) for key, inner in found}
    if isinstance(value, list):
        return [_settled(inner, own_uid, depth + 1) for inner in cast("list[Any]", value)]
    return value


def _unallocated(value: Any, live: Any, body: Any) -> Any:
    """A Service without addresses and ports that neither it nor the manifest had: the server draws them."""
    known = json.dumps([live, body], default=str)
    if isinstance(value, Mapping):
        return {
            key: _unallocated(inner, live, body)
            for key, inner in cast("Mapping[str, Any]", value).items()
            if key not in _ALLOCATED or json.dumps(inner, default=str) in known
        }
    if isinstance(value, list):
        return [_unallocated(inner, live, body) for inner in cast("list[Any]", value)]
    return value


def _blank(value: Any, path: tuple[str, ...]) -> Any:
    if not isinstance(value, Mapping) or path[0] not in value:
        return value
    found = cast("Mapping[str, Any]", value)
    return {**found, path[0]: "<now>" if len(path) == 1 else _blank(found[path[0]], path[1:])}
