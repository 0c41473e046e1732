"""What a request is about, read off its method, path and query as kube-apiserver's RequestInfo does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubeai_bot.playground.cluster.selectors import field_terms
from kubeai_bot.playground.cluster.status import ApiError

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get", "HEAD": "get"}


@dataclass(frozen=True)
class RequestInfo:
    """`resource` is empty for a request that is not about a resource; `path` is then what RBAC judges."""

    verb: str
    path: str
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""

    @property
    def is_resource(self) -> bool:
        return bool(self.resource)


def read_request(method: str, path: str, query: Mapping[str, str]) -> RequestInfo:
    """The RequestInfo of an HTTP request; `path` is decoded and starts with a slash."""
    parts = [part for part in path.split("/") if part]
    place = _resource_parts(parts)
    if place is None:
        return RequestInfo(method.lower(), path)
    group, version, rest = place
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        # /namespaces/x, .../status and .../finalize are about the Namespace object itself
        if len(rest) > 2 and rest[2] not in {"status", "finalize"}:
            rest = rest[2:]
    resource = rest[0]
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    verb = _verb(method, name, query)
    if not name and verb in {"list", "watch", "deletecollection"}:
        name = _name_from_fields(query.get("fieldSelector", ""))
    return RequestInfo(verb, path, group, version, namespace, resource, subresource, name)


def _resource_parts(parts: list[str]) -> tuple[str, str, list[str]] | None:
    if len(parts) >= 3 and parts[0] == "api":
        return "", parts[1], parts[2:]
    if len(parts) >= 4 and parts[0] == "apis":
        return parts[1], parts[2], parts[3:]
    return None


def _verb(method: str, name: str, query: Mapping[str, str]) -> str:
    verb = _VERBS.get(method, method.lower())
    if verb == "get" and not name:
        return "watch" if query.get("watch", "") in {"1", "true"} else "list"
    if verb == "delete" and not name:
        return "deletecollection"
    return verb


def _name_from_fields(selector: str) -> str:
    try:
        terms = field_terms(selector)
    except ApiError:
        return ""
    return next((value for label, op, value in terms if label == "metadata.name" and op == "="), "")
