"""Writing objects: create, update, patch and server-side apply, each with dry run and field validation."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from kubeai_bot.playground.cluster.admission import (
    Written,
    check_type,
    immutable_uid,
    prepare_create,
    prepare_update,
)
from kubeai_bot.playground.cluster.events import to_core
from kubeai_bot.playground.cluster.objects import Obj, dig, name_of, namespace_of
from kubeai_bot.playground.cluster.patching import APPLY, JSON_PATCH, MERGE, STRATEGIC, apply_patch, media_type
from kubeai_bot.playground.cluster.resources import Resources
from kubeai_bot.playground.cluster.state import Answer, Call, ClusterState
from kubeai_bot.playground.cluster.status import (
    ApiError,
    Fault422,
    already_exists,
    bad_request,
    conflict,
    invalid,
    not_handled,
    unsupported_media_type,
)
from kubeai_bot.playground.cluster.typed.checking import Misfit, applied_fault, declared, go_text, misfit
from kubeai_bot.playground.cluster.typed.ownership import Manager, apply
from kubeai_bot.playground.cluster.typed.shape import shape_of


@dataclass(frozen=True)
class _Checked:
    """A body without undeclared fields, and the warnings about them."""

    body: Obj
    warnings: tuple[str, ...] = ()


class Writing:
    """The generic write handlers; each takes an authorised Call and gives an Answer or raises ApiError."""

    def __init__(self, state: ClusterState, resources: Resources) -> None:
        self._state = state
        self._store = state.store
        self._resources = resources

    def create(self, call: Call) -> Answer:
        body = to_core(body_of(call)) if call.kind.group == "events.k8s.io" else body_of(call)
        written = self._written(call)
        checked = self._decoded(call, body)
        obj = prepare_create(self._store, written, checked.body, call.namespace)
        kind = written.kind
        if self._store.get(kind.key, namespace_of(obj), name_of(obj)) is not None:
            raise already_exists(kind.group, kind.plural, name_of(obj))
        if not call.dry_run:
            obj = self._store.create(kind.key, obj)
        return self._resources.shown(call, obj, 201, checked.warnings)

    def update(self, call: Call) -> Answer:
        old = self._resources.current(call)
        checked = self._decoded(call, body_of(call))
        return self._replaced(call, old, prepare_update(self._written(call), old, checked.body), checked.warnings)

    def patch(self, call: Call) -> Answer:
        check_patch(call)
        if media_type(call.content_type) == APPLY:
            return self._apply(call)
        old = self._resources.current(call)
        written = self._written(call)
        patched = apply_patch(old, call.body, call.content_type, written.shape)
        checked = self._patched(call, patched)
        uid = dig(checked.body, "metadata", "uid", default="")
        if uid and uid != old["metadata"]["uid"]:
            raise immutable_uid(call.kind, old, uid)
        return self._replaced(call, old, prepare_update(written, old, checked.body), checked.warnings)

    def _replaced(self, call: Call, old: Obj, new: Obj, warnings: tuple[str, ...] = ()) -> Answer:
        """Stores the next state. Without finalizers an object whose deletion was asked for is gone with this write."""
        key = self._state.stored_kind(call.kind).key
        if not call.dry_run and new != old:
            if "deletionTimestamp" in old["metadata"] and _is_released(old, new):
                self._store.delete(key, namespace_of(old), name_of(old))
            else:
                new = self._store.replace(key, new)
        return self._resources.shown(call, new, 200, warnings)

    def _apply(self, call: Call) -> Answer:
        """Server-side apply (KEP-555): creates what is not there, which needs the right to create as well."""
        config = self._applied_config(call)
        written = replace(self._written(call), manager="")
        manager = Manager(call.manager, "Apply", written.kind.api_version, call.info.subresource)
        force = call.query.get("force", "") in {"true", "1"}
        old = self._store.get(call.kind.key, call.namespace, call.info.name)
        if old is not None:
            merged = apply(old, config, manager, written.shape, force=force)
            _check_place(call, merged)
            uid = merged["metadata"].get("uid", "")
            if uid != old["metadata"]["uid"]:
                raise immutable_uid(call.kind, old, uid)
            return self._replaced(call, old, prepare_update(written, old, merged))
        if call.info.subresource:
            self._resources.current(call)
        self._state.authorizer.require(call.user, replace(call.info, verb="create"))
        return self._apply_new(call, written, manager, config)

    def _apply_new(self, call: Call, written: Written, manager: Manager, config: Obj) -> Answer:
        uid = config["metadata"].get("uid")
        if uid:
            why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise conflict(call.kind.group, call.kind.plural, call.info.name, why)
        fresh: Obj = {"metadata": {}}
        made = apply(fresh, config, manager, written.shape, force=True)
        _check_place(call, made)
        made["metadata"].pop("resourceVersion", None)
        obj = prepare_create(self._store, written, made, call.namespace)
        if not call.dry_run:
            obj = self._store.create(written.kind.key, obj)
        return self._resources.shown(call, obj, 201)

    def _applied_config(self, call: Call) -> Obj:
        kind, config = call.kind, call.body
        if not isinstance(config, dict):
            why = "json: cannot unmarshal array into Go value of type map[string]interface {}"
            raise bad_request(f"error decoding YAML: error unmarshaling JSON: while decoding JSON: {why}")
        if dig(config, "metadata", "managedFields") is not None:
            raise bad_request("metadata.managedFields must be nil")
        given = (config.get("apiVersion", ""), config.get("kind", ""))
        if given != (kind.api_version, kind.kind):
            raise bad_request(f"invalid object type: {_type_text(*given)}")
        if not isinstance(config.get("metadata"), dict):
            why = f"the name of the object ({call.info.name} based on URL) was undeterminable: name must be provided"
            raise bad_request(why)
        metadata = config["metadata"]
        fault = applied_fault(config, shape_of(kind))
        if fault:
            place = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
            title = f"({place}; {_type_text(*given)})"
            raise ApiError(500, "", f"failed to create typed patch object {title}: {fault}")
        own = {"name": call.info.name, **({"namespace": call.namespace} if kind.namespaced else {})}
        config = {**config, "metadata": {**own, **metadata}}
        parts = {"apiVersion", "kind", "metadata", "status"} if call.info.subresource else set(config)
        if kind.subresource("status") and not call.info.subresource:
            parts -= {"status"}
        return {key: value for key, value in config.items() if key in parts}

    def _written(self, call: Call) -> Written:
        kind = self._state.stored_kind(call.kind)
        return Written(kind, shape_of(kind), call.manager, call.info.subresource)

    def _decoded(self, call: Call, body: Obj) -> _Checked:
        """The body as the kind's Go type would hold it: ApiError 400 for what it cannot hold."""
        kind = self._state.stored_kind(call.kind)

        def fault(why: str) -> ApiError:
            return not_handled(kind.kind, kind.version, kind.kind, why)

        check_type(kind, body)
        wrong = None if kind.custom else misfit(body, shape_of(kind))
        if wrong:
            raise fault(wrong.decoding_text)
        return self._checked(call, body, fault)

    def _patched(self, call: Call, patched: Obj) -> _Checked:
        """The same for the outcome of a patch, where it is 422 and shows the patch (or the outcome)."""
        kind = self._state.stored_kind(call.kind)
        strategic = media_type(call.content_type) == STRATEGIC
        shown = go_text(call.body) if strategic else json.dumps(patched, separators=(",", ":"))

        def fault(why: str) -> ApiError:
            return invalid("", "", "", Fault422("patch", f"Invalid value: {json.dumps(shown)}: {why}"))

        wrong = None if kind.custom else misfit(patched, shape_of(kind))
        if wrong:
            raise fault(_strategic_text(wrong) if strategic else wrong.decoding_text)
        return self._checked(call, patched, fault)

    def _checked(self, call: Call, body: Obj, fault: Callable[[str], ApiError]) -> _Checked:
        """Undeclared fields are dropped: silently, with a warning each, or as an error (fieldValidation)."""
        kept, unknown = declared(body, shape_of(self._state.stored_kind(call.kind)))
        texts = [f'unknown field "{path}"' for path in unknown]
        validation = call.query.get("fieldValidation") or "Warn"
        if texts and validation == "Strict":
            raise fault(f"strict decoding error: {', '.join(texts)}")
        return _Checked(kept, tuple(texts) if validation == "Warn" else ())


