"""What may be done: decided on parsed resources, never on words. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from kubeai_bot.domain.identity import Identity


class Effect(StrEnum):
    """What running a tool can do to the world."""

    READ = "read"
    WRITE = "write"
    SENSITIVE = "sensitive"


class Mode(StrEnum):
    """MODIFY_RESOURCES."""

    NONE = "none"
    ALLOW = "allow"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Act:
    """One thing done to one kind of resource, in the API server's own terms. "" = the core group, or no
    subresource, all namespaces, no single name."""

    cluster: str
    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """Go ahead."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Not to be done; `reason` is written for the model and the person alike."""

    reason: str


Verdict = Run | Refuse

UNREADABLE = frozenset({("", "secrets")})
"""(group, resource) whose objects this program never asks an API server for."""

SECRETS_REFUSED = (
    "Secrets are off limits: this bot never reads them, whoever asks and whatever their rights. "
    "Other objects that refer to a Secret show its name, which is usually enough."
)

WRITES_OFF = (
    "Changes are switched off (MODIFY_RESOURCES=none). Give the person the exact kubectl command so that they can "
    "run it themselves."
)


def judge(effect: Effect, acts: Sequence[Act], mode: Mode, identity: Identity | None) -> Verdict:
    """Decide one planned tool call. `identity` None (nobody was resolved) is always refused."""
    if identity is None:
        return Refuse("There is no Kubernetes identity for this person, so nothing is asked of a cluster.")
    if any((act.group, act.resource) in UNREADABLE for act in acts):
        return Refuse(SECRETS_REFUSED)
    if effect is Effect.READ:
        return Run()
    if effect is Effect.WRITE and mode is Mode.AUTO:
        return Run()
    if mode is Mode.NONE:
        return Refuse(WRITES_OFF)
    return Refuse(f"A {effect.value} action is not possible in mode {mode.value}.")


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
