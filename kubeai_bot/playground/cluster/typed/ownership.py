"""Who owns which fields: managedFields, kept by every write and asked by server-side apply (KEP-555)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kubeai_bot.playground.cluster.objects import Obj, copied, dig, now, stamp
from kubeai_bot.playground.cluster.status import ApiError
from kubeai_bot.playground.cluster.typed.comparing import compare, field_set
from kubeai_bot.playground.cluster.typed.fieldsets import (
    FieldSet,
    from_fields_v1,
    in_order,
    path_text,
    to_fields_v1,
)
from kubeai_bot.playground.cluster.typed.merging import merge, remove, with_named_fields
from kubeai_bot.playground.cluster.typed.shape import Shape

_NOBODYS = frozenset(
    {
        ("f:apiVersion",),
        ("f:kind",),
        ("f:metadata",),
        *(
            ("f:metadata", f"f:{field}")
            for field in (
                "name",
                "namespace",
                "uid",
                "resourceVersion",
                "generation",
                "creationTimestamp",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
                "managedFields",
                "selfLink",
            )
        ),
    }
)


@dataclass(frozen=True)
class Manager:
    """Who writes: entries with the same manager are one. `api_version` tells only Update entries apart."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""

    @property
    def identity(self) -> tuple[str, ...]:
        version = "" if self.operation == "Apply" else self.api_version
        return (self.name, self.operation, version, self.subresource)

    @property
    def text(self) -> str:
        """As conflicts name it."""
        sub = f' with subresource "{self.subresource}"' if self.subresource else ""
        using = f" using {self.api_version}" if self.operation == "Update" else ""
        return f'"{self.name}"{sub}{using}'


@dataclass(frozen=True)
class Owned:
    """One entry of managedFields."""

    manager: Manager
    fields: FieldSet
    time: str


def owners_of(obj: Obj) -> list[Owned]:
    """The entries of an object's managedFields."""
    return [
        Owned(
            Manager(entry["manager"], entry["operation"], entry["apiVersion"], entry.get("subresource", "")),
            from_fields_v1(entry.get("fieldsV1", {})),
            entry.get("time", ""),
        )
        for entry in dig(obj, "metadata", "managedFields", default=[])
    ]


def write_owners(obj: Obj, owners: list[Owned]) -> None:
    """Puts the entries into `obj`: appliers first, then by time and name."""
    order = sorted(owners, key=lambda owned: (owned.manager.operation, owned.time, owned.manager.identity))
    obj["metadata"]["managedFields"] = [_entry(owned) for owned in order if owned.fields]
    if not obj["metadata"]["managedFields"]:
        del obj["metadata"]["managedFields"]


def _entry(owned: Owned) -> Obj:
    manager = owned.manager
    entry = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": manager.api_version,
        "time": owned.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": to_fields_v1(owned.fields),
    }
    return {**entry, "subresource": manager.subresource} if manager.subresource else entry


def note_update(old: Obj | None, new: Obj, manager: Manager, shape: Shape, *, at: datetime | None = None) -> None:
    """Gives `manager` what it changed from `old` (None: it made the object) to `new`, and takes it from the others."""
    owners = owners_of(old) if old is not None else []
    before: Obj = _plain(old) if old is not None else {"metadata": {}}
    change = compare(before, _plain(new), shape).without(_NOBODYS)
    taken = change.added | change.modified
    lost = taken | change.removed
    kept = [replace(owned, fields=owned.fields - lost) for owned in owners]
    if taken:
        mine = next((owned for owned in owners if owned.manager.identity == manager.identity), None)
        fields = frozenset(((mine.fields if mine else frozenset()) - change.removed) | taken)
        kept = [owned for owned in kept if owned.manager.identity != manager.identity]
        kept.append(Owned(manager, fields, stamp(at or now())))
    write_owners(new, kept)


def apply(live: Obj, config: Obj, manager: Manager, shape: Shape, *, force: bool, shown_version: str = "") -> Obj:
    """`live` with the applied configuration, and the owners after that; an object to be made has no uid yet.

    What the manager applied before and does not state any more is removed, unless somebody else owns it. ApiError 409
    with a cause for each field that another manager owns and the configuration changes, unless `force`; it names
    managers with `shown_version` if that is given.
    """
    owners = owners_of(live) or _first_owners(live, shape)
    before = _plain(live)
    others = [owned for owned in owners if owned.manager.identity != manager.identity]
    mine = next((owned for owned in owners if owned.manager.identity == manager.identity), None)
    everything = field_set(config, shape)
    stated = Owned(manager, everything - _NOBODYS, mine.time if mine else "")
    after = merge(before, config, shape)
    if mine is not None:
        pruned = _pruned(after, mine.fields, everything.union(*(owned.fields for owned in others)), shape)
        # an empty map that is stated stays, though all that was in it is gone
        after = merge(pruned, config, shape)
    change = compare(before, after, shape).without(_NOBODYS)
    taken = frozenset(change.added | change.modified)
    conflicts = [(owned.manager, owned.fields & taken) for owned in others if owned.fields & taken]
    if conflicts and not force:
        raise _conflict([(replace(one, api_version=shown_version or one.api_version), at) for one, at in conflicts])
    kept = [replace(owned, fields=owned.fields - taken - change.removed) for owned in others]
    changed = after != before or mine is None or mine.fields != stated.fields
    write_owners(after, [*kept, replace(stated, time=stamp(now()) if changed else stated.time)])
    return after


def _first_owners(live: Obj, shape: Shape) -> list[Owned]:
    """Fields that were there before anybody kept account belong to a manager of that name."""
    if "uid" not in live["metadata"]:
        return []
    noted = copied(live)
    note_update(None, noted, Manager("before-first-apply", "Update", live["apiVersion"]), shape)
    return owners_of(noted)


def _pruned(merged: Obj, last: FieldSet, owned: FieldSet, shape: Shape) -> Obj:
    """Without what was applied last and is not owned (or stated) now; what was never applied stays."""
    everything = with_named_fields(field_set(merged, shape), shape)
    bare: Any = remove(merged, with_named_fields(last, shape), shape) or {}
    left = with_named_fields(field_set(bare, shape), shape)
    pruned: Any = remove(merged, everything - left - with_named_fields(owned, shape), shape) or {}
    left = with_named_fields(field_set(pruned, shape), shape)
    return remove(merged, (everything - left) & with_named_fields(last, shape), shape) or {}


def _plain(obj: Obj) -> Obj:
    """The object without managedFields."""
    return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key != "managedFields"}}


def _conflict(conflicts: list[tuple[Manager, FieldSet]]) -> ApiError:
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {manager.text}", "field": path_text(path)}
        for manager, paths in conflicts
        for path in in_order(paths)
    ]
    if len(causes) == 1:
        text = f"Apply failed with 1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    else:
        parts = [
            f"conflicts with {manager.text}:" + "".join(f"\n- {path_text(path)}" for path in in_order(paths))
            for manager, paths in sorted(conflicts, key=lambda conflict: conflict[0].text)
        ]
        text = f"Apply failed with {len(causes)} conflicts: " + "\n".join(parts)
    return ApiError(409, "Conflict", text, {"causes": causes})
