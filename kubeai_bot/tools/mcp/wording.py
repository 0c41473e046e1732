"""Text that an MCP server wrote, made fit to be read: nothing invisible, nothing that moves other text, bounded."""

from __future__ import annotations

import re

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*\x1b\\|[@-Z\\-_])")
_BREAKS = re.compile("\r\n|[\r\u0085\u2028\u2029]")
# Categories Cc without tab and newline, Cf, Cs, Co and noncharacters of the planes in use, and variation selectors,
# which smuggle text as well as tags do (Unicode 16).
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\ufffe\uffff\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)


def clean(text: str) -> str:
    """Without terminal sequences and invisible characters; other line breaks become newlines."""
    return _INVISIBLE.sub("", _BREAKS.sub("\n", _ESCAPES.sub("", text)))


def bounded(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def one_line(text: object, limit: int = 200) -> str:
    """Clean, on one line, at most `limit` characters."""
    return bounded(" ".join(clean(str(text)[: limit * 20]).split()), limit)


def counted(number: int, noun: str) -> str:
    """`1 tool`, `2 tools`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def size(number: float) -> str:
    """`512 bytes`, `12.3 kB`, `4.0 MB`."""
    if number < 1000:
        return f"{number:.0f} bytes"
    return f"{number / 1000:.1f} kB" if number < 1_000_000 else f"{number / 1_000_000:.1f} MB"
