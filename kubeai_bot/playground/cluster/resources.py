"""Reading objects: get and list of every stored kind, in the form that the client accepts."""

from __future__ import annotations

from collections.abc import Callable

from kubeai_bot.playground.cluster.events import to_events_group
from kubeai_bot.playground.cluster.kinds import Kind
from kubeai_bot.playground.cluster.negotiation import representation
from kubeai_bot.playground.cluster.objects import Obj, dig
from kubeai_bot.playground.cluster.paging import read_page
from kubeai_bot.playground.cluster.selectors import field_matcher, label_matcher
from kubeai_bot.playground.cluster.state import Answer, Call, ClusterState
from kubeai_bot.playground.cluster.status import not_found
from kubeai_bot.playground.cluster.table import as_table, partial_metadata


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

    def shown(self, call: Call, obj: Obj, status: int = 200, warnings: tuple[str, ...] = ()) -> Answer:
        """One object in the representation the client accepts."""
        form = representation(call.accept, tables=self._state.tables)
        shown = outward(call.kind, obj)
        if form == "Table":
            metadata = {"resourceVersion": dig(obj, "metadata", "resourceVersion", default="")}
            body = as_table(call.kind, [obj], metadata, call.query.get("includeObject", ""))
        else:
            body = partial_metadata(shown) if form else shown
        return Answer(status, body, warnings=warnings)


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
