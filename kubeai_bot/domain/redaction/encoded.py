"""Secrets inside base64: decoded once and searched."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator

Span = tuple[int, int]

RUN = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}", re.ASCII)
"""What may be base64, or a token."""
_MIXED = re.compile(r"(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])(?=[^0-9]*[0-9])[A-Za-z0-9/+]+", re.ASCII)
_LENGTHS = frozenset({40, 64, 70, 76})
"""Of an AWS secret access key; of the lines of private keys."""
_LONGEST = 64 * 1024
_GZIP = ("H4sI", "SDRzSU")
"""base64 of gzip's first bytes, once and (as in a Helm Secret's API form) twice."""


def encoded(
    runs: list[re.Match[str]], holds_a_secret: Callable[[str], bool], *, random_is_secret: bool
) -> Iterator[Span]:
    """Those of `runs` whose decoded text holds a secret by `holds_a_secret`, and what nobody can look into:
    gzip, and runs of more than 64 KiB."""
    for run in runs:
        text = run[0]
        if text.startswith(_GZIP) or len(text) > _LONGEST:
            yield run.span()
            continue
        if text.isdigit():
            continue
        if (random_is_secret and len(text) in _LENGTHS and _looks_random(text)) or _decodes_to_a_secret(
            text, holds_a_secret
        ):
            yield run.span()


def _looks_random(text: str) -> bool:
    """Mixed characters without a word. Paths and camel-cased identifiers have long words."""
    if not _MIXED.fullmatch(text) or text[:2].lower() == "0x":
        return False
    letters = re.findall(r"[A-Z]?[a-z]+", text)
    return len(set(text)) >= 20 and max(map(len, letters), default=0) <= 7 and text.count("/") <= 6


def _decodes_to_a_secret(text: str, holds_a_secret: Callable[[str], bool]) -> bool:
    bare = text.rstrip("=")
    if len(bare) % 4 == 1:
        return False
    try:
        decoded = base64.b64decode(
            bare + "=" * (-len(bare) % 4), altchars=b"-_" if "-" in bare or "_" in bare else None
        )
    except (binascii.Error, ValueError):
        return False
    try:
        plain = decoded.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return any(map(holds_a_secret, plain.splitlines())) or _is_one_login(plain)


def _is_one_login(plain: str) -> bool:
    user, colon, password = plain.strip().partition(":")
    return (
        bool(colon)
        and plain.isprintable()
        and " " not in plain
        and len(password) >= 6
        and user.isascii()
        and (user.replace("-", "").replace("_", "").replace(".", "").isalnum() and not password.startswith("//"))
    )
