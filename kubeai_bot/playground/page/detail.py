"""Whatever passes by, as JSON that is small enough to show and holds no secret."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from json import dumps
from math import isfinite
from typing import Any

LONGEST_TEXT = 4_000
"""Characters of one text that are shown."""

LONGEST_LIST = 200
DEEPEST = 24

_SECRET_KEYS = frozenset({"token", "authorization", "cookie", "client_secret", "signing_secret", "api_key"})
_HIDDEN = "•••"


class Details:
    """Makes details for the inspector. `secrets` are texts that appear nowhere, whatever they stand in,
    nor as they are written in JSON."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= 6 for form in (secret, dumps(secret)[1:-1])}
        self._secrets = sorted(forms, key=len, reverse=True)  # a short one may be the beginning of a long one

    def of(self, value: object, depth: int = 0) -> Any:
        """`value` as JSON: dataclasses and mappings as objects, long texts and lists cut with a word about it."""
        if depth > DEEPEST:
            return "…"
        match value:
            case None | bool() | int():
                return value
            case float():
                return value if isfinite(value) else str(value)
            case Enum():
                return self.of(value.value, depth)
            case str():
                return self.text(value)
            case datetime():
                return value.isoformat()
            case bytes() | bytearray():
                return f"{len(value)} bytes"
            case _:
                return self._collection(value, depth)

    def _collection(self, value: object, depth: int) -> Any:
        if is_dataclass(value):
            return {field.name: self.of(getattr(value, field.name), depth + 1) for field in fields(value)}
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._entry(str(key), item, depth) for key, item in value.items()}
        if isinstance(value, Iterable):
            items = list(value)
            shown = [self.of(item, depth + 1) for item in items[:LONGEST_LIST]]
            return shown + ([f"… {len(items) - LONGEST_LIST} more"] if len(items) > LONGEST_LIST else [])
        return self.text(str(value))

    def _entry(self, key: str, item: object, depth: int) -> Any:
        return _HIDDEN if key.lower() in _SECRET_KEYS and isinstance(item, str) else self.of(item, depth + 1)

    def text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        if len(text) > LONGEST_TEXT:
            return f"{text[:LONGEST_TEXT]}… ({len(text) - LONGEST_TEXT:,} more characters)"
        return text
