"""Kubernetes API paths: what they address, read without guessing. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_\-]*")
_DISCOVERY = re.compile(
    r"/(api|apis|version|openapi/v[23]|api/v1|apis/[a-z0-9.\-]+(/[a-z0-9]+)?|openapi/v3/[a-z0-9./\-]+)"
)


def is_discovery(method: str, path: str) -> bool:
    """Whether this is a read of what an API server offers (no objects): the one thing the bot asks as itself."""
    return method == "GET" and _DISCOVERY.fullmatch(path) is not None and ".." not in path


def acts_on(path: str) -> tuple[str, str] | None:
    """(group, resource) that a Kubernetes API path addresses, or None for discovery and other non-resource paths.

    Raises ValueError for a path that is not in the plain form this program builds (percent-encodings of unreserved
    characters, empty or dot segments, the deprecated /watch/ prefix): whatever hides there is not worth guessing.
    """
    segments = path.split("/")[1:]
    if not path.startswith("/") or any(unquote(s) != s or not _SEGMENT.fullmatch(s) for s in segments):
        raise ValueError(f"not a plain Kubernetes API path: {path!r}")
    if segments[0] == "api" and len(segments) >= 2:  # any version: what is not served there is refused by the server
        group, rest = "", segments[2:]
    elif segments[0] == "apis" and len(segments) >= 3:
        group, rest = segments[1], segments[3:]
    else:
        return None
    if rest[:1] in (["watch"], ["proxy"]):
        raise ValueError(f"the deprecated {rest[0]} prefix is not used: {path!r}")
    if len(rest) >= 3 and rest[0] == "namespaces":
        rest = rest[2:] if rest[2] not in ("status", "finalize") else rest
    return (group, rest[0]) if rest else None
