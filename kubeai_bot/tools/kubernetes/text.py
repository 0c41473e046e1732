"""Text for models: aligned, bounded, with an exact word on what was left out, and free of control characters."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ANSI = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[PX^_][^\x1b]*\x1b\\|[@-Z\\-_])")
# C0 and C1 without tab and newline, bidirectional overrides, zero-width and other invisible characters.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")


def clean(text: str) -> str:
    """Cluster text without terminal sequences and invisible characters; carriage returns become newlines."""
    return _CONTROL.sub("", _ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def escaped(text: str) -> str:
    """Text with invisible and control characters written out (`\\u202e`), so that nothing hides from who decides."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_line(text: object, limit: int = 300) -> str:
    """On one line, at most `limit` characters: causes stand at the end of messages, so it is the middle that goes."""
    line = " ".join(str(text).split())
    if len(line) <= limit:
        return line
    tail = limit // 3
    return f"{line[: limit - tail - 1]}…{line[-tail:]}"


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of left-aligned columns, two spaces apart, without trailing spaces and without columns that are empty in
    every row."""
    columns = [column for column in zip(*rows, strict=True) if any(column)]
    if header:
        columns = [
            (title, *column) for title, column in zip(header, zip(*rows, strict=True), strict=True) if any(column)
        ]
    widths = [max(map(len, column)) for column in columns]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in zip(*columns, strict=True)]


def fitting(lines: Sequence[str], budget: int) -> int:
    """How many of the first lines fit into `budget` characters; at least one."""
    used = 0
    for count, line in enumerate(lines):
        used += len(line) + 1
        if used > budget:
            return max(count, 1)
    return len(lines)


def newest_fitting(lines: Sequence[str], budget: int) -> int:
    """How many of the last lines fit into `budget` characters; at least one."""
    return fitting(list(reversed(lines)), budget)


def shares(sizes: Sequence[int], budget: int) -> list[int]:
    """`budget` divided fairly: nobody gets more than its size, and what small ones leave over goes to the large."""
    left, found = budget, [0] * len(sizes)
    for done, (size, index) in enumerate(sorted((size, index) for index, size in enumerate(sizes))):
        found[index] = min(size, left // (len(sizes) - done))
        left -= found[index]
    return found


def cut_middle(text: str, budget: int, hint: str) -> str:
    """Text of at most about `budget` characters: whole lines of head and tail, and `hint` on how to get the rest."""
    if len(text) <= budget:
        return text
    lines = text.splitlines()
    head = fitting(lines, budget * 2 // 3)
    rest = lines[head:]
    tail = newest_fitting(rest, budget // 3) if rest else 0
    left_out = len(lines) - head - tail
    kept = [line[:budget] for line in (*lines[:head], *(lines[-tail:] if tail else ()))]
    note = f"[… {left_out} lines left out: {hint} …]" if left_out else f"[… cut: {hint} …]"
    return "\n".join([*kept[:head], note, *kept[head:]])


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 pod`, `2 pods`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def holds(text: str, wanted: str) -> bool:
    """Whether a line passes `grep`: any of the alternatives between `|`, any case. No pattern: nothing to exploit."""
    lower = text.lower()
    return any(part in lower for part in wanted.lower().split("|") if part)
