"""One edit of one object: read it, try the edit out on the server, send it under the version that was read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from kubeai_bot.domain.cluster import Response
from kubeai_bot.domain.message import Json
from kubeai_bot.domain.policy import SECRETS_REFUSED
from kubeai_bot.errors import ApiStatus, Drifted, ToolError, Unreachable
from kubeai_bot.tools.kubernetes.paths import at, items, mapping
from kubeai_bot.tools.kubernetes.reach import JSON, Query, Reach, Ref

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
MANAGER = "kubeai-bot"

How = Literal["apply", "patch", "update", "create", "delete", "evict"]
_VERBS: Mapping[How, str] = {
    "apply": "patch",
    "patch": "patch",
    "update": "update",
    "create": "create",
    "delete": "delete",
    "evict": "create",
}
_TRIES = 3
_NEVER_A_VERSION = "1"
"""A server-side apply that carries a resourceVersion creates what is missing and conflicts with what exists (seen on
1.36): with one that no object has, it only creates."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be done to `ref` (an object, or a subresource of it). `body` is made from the object as it is, {}
    where it is not there; for a deletion it holds the options.

    `fleeting` are paths whose values differ from one try to the next and say nothing (the moment of a restart).
    """

    ref: Ref
    how: How
    body: Callable[[Json], Any]
    content_type: str = JSON
    query: Query = ()
    fleeting: tuple[tuple[str, ...], ...] = ()

    @property
    def object(self) -> Ref:
        """What is read to see how it is: for an eviction the pod."""
        return Ref(self.ref.resource, self.ref.namespace, self.ref.name) if self.how == "evict" else self.ref


@dataclass(frozen=True, slots=True)
class Tried:
    """An edit with the object as it is (`live`, {} for none) and as it would be (`result`, {} for gone)."""

    edit: Edit
    live: Json
    body: Any
    result: Json

    @property
    def uid(self) -> str:
        return str(at(self.live, "metadata", "uid") or "")


@dataclass(frozen=True, slots=True)
class Done:
    """An edit that was made. `result` as the server answered."""

    edit: Edit
    live: Json
    result: Json
    audit_id: str


async def try_out(reach: Reach, edit: Edit) -> Tried:
    """A dry run. Nothing is changed. Raises ToolError and ClusterErrors."""
    for attempt in range(_TRIES):
        live = await _live(reach, edit)
        body = edit.body(live)
        refuse_secrets(body)
        try:
            answer = await _send(reach, edit, live, body, dry=True)
        except ApiStatus as error:
            if error.code >= 500:
                raise ToolError(f"The server could not try it out: {error.message}") from error
            if is_stale(error) and attempt + 1 < _TRIES:
                continue  # somebody wrote between the read and the dry run: look again
            raise
        except Unreachable as error:
            raise ToolError(f"{error}. Nothing was changed.") from error
        gone = edit.how in ("delete", "evict")
        return Tried(edit, live, body, {} if gone else answer.json or {})
    raise AssertionError


async def make(reach: Reach, tried: Tried) -> Done:
    """Send the edit that was tried, under the version that was read; never twice.

    Raises Drifted where the object has changed in between (nothing was changed), Unreachable where it is not known
    whether it happened (no answer, or the server failed), ApiStatus where it was refused.
    """
    edit = tried.edit
    try:
        answer = await _send(reach, edit, tried.live, tried.body, dry=False)
    except ApiStatus as error:
        if is_stale(error):
            raise Drifted(
                f"{edit.ref} was changed by somebody else at the same moment, so nothing was written. If it is still "
                "wanted, it must be asked for anew."
            ) from error
        if error.code >= 500:  # it may have happened all the same
            raise Unreachable(f"Cluster {reach.cluster.name} failed: {error.message}") from error
        raise
    return Done(edit, tried.live, {} if edit.how in ("delete", "evict") else answer.json or {}, answer.audit_id)


def is_stale(error: ApiStatus) -> bool:
    """Whether a precondition failed: a conflict of versions, not one of field managers and not an existing name."""
    return error.code == 409 and error.reason != "AlreadyExists" and not is_owned(error)


def is_owned(error: ApiStatus) -> bool:
    """Whether a server-side apply was refused because other managers own the fields."""
    return error.code == 409 and error.message.startswith("Apply failed with")


async def _live(reach: Reach, edit: Edit) -> Json:
    try:
        match edit.how:
            case "create":
                return {}
            case "apply":
                try:
                    return await reach.get(edit.object)
                except ApiStatus as error:
                    if error.code == 404:
                        return {}
                    raise
            case _:
                return await reach.get(edit.object)
    except Unreachable as error:
        raise ToolError(f"{error}. Nothing was changed.") from error


async def _send(reach: Reach, edit: Edit, live: Json, body: Any, *, dry: bool) -> Response:
    query = [*edit.query, *((("dryRun", "All"),) if dry else ())]
    if edit.how != "delete":
        query.append(("fieldManager", MANAGER))
        query.append(("fieldValidation", "Strict"))
    conditional = _conditional(edit, live, body, dry=dry)
    return await reach.write(_VERBS[edit.how], edit.ref, conditional, tuple(query), edit.content_type)


def _conditional(edit: Edit, live: Json, body: Any, *, dry: bool) -> Any:
    """The body with what makes the server refuse it should the object have changed since `live` was read."""
    uid, version = at(live, "metadata", "uid"), at(live, "metadata", "resourceVersion")
    match edit.how:
        case "create":
            return body
        case "apply":
            # Without the uid, an object that has gone meanwhile would be created again.
            only = {"uid": uid, "resourceVersion": version} if live else {"resourceVersion": _NEVER_A_VERSION}
            return {**body, "metadata": {**mapping(body, "metadata"), **only}}
        case "patch" if edit.content_type == JSON_PATCH:
            # "replace" and not "test": a failed test would be told as a malformed request (422).
            return [*body, {"op": "replace", "path": "/metadata/resourceVersion", "value": version}]
        case "patch" | "update":
            return {**body, "metadata": {**mapping(body, "metadata"), "resourceVersion": version}}
        case "delete" | "evict":
            # With a body, the server reads a deletion's dryRun from there and not from the query.
            only = {"uid": uid, "resourceVersion": version} if edit.how == "delete" else {"uid": uid}
            options = {**body, "preconditions": only, **({"dryRun": ["All"]} if dry else {})}
            if edit.how == "delete":
                return {"apiVersion": "v1", "kind": "DeleteOptions", **options}
            place = {"name": edit.ref.name, "namespace": edit.ref.namespace}
            return {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": place, "deleteOptions": options}


def refuse_secrets(value: Any) -> None:
    """Raises ToolError for what holds a Secret at any depth: in a List, a template, a patch."""
    if isinstance(value, Mapping):
        found = cast("Mapping[str, Any]", value)
        if str(found.get("kind")).strip().lower() in ("secret", "secretlist") and (
            "data" in found or "stringData" in found or "items" in found or found.get("apiVersion") == "v1"
        ):
            raise ToolError(SECRETS_REFUSED)
        for inner in found.values():
            refuse_secrets(inner)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            refuse_secrets(inner)


def pod_template(obj: Json) -> tuple[str, ...]:
    """Where the pod template of a workload is."""
    return ("spec", "jobTemplate", "spec", "template") if obj.get("kind") == "CronJob" else ("spec", "template")


def containers(obj: Json) -> list[tuple[str, Json]]:
    """(list, container) of a workload's template: list is `containers` or `initContainers`."""
    return [
        (part, c) for part in ("containers", "initContainers") for c in items(obj, *pod_template(obj), "spec", part)
    ]
