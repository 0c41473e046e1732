"""Deleting objects: preconditions, grace, finalizers, and what becomes of dependents (propagationPolicy)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from kubeai_bot.playground.cluster.kinds import Kind
from kubeai_bot.playground.cluster.objects import Obj, copied, dig, name_of, namespace_of, now, stamp
from kubeai_bot.playground.cluster.paging import read_page
from kubeai_bot.playground.cluster.resources import Resources
from kubeai_bot.playground.cluster.state import Answer, Call, ClusterState
from kubeai_bot.playground.cluster.status import Fault422, about, bad_request, conflict, invalid
from kubeai_bot.playground.cluster.store import Store

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
_POLICIES = ("Foreground", "Background", "Orphan")
_RETURNS_DELETED = {"Pod", "Namespace", "ServiceAccount", "Service", "PersistentVolumeClaim"}
_ENDED = {"Succeeded", "Failed"}
_JOB_WARNING = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)


@dataclass(frozen=True)
class DeleteOptions:
    """How to delete; `policy` is empty for the kind's default."""

    dry_run: bool = False
    grace: int | None = None
    policy: str = ""
    uid: str = ""
    version: str = ""


def read_delete_options(query: Mapping[str, str], body: Any) -> DeleteOptions:
    """From the body if there is one, else from the query, as the server does; ApiError 422 for what it does not know.

    So dryRun=All in the query is not seen in a request that has a body.
    """
    given: Obj = body if isinstance(body, dict) else _from_query(query)
    faults: list[Fault422] = []
    dry = given.get("dryRun") or []
    if dry not in ([], ["All"]):
        shown = ", ".join(f'"{one}"' for one in dry)
        faults.append(Fault422("dryRun", f'Unsupported value: [{shown}]: supported values: "All"', _NOT_SUPPORTED))
    policy = given.get("propagationPolicy") or ""
    if policy and given.get("orphanDependents") is not None:
        text = f'Invalid value: "{policy}": orphanDependents and deletionPropagation cannot be both set'
        faults.append(Fault422("propagationPolicy", text))
    if policy and policy not in _POLICIES:
        supported = ", ".join(f'"{one}"' for one in (*_POLICIES, "nil"))
        text = f'Unsupported value: "{policy}": supported values: {supported}'
        faults.append(Fault422("propagationPolicy", text, _NOT_SUPPORTED))
    if faults:
        raise invalid("meta.k8s.io", "DeleteOptions", "", *faults)
    if not policy and given.get("orphanDependents") is not None:
        policy = "Orphan" if given["orphanDependents"] else "Background"
    conditions = given.get("preconditions") or {}
    return DeleteOptions(
        bool(dry),
        given.get("gracePeriodSeconds"),
        policy,
        conditions.get("uid") or "",
        conditions.get("resourceVersion") or "",
    )


_NOT_SUPPORTED = "FieldValueNotSupported"


def _from_query(query: Mapping[str, str]) -> Obj:
    given: Obj = {"propagationPolicy": query.get("propagationPolicy", "")}
    if "dryRun" in query:
        given["dryRun"] = [query["dryRun"]]
    if "orphanDependents" in query:
        given["orphanDependents"] = query["orphanDependents"] == "true"
    if "gracePeriodSeconds" in query:
        seconds = query["gracePeriodSeconds"]
        if not seconds.lstrip("-").isdigit():
            raise bad_request(f'strconv.ParseInt: parsing "{seconds}": invalid syntax')
        given["gracePeriodSeconds"] = int(seconds)
    return given


def check_preconditions(kind: Kind, obj: Obj, options: DeleteOptions) -> None:
    """ApiError 409 if the object is not the one (or not in the state) that the options name."""
    uid, version = obj["metadata"]["uid"], obj["metadata"]["resourceVersion"]
    if options.uid and options.uid != uid:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({uid}). "
            "The object might have been deleted and then recreated"
        )
        raise conflict(kind.group, kind.kind, name_of(obj), why)
    if options.version and options.version != version:
        why = (
            f"the ResourceVersion in the precondition ({options.version}) does not match the ResourceVersion in "
            f"record ({version}). The object might have been modified"
        )
        raise conflict(kind.group, kind.kind, name_of(obj), why)


@dataclass(frozen=True)
class Removed:
    """The object as it is answered, and whether it is gone (or only marked)."""

    obj: Obj
    gone: bool


