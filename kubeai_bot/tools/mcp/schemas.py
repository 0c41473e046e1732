"""A server's JSON Schema in the small dialect that OpenAI and Gemini both read: what the model sees of a tool.

No references, no unions, no unknown keywords, bounded. It may promise more than the server accepts: arguments are
checked against the server's own schema afterwards (`checking`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from kubeai_bot.domain.message import Json
from kubeai_bot.tools.mcp.wording import clean, one_line

LARGEST = 16_000
"""Characters of one schema as JSON."""
VALUE = "value"
"""The property that holds the arguments of a tool whose schema is not of an object."""

_TYPES = ("object", "array", "string", "integer", "number", "boolean")
_ROOTS = ("object", None)
_LIMITS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
_MOST_PROPERTIES = 100
_MOST_CHOICES = 60
_MOST_NODES = 400
_STEPS = ((8, 300), (5, 120), (3, 60), (2, 0), (1, 0))
"""Depth and length of descriptions, tried in turn until the schema is small enough."""


class TooLarge(Exception):
    """Not even the outline of the schema fits."""


def simplified(schema: Mapping[str, Any]) -> Json:
    """An object schema for the model. Raises TooLarge."""
    for depth, words in _STEPS:
        found = _Outline(schema, words).of(schema, depth)
        if found.get("type") not in _ROOTS:
            found = {"type": "object", "properties": {VALUE: found}, "required": [VALUE]}
        found = {"properties": {}, **found, "type": "object"}
        if len(json.dumps(found)) <= LARGEST:
            return found
    raise TooLarge


def is_wrapped(schema: Mapping[str, Any]) -> bool:
    """Whether the server's schema is not of an object, so that the model gives one property `value`."""
    return _Outline(schema, 0).of(schema, 1).get("type") not in _ROOTS


