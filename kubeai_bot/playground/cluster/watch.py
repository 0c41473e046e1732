"""watch=true: the writes after a resource version as lines of JSON, in the representation the client accepts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from kubeai_bot.playground.cluster.negotiation import representation
from kubeai_bot.playground.cluster.objects import Obj, namespace_of
from kubeai_bot.playground.cluster.paging import version_fault
from kubeai_bot.playground.cluster.quantities import read_number
from kubeai_bot.playground.cluster.resources import Resources, outward
from kubeai_bot.playground.cluster.state import Call, ClusterState
from kubeai_bot.playground.cluster.status import ApiError, expired
from kubeai_bot.playground.cluster.store import Change
from kubeai_bot.playground.cluster.table import as_table, partial_metadata

_LONGEST = 1800
_BOOKMARK_EVERY = 1.0


class Watch:
    """One watch; `events()` ends when timeoutSeconds have passed. Bad selectors raise ApiError at once."""

    def __init__(self, state: ClusterState, resources: Resources, call: Call) -> None:
        self._store = state.store
        self._call = call
        self._form = representation(call.accept, tables=state.tables)
        self._matches = resources.matcher(call)
        self._namespace = call.info.namespace if call.kind.namespaced else ""
        self._sent_columns = False
        if fault := version_fault(call.query):
            raise ApiError(500, "", fault)
        self._from = int(call.query.get("resourceVersion", "") or 0)
        self._seconds = min(read_number(call.query.get("timeoutSeconds", "")) or _LONGEST, _LONGEST)
        self._bookmarks = call.query.get("allowWatchBookmarks", "") in {"1", "true"}

    async def events(self) -> AsyncIterator[Obj]:
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._seconds
        at = self._from
        if at and at + 1 < self._store.compacted:
            error = expired(f"too old resource version: {at} ({self._store.compacted})")
            yield {"type": "ERROR", "object": error.body()}
            return
        if not at:
            at = self._store.version
            for event in self._initial():
                yield event
        while True:
            changes = list(self._store.changes_since(at))
            for change in changes:
                at = change.version
                for event in self._of(change):
                    yield event
            left = ends - loop.time()
            if left <= 0:
                return
            wrote = self._store.changes_since(at)
            if next(wrote, None) is None:
                heard = await self._store.wait_for_write(min(left, _BOOKMARK_EVERY))
                if not heard and self._bookmarks and left > _BOOKMARK_EVERY:
                    yield self._bookmark()

    def _initial(self) -> Iterator[Obj]:
        for obj in self._store.list(self._call.kind.key, self._namespace or None):
            if self._matches(obj):
                yield self._event("ADDED", obj)

    def _of(self, change: Change) -> Iterator[Obj]:
        """The event a watcher sees: an object that enters or leaves the selection is ADDED or DELETED."""
        if change.place != self._call.kind.key:
            return
        if self._namespace and namespace_of(change.obj) != self._namespace:
            return
        before = change.before is not None and self._matches(change.before)
        after = change.type != "DELETED" and self._matches(change.obj)
        if after:
            yield self._event("MODIFIED" if before else "ADDED", change.obj)
        elif before:
            yield self._event("DELETED", change.obj)

    def _event(self, kind: str, obj: Obj) -> Obj:
        return {"type": kind, "object": self._shown(obj)}

    def _shown(self, obj: Obj) -> Obj:
        if self._form == "Table":
            version = {"resourceVersion": obj["metadata"]["resourceVersion"]}
            table = as_table(self._call.kind, [obj], version, self._call.query.get("includeObject", ""))
            if self._sent_columns:
                table["columnDefinitions"] = None
            self._sent_columns = True
            return table
        shown = outward(self._call.kind, obj)
        return partial_metadata(shown) if self._form else shown

    def _bookmark(self) -> Obj:
        kind = self._call.kind
        version = {"resourceVersion": str(self._store.version), "creationTimestamp": None}
        return {
            "type": "BOOKMARK",
            "object": {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": version},
        }
