"""Code fences, read line by line: the one opinion on where code begins and ends that the whole room shares.

Where a fence of a list item ends is hard to say without parsing all of Markdown, and Slack shows code at the top level
anyway. So every fence is *put out* at column 0, which ends whatever it stood in: then all readers agree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 12
"""A longer fence is taken for text: what opens it again on the next page must be short."""

_MARKERS = r"(?P<markers>(?:[ \t]*(?:[-*+]|\d{1,9}[.)])(?=[ \t]))*)"
_OPENS = re.compile(_MARKERS + r"(?P<space>[ \t]*)(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)$")
_MAY_OPEN = re.compile(_MARKERS + r"[ \t]*(?:[-*+]|\d{1,9}[.)]?|`{0,2}|~{0,2}|`{3,}[^`\n]*|~{3,}[^\n]*)$")
_INFO = re.compile(r"[\w+#.\-]{1,30}$")


@dataclass(frozen=True, slots=True)
class Fence:
    """An open code fence. `info` is its language, or ""; `markers` the list markers on its line; `indent` how many
    characters stand before it, and before each line of its code."""

    char: str
    length: int
    info: str = ""
    indent: int = 0
    markers: str = ""

    def closed_by(self, line: str) -> bool:
        """Whether `line` (without its newline) ends the code."""
        stripped = line.strip(" \t")
        indent = len(line) - len(line.lstrip(" \t"))
        return indent <= self.indent + 3 and len(stripped) >= self.length and set(stripped) == {self.char}

    @property
    def marker(self) -> str:
        """The fence in backticks, which every Markdown reader knows."""
        return "`" * self.length

    @property
    def opening(self) -> str:
        return f"{self.marker}{self.info}\n"


def opened_by(line: str) -> Fence | None:
    """The fence that `line` (without its newline) opens, if it does."""
    match = _OPENS.match(line)
    if match is None:
        return None
    fence, info = match["fence"], match["info"].strip()
    if len(fence) > LONGEST or (fence[0] == "`" and "`" in info):
        return None
    indent = len(match["markers"]) + len(match["space"])
    return Fence(fence[0], len(fence), info if _INFO.match(info) else "", indent, match["markers"])


def fence_span(line: str) -> tuple[int, int] | None:
    """Where the fence stands in a line that opens one for readers less particular than we are."""
    match = _OPENS.match(line)
    return match.span("fence") if match is not None else None


def may_open(beginning: str) -> bool:
    """Whether a line that begins like this may still turn out to open a fence."""
    return _MAY_OPEN.match(beginning) is not None
