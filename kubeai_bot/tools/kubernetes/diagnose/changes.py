"""What the newest revision of a workload changed, field by field; values of variables are never shown. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from kubeai_bot.domain.cluster import Resource
from kubeai_bot.domain.message import Json
from kubeai_bot.tools.kubernetes import known
from kubeai_bot.tools.kubernetes.diagnose.picture import Picture, owned_by, uid_of
from kubeai_bot.tools.kubernetes.paths import at, mapping
from kubeai_bot.tools.kubernetes.rollout import revision_of
from kubeai_bot.tools.kubernetes.text import one_line

_MOST = 6
_NOISE = ("pod-template-hash", "managedFields", "creationTimestamp")


@dataclass(frozen=True, slots=True)
class Change:
    """The newest revision against the one before; `created` is when the newest was made first."""

    number: int
    created: str
    lines: tuple[str, ...]
    count: int


def last_change(picture: Picture, resource: Resource, workload: Json) -> Change | None:
    """None where there is one revision only, or none could be read."""
    kept_in = known.REPLICASETS if resource is known.DEPLOYMENTS else known.CONTROLLER_REVISIONS
    own = [obj for obj in picture.of(kept_in) if owned_by(obj, frozenset({uid_of(workload)}))]
    revisions = sorted(own, key=_number)
    if len(revisions) < 2:
        return None
    old, new = revisions[-2:]
    lines = list(_differences(dict(_leaves(_template(old))), dict(_leaves(_template(new)))))
    more = [f"and {len(lines) - _MOST} more fields"] if len(lines) > _MOST else []
    return Change(_number(new), str(at(new, "metadata", "creationTimestamp")), (*lines[:_MOST], *more), len(lines))


def _number(revision: Json) -> int:
    return int(revision["revision"]) if "revision" in revision else revision_of(revision)


def _template(revision: Json) -> Json:
    return mapping(revision, "spec", "template") or mapping(revision, "data", "spec", "template")


def _hidden(path: str) -> bool:
    return ".env[" in path or "annotations" in path or "labels" in path


def _differences(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for path in sorted(old.keys() | new.keys()):
        before, after = old.get(path), new.get(path)
        if before == after:
            continue
        if _hidden(path):
            word = "added" if before is None else "removed" if after is None else "changed"
            yield f"{path}: {word}"
        else:
            yield f"{path}: {one_line(before or 'unset', 80)} → {one_line(after or 'unset', 80)}"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, value) of everything in a template; list entries by their name where they have one."""
    if isinstance(value, Mapping):
        for key, inner in cast("Mapping[str, Any]", value).items():
            if key not in _NOISE:
                yield from _leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(cast("list[Any]", value)):
            name = at(inner, "name")
            place = f"{path}[{name or index}]"
            if path.endswith(".env"):  # a variable is one thing, wherever its value comes from
                yield place.removeprefix(".spec"), str(inner)
            else:
                yield from _leaves({k: v for k, v in inner.items() if k != "name"} if name else inner, place)
    else:
        yield path.removeprefix(".spec"), str(value)
