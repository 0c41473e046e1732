"""Markdown tables as Slack's `table` block, or as aligned text where they do not fit into one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it.token import Token

MAX_ROWS, MAX_COLUMNS, MAX_CHARACTERS = 100, 20, 10_000
"""Of one `table` block; one such block a message (https://docs.slack.dev/reference/block-kit/blocks/table-block)."""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as plain text, the head first; `aligns` is left, center or right for each column, or ""."""

    rows: tuple[tuple[str, ...], ...]
    aligns: tuple[str, ...]

    def fits(self) -> bool:
        characters = sum(len(cell) for row in self.rows for cell in row)
        return (
            0 < len(self.rows) <= MAX_ROWS
            and 0 < len(self.aligns) <= MAX_COLUMNS
            and characters <= MAX_CHARACTERS - len(self.rows) * len(self.aligns)
        )

    def block(self) -> dict[str, Any]:
        return {
            "type": "table",
            "rows": [[{"type": "raw_text", "text": cell or " "} for cell in row] for row in self.rows],
            "column_settings": [{"align": align or "left", "is_wrapped": True} for align in self.aligns],
        }

    def code(self) -> str:
        """The table as a fenced block with aligned columns."""
        widths = [max(len(row[column]) for row in self.rows) for column in range(len(self.aligns))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in self.rows
        ]
        longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
        fence = "`" * max(3, longest + 1)
        return "\n".join([fence, *lines, fence])


def table_from(tokens: Sequence[Token]) -> Table:
    """The table between `table_open` and `table_close`; every row gets as many cells as the head has."""
    rows: list[list[str]] = []
    aligns: list[str] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "th_open":
            style = str(token.attrs.get("style", ""))
            aligns.append(style.removeprefix("text-align:"))
        elif token.type == "inline" and rows:
            rows[-1].append(_plain(token))
    columns = len(aligns)
    return Table(tuple(tuple((row + [""] * columns)[:columns]) for row in rows), tuple(aligns))


def _plain(cell: Token) -> str:
    """What a reader sees of a cell: link targets behind their words, no marks."""
    parts: list[str] = []
    href = ""
    for token in cell.children or []:
        if token.type in ("text", "code_inline", "html_inline"):
            parts.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif token.type == "link_open":
            href = str(token.attrs.get("href", ""))
        elif token.type == "link_close" and href and href not in "".join(parts):
            parts.append(f" ({href})")
    return "".join(parts).strip()
