"""A cluster within reach of one planned call: as one person, and only where policy has judged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kubeai_bot.domain.cluster import Command, CommandOutput, Request, Resource, Response
from kubeai_bot.domain.identity import ClusterIdentity
from kubeai_bot.domain.message import Json
from kubeai_bot.domain.policy import Act
from kubeai_bot.domain.redaction.redactor import Redactor
from kubeai_bot.errors import ForbiddenByPolicy
from kubeai_bot.interfaces import Cluster

AT_ONCE = 8
JSON = "application/json"
NAMES = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"
_METHODS = {"get": "GET", "list": "GET", "create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE"}
_TIMEOUT = 20.0

Query = tuple[tuple[str, str], ...]
Progress = Callable[[str], Awaitable[None]]
"""Takes one line on how far a call is."""


async def silent(line: str) -> None:
    """A Progress that nobody watches."""
    del line


@dataclass(frozen=True, slots=True)
class Ref:
    """A resource, or an object of it, or the object's subresource. Namespace "" = all, or cluster-scoped."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def path(self) -> str:
        return self.resource.path(self.namespace, self.name, self.subresource)

    def act(self, cluster: str, verb: str) -> Act:
        """Doing `verb` here, in policy's terms."""
        resource = self.resource
        place = (self.subresource, self.namespace, self.name)
        return Act(cluster, verb, resource.group, resource.name, *place, namespaced=resource.namespaced)

    def __str__(self) -> str:
        """`Pod shop/web`, as people read it."""
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.resource.kind} {place}"


@dataclass(frozen=True, slots=True)
class Listing:
    """Objects of a list; `left` says that there are more (with `token` to go on), `total` how many if known."""

    items: tuple[Json, ...]
    token: str = ""


class Reach:
    """Sends a call's requests as `identity`, at most `AT_ONCE` at a time.

    Every request must be one of `acts`, which policy has judged; any other raises ForbiddenByPolicy, since what was
    not declared was not judged. All methods raise ApiStatus and the other ClusterErrors.

    What changes something is sent only while there is time for its own timeout within `window`: the seconds that the
    call may take, and the moment of `time.monotonic()` at which its session may be in other hands.

    With `redactor` (for what only reads) answers are redacted as they come, before anything is cut off them: half a
    secret would not be recognised any more.
    """

    def __init__(
        self,
        cluster: Cluster,
        identity: ClusterIdentity,
        acts: Sequence[Act],
        window: tuple[float, float] | None = None,
        progress: Progress = silent,
        redactor: Redactor | None = None,
    ) -> None:
        self.cluster = cluster
        self.progress = progress
        self._identity = identity
        self._acts = tuple(acts)
        self._window = window
        self._redactor = redactor
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def get(self, ref: Ref, query: Query = (), accept: str = JSON) -> Json:
        """One object, or a list where `ref` has no name, as the server gives it."""
        return (await self._send("get" if ref.name else "list", ref, query, accept=accept)).json or {}

    async def items(self, ref: Ref, query: Query = (), *, most: int = 500, accept: str = JSON) -> Listing:
        """Up to `most` objects of a list, page by page. Items lack apiVersion and kind, as lists have them."""
        items: list[Json] = []
        token = ""
        while True:
            page = (("limit", str(min(500, most - len(items)))), *((("continue", token),) if token else ()))
            document = await self.get(ref, (*query, *page), accept)
            items += document.get("items") or ()
            token = str((document.get("metadata") or {}).get("continue") or "")
            if not token or len(items) >= most:
                return Listing(tuple(items), token)

    async def text(self, ref: Ref, query: Query, max_bytes: int) -> Response:
        """A text subresource (a log), cut at `max_bytes`."""
        return await self._send("get", ref, query, accept="*/*", max_bytes=max_bytes)

    async def create(self, ref: Ref, body: Json) -> Json:
        return (await self._send("create", ref, body=body)).json or {}

    async def write(self, verb: str, ref: Ref, body: Any, query: Query = (), content_type: str = JSON) -> Response:
        """Create, update, patch or delete, or a dry run of that (`dryRun` in the query)."""
        return await self._send(verb, ref, query, body=body, content_type=content_type)

    async def execute(self, ref: Ref, command: Command) -> CommandOutput:
        """Run a command in a container: `ref` is the pod's exec subresource. Needs the acts get and create on it."""
        for verb in ("get", "create"):
            self._declared(verb, ref)
        async with self._gate:
            timeout, latest = self._fence(command.timeout)
            command = replace(command, timeout=timeout, start_before=latest)
            return await self.cluster.exec(self._identity, command)

    async def document(self, path: str, query: Query = (), *, timeout: float = _TIMEOUT) -> Json:
        """A discovery document (`/version`, `/openapi/v3`), which is about no object."""
        request = Request("GET", path, query, timeout=timeout)
        async with self._gate:
            return (await self.cluster.request(self._identity, request)).json or {}

    async def _send(self, verb: str, ref: Ref, query: Query = (), **more: Any) -> Response:
        self._declared(verb, ref)
        method = _METHODS[verb]
        timeout, latest = (_TIMEOUT, None) if method == "GET" else self._fence(_TIMEOUT)
        request = replace(Request(method, ref.path, query, timeout=timeout, start_before=latest), **more)
        async with self._gate:
            response = await self.cluster.request(self._identity, request)
        return response if self._redactor is None else await asyncio.to_thread(redacted, response, self._redactor)

    def _fence(self, timeout: float) -> tuple[float, float | None]:
        """The timeout of a request, and the moment up to which it may be sent."""
        if self._window is None:
            return timeout, None
        longest, end = self._window
        timeout = min(timeout, longest)
        return timeout, end - timeout

    def _declared(self, verb: str, ref: Ref) -> None:
        wanted = ref.act(self.cluster.name, verb)
        if not any(covers(act, wanted) for act in self._acts):
            raise ForbiddenByPolicy(f"this call did not declare that it would {verb} {ref.path}")


def redacted(response: Response, redactor: Redactor) -> Response:
    """The answer without secrets."""
    if response.json is None:
        return replace(response, text=redactor.text(response.text).text)
    return replace(response, json=redactor.value(response.json), text="")


def covers(declared: Act, wanted: Act) -> bool:
    """Whether a declared act includes another: the same, or without its namespace or name."""
    return (
        replace(declared, namespace="", name="") == replace(wanted, namespace="", name="")
        and declared.namespace in ("", wanted.namespace)
        and declared.name in ("", wanted.name)
    )
