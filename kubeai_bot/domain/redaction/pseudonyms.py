"""What stands where a secret stood: `<redacted:1a2b3c4d>`, the same for the same secret within one session."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

MARKER = re.compile(r"<redacted:[0-9a-f]{6,64}>")
"""A pseudonym as `Pseudonyms.mark` writes it."""

_STEM = b"<redacted:"


def _encodings_of_the_stem() -> list[str]:
    """The stem as it looks inside base64 text, for each of the three ways it can fall on the 3-byte groups."""
    inner: list[str] = []
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + _STEM).decode()
        first, last = (0, 2, 3)[shift], (len(_STEM) + shift) * 8 // 6
        inner.append(re.escape(text[first:last]))
    return inner


_DISGUISED = re.compile(
    r"(?:<|&lt;|\\u003c|%3c)\s*redacted\s*(?::|%3a)|" + "|".join(f"(?-i:{text})" for text in _encodings_of_the_stem()),
    re.IGNORECASE,
)


class Pseudonyms:
    """The pseudonyms of one session, under its `key`."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mark(self, secret: str) -> str:
        """The marker for a secret; a text that is a marker already stays as it is."""
        if MARKER.fullmatch(secret):
            return secret
        digest = hmac.digest(self._key, secret.encode("utf-8", "surrogatepass"), "sha256").hex()
        return f"<redacted:{digest[:8]}>"

    def running(self) -> RunningMark:
        """A marker for a secret that arrives in pieces."""
        return RunningMark(self._key)


class RunningMark:
    """A marker in the making: feed it the secret's pieces, in order, in constant memory."""

    def __init__(self, key: bytes) -> None:
        self._hmac = hmac.new(key, digestmod=sha256)

    def add(self, piece: str) -> None:
        """The next piece."""
        self._hmac.update(piece.encode("utf-8", "surrogatepass"))

    def mark(self) -> str:
        """The marker for all pieces so far."""
        return f"<redacted:{self._hmac.hexdigest()[:8]}>"


def has_marker(document: object) -> bool:
    """Whether a text, or any key or string in parsed JSON, holds a marker. Disguises count too: HTML, URL or JSON
    escapes, capitals, base64. For refusing writes that would store a pseudonym in place of a secret."""
    open_parts: list[object] = [document]
    while open_parts:
        part = open_parts.pop()
        if isinstance(part, str):
            if _DISGUISED.search(part):
                return True
        elif isinstance(part, bytes):
            open_parts.append(part.decode("utf-8", "replace"))
        elif isinstance(part, Mapping):
            mapping: Mapping[Any, Any] = part
            open_parts.extend(mapping.keys())
            open_parts.extend(mapping.values())
        elif isinstance(part, Sequence):
            open_parts.extend(part)
    return False