def body_of(call: Call) -> Obj:
    """The decoded body; ApiError 400 if it is no object."""
    if not isinstance(call.body, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {call.kind.kind})")
    return call.body


def check_patch(call: Call) -> None:
    """ApiError 415 for a format that the kind does not take, 422 for options that do not fit the format."""
    media = media_type(call.content_type)
    if call.kind.custom and media == STRATEGIC:
        raise unsupported_media_type(JSON_PATCH, MERGE, APPLY)
    if media == APPLY:
        if not call.query.get("fieldManager"):
            text = "Required value: is required for apply patch"
            raise call.bad_option(Fault422("fieldManager", text, "FieldValueRequired"))
    elif call.query.get("force"):
        text = "Forbidden: may not be specified for non-apply patch"
        raise call.bad_option(Fault422("force", text, "FieldValueForbidden"))


def _type_text(api_version: str, kind: str) -> str:
    """As Go prints a GroupVersionKind: the core group is empty before its slash."""
    return f"{api_version if '/' in api_version else f'/{api_version}'}, Kind={kind}"


def _check_place(call: Call, obj: Obj) -> None:
    """ApiError 400 for an applied object of another name or namespace than the path's."""
    name, namespace = name_of(obj), namespace_of(obj)
    if name != call.info.name:
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({call.info.name})")
    if namespace != call.namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")


def _is_released(old: Obj, new: Obj) -> bool:
    """Whether this write takes away the last finalizer of an object that waits for nothing else."""
    had: Any = dig(old, "metadata", "finalizers", default=[])
    waits = old["metadata"].get("deletionGracePeriodSeconds", 0)
    return bool(had) and not dig(new, "metadata", "finalizers", default=[]) and not waits


def _strategic_text(wrong: Misfit) -> str:
    return wrong.decoding_text if wrong.shape.is_quantity else f"unrecognized type: {wrong.go_type}"
