"""The scale subresource: how many replicas are wanted and there, without the rest of the object."""

from __future__ import annotations

import copy
from typing import Any

from kubeai_bot.playground.cluster import admission
from kubeai_bot.playground.cluster.columns import columns, created, label_text
from kubeai_bot.playground.cluster.negotiation import representation
from kubeai_bot.playground.cluster.objects import Obj, dig, name_of
from kubeai_bot.playground.cluster.patching import apply_patch
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
    """GET, PUT and PATCH of .../scale; a stale resourceVersion is answered 409."""
    obj = resources.current(call)
    if call.info.verb == "get":
        return _shown(state, call, obj)
    scale = as_scale(obj)
    wanted = call.body if call.info.verb == "update" else apply_patch(scale, call.body, call.content_type)
    replicas = _checked_replicas(call, obj, wanted)
    new = copy.deepcopy(obj)
    new["spec"]["replicas"] = replicas
    if replicas != obj["spec"].get("replicas"):
        new["metadata"]["generation"] = obj["metadata"].get("generation", 1) + 1
        admission.note_manager(new, call.manager, "Update", "scale")
    if not call.dry_run:
        new = state.store.replace(call.kind.key, new)
    return _shown(state, call, new)


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
