"""Schemas of the built-in types: every field that a 1.36 server declares, with short words for the common ones.

`typed/types.txt` has a line for each type and, indented, one for each field: its name (`!` if required), its type, and
flags. A type is a scalar (see `_SCALARS`), a type of the same prefix, `core.v1.PodSpec` for another one, or `[]`
(list of) or `{}` (map of) before one of these; `=` marks a struct held by value, which is never absent in Go. Flags:
`map:KEYS` and `set` for lists that are merged (others are replaced as a whole), `atomic` and `granular` for maps,
`merge:KEY` (and `retainKeys`, `replace`) for strategic merge patches, `default` (the zero value) or `default:VALUE`.

`typed/words.txt` describes types and fields for `kubectl explain`. In both, a line that starts with `#` sets the
prefix of the types below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from kubeai_bot.playground.cluster.objects import Obj

REFERENCE = "#/components/schemas/"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_TIME = f"{_META}.Time"
_MICRO_TIME = f"{_META}.MicroTime"
_FIELDS = f"{_META}.FieldsV1"
_RAW = "io.k8s.apimachinery.pkg.runtime.RawExtension"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_TEXT: Obj = {"type": "string"}
_SCALARS: dict[str, Obj] = {
    "string": _TEXT,
    "bytes": {"type": "string", "format": "byte"},
    "boolean": {"type": "boolean"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
}
_NAMED: dict[str, Obj] = {
    _TIME: {"type": "string", "format": "date-time"},
    _MICRO_TIME: {"type": "string", "format": "date-time"},
    _FIELDS: {"type": "object"},
    _RAW: {"type": "object"},
    _QUANTITY: {"oneOf": [{"type": "string"}, {"type": "number"}]},
    _INT_OR_STRING: {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
}
_REFERRED = {
    "time": _TIME,
    "microtime": _MICRO_TIME,
    "fields": _FIELDS,
    "raw": _RAW,
    "quantity": _QUANTITY,
    "int-or-string": _INT_OR_STRING,
}
_ZERO = {"string": "", "boolean": False, "integer": 0}


@cache
def builtin_schemas() -> Mapping[str, Obj]:
    """Full type name (`io.k8s.api.core.v1.Pod`) to schema, not to be changed; references are by `$ref`."""
    schemas: dict[str, Obj] = {name: dict(schema) for name, schema in _NAMED.items()}
    current: Obj = {}
    prefix = ""
    for indented, prefix, words in _lines("types.txt"):
        if not indented:
            current = {"type": "object", "properties": {}}
            if len(words) > 1:
                current["x-kubernetes-map-type"] = words[1]
            schemas[f"{prefix}.{words[0]}"] = current
            continue
        name, kind, *flags = words
        if name.endswith("!"):
            name = name[:-1]
            current.setdefault("required", []).append(name)
        current["properties"][name] = _field(kind, flags, prefix)
    _describe(schemas)
    return schemas


def _lines(file: str) -> Iterator[tuple[bool, str, list[str]]]:
    """(is indented, prefix, words) of each line but the prefixes themselves."""
    prefix = ""
    text = files("kubeai_bot.playground.cluster.typed").joinpath(file).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("#"):
            prefix = line.removeprefix("# ")
        else:
            yield line.startswith(" "), prefix, line.split()


def _describe(schemas: dict[str, Obj]) -> None:
    current: Obj = {}
    for indented, prefix, words in _lines("words.txt"):
        name, description = words[0].removesuffix(":"), " ".join(words[1:])
        if indented:
            current["properties"][name]["description"] = description
        else:
            current = schemas[f"{prefix}.{name}"]
            current["description"] = description


def _field(kind: str, flags: list[str], prefix: str) -> Obj:
    by_value = kind.startswith("=")
    schema = _typed(kind.removeprefix("="), prefix)
    if by_value:
        schema["default"] = {}
    for flag in flags:
        word, _, value = flag.partition(":")
        if word == "default":
            schema["default"] = value or _ZERO[schema["type"]]
        elif word == "map":
            schema.update({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": value.split(",")})
        elif word == "set":
            schema["x-kubernetes-list-type"] = "set"
        elif word in {"atomic", "granular"}:
            schema["x-kubernetes-map-type"] = word
        else:
            schema["x-kubernetes-patch-strategy"] = word.replace("+", ",")
            if value:
                schema["x-kubernetes-patch-merge-key"] = value
    return schema


def _typed(kind: str, prefix: str, *, inner: bool = False) -> Obj:
    if kind.startswith("[]"):
        items = _typed(kind[2:], prefix, inner=True)
        return {"type": "array", "items": items, "x-kubernetes-list-type": "atomic"}
    if kind.startswith("{}"):
        return {"type": "object", "additionalProperties": _typed(kind[2:], prefix, inner=True)}
    if kind in _SCALARS:
        return dict(_SCALARS[kind])
    reference = {"$ref": REFERENCE + _full_name(kind, prefix)}
    return reference if inner else {"allOf": [reference]}


def _full_name(kind: str, prefix: str) -> str:
    if kind in _REFERRED:
        return _REFERRED[kind]
    if "." not in kind:
        return f"{prefix}.{kind}"
    return f"io.k8s.apimachinery.pkg.apis.{kind}" if kind.startswith("meta.") else f"io.k8s.api.{kind}"
