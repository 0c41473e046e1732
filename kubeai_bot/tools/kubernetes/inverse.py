"""The call that takes a change back, made from the object as it was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from kubeai_bot.domain.message import Json, ToolCall
from kubeai_bot.tools.kubernetes.diff import bare
from kubeai_bot.tools.kubernetes.edits import Done, Tried
from kubeai_bot.tools.kubernetes.paths import at, mapping
from kubeai_bot.tools.kubernetes.prune import to_yaml
from kubeai_bot.tools.kubernetes.reach import Ref
from kubeai_bot.tools.kubernetes.resolve import full_name

if TYPE_CHECKING:
    from kubeai_bot.domain.redaction.redactor import Redactor

Undo = tuple[ToolCall, str]

_LARGEST = 20_000
_MADE_AGAIN = frozenset(
    {
        ("", "configmaps"), ("", "services"), ("", "serviceaccounts"), ("apps", "deployments"), ("apps", "daemonsets"),
        ("batch", "cronjobs"), ("networking.k8s.io", "ingresses"), ("networking.k8s.io", "networkpolicies"),
        ("autoscaling", "horizontalpodautoscalers"), ("policy", "poddisruptionbudgets"),
    }
)  # fmt: skip
"""(group, resource) whose objects are the same again when they are applied again: nothing else hangs on them."""


def follow_up(tool: str, **arguments: Any) -> ToolCall:
    """A call that comes of another; whoever runs it gives it an id."""
    return ToolCall("", tool, arguments)


def place_of(ref: Ref) -> dict[str, Any]:
    place = {"namespace": ref.namespace} if ref.namespace else {}
    return {"kind": full_name(ref.resource), "name": ref.name, **place}


def taken_back(done: Sequence[Done], redactor: Redactor) -> Undo | None:
    """For one object: delete what was created, apply what was deleted, patch what was changed. None where it cannot be
    had back that way, or where the values would show what is secret."""
    if len(done) != 1:
        return None
    only = done[0]
    ref = Ref(only.edit.ref.resource, only.edit.ref.namespace, only.edit.ref.name)
    before, after = (bare(side, Tried(only.edit, only.live, {}, only.result)) for side in (only.live, only.result))
    match only.edit.how:
        case "evict":
            return None
        case "delete":
            return _applied_again(ref, only.live, before, redactor)
        case _ if not only.live:
            name = str(at(only.result, "metadata", "name") or ref.name)
            return follow_up("delete", **place_of(Ref(ref.resource, ref.namespace, name))), f"Delete {ref} again"
        case _:
            patch = merge_patch(after, before)
            if only.edit.ref.subresource or not _may_be_shown(patch, redactor):
                return None
            return follow_up("patch", **place_of(ref), patch=json.dumps(patch)), f"Put {ref} back as it was"


def _applied_again(ref: Ref, live: Json, before: Json, redactor: Redactor) -> Undo | None:
    known = (ref.resource.group, ref.resource.name) in _MADE_AGAIN
    if not known or at(live, "metadata", "ownerReferences") or at(live, "metadata", "finalizers"):
        return None
    spec = {key: value for key, value in mapping(before, "spec").items() if key not in ("clusterIP", "clusterIPs")}
    manifest = {**before, **({"spec": spec} if spec else {})}
    if not _may_be_shown(manifest, redactor):
        return None
    return follow_up("apply", manifest=to_yaml(manifest)), f"Make {ref} again as it was"


def merge_patch(source: Any, target: Any) -> Any:
    """The JSON Merge Patch (RFC 7396) that turns `source` into `target`."""
    if not isinstance(source, Mapping) or not isinstance(target, Mapping):
        return target
    old, new = cast("Mapping[str, Any]", source), cast("Mapping[str, Any]", target)
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old:
            patch[key] = value
        elif old[key] != value:
            patch[key] = merge_patch(old[key], value)
    return patch


def _may_be_shown(value: Any, redactor: Redactor) -> bool:
    return len(json.dumps(value, default=str)) <= _LARGEST and redactor.value(value) == value
