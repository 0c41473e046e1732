"""Tables: `table`, and `data_table` with its header, pages and caption."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubeai_bot.playground.workspace import limits
from kubeai_bot.playground.workspace.schema import (
    ByType,
    Flag,
    Items,
    Nullable,
    Number,
    Record,
    Text,
    typed,
)
from kubeai_bot.playground.workspace.shapes.objects import block
from kubeai_bot.playground.workspace.shapes.rich_text import RICH_TEXT

_CELLS: Mapping[str, Record] = {
    "raw_text": typed("raw_text", {"text": Text()}),
    "raw_number": typed("raw_number", {"value": Number(fraction=True), "text": Text()}),
    "rich_text": RICH_TEXT,
}
_ROW = Items(ByType(lambda: _CELLS), limits.MAX_TABLE_COLUMNS)
_COLUMN = Record({}, {"align": Text(choices=("left", "center", "right")), "is_wrapped": Flag()})


def _rows(table: Mapping[str, Any]) -> list[list[Any]]:
    rows = table.get("rows")
    return [row for row in rows if isinstance(row, list)] if isinstance(rows, list) else []


def _fits(table: Mapping[str, Any]) -> str | None:
    size = sum(_characters(cell) for row in _rows(table) for cell in row)
    return f"a table takes {limits.TABLE_CHARS} characters, this has {size}" if size > limits.TABLE_CHARS else None


def _characters(value: Any) -> int:
    """Characters that a cell shows."""
    if not isinstance(value, dict):
        return 0
    own = len(value["text"]) if isinstance(value.get("text"), str) else 0
    parts = value.get("elements")
    return own + (sum(_characters(part) for part in parts) if isinstance(parts, list) else 0)


def _rows_are_of_one_length(table: Mapping[str, Any]) -> str | None:
    return "all rows must have the same number of cells" if len({len(row) for row in _rows(table)}) > 1 else None


def _header_is_plain(table: Mapping[str, Any]) -> str | None:
    header = _rows(table)[:1]
    rich = any(isinstance(cell, dict) and cell.get("type") == "rich_text" for row in header for cell in row)
    return "header cells must not be rich_text" if rich else None


def _row_header_exists(table: Mapping[str, Any]) -> str | None:
    index, rows = table.get("row_header_column_index"), _rows(table)
    if isinstance(index, int) and rows and index >= len(rows[0]):
        return f"row_header_column_index {index} is no column"
    return None


TABLE = block(
    "table",
    {"rows": Items(_ROW, limits.MAX_TABLE_ROWS)},
    {"column_settings": Items(Nullable(_COLUMN), limits.MAX_TABLE_COLUMNS, least=0)},
    _fits,
)
DATA_TABLE = block(
    "data_table",
    {"rows": Items(_ROW, limits.MAX_DATA_TABLE_ROWS, least=2), "caption": Text()},
    {
        "page_size": Number(1, limits.MAX_PAGE_SIZE),
        "row_header_column_index": Number(0, limits.MAX_TABLE_COLUMNS - 1),
    },
    _fits,
    _rows_are_of_one_length,
    _header_is_plain,
    _row_header_exists,
)
