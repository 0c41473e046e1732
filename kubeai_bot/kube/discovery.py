"""What an API server offers: aggregated discovery in two calls, or group by group where it is not served.

https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api (aggregated: KEP-3352, stable in 1.30)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import structlog

from kubeai_bot.domain.cluster import Request, Resource, Response
from kubeai_bot.domain.message import Json
from kubeai_bot.errors import ApiStatus, Unreachable

log = structlog.get_logger(__name__)

Fetch = Callable[[Request], Awaitable[Response]]

_ACCEPT = "application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList,application/json"
_AT_ONCE = 8
_SOONEST = 10.0
"""Seconds that must pass before discovery is repeated, however eager the caller."""


class Discovery:
    """The resources of one cluster, kept for `ttl` seconds. `fetch` sends as the bot. One refresh at a time."""

    def __init__(self, cluster: str, fetch: Fetch, *, ttl: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._fetch = fetch
        self._ttl = ttl
        self._clock = clock
        self._lock = asyncio.Lock()
        self._known: tuple[Resource, ...] = ()
        self._read_at: float | None = None

    async def resources(self, max_age: float | None = None) -> Sequence[Resource]:
        """Core group first, then the server's order of groups; within a group its preferred version first.

        No older than `max_age` seconds (default: the ttl), but never read again within 10 seconds.
        """
        age = self._ttl if max_age is None else min(self._ttl, max(max_age, _SOONEST))
        if not self._fresh(age):
            async with self._lock:
                if not self._fresh(age):
                    self._known = tuple(await self._read())
                    self._read_at = self._clock()
        return self._known

    def _fresh(self, age: float) -> bool:
        return self._read_at is not None and self._clock() - self._read_at < age

    async def _read(self) -> list[Resource]:
        core, groups = await asyncio.gather(self._get("/api", _ACCEPT), self._get("/apis", _ACCEPT))
        found: list[Resource] = []
        for document in (core, groups):
            if document.get("kind") == "APIGroupDiscoveryList":
                found += _aggregated(document)
            else:
                found += await self._group_by_group(document)
        return found

    async def _get(self, path: str, accept: str = "application/json") -> Json:
        return (await self._fetch(Request("GET", path, accept=accept))).json or {}

    async def _group_by_group(self, document: Json) -> list[Resource]:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(root: str, group: str, version: str) -> list[Resource]:
            try:
                async with gate:
                    return _legacy(group, version, await self._get(f"{root}/{version}"))
            except (ApiStatus, Unreachable) as error:
                log.warning(
                    "kube.group_skipped", cluster=self._cluster, group=group, version=version, reason=str(error)
                )
                return []

        found = await asyncio.gather(*(one(*served) for served in _group_versions(document)))
        return [resource for resources in found for resource in resources]


def _group_versions(document: Json) -> Iterable[tuple[str, str, str]]:
    """(path of the group, group, version) from an APIVersions or an APIGroupList."""
    for version in document.get("versions") or ():
        yield "/api", "", version
    for group in document.get("groups") or ():
        preferred = (group.get("preferredVersion") or {}).get("version")
        versions: list[str] = [served["version"] for served in group.get("versions") or ()]
        for version in [v for v in versions if v == preferred] + [v for v in versions if v != preferred]:
            yield f"/apis/{group['name']}", group["name"], version


def _legacy(group: str, version: str, document: Json) -> list[Resource]:
    """The resources of an APIResourceList; `pods/log` is a subresource of `pods`."""
    entries: list[dict[str, Any]] = document.get("resources") or []
    parts: dict[str, set[str]] = {}
    for entry in entries:
        name, _, subresource = entry["name"].partition("/")
        parts.setdefault(name, set()).update({subresource} - {""})
    return [
        Resource(
            group,
            version,
            entry["name"],
            entry["kind"],
            bool(entry.get("namespaced")),
            frozenset(entry.get("verbs") or ()),
            entry.get("singularName") or entry["kind"].lower(),
            tuple(entry.get("shortNames") or ()),
            tuple(entry.get("categories") or ()),
            frozenset(parts[entry["name"]]),
        )
        for entry in entries
        if "/" not in entry["name"]
    ]


def _aggregated(document: Json) -> list[Resource]:
    """The resources of an APIGroupDiscoveryList. A group whose server is away is listed stale and empty."""
    found: list[Resource] = []
    for group in document.get("items") or ():
        name = (group.get("metadata") or {}).get("name") or ""
        for served in group.get("versions") or ():
            found += [_from_entry(name, served["version"], entry) for entry in served.get("resources") or ()]
    return found


def _from_entry(group: str, version: str, entry: Json) -> Resource:
    kind = (entry.get("responseKind") or {}).get("kind") or ""
    resource = Resource(
        group,
        version,
        entry["resource"],
        kind,
        entry.get("scope") == "Namespaced",
        frozenset(entry.get("verbs") or ()),
        entry.get("singularResource") or kind.lower(),
    )
    return replace(
        resource,
        short_names=tuple(entry.get("shortNames") or ()),
        categories=tuple(entry.get("categories") or ()),
        subresources=frozenset(part["subresource"] for part in entry.get("subresources") or ()),
    )
