"""Garbage collection: what becomes of the objects that a deleted object owned."""

from __future__ import annotations

from collections.abc import Iterator

from kubeai_bot.playground.cluster.deletion import FOREGROUND, ORPHAN, DeleteOptions, release, remove
from kubeai_bot.playground.cluster.kinds import Kind
from kubeai_bot.playground.cluster.objects import Obj, dig, name_of, namespace_of
from kubeai_bot.playground.cluster.state import ClusterState


class Collector:
    """Deletes, orphans or waits for dependents, as the owner's deletion asked for."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._store = state.store

    def after_deletion(self, owner: Obj) -> None:
        """Deletes what `owner` was the last owner of, and everything in a deleted namespace."""
        uid = owner["metadata"]["uid"]
        gone = name_of(owner) if owner["kind"] == "Namespace" else None
        for kind, obj in self._objects():
            if gone and namespace_of(obj) == gone:
                self._store.delete(kind.key, namespace_of(obj), name_of(obj))
            elif uid in owner_uids(obj):
                if len(owner_uids(obj)) > 1:
                    self._disown(kind, obj, uid)
                elif "deletionTimestamp" not in obj["metadata"]:
                    remove(self._store, kind, obj, DeleteOptions(policy="Background"))

    def advance(self, uid: str) -> None:
        """Takes the next step of a deletion that waits for its dependents (finalizers orphan, foregroundDeletion)."""
        found = next(((kind, obj) for kind, obj in self._objects() if obj["metadata"]["uid"] == uid), None)
        if found is None or "deletionTimestamp" not in found[1]["metadata"]:
            return
        kind, owner = found
        finalizers = dig(owner, "metadata", "finalizers", default=[])
        dependents = [(other, obj) for other, obj in self._objects() if uid in owner_uids(obj)]
        if ORPHAN in finalizers:
            for other, obj in dependents:
                self._disown(other, obj, uid)
            release(self._store, kind, owner, ORPHAN)
        elif FOREGROUND in finalizers:
            for other, obj in dependents:
                if "deletionTimestamp" not in obj["metadata"]:
                    has_dependents = any(obj["metadata"]["uid"] in owner_uids(one) for _, one in self._objects())
                    policy = "Foreground" if has_dependents else "Background"
                    remove(self._store, other, obj, DeleteOptions(policy=policy))
            if not any(_blocks(obj, uid) for _, obj in self._objects()):
                release(self._store, kind, owner, FOREGROUND)

    def _disown(self, kind: Kind, obj: Obj, uid: str) -> None:
        left = [owner for owner in obj["metadata"]["ownerReferences"] if owner["uid"] != uid]
        metadata = {key: value for key, value in obj["metadata"].items() if key != "ownerReferences"}
        self._store.replace(kind.key, {**obj, "metadata": {**metadata, **({"ownerReferences": left} if left else {})}})

    def _objects(self) -> Iterator[tuple[Kind, Obj]]:
        """Every object that is there, once, also while some are deleted on the way."""
        seen: set[tuple[str, str]] = set()
        for kind in self._state.registry.all():
            if kind.key in seen:
                continue
            seen.add(kind.key)
            for obj in self._store.list(kind.key):
                if self._store.get(kind.key, namespace_of(obj), name_of(obj)) is obj:
                    yield self._state.stored_kind(kind), obj


def owner_uids(obj: Obj) -> list[str]:
    """The uids of an object's owners."""
    return [owner["uid"] for owner in dig(obj, "metadata", "ownerReferences", default=[])]


def _blocks(obj: Obj, uid: str) -> bool:
    references = dig(obj, "metadata", "ownerReferences", default=[])
    return any(owner["uid"] == uid and owner.get("blockOwnerDeletion") for owner in references)
