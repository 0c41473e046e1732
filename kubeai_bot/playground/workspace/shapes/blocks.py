"""Blocks of messages and views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubeai_bot.playground.workspace import limits
from kubeai_bot.playground.workspace.schema import (
    Anything,
    ByType,
    Flag,
    Items,
    Nullable,
    Number,
    Record,
    Rule,
    Shape,
    Text,
    not_with,
    one_of,
    only_with,
    some_of,
    typed,
)
from kubeai_bot.playground.workspace.shapes.elements import (
    BUTTON,
    IMAGE,
    IN_ACTIONS,
    IN_CONTEXT_ACTIONS,
    IN_INPUT,
    IN_SECTION,
)
from kubeai_bot.playground.workspace.shapes.objects import SLACK_FILE, URL, mrkdwn, plain, text
from kubeai_bot.playground.workspace.shapes.rich_text import RICH_TEXT


def _block(
    name: str, needs: Mapping[str, Shape] | None = None, may: Mapping[str, Shape] | None = None, *rules: Rule
) -> Record:
    return typed(name, needs, {"block_id": Text(limits.ID_CHARS), **(may or {})}, *rules)


_TITLE = Text(limits.CARD_STRING_CHARS)
_SOURCE = typed("url", {"url": URL, "text": Text(limits.CARD_STRING_CHARS)})

TASK_CARD = _block(
    "task_card",
    {"task_id": Text(limits.CARD_STRING_CHARS), "title": _TITLE},
    {
        "status": Text(choices=limits.TASK_STATUSES),
        "details": RICH_TEXT,
        "output": RICH_TEXT,
        "sources": Items(_SOURCE),
    },
)
CARD = _block(
    "card",
    {},
    {
        "hero_image": IMAGE,
        "icon": IMAGE,
        "title": text(limits.CARD_TITLE_CHARS),
        "subtitle": text(limits.CARD_TITLE_CHARS),
        "body": text(limits.CARD_BODY_CHARS),
        "actions": Items(BUTTON, limits.MAX_CONTEXT_ACTIONS),
    },
    some_of("hero_image", "title", "actions", "body"),
)
_CELLS: Mapping[str, Record] = {
    "raw_text": typed("raw_text", {"text": Text()}),
    "raw_number": typed("raw_number", {"value": Number(fraction=True), "text": Text()}),
    "rich_text": RICH_TEXT,
}
_COLUMN = Record({}, {"align": Text(choices=("left", "center", "right")), "is_wrapped": Flag()})


def _table_fits(table: Mapping[str, Any]) -> str | None:
    rows = table.get("rows")
    if not isinstance(rows, list):
        return None
    size = sum(cell_characters(cell) for row in rows if isinstance(row, list) for cell in row)
    return f"a table takes {limits.TABLE_CHARS} characters, this has {size}" if size > limits.TABLE_CHARS else None


def cell_characters(value: Any) -> int:
    """Characters that a table cell shows."""
    if isinstance(value, dict):
        own = len(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(cell_characters(item) for item in value.get("elements", ()) if isinstance(item, dict))
    return 0


TABLE = _block(
    "table",
    {
        "rows": Items(
            Items(ByType(lambda: _CELLS), limits.MAX_TABLE_COLUMNS),
            limits.MAX_TABLE_ROWS,
        )
    },
    {"column_settings": Items(Nullable(_COLUMN), limits.MAX_TABLE_COLUMNS, least=0)},
    _table_fits,
)
CONTAINER = _block(
    "container",
    {"child_blocks": Items(ByType(lambda: IN_CONTAINER), limits.MAX_CONTAINER_CHILDREN)},
    {
        "title": plain(limits.CONTAINER_TITLE_CHARS),
        "rich_text_title": RICH_TEXT,
        "subtitle": text(limits.CONTAINER_TITLE_CHARS),
        "width": Text(choices=("narrow", "standard", "wide", "full")),
        "icon": IMAGE,
        "is_collapsible": Flag(),
        "default_collapsed": Flag(),
        "has_header_divider": Flag(),
    },
    some_of("title", "rich_text_title"),
    only_with("default_collapsed", "is_collapsible"),
    not_with("has_header_divider", "is_collapsible"),
)

_EVERYWHERE: Mapping[str, Record] = {
    "section": _block(
        "section",
        {},
        {
            "text": text(limits.SECTION_TEXT_CHARS),
            "fields": Items(text(limits.SECTION_FIELD_CHARS), limits.MAX_SECTION_FIELDS),
            "accessory": ByType(lambda: IN_SECTION),
            "expand": Flag(),
        },
        some_of("text", "fields"),
    ),
    "header": _block("header", {"text": plain(limits.HEADER_CHARS)}),
    "divider": _block("divider"),
    "context": _block(
        "context",
        {
            "elements": Items(
                ByType(lambda: {"image": IMAGE, "plain_text": plain(), "mrkdwn": mrkdwn()}),
                limits.MAX_CONTEXT_ELEMENTS,
            )
        },
    ),
    "image": _block(
        "image",
        {"alt_text": Text(limits.ALT_TEXT_CHARS)},
        {"image_url": URL, "slack_file": SLACK_FILE, "title": plain(limits.IMAGE_TITLE_CHARS)},
        one_of("image_url", "slack_file"),
    ),
    "actions": _block("actions", {"elements": Items(ByType(lambda: IN_ACTIONS), limits.MAX_ACTIONS)}),
    "input": _block(
        "input",
        {"label": plain(limits.LABEL_CHARS), "element": ByType(lambda: IN_INPUT)},
        {"hint": plain(limits.LABEL_CHARS), "optional": Flag(), "dispatch_action": Flag()},
    ),
    "rich_text": RICH_TEXT,
    "alert": _block(
        "alert",
        {"text": text()},
        {"level": Text(choices=("default", "info", "warning", "error", "success"))},
    ),
    "card": CARD,
    "carousel": _block("carousel", {"elements": Items(ByType(lambda: {"card": CARD}), limits.MAX_CARDS)}),
    "container": CONTAINER,
    "video": _block(
        "video",
        {"alt_text": Text(), "title": plain(199), "thumbnail_url": URL, "video_url": URL},
        {
            "author_name": Text(49),
            "description": plain(199),
            "provider_icon_url": URL,
            "provider_name": Text(),
            "title_url": URL,
        },
    ),
}
IN_MESSAGE: Mapping[str, Record] = {
    **_EVERYWHERE,
    "markdown": _block("markdown", {"text": Text(limits.MARKDOWN_CHARS)}),
    "table": TABLE,
    "context_actions": _block(
        "context_actions",
        {"elements": Items(ByType(lambda: IN_CONTEXT_ACTIONS), limits.MAX_CONTEXT_ACTIONS)},
    ),
    "plan": _block(
        "plan", {"title": _TITLE}, {"tasks": Items(ByType(lambda: {"task_card": TASK_CARD}), limits.MAX_TASKS)}
    ),
    "task_card": TASK_CARD,
    "file": _block("file", {"external_id": Text(), "source": Text(choices=("remote",))}),
}
IN_VIEW: Mapping[str, Record] = _EVERYWHERE
IN_CONTAINER: Mapping[str, Record] = {
    name: shape
    for name, shape in IN_MESSAGE.items()
    if name not in ("markdown", "plan", "card", "carousel", "container")
}
MESSAGE_BLOCK = ByType(lambda: IN_MESSAGE)
VIEW_BLOCK = ByType(lambda: IN_VIEW)
METADATA = Record({"event_type": Text(), "event_payload": Anything()}, {"entities": Items(Anything())})
