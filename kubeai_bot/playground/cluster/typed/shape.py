"""What a schema says about one value: its fields, how lists and maps are merged, and which items are the same item."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from typing import Any, Literal

from kubeai_bot.playground.cluster.kinds import Kind
from kubeai_bot.playground.cluster.objects import Obj
from kubeai_bot.playground.cluster.schemas import REFERENCE, builtin_schemas

Scalar = Literal["string", "numeric", "boolean", "untyped", ""]
_SCALARS: dict[str, Scalar] = {"string": "string", "integer": "numeric", "number": "numeric", "boolean": "boolean"}


class Shape:
    """A schema with its references followed. Unknown parts are untyped: maps merge, lists are replaced."""

    def __init__(self, schema: Obj, known: Mapping[str, Obj]) -> None:
        reference = schema.get("$ref") or next((one.get("$ref") for one in schema.get("allOf", ())), None)
        self.type_name = str(reference or "").removeprefix(REFERENCE)
        self._schema: Obj = {**known.get(self.type_name, {}), **schema} if reference else schema
        self._known = known

    @cached_property
    def fields(self) -> dict[str, Shape]:
        return {name: Shape(child, self._known) for name, child in self._schema.get("properties", {}).items()}

    @cached_property
    def values(self) -> Shape | None:
        """The shape of the values of a map, or of what stands in unknown fields; None if there may be none."""
        more = self._schema.get("additionalProperties")
        if isinstance(more, dict):
            return Shape(more, self._known)
        open_ended = more is True or self._schema.get("x-kubernetes-preserve-unknown-fields") or not self.fields
        return UNTYPED if open_ended else None

    @cached_property
    def items(self) -> Shape:
        return Shape(self._schema["items"], self._known) if "items" in self._schema else UNTYPED

    @property
    def scalar(self) -> Scalar:
        """The kind of scalar this is; empty for maps and lists."""
        kind = self._schema.get("type")
        if kind in {"object", "array"}:
            return ""
        if "oneOf" in self._schema or self._schema.get("x-kubernetes-int-or-string"):
            return "untyped"
        return _SCALARS.get(kind or "", "untyped")

    @property
    def type(self) -> str:
        return self._schema.get("type", "")

    @property
    def format(self) -> str:
        return self._schema.get("format", "")

    @property
    def is_quantity(self) -> bool:
        return self.type_name.endswith(".Quantity")

    @property
    def atomic(self) -> bool:
        """Whether the value is owned and replaced as a whole."""
        if self.type == "array":
            return self._schema.get("x-kubernetes-list-type", "atomic") == "atomic"
        return self._schema.get("x-kubernetes-map-type") == "atomic"

    @property
    def keys(self) -> list[str]:
        """The fields that tell the items of a list apart; empty for sets."""
        return self._schema.get("x-kubernetes-list-map-keys", [])

    @property
    def by_value(self) -> bool:
        """A struct that the server's types hold by value: it cannot be absent."""
        return self._schema.get("default") == {}

    @property
    def default(self) -> Any:
        return self._schema.get("default")

    @property
    def merge_key(self) -> str:
        """The key by which a strategic merge patch merges this list; empty if it replaces it."""
        return self._schema.get("x-kubernetes-patch-merge-key", "") if "merge" in self.strategies else ""

    @property
    def strategies(self) -> list[str]:
        return self._schema.get("x-kubernetes-patch-strategy", "").split(",")

    @property
    def required(self) -> list[str]:
        return self._schema.get("required", [])

    def field(self, name: str) -> Shape | None:
        """The shape of one field or map value; None for a field that is not declared."""
        return self.fields.get(name) or self.values

    def children(self, value: Any) -> Iterator[tuple[str, Any, Shape]]:
        """(path element, value, shape) of what a granular map or list holds; undeclared fields are left out."""
        if isinstance(value, dict):
            for name, child in value.items():
                shape = self.field(name)
                if shape is not None:
                    yield f"f:{name}", child, shape
        elif isinstance(value, list):
            for item in value:
                yield self.element(item), item, self.items

    def element(self, item: Any) -> str:
        """How FieldsV1 names an item of this list: by its keys (with their defaults), or by its value in a set."""
        if not self.keys:
            return f"v:{_compact(item)}"
        known: Obj = item if isinstance(item, dict) else {}
        found: Obj = {}
        for key in self.keys:
            shape = self.items.field(key)
            value = known.get(key, shape.default if shape else None)
            if value is not None:
                found[key] = value
        return f"k:{_compact(found)}"


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


UNTYPED = Shape({}, {})


def shape_of(kind: Kind) -> Shape:
    """The shape of a kind's objects: built-in by name, custom from its definition; untyped if none is known."""
    if kind.custom:
        return _custom_shape(kind.schema or {"x-kubernetes-preserve-unknown-fields": True})
    return _builtin_shape(kind.type_name)


@cache
def _builtin_shape(type_name: str) -> Shape:
    known = builtin_schemas()
    return Shape({"$ref": REFERENCE + type_name}, known) if type_name in known else UNTYPED


def _custom_shape(schema: Obj) -> Shape:
    texts = {field: {"type": "string"} for field in ("apiVersion", "kind")}
    metadata = {"$ref": f"{REFERENCE}io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
    properties = {**schema.get("properties", {}), **texts, "metadata": metadata}
    return Shape({**schema, "properties": properties}, builtin_schemas())
