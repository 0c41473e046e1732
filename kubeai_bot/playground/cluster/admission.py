"""What happens to an object between the request body and the store: its type, its metadata, defaults and validation."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass

from kubeai_bot.playground.cluster.defaults import fill_defaults
from kubeai_bot.playground.cluster.kinds import Kind
from kubeai_bot.playground.cluster.objects import Obj, copied, dig, name_of, now, stamp, without_nulls
from kubeai_bot.playground.cluster.status import (
    ApiError,
    Fault422,
    bad_request,
    conflict,
    invalid,
    not_found,
    not_handled,
    wrong_uid,
)
from kubeai_bot.playground.cluster.store import Store
from kubeai_bot.playground.cluster.typed.ownership import Manager, note_update, owners_of, write_owners
from kubeai_bot.playground.cluster.typed.shape import Shape
from kubeai_bot.playground.cluster.typed.zeros import without_zeros
from kubeai_bot.playground.cluster.validation import validate

_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_WITHOUT_GENERATION = {"Service", "Namespace", "Node", "PersistentVolumeClaim", "PersistentVolume", "Lease"}
_SERVERS = (
    *("uid", "creationTimestamp", "resourceVersion", "generation", "namespace"),
    *("deletionTimestamp", "deletionGracePeriodSeconds"),
)


@dataclass(frozen=True)
class Written:
    """A kind with the shape of its objects, and who writes one of them. An empty `manager` notes nothing."""

    kind: Kind
    shape: Shape
    manager: str = ""
    subresource: str = ""

    def note(self, old: Obj | None, new: Obj) -> None:
        """Writes into managedFields what this write changed; where status is a subresource, it is kept apart."""
        if not self.manager:
            return
        apart = self.kind.subresource("status") is not None and self.subresource != "status"
        sides = [_without_status(one) if apart and one is not None else one for one in (old, new)]
        noted = copied(sides[1]) or {}
        note_update(sides[0], noted, Manager(self.manager, "Update", new["apiVersion"], self.subresource), self.shape)
        write_owners(new, owners_of(noted))


def _without_status(obj: Obj) -> Obj:
    return {key: value for key, value in obj.items() if key != "status"}


def random_suffix() -> str:
    """Five letters as the API server appends to generateName: no vowels, so no words."""
    return "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(5))


def prepare_create(store: Store, written: Written, body: Obj, namespace: str) -> Obj:
    """A new object ready to be stored, made from the body of a POST to `namespace`."""
    kind = written.kind
    check_type(kind, body)
    obj: Obj = _as_stored(kind, body, written.shape)
    obj["apiVersion"], obj["kind"] = kind.api_version, kind.kind
    metadata: Obj = obj.setdefault("metadata", {})
    if kind.namespaced:
        if metadata.setdefault("namespace", namespace) != namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        if store.get(("", "namespaces"), "", namespace) is None:
            raise not_found("", "namespaces", namespace)
    if metadata.get("resourceVersion"):
        raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"] + random_suffix()
    for field in ("deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
        metadata.pop(field, None)
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = stamp(now())
    if kind.subresource("status"):
        obj.pop("status", None)
    if "spec" in obj and kind.kind not in _WITHOUT_GENERATION:
        metadata["generation"] = 1
    fill_defaults(obj)
    validate(kind, obj, written.shape)
    written.note(None, obj)
    return obj


def prepare_update(written: Written, old: Obj, body: Obj) -> Obj:
    """The next state of `old` from a full new object; a write to the object keeps its status, and the other way."""
    kind = written.kind
    check_type(kind, body)
    new: Obj = _as_stored(kind, body, written.shape)
    metadata: Obj = new.setdefault("metadata", {})
    if metadata.get("name") != name_of(old):
        raise bad_request(
            f"the name of the object ({metadata.get('name', '')}) does not match the name on the URL ({name_of(old)})"
        )
    _check_preconditions(kind, old, metadata)
    owners = metadata.pop("managedFields", None)
    for key in _SERVERS:
        metadata.pop(key, None)
        if key in old["metadata"]:
            metadata[key] = old["metadata"][key]
    new["apiVersion"], new["kind"] = kind.api_version, kind.kind
    if written.subresource == "status":
        new = {**copied(old), "status": new.get("status", {})}
    elif kind.subresource("status"):
        new.pop("status", None)
        if "status" in old:
            new["status"] = copied(old["status"])
    fill_defaults(new)
    if "generation" in old["metadata"]:
        new["metadata"]["generation"] = _generation(kind, old, new)
    validate(kind, new, written.shape, old)
    if written.manager:
        written.note(old, new)
    elif owners:
        new["metadata"]["managedFields"] = owners
    return new


def _as_stored(kind: Kind, body: Obj, shape: Shape) -> Obj:
    """A copy as the kind's types write it: built-in ones leave out most values that say nothing."""
    plain: Obj = without_nulls(body)
    if not kind.custom:
        return without_zeros(plain, shape)
    for field in ("labels", "annotations", "finalizers"):
        if dig(plain, "metadata", field) in ({}, []):
            del plain["metadata"][field]
    return plain


def check_type(kind: Kind, body: Obj) -> None:
    """ApiError 400 for an object of another apiVersion or kind."""
    given_version = body.get("apiVersion", kind.api_version)
    given_kind = body.get("kind", kind.kind)
    if given_version != kind.api_version:
        why = f'no kind "{given_kind}" is registered for version "{given_version}"'
        raise not_handled(given_kind, given_version.rpartition("/")[2], kind.kind, why)
    if given_kind != kind.kind:
        raise not_handled(given_kind, kind.version, kind.kind, "unknown conversion")


def _check_preconditions(kind: Kind, old: Obj, metadata: Obj) -> None:
    version = metadata.get("resourceVersion")
    if kind.custom and not version:
        text = "Invalid value: 0: must be specified for an update"
        raise invalid(kind.group, kind.plural, name_of(old), Fault422("metadata.resourceVersion", text))
    if version and version != old["metadata"]["resourceVersion"]:
        raise conflict(kind.group, kind.plural, name_of(old))
    uid = metadata.get("uid")
    if uid and uid != old["metadata"]["uid"]:
        raise wrong_uid(kind.group, kind.plural, old, uid)


def immutable_uid(kind: Kind, obj: Obj, uid: str) -> ApiError:
    """422 for a patch that sets another uid; the real server finds the fault twice and says it once."""
    fault = Fault422("metadata.uid", f'Invalid value: "{uid}": field is immutable')
    error = invalid(kind.group, kind.kind, name_of(obj), fault)
    if error.details:
        error.details["causes"] *= 2
    return error


def _generation(kind: Kind, old: Obj, new: Obj) -> int:
    """One more after a change of spec; for a Deployment also after a change of annotations."""
    changed = new.get("spec") != old.get("spec")
    if kind.kind == "Deployment":
        annotations = (dig(one, "metadata", "annotations", default={}) for one in (old, new))
        changed = changed or next(annotations) != next(annotations)
    return old["metadata"]["generation"] + int(changed)
