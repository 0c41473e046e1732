"""What the server serves: aggregated (apidiscovery.k8s.io/v2) and the older list per group."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from kubeai_bot.playground.cluster.kinds import Kind, Subresource
from kubeai_bot.playground.cluster.negotiation import DISCOVERY_TYPE, wants_aggregated_discovery
from kubeai_bot.playground.cluster.objects import Obj
from kubeai_bot.playground.cluster.state import Answer
from kubeai_bot.playground.cluster.status import ApiError, no_such_resource, page_not_found

VERSION: Obj = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.2",
    "gitCommit": "d3b0de3000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2026-06-18T12:00:00Z",
    "goVersion": "go1.26.4",
    "compiler": "gc",
    "platform": "linux/amd64",
}


def discover(kinds: list[Kind], path: str, accept: str) -> Answer:
    """The answer to /api, /apis and what lies below; ApiError 404 for a group or version not served."""
    parts = [part for part in path.split("/") if part]
    core = parts[0] == "api"
    mine = [kind for kind in kinds if bool(kind.group) != core]
    if len(parts) == 1:
        if wants_aggregated_discovery(accept):
            return Answer(200, _aggregated(mine), DISCOVERY_TYPE)
        return Answer(200, _core_versions() if core else _group_list(mine))
    if core:
        group, version = "", parts[1]
    else:
        group, version = parts[1], parts[2] if len(parts) > 2 else ""
    found = [kind for kind in mine if kind.group == group and version in {"", kind.version}]
    if not found:
        raise unknown_resource(kinds, group)
    return Answer(200, _resource_list(found) if version else _group(group, _versions(found), typed=True))


def unknown_resource(kinds: list[Kind], group: str) -> ApiError:
    """The 404 for what `group` does not serve: built-in groups answer with a Status, others with plain text."""
    built_in = any(kind.group == group and not kind.custom for kind in kinds)
    return no_such_resource() if built_in else page_not_found()


def _versions(kinds: Iterable[Kind]) -> list[str]:
    return list(dict.fromkeys(kind.version for kind in kinds))


def _groups(kinds: Iterable[Kind]) -> list[str]:
    return list(dict.fromkeys(kind.group for kind in kinds))


def _core_versions() -> Obj:
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def _group_list(kinds: list[Kind]) -> Obj:
    groups = [
        _group(name, _versions(kind for kind in kinds if kind.group == name), typed=False) for name in _groups(kinds)
    ]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def _group(name: str, versions: list[str], *, typed: bool) -> Obj:
    served = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    group: Obj = {"name": name, "versions": served, "preferredVersion": served[0]}
    return {"kind": "APIGroup", "apiVersion": "v1", **group} if typed else group


def _resource_list(kinds: list[Kind]) -> Obj:
    resources: list[Obj] = []
    for kind in kinds:
        resources.append(_resource(kind))
        resources.extend(_subresource(kind, sub) for sub in kind.subresources)
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": kinds[0].api_version,
        "resources": sorted(resources, key=lambda resource: str(resource["name"])),
    }


def _resource(kind: Kind) -> Obj:
    resource: Obj = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        resource["shortNames"] = list(kind.short_names)
    if kind.categories:
        resource["categories"] = list(kind.categories)
    if "create" in kind.verbs and "get" in kind.verbs:
        resource["storageVersionHash"] = f"{zlib.crc32(kind.api_version.encode() + kind.plural.encode()):08x}"
    return resource


def _subresource(kind: Kind, sub: Subresource) -> Obj:
    resource: Obj = {
        "name": f"{kind.plural}/{sub.name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": sub.kind,
        "verbs": list(sub.verbs),
    }
    if sub.group:
        resource.update(group=sub.group, version=sub.version)
    return resource


def _aggregated(kinds: list[Kind]) -> Obj:
    items: list[Obj] = []
    for name in _groups(kinds):
        of_group = [kind for kind in kinds if kind.group == name]
        versions = [
            {
                "version": version,
                "resources": [_aggregated_resource(kind) for kind in of_group if kind.version == version],
                "freshness": "Current",
            }
            for version in _versions(of_group)
        ]
        metadata = {"name": name, "creationTimestamp": None} if name else {"creationTimestamp": None}
        items.append({"metadata": metadata, "versions": versions})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _aggregated_resource(kind: Kind) -> Obj:
    resource: Obj = {
        "resource": kind.plural,
        "responseKind": _response_kind(kind, kind.group, kind.version, kind.kind),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        resource["shortNames"] = list(kind.short_names)
    if kind.categories:
        resource["categories"] = list(kind.categories)
    if kind.subresources:
        resource["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": _response_kind(kind, sub.group or kind.group, sub.version or kind.version, sub.kind),
                "verbs": list(sub.verbs),
            }
            for sub in kind.subresources
        ]
    return resource


def _response_kind(kind: Kind, group: str, version: str, name: str) -> Obj:
    """Kinds of the core group are given without a version, as the real server does."""
    return {"group": group, "version": version if kind.group else "", "kind": name}
