"""The scale subresource: how many replicas are wanted and there, without the rest of the object."""

from __future__ import annotations

from typing import Any

from kubeai_bot.playground.cluster.admission import Written
from kubeai_bot.playground.cluster.columns import columns, created, label_text
from kubeai_bot.playground.cluster.negotiation import representation
from kubeai_bot.playground.cluster.objects import Obj, copied, dig, merge_patch, name_of
from kubeai_bot.playground.cluster.patching import APPLY, apply_patch, media_type
from kubeai_bot.playground.cluster.resources import Resources
from kubeai_bot.playground.cluster.state import Answer, Call, ClusterState
from kubeai_bot.playground.cluster.status import (
    Fault422,
    bad_request,
    conflict,
    invalid,
    not_handled,
    wrong_uid,
)
from kubeai_bot.playground.cluster.table import partial_metadata, table_of
from kubeai_bot.playground.cluster.typed.ownership import Manager, apply
from kubeai_bot.playground.cluster.typed.shape import UNTYPED, shape_of
from kubeai_bot.playground.cluster.writing import check_patch

_COLUMNS = columns("Name", "Desired:integer", "Available:integer", "Age")


def as_scale(obj: Obj) -> Obj:
    """autoscaling/v1 Scale of a Deployment, StatefulSet or ReplicaSet."""
    metadata = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status: Obj = {"replicas": dig(obj, "status", "replicas", default=0)}
    selector = dig(obj, "spec", "selector", "matchLabels")
    if selector:
        status["selector"] = label_text(selector)
    spec: Obj = {}
    if dig(obj, "spec", "replicas"):
        spec["replicas"] = obj["spec"]["replicas"]
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": spec,
        "status": status,
    }


def handle_scale(state: ClusterState, resources: Resources, call: Call) -> Answer:
    """GET, PUT and PATCH (server-side apply too) of .../scale; a stale resourceVersion is answered 409."""
    obj = resources.current(call)
    if call.info.verb == "get":
        return _shown(state, call, obj)
    if call.info.verb == "patch":
        check_patch(call)
    applied = media_type(call.content_type) == APPLY
    wanted = call.body
    if applied:
        wanted = merge_patch(as_scale(obj), call.body)
    elif call.info.verb == "patch":
        wanted = apply_patch(as_scale(obj), call.body, call.content_type, UNTYPED)
    replicas = _checked_replicas(call, obj, wanted)
    new = _applied(call, obj, replicas) if applied else copied(obj)
    new["spec"]["replicas"] = replicas
    if replicas != obj["spec"].get("replicas"):
        new["metadata"]["generation"] = obj["metadata"].get("generation", 1) + 1
        if not applied:
            Written(call.kind, shape_of(call.kind), call.manager, "scale").note(obj, new)
    if not call.dry_run:
        new = state.store.replace(call.kind.key, new)
    return _shown(state, call, new)


def _applied(call: Call, obj: Obj, replicas: int) -> Obj:
    """The scaled object as if its replicas alone had been applied."""
    manager = Manager(call.manager, "Apply", call.kind.api_version, "scale")
    force = call.query.get("force", "") in {"true", "1"}
    config = {"metadata": {"name": name_of(obj)}, "spec": {"replicas": replicas}}
    return apply(obj, config, manager, shape_of(call.kind), force=force, shown_version="autoscaling/v1")


def _checked_replicas(call: Call, obj: Obj, wanted: Any) -> int:
    """The replicas that a Scale asks for; ApiError 400, 409 or 422 if it does not fit the object."""
    if not isinstance(wanted, dict):
        raise bad_request("the object provided is unrecognized (must be of type Scale)")
    if wanted.get("kind", "Scale") != "Scale":
        why = f'no kind "{wanted["kind"]}" is registered for version "{wanted.get("apiVersion", "")}"'
        raise not_handled(wanted["kind"], "v1", "Scale", why)
    metadata = wanted.get("metadata") or {}
    name, version, uid = metadata.get("name"), metadata.get("resourceVersion"), metadata.get("uid")
    if name != name_of(obj):
        text = f"the name of the object ({name}) does not match the name on the URL ({name_of(obj)})"
        raise bad_request(text)
    replicas = dig(wanted, "spec", "replicas", default=0)
    if not isinstance(replicas, int):
        why = "json: cannot unmarshal string into Go struct field ScaleSpec.spec.replicas of type int32"
        raise not_handled("Scale", "v1", "Scale", why)
    if version and version != obj["metadata"]["resourceVersion"]:
        raise conflict(call.kind.group, call.kind.plural, name_of(obj))
    if uid and uid != obj["metadata"]["uid"]:
        raise wrong_uid(call.kind.group, call.kind.plural, obj, uid)
    if replicas < 0:
        text = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise invalid("autoscaling", "Scale", name_of(obj), Fault422("spec.replicas", text))
    return replicas


def _shown(state: ClusterState, call: Call, obj: Obj) -> Answer:
    if representation(call.accept, tables=state.tables) != "Table":
        return Answer(200, as_scale(obj))
    cells = [
        name_of(obj),
        dig(obj, "spec", "replicas", default=0),
        dig(obj, "status", "replicas", default=0),
        created(obj),
    ]
    version = {"resourceVersion": obj["metadata"]["resourceVersion"]}
    return Answer(200, table_of(_COLUMNS, [{"cells": cells, "object": partial_metadata(as_scale(obj))}], version))
