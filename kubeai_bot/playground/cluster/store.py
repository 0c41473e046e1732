"""Objects with resource versions, the history behind watches, and consistent paging over it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from kubeai_bot.playground.cluster.objects import Obj, copied, name_of, namespace_of

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]
Place = tuple[str, str]
"""(group, plural): where the objects of one resource live."""
Key = tuple[str, str]
"""(namespace, name); the namespace is empty for cluster-scoped objects."""


@dataclass(frozen=True)
class Change:
    """One write: the object as it was (None when it was created) and as a watcher sees it now.

    The `obj` of a deletion is the last state, with the resource version of the deletion.
    """

    version: int
    type: ChangeType
    place: Place
    before: Obj | None
    obj: Obj


Listener = Callable[[Change], None]


class Store:
    """All objects of one cluster. Stored objects are never changed in place: each write stores a new dict.

    Resource versions are one counter over the whole store, as with etcd revisions.
    """

    def __init__(self) -> None:
        self.version = 1000
        self.compacted = 0
        self._objects: dict[Place, dict[Key, Obj]] = {}
        self._changes: list[Change] = []
        self._written = asyncio.Event()
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Calls `listener` with every change, right after the write; it may write itself."""
        self._listeners.append(listener)

    def get(self, place: Place, namespace: str, name: str) -> Obj | None:
        return self._objects.get(place, {}).get((namespace, name))

    def list(self, place: Place, namespace: str | None = None) -> list[Obj]:
        """All objects of a resource in key order, in one namespace or (None) in all."""
        return _ordered(self._objects.get(place, {}), namespace)

    def list_at(self, place: Place, namespace: str | None, version: int) -> list[Obj]:
        """What `list` gave when the store was at `version`, found by undoing later changes."""
        objects = dict(self._objects.get(place, {}))
        for change in reversed(self._changes):
            if change.version <= version:
                break
            if change.place != place:
                continue
            key = (namespace_of(change.obj), name_of(change.obj))
            if change.before is None:
                objects.pop(key, None)
            else:
                objects[key] = change.before
        return _ordered(objects, namespace)

    def create(self, place: Place, obj: Obj) -> Obj:
        """Stores a new object, which must carry uid and creation time; gives it with its resource version."""
        return self._write("ADDED", place, None, copied(obj))

    def replace(self, place: Place, obj: Obj) -> Obj:
        """Stores a new state of an existing object; an unchanged object keeps its version and is not a write."""
        before = self._objects[place][namespace_of(obj), name_of(obj)]
        stored = copied(obj)
        stored["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
        if stored == before:
            return before
        return self._write("MODIFIED", place, before, stored)

    def delete(self, place: Place, namespace: str, name: str) -> Obj:
        """Removes an object and gives its last state, which carries the version of the deletion."""
        before = self._objects[place].pop((namespace, name))
        self.version += 1
        last = copied(before)
        last["metadata"]["resourceVersion"] = str(self.version)
        self._log(Change(self.version, "DELETED", place, before, last))
        return last

    def compact(self) -> None:
        """Forgets the history before the last write: older continue tokens and watches answer 410 Expired."""
        self.compacted = self.version
        self._changes = [change for change in self._changes if change.version == self.version]

    def changes_since(self, version: int) -> Iterator[Change]:
        first = len(self._changes)
        while first and self._changes[first - 1].version > version:
            first -= 1
        yield from self._changes[first:]

    async def wait_for_write(self, timeout: float) -> bool:
        """True as soon as something is written, False after `timeout` seconds without a write."""
        written = self._written
        try:
            await asyncio.wait_for(written.wait(), timeout)
        except TimeoutError:
            return False
        return True

    def _write(self, change: ChangeType, place: Place, before: Obj | None, stored: Obj) -> Obj:
        self.version += 1
        stored["metadata"]["resourceVersion"] = str(self.version)
        self._objects.setdefault(place, {})[namespace_of(stored), name_of(stored)] = stored
        self._log(Change(self.version, change, place, before, stored))
        return stored

    def _log(self, change: Change) -> None:
        self._changes.append(change)
        self._written.set()
        self._written = asyncio.Event()
        for listener in self._listeners:
            listener(change)


def _ordered(objects: dict[Key, Obj], namespace: str | None) -> list[Obj]:
    return [objects[key] for key in sorted(objects) if namespace is None or key[0] == namespace]
