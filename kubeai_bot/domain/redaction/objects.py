"""Kubernetes objects and other JSON documents: redacted by what the document says about itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kubeai_bot.domain.redaction.finder import Finder, parse_json
from kubeai_bot.domain.redaction.names import Promise, is_secret_value, promise
from kubeai_bot.domain.redaction.pseudonyms import Pseudonyms
from kubeai_bot.domain.redaction.structure import canonical

_DEPTH = 100
_DATA = frozenset({"data", "stringData", "binaryData"})
_SECRET_TYPES = ("Opaque", "kubernetes.io/", "bootstrap.kubernetes.io/", "helm.sh/release")
_TELLING = frozenset("=:@$/|\n<")
_NAMES = ("name", "key", "path", "header", "variable")
"""Fields that name the `value` beside them: environment variables, headers, parameters, JSON patches."""


class Walk:
    """One document's redaction; `found` counts the secrets so far. Never changes what it is given."""

    def __init__(
        self, pseudonyms: Pseudonyms, finder: Finder, redact_text: Callable[[str, int], tuple[str, int]]
    ) -> None:
        self._pseudonyms = pseudonyms
        self._finder = finder
        self._redact_text = redact_text
        self.found = 0

    def node(self, node: object, depth: int, level: int = 0, name: str = "") -> Any:
        """`node` redacted: `level` below the top of a document that is nested in `depth` texts; `name` is its key."""
        if level > _DEPTH:
            return self._mark("nested too deeply to look into")
        if isinstance(node, str):
            return self._string(node, depth, name)
        if node is None or isinstance(node, bool):
            return node
        if isinstance(node, int | float):
            return self._number(node, name)
        if isinstance(node, dict | Mapping):  # the first is the usual one, and is found out faster
            return self._object(node, depth, level)
        if isinstance(node, Sequence) and not isinstance(node, bytes | bytearray):
            return self._list(node, depth, level, name)
        return self._string(node.decode("utf-8", "replace") if isinstance(node, bytes) else str(node), depth, name)

    def _object(self, node: Mapping[Any, Any], depth: int, level: int) -> dict[Any, Any]:
        is_secret = _is_secret(node)
        named = _name_of(node) if "value" in node or "default" in node else ""
        result: dict[Any, Any] = {}
        for key, value in node.items():
            shown = self._key(key)
            if is_secret and key in _DATA:
                result[shown] = self._all(value, level)
            elif key == "items" and node.get("kind") == "SecretList" and isinstance(value, list):
                result[shown] = [self._secret(item, depth, level + 1) for item in value]
            elif key in {"value", "default"} and named:
                result[shown] = self.node(value, depth, level + 1, named.rsplit("/", 1)[-1])
            else:
                result[shown] = self.node(value, depth, level + 1, key if isinstance(key, str) else "")
        return result

    def _secret(self, item: object, depth: int, level: int) -> Any:
        """An item of a SecretList, which does not say its kind."""
        if not isinstance(item, Mapping):
            return self._all(item, level)
        redacted = self._object(item, depth, level)
        return {**redacted, **{key: self._all(item[key], level) for key in _DATA if key in item}}

    def _all(self, node: object, level: int) -> Any:
        """Every scalar below replaced, keys kept."""
        if level > _DEPTH:
            return self._mark("nested too deeply to look into")
        if isinstance(node, Mapping):
            return {key: self._all(value, level + 1) for key, value in node.items()}
        if isinstance(node, list | tuple):
            return [self._all(value, level + 1) for value in node]
        if node is None or node == "":
            return node
        return self._mark(canonical(node) if isinstance(node, str) else str(node))

    def _list(self, node: Sequence[Any], depth: int, level: int, name: str) -> list[Any]:
        result = [self.node(item, depth, level + 1, name) for item in node]
        if len(result) > 1 and all(isinstance(item, str) for item in result):
            return self._command(result)
        return result

    def _command(self, words: list[str]) -> list[str]:
        """Flags whose value is the next item of the list, as in `command` and `args`."""
        line = json.dumps(words, ensure_ascii=False)
        found = [one for one in self._finder.find(line, depth=_DEPTH) if one.replacement is None]
        if not found:
            return words
        redacted, count = self._finder.render(line, found, 0, len(line))
        parsed = parse_json(redacted)
        self.found += count
        if parsed is None or not isinstance(parsed[0], list) or len(parsed[0]) != len(words):
            return [self._mark(word) for word in words]
        return parsed[0]

    def _string(self, text: str, depth: int, name: str) -> str:
        promised = promise(name) if name else Promise.NOTHING
        if promised is not Promise.NOTHING and is_secret_value(name, text, promised):
            return self._mark(canonical(text))
        if len(text) < 14 and _TELLING.isdisjoint(text):  # too short for any kind that needs no name
            return text
        if text.lstrip()[:1] in {"{", "["} and "\n" in text.strip():
            parsed = parse_json(text, len(text) - len(text.lstrip()))
            if parsed is not None and not text[parsed[1] :].strip():
                return self._document(text, parsed[0], depth)
        redacted, count = self._redact_text(text, depth) if "\n" in text else self._finder.redact(text, depth)
        self.found += count
        return redacted

    def _document(self, text: str, document: object, depth: int) -> str:
        before = self.found
        redacted = self.node(document, depth + 1, depth * 10)
        return text if self.found == before else json.dumps(redacted, indent=2, ensure_ascii=False)

    def _number(self, number: float, name: str) -> Any:
        if name and promise(name) is Promise.PASSWORD and len(str(number)) >= 4:
            return self._mark(str(number))
        return number

    def _key(self, key: Any) -> Any:
        if not isinstance(key, str) or len(key) < 16:
            return key
        redacted, count = self._finder.redact(key, _DEPTH)
        self.found += count
        return redacted

    def _mark(self, secret: str) -> str:
        mark = self._pseudonyms.mark(secret)
        if mark != secret:
            self.found += 1
        return mark


def _name_of(node: Mapping[Any, Any]) -> str:
    return next((node[key] for key in _NAMES if isinstance(node.get(key), str)), "")


def _is_secret(node: Mapping[Any, Any]) -> bool:
    if node.get("kind") == "Secret" or "stringData" in node:
        return True
    kind, of_type = node.get("kind"), node.get("type")
    return kind is None and "data" in node and isinstance(of_type, str) and of_type.startswith(_SECRET_TYPES)