@dataclass(slots=True)
class _Outline:
    root: Mapping[str, Any]
    words: int
    nodes: int = 0
    seen: list[int] = field(default_factory=list[int])

    def of(self, schema: object, depth: int) -> dict[str, Any]:
        """One node. Cycles, depth and number of nodes end in an open object."""
        if not isinstance(schema, Mapping):  # true and false are schemas too
            return {}
        node = cast("Mapping[str, Any]", schema)
        self.nodes += 1
        if self.nodes > _MOST_NODES or id(node) in self.seen:
            return {"type": "object"}
        self.seen.append(id(node))
        try:
            return self._shape(node, depth)
        finally:
            self.seen.pop()

    def _shape(self, node: Mapping[str, Any], depth: int) -> dict[str, Any]:
        parts, notes = [self._plain(node, depth)], list[str]()
        if (target := self._target(node.get("$ref"))) is not None:
            parts.append(self.of(target, depth))
        parts += [self.of(part, depth) for part in _list(node.get("allOf"))[:20]]
        merged = _all_of(parts)
        for union in ("anyOf", "oneOf"):
            choices = [self.of(choice, depth) for choice in _list(node.get(union))[:20] if not _is_null(choice)]
            if choices:
                chosen, note = _one_of(choices)
                merged = _all_of([merged, chosen])
                notes.append(note)
        if merged.get("type") == "array":
            merged.setdefault("items", {"type": "string"})
        return self._described(merged, node, notes)

    def _plain(self, node: Mapping[str, Any], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        kinds = [kind for kind in _list(node.get("type")) if kind in _TYPES]
        if isinstance(node.get("type"), str) and node["type"] in _TYPES:
            kinds = [node["type"]]
        if not kinds and isinstance(node.get("properties"), Mapping):
            kinds = ["object"]
        if kinds:
            found["type"] = kinds[0]
            found.update(_limits(node, kinds[0]))
        choices = [node["const"]] if "const" in node else _list(node.get("enum"))
        texts = [choice for choice in choices if isinstance(choice, str)]
        if texts and len(texts) <= _MOST_CHOICES and all(_shown_as_it_is(text) for text in texts):
            found |= {"type": "string", "enum": list(dict.fromkeys(texts))}
        if found.get("type") == "object":
            found.update(self._properties(node, depth))
        if found.get("type") == "array":
            items: Any = node.get("items", node.get("prefixItems"))
            tuples = [self.of(item, depth - 1) for item in _list(items)[:20]] if depth > 0 else []
            one = self.of(items, depth - 1) if isinstance(items, Mapping) and depth > 0 else {}
            found["items"] = one or (_one_of(tuples)[0] if tuples else {"type": "string"})
        return found

    def _properties(self, node: Mapping[str, Any], depth: int) -> dict[str, Any]:
        given: Any = node.get("properties")
        if depth <= 0 or not isinstance(given, Mapping):
            return {}
        named = [(str(name), schema) for name, schema in cast("Mapping[str, Any]", given).items()]
        required = [str(name) for name in _list(node.get("required"))]
        named.sort(key=lambda each: each[0] not in required)  # those that must be given survive a cut
        properties = {
            name: self.of(schema, depth - 1) for name, schema in named[:_MOST_PROPERTIES] if _shown_as_it_is(name)
        }
        kept = [name for name in dict.fromkeys(required) if name in properties]
        return {"properties": properties, **({"required": kept} if kept else {})}

    def _described(self, merged: dict[str, Any], node: Mapping[str, Any], notes: Iterable[str]) -> dict[str, Any]:
        said = [node.get("description") or merged.get("description") or "", *notes]
        if not isinstance(node.get("type"), str) and len(_list(node.get("type"))) > 1:
            said.append(f"({' or '.join(one_line(kind, 12) for kind in _list(node['type'])[:6])})")
        numbers = [choice for choice in _list(node.get("enum")) if not isinstance(choice, str)]
        if numbers:
            said.append(f"One of: {', '.join(one_line(json.dumps(choice), 30) for choice in numbers[:20])}.")
        if isinstance(default := node.get("default"), str | int | float | bool):
            said.append(f"Default: {one_line(json.dumps(default, ensure_ascii=False), 60)}.")
        text = one_line(" ".join(str(part) for part in said if part), self.words) if self.words else ""
        merged.pop("description", None)
        return {**merged, **({"description": text} if text else {})}

    def _target(self, reference: object) -> object | None:
        """What a reference within the document names (RFC 6901); nothing is ever fetched."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            return None
        here: Any = self.root
        for step in reference[1:].split("/")[1:20]:
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(here, Mapping) or key not in here:
                return None
            here = cast("Mapping[str, Any]", here)[key]
        return here


def _all_of(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            if key == "properties":
                merged[key] = {**merged.get(key, {}), **value}
            elif key == "required":
                merged[key] = list(dict.fromkeys([*merged.get(key, []), *value]))
            else:
                merged.setdefault(key, value)
    return merged


def _one_of(choices: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], str]:
    """The choices as one: objects share their properties, texts their values; of others the first is shown and the rest
    is put into words."""
    kinds = list(dict.fromkeys(str(choice["type"]) for choice in choices if "type" in choice))
    first = dict(choices[0])
    if kinds == ["object"]:
        first = {**_all_of(choices), "properties": _shared(choices)}
        common = [set(choice.get("required", ())) for choice in choices]
        needed = [name for name in first.get("required", ()) if all(name in names for names in common)]
        first.pop("required", None)
        return {**first, **({"required": needed} if needed else {})}, ""
    if kinds == ["string"]:
        if all("enum" in choice for choice in choices):
            return {
                "type": "string",
                "enum": list(dict.fromkeys(text for each in choices for text in each["enum"])),
            }, ""
        return {"type": "string"}, ""
    return first, f"({' or '.join(kinds)})" if len(kinds) > 1 else ""


def _shared(choices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Every property of any of the objects; what several of them have is one of what they say."""
    found: dict[str, list[dict[str, Any]]] = {}
    for choice in choices:
        for name, schema in choice.get("properties", {}).items():
            found.setdefault(name, []).append(schema)
    return {name: _one_of(schemas)[0] for name, schemas in found.items()}


def _limits(node: Mapping[str, Any], kind: str) -> dict[str, Any]:
    fitting = {"string": _LIMITS[2:4], "array": _LIMITS[4:], "integer": _LIMITS[:2], "number": _LIMITS[:2]}
    found: dict[str, Any] = {}
    for name in fitting.get(kind, ()):
        value = node.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53:
            found[name] = value
    return found


def _is_null(choice: object) -> bool:
    return isinstance(choice, Mapping) and cast("Mapping[str, Any]", choice).get("type") == "null"


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _shown_as_it_is(text: str) -> bool:
    """Names and values must reach the server unchanged, so those that would need cleaning are not shown at all."""
    return 0 < len(text) <= 100 and clean(text) == text and "\n" not in text