def remove(store: Store, kind: Kind, obj: Obj, options: DeleteOptions) -> Removed:
    """Deletes `obj`, or marks it while finalizers or its grace period keep it; a dry run only says what would be."""
    finalizers = _finalizers(obj, options.policy)
    grace = _grace(kind, obj, options)
    if not finalizers and not grace:
        if options.dry_run:
            return Removed(_marked(obj, 0) if kind.kind == "Pod" else obj, gone=True)
        last = store.delete(kind.key, namespace_of(obj), name_of(obj))
        return Removed(_marked(last, 0) if kind.kind == "Pod" else last, gone=True)
    known = obj["metadata"].get("deletionGracePeriodSeconds")
    marked = obj if known is not None and known <= grace else _marked(obj, grace)
    if finalizers != dig(marked, "metadata", "finalizers", default=[]):
        marked = copied(marked)
        marked["metadata"]["finalizers"] = finalizers
    if not options.dry_run:
        marked = store.replace(kind.key, marked)
    return Removed(marked, gone=False)


def release(store: Store, kind: Kind, obj: Obj, finalizer: str) -> None:
    """Takes a finalizer off an object that is being deleted, which is gone with its last one."""
    left = [one for one in dig(obj, "metadata", "finalizers", default=[]) if one != finalizer]
    if left or dig(obj, "metadata", "deletionGracePeriodSeconds", default=0):
        fresh = copied(obj)
        fresh["metadata"]["finalizers"] = left
        store.replace(kind.key, fresh)
    else:
        store.delete(kind.key, namespace_of(obj), name_of(obj))


def _finalizers(obj: Obj, policy: str) -> list[str]:
    known: list[str] = dig(obj, "metadata", "finalizers", default=[])
    if not policy:
        return known
    added = {"Orphan": ORPHAN, "Foreground": FOREGROUND}.get(policy)
    kept = [one for one in known if one not in {ORPHAN, FOREGROUND} or one == added]
    return [*kept, added] if added and added not in kept else kept


def _grace(kind: Kind, obj: Obj, options: DeleteOptions) -> int:
    """Seconds that a running pod may take to end; everything else goes at once."""
    placed = kind.kind == "Pod" and dig(obj, "spec", "nodeName")
    if not placed or dig(obj, "status", "phase") in _ENDED:
        return 0
    if options.grace is not None:
        return max(options.grace, 0)
    return dig(obj, "spec", "terminationGracePeriodSeconds", default=30)


def _marked(obj: Obj, grace: int) -> Obj:
    marked = copied(obj)
    metadata: Obj = marked["metadata"]
    if "deletionTimestamp" not in metadata and "generation" in metadata:
        metadata["generation"] += 1
    metadata["deletionTimestamp"] = stamp(now() + timedelta(seconds=grace))
    metadata["deletionGracePeriodSeconds"] = grace
    return marked


class Deleting:
    """The handlers of DELETE."""

    def __init__(self, state: ClusterState, resources: Resources) -> None:
        self._store = state.store
        self._state = state
        self._resources = resources

    def delete(self, call: Call) -> Answer:
        obj = self._resources.current(call)
        options = read_delete_options(call.query, call.body)
        check_preconditions(call.kind, obj, options)
        warnings: tuple[str, ...] = ()
        if call.kind.kind == "Job" and not options.policy:
            warnings = (_JOB_WARNING,)
            options = DeleteOptions(options.dry_run, options.grace, "Orphan", options.uid, options.version)
        removed = remove(self._store, self._state.stored_kind(call.kind), obj, options)
        if not removed.gone or call.kind.kind in _RETURNS_DELETED:
            return self._resources.shown(call, removed.obj, 200, warnings)
        details = {**about(call.kind.group, call.kind.plural, name_of(obj)), "uid": obj["metadata"]["uid"]}
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        return Answer(200, {**status, "details": details}, warnings=warnings)

    def delete_all(self, call: Call) -> Answer:
        answer = self._resources.list(call)
        options = read_delete_options(call.query, call.body)
        namespace = call.info.namespace if call.kind.namespaced and call.info.namespace else None
        page = read_page(self._store, call.kind.key, namespace, call.query, self._resources.matcher(call))
        for obj in page.objs:
            remove(self._store, self._state.stored_kind(call.kind), obj, options)
        return answer
