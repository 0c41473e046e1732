"""Requests to a Kubernetes API server and what it serves, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kubeai_bot.domain.message import Json


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource type that a cluster serves. `verbs` as in discovery; `subresources` like `log`, `scale`."""

    group: str
    version: str
    name: str
    kind: str
    namespaced: bool
    verbs: frozenset[str]
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: frozenset[str] = frozenset()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The API path of this resource's list, of one object, or of its subresource."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if namespace and self.namespaced else ""
        tail = "".join(f"/{part}" for part in (name, subresource) if part)
        return f"{root}{scope}/{self.name}{tail}"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to an API server. `path` is plain (no query, no percent-encoding); `max_bytes` bounds what is
    read of the answer: a JSON body beyond it is an error, text is cut (`truncated`). `timeout` in seconds; it is not
    sent at all once `time.monotonic()` has passed `start_before`."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Json | Sequence[Json] | None = None
    accept: str = "application/json"
    content_type: str = "application/json"
    timeout: float = 30.0
    max_bytes: int = 32 * 1024 * 1024
    start_before: float | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """A successful answer: `json` for JSON bodies, `text` for others (logs), decoded with replacement."""

    status: int
    json: Any
    text: str
    truncated: bool = False
    audit_id: str = ""
    """The `Audit-Id` header."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program to be run in a container (`argv` as it is, no shell in between), without input and terminal. `timeout`
    in seconds; `max_bytes` bounds stdout and stderr together; not started once `time.monotonic()` has passed
    `start_before`."""

    namespace: str
    pod: str
    container: str
    argv: tuple[str, ...]
    timeout: float = 30.0
    max_bytes: int = 256 * 1024
    start_before: float | None = None


@dataclass(frozen=True, slots=True)
class CommandOutput:
    """What a command wrote, decoded with replacement. `exit_code` None: it had not ended when the time, or the room for
    its output (`truncated`), was up; it may be running still."""

    stdout: str
    stderr: str
    exit_code: int | None
    truncated: bool = False
    audit_id: str = ""
