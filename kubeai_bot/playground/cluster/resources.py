"""Reading and writing objects: get, list, create, update, patch and delete of every stored kind."""

from __future__ import annotations

from collections.abc import Callable

from kubeai_bot.playground.cluster import admission
from kubeai_bot.playground.cluster.events import to_core, to_events_group
from kubeai_bot.playground.cluster.kinds import Kind
from kubeai_bot.playground.cluster.negotiation import representation
from kubeai_bot.playground.cluster.objects import Obj, dig, name_of, namespace_of, now, stamp
from kubeai_bot.playground.cluster.paging import read_page
from kubeai_bot.playground.cluster.patching import apply_patch
from kubeai_bot.playground.cluster.selectors import field_matcher, label_matcher
from kubeai_bot.playground.cluster.state import Answer, Call, ClusterState
from kubeai_bot.playground.cluster.status import (
    about,
    already_exists,
    bad_request,
    conflict,
    not_found,
    unsupported_media_type,
)
from kubeai_bot.playground.cluster.table import as_table, partial_metadata

CUSTOM_PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/apply-patch+yaml",
)
_RETURNS_DELETED = {"Pod", "Namespace", "ServiceAccount", "Service", "PersistentVolumeClaim"}


class Resources:
    """The generic handlers; each takes an authorised Call and gives an Answer or raises ApiError."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._store = state.store

    def get(self, call: Call) -> Answer:
        return self.shown(call, self.current(call))

    def list(self, call: Call) -> Answer:
        namespace = call.info.namespace if call.kind.namespaced and call.info.namespace else None
        page = read_page(self._store, call.kind.key, namespace, call.query, self.matcher(call))
        objs = [outward(call.kind, obj) for obj in page.objs]
        form = representation(call.accept, tables=self._state.tables)
        if form == "Table":
            body = as_table(call.kind, page.objs, page.metadata, call.query.get("includeObject", ""))
        elif form:
            body = {
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": page.metadata,
                "items": [partial_metadata(obj) for obj in objs],
            }
        else:
            items = objs if call.kind.custom else [_without_type(obj) for obj in objs]
            if call.kind.custom:
                page.metadata.setdefault("continue", "")
            body = {
                "kind": call.kind.bulk,
                "apiVersion": call.kind.api_version,
                "metadata": page.metadata,
                "items": items,
            }
        return Answer(200, body)

    def create(self, call: Call) -> Answer:
        body = to_core(_body(call)) if call.kind.group == "events.k8s.io" else _body(call)
        kind = self._stored_kind(call.kind)
        obj = admission.prepare_create(self._store, kind, body, call.namespace, call.manager)
        if self._store.get(kind.key, namespace_of(obj), name_of(obj)) is not None:
            raise already_exists(kind.group, kind.plural, name_of(obj))
        if not call.dry_run:
            obj = self._store.create(kind.key, obj)
        return self.shown(call, obj, status=201)

    def update(self, call: Call) -> Answer:
        return self._write(call, lambda _old: _body(call))

    def patch(self, call: Call) -> Answer:
        if call.kind.custom and "strategic" in call.content_type:
            raise unsupported_media_type(*CUSTOM_PATCHES)
        return self._write(call, lambda old: apply_patch(old, call.body, call.content_type))

    def delete(self, call: Call) -> Answer:
        obj = self.current(call)
        options = call.body if isinstance(call.body, dict) else {}
        wanted_uid = dig(options, "preconditions", "uid")
        if wanted_uid and wanted_uid != obj["metadata"]["uid"]:
            why = (
                f"the UID in the precondition ({wanted_uid}) does not match the UID in record "
                f"({obj['metadata']['uid']}). The object might have been deleted and then recreated"
            )
            raise conflict(call.kind.group, call.kind.kind, name_of(obj), why)
        if not (call.dry_run or options.get("dryRun") == ["All"]):
            obj = self._store.delete(call.kind.key, call.namespace, name_of(obj))
        if call.kind.kind in _RETURNS_DELETED:
            return self.shown(call, _marked_deleted(obj) if call.kind.kind == "Pod" else obj)
        details = {**about(call.kind.group, call.kind.plural, name_of(obj)), "uid": obj["metadata"]["uid"]}
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        return Answer(200, {**status, "details": details})

    def delete_all(self, call: Call) -> Answer:
        answer = self.list(call)
        namespace = call.info.namespace if call.kind.namespaced and call.info.namespace else None
        page = read_page(self._store, call.kind.key, namespace, call.query, self.matcher(call))
        if not call.dry_run:
            for obj in page.objs:
                self._store.delete(call.kind.key, namespace_of(obj), name_of(obj))
        return answer

    def current(self, call: Call) -> Obj:
        """The object that the request names; ApiError 404 without it."""
        obj = self._store.get(call.kind.key, call.namespace, call.info.name)
        if obj is None:
            raise not_found(call.kind.group, call.kind.plural, call.info.name)
        return obj

    def matcher(self, call: Call) -> Callable[[Obj], bool]:
        """The selectors of a list or watch, as one predicate; ApiError 400 if they cannot be parsed."""
        by_label = label_matcher(call.query.get("labelSelector", ""))
        by_field = field_matcher(call.query.get("fieldSelector", ""), call.kind)
        return lambda obj: by_label(obj) and by_field(obj)

    def shown(self, call: Call, obj: Obj, status: int = 200) -> Answer:
        """One object in the representation the client accepts."""
        form = representation(call.accept, tables=self._state.tables)
        shown = outward(call.kind, obj)
        if form == "Table":
            metadata = {"resourceVersion": dig(obj, "metadata", "resourceVersion", default="")}
            return Answer(status, as_table(call.kind, [obj], metadata, call.query.get("includeObject", "")))
        return Answer(status, partial_metadata(shown) if form else shown)

    def _write(self, call: Call, change: Callable[[Obj], Obj]) -> Answer:
        old = self.current(call)
        kind = self._stored_kind(call.kind)
        body = change(old)
        new = admission.prepare_update(kind, old, body, call.info.subresource, call.manager)
        if not call.dry_run and new != old:
            new = self._store.replace(kind.key, new)
        return self.shown(call, new)

    def _stored_kind(self, kind: Kind) -> Kind:
        group, plural = kind.key
        return kind if group == kind.group else self._state.registry.any_version(group, plural) or kind


def _marked_deleted(pod: Obj) -> Obj:
    """A deleted pod as it is answered: its end is set, though here it is gone at once."""
    metadata: Obj = {**pod["metadata"], "deletionTimestamp": stamp(now())}
    metadata["deletionGracePeriodSeconds"] = 30 if dig(pod, "spec", "nodeName") else 0
    metadata["generation"] = metadata.get("generation", 1) + 1
    return {**pod, "metadata": metadata}


def outward(kind: Kind, obj: Obj) -> Obj:
    """A stored object as `kind` serves it."""
    if kind.group == "events.k8s.io":
        return to_events_group(obj)
    if obj["apiVersion"] != kind.api_version:
        return {**obj, "apiVersion": kind.api_version}
    return obj


def _without_type(obj: Obj) -> Obj:
    """Items of built-in lists carry no apiVersion and kind of their own."""
    return {key: value for key, value in obj.items() if key not in {"apiVersion", "kind"}}


def _body(call: Call) -> Obj:
    if not isinstance(call.body, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {call.kind.kind})")
    return call.body
