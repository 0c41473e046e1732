"""limit and continue: one consistent list, handed out in pages."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kubeai_bot.playground.cluster.objects import Obj, name_of, namespace_of
from kubeai_bot.playground.cluster.quantities import not_a_number, read_number
from kubeai_bot.playground.cluster.status import EXPIRED_CONTINUE, ApiError, bad_request, expired
from kubeai_bot.playground.cluster.store import Place, Store

_TOKEN_VERSION = "meta.k8s.io/v1"  # noqa: S105 - the format's name


@dataclass(frozen=True)
class Page:
    """The objects of one page and the ListMeta that goes with them."""

    objs: list[Obj]
    metadata: Obj


def read_page(
    store: Store,
    place: Place,
    namespace: str | None,
    query: Mapping[str, str],
    matches: Callable[[Obj], bool],
) -> Page:
    """One page of a list as limit, continue and the selectors in `query` ask.

    Raises ApiError 410 when the continue token is older than the last compaction, 400 when it is no token.
    """
    if fault := version_fault(query):
        raise bad_request(f"invalid resource version: {fault}")
    version, start = store.version, ""
    if token := query.get("continue", ""):
        version, start = _decode(token)
        if version != -1 and version < store.compacted:
            raise expired(EXPIRED_CONTINUE, _encode(-1, start))
        version = store.version if version == -1 else version
    limit = _limit(query.get("limit", ""))
    candidates = [obj for obj in store.list_at(place, namespace, version) if _position(obj) >= start and matches(obj)]
    objs = candidates[:limit] if limit else candidates
    metadata: Obj = {"resourceVersion": str(version)}
    left = len(candidates) - len(objs)
    if left:
        metadata["continue"] = _encode(version, _position(objs[-1]) + "\0")
        if not query.get("labelSelector") and not query.get("fieldSelector"):
            metadata["remainingItemCount"] = left
    return Page(objs, metadata)


def version_fault(query: Mapping[str, str]) -> str:
    """What is wrong with the resourceVersion parameter, empty if nothing is."""
    text = query.get("resourceVersion", "")
    if not text or text.isdigit():
        return ""
    return f'resourceVersion: Invalid value: "{text}": {not_a_number("ParseUint", text)}'


def _limit(text: str) -> int:
    return max(read_number(text), 0)


def _position(obj: Obj) -> str:
    return f"{namespace_of(obj)}/{name_of(obj)}"


def _encode(version: int, start: str) -> str:
    token = {"v": _TOKEN_VERSION, "rv": version, "start": start}
    return base64.urlsafe_b64encode(json.dumps(token).encode()).decode().rstrip("=")


def _decode(token: str) -> tuple[int, str]:
    try:
        decoded = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if decoded["v"] != _TOKEN_VERSION:
            raise _not_valid(f"server does not recognize this encoded version {decoded['v']}")
        return int(decoded["rv"]), str(decoded["start"])
    except (binascii.Error, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise _not_valid(str(error)) from error


def _not_valid(why: str) -> ApiError:
    return bad_request(f"invalid continue token: continue key is not valid: {why}")
