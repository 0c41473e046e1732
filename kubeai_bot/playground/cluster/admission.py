"""What happens to an object between the request body and the store: defaults, generation, validation."""

from __future__ import annotations

import copy
import random
import re
import uuid

from kubeai_bot.playground.cluster.defaults import fill_defaults
from kubeai_bot.playground.cluster.kinds import Kind
from kubeai_bot.playground.cluster.objects import Obj, dig, name_of, now, stamp, without_nulls
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

_NAME = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_NAME_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_WITHOUT_GENERATION = {"Service", "Namespace", "Node", "PersistentVolumeClaim", "PersistentVolume", "Lease"}
_RBAC_KINDS = {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}


def random_suffix() -> str:
    """Five letters as the API server appends to generateName: no vowels, so no words."""
    return "".join(random.choices(_SUFFIX_LETTERS, k=5))  # noqa: S311 - a name, not a secret


def prepare_create(store: Store, kind: Kind, body: Obj, namespace: str, manager: str) -> Obj:
    """A new object ready to be stored, made from the body of a POST to `namespace`."""
    _check_type(kind, body)
    obj: Obj = without_nulls(body)
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
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = stamp(now())
    if kind.subresource("status"):
        obj.pop("status", None)
    if "spec" in obj and kind.kind not in _WITHOUT_GENERATION:
        metadata["generation"] = 1
    _drop_empty_maps(obj)
    fill_defaults(obj)
    validate(kind, obj)
    note_manager(obj, manager, "Update")
    return obj


def prepare_update(kind: Kind, old: Obj, body: Obj, subresource: str, manager: str) -> Obj:
    """The next state of `old` from a full new object; a write to the object keeps its status, and the other way."""
    _check_type(kind, body)
    new: Obj = without_nulls(body)
    metadata: Obj = new.setdefault("metadata", {})
    if metadata.get("name") != name_of(old):
        raise bad_request(
            f"the name of the object ({metadata.get('name', '')}) does not match the name on the URL ({name_of(old)})"
        )
    _check_preconditions(kind, old, metadata)
    for key in ("uid", "creationTimestamp", "resourceVersion", "generation", "namespace", "managedFields"):
        if key in old["metadata"]:
            metadata[key] = copy.deepcopy(old["metadata"][key])
    new["apiVersion"], new["kind"] = kind.api_version, kind.kind
    if subresource == "status":
        new = {**copy.deepcopy(old), "status": new.get("status", {})}
    elif kind.subresource("status"):
        new.pop("status", None)
        if "status" in old:
            new["status"] = copy.deepcopy(old["status"])
    if "generation" in old["metadata"]:
        new["metadata"]["generation"] = _generation(kind, old, new)
    _drop_empty_maps(new)
    fill_defaults(new)
    validate(kind, new)
    if new != old:
        note_manager(new, manager, "Update", subresource)
    return new


def _check_type(kind: Kind, body: Obj) -> None:
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


def _drop_empty_maps(obj: Obj) -> None:
    """Built-in types leave out empty maps when they are written as JSON."""
    for holder, key in ((obj["metadata"], "labels"), (obj["metadata"], "annotations"), (obj, "data")):
        if holder.get(key) == {}:
            del holder[key]


def _generation(kind: Kind, old: Obj, new: Obj) -> int:
    """One more after a change of spec; for a Deployment also after a change of annotations."""
    changed = new.get("spec") != old.get("spec")
    if kind.kind == "Deployment":
        annotations = (dig(one, "metadata", "annotations", default={}) for one in (old, new))
        changed = changed or next(annotations) != next(annotations)
    return old["metadata"]["generation"] + int(changed)


def validate(kind: Kind, obj: Obj) -> None:
    """The few checks that a client of the demo can run into; ApiError 422 with the real texts."""
    causes: list[Fault422] = []
    name = name_of(obj)
    if not name:
        text = "Required value: name or generateName is required"
        causes.append(Fault422("metadata.name", text, "FieldValueRequired"))
    elif kind.kind not in _RBAC_KINDS and not _NAME.match(name):
        causes.append(Fault422("metadata.name", f'Invalid value: "{name}": {_NAME_RULE}'))
    replicas = dig(obj, "spec", "replicas")
    if isinstance(replicas, int) and replicas < 0:
        text = f"Invalid value: {replicas}: must be greater than or equal to 0"
        causes.append(Fault422("spec.replicas", text))
    if kind.kind == "Pod" and not dig(obj, "spec", "containers"):
        causes.append(Fault422("spec.containers", "Required value", "FieldValueRequired"))
    if causes:
        raise invalid(kind.group, kind.kind, name, *causes)


def note_manager(obj: Obj, manager: str, operation: str, subresource: str = "") -> None:
    """Writes down in managedFields who owns which fields, one entry a manager (all fields of the object)."""
    owned = {key: value for key, value in obj.items() if key not in {"apiVersion", "kind", "metadata"}}
    if subresource:
        owned = {subresource: obj.get(subresource, {})}
    entry: Obj = {
        "manager": manager,
        "operation": operation,
        "apiVersion": obj["apiVersion"],
        "time": stamp(now()),
        "fieldsType": "FieldsV1",
        "fieldsV1": _field_set(owned),
    }
    if subresource:
        entry["subresource"] = subresource
    metadata: Obj = obj["metadata"]
    others = [
        known
        for known in metadata.get("managedFields", ())
        if (known["manager"], known.get("subresource", "")) != (manager, subresource)
    ]
    metadata["managedFields"] = [*others, entry]


def _field_set(value: object) -> Obj:
    """FieldsV1 of a JSON value: `f:` for fields, `k:` for list items that have a name, else nothing deeper."""
    if isinstance(value, dict):
        return {f"f:{key}": _field_set(child) for key, child in value.items()}
    if isinstance(value, list):
        named = [item for item in value if isinstance(item, dict) and "name" in item]
        return {f'k:{{"name":"{item["name"]}"}}': {".": {}, **_field_set(item)} for item in named}
    return {}
