"""Blocks of messages and views."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubeai_bot.playground.workspace import limits
from kubeai_bot.playground.workspace.schema import (
    Anything,
    ByType,
    Flag,
    Items,
    Record,
    Text,
    not_with,
    one_of,
    only_with,
    some_of,
    typed,
)
from kubeai_bot.playground.workspace.shapes.charts import DATA_VISUALIZATION
from kubeai_bot.playground.workspace.shapes.elements import (
    BUTTON,
    IMAGE,
    IN_ACTIONS,
    IN_CONTEXT_ACTIONS,
    IN_INPUT,
    IN_SECTION,
    OVERFLOW,
)
from kubeai_bot.playground.workspace.shapes.objects import SLACK_FILE, URL, block, mrkdwn, plain, text
from kubeai_bot.playground.workspace.shapes.rich_text import RICH_TEXT
from kubeai_bot.playground.workspace.shapes.tables import DATA_TABLE, TABLE

_TITLE = Text(limits.CARD_STRING_CHARS)
_SOURCE = typed("url", {"url": URL, "text": Text(limits.CARD_STRING_CHARS)})

TASK_CARD = block(
    "task_card",
    {
        "task_id": Text(limits.CARD_STRING_CHARS),
        "title": _TITLE,
        "status": Text(choices=limits.TASK_STATUSES),
    },
    {
        "details": RICH_TEXT,
        "output": RICH_TEXT,
        "sources": Items(_SOURCE),
    },
)
CARD = block(
    "card",
    {},
    {
        "hero_image": IMAGE,
        "icon": IMAGE,
        "title": mrkdwn(limits.CARD_TITLE_CHARS),
        "subtitle": mrkdwn(limits.CARD_TITLE_CHARS),
        "body": mrkdwn(limits.CARD_BODY_CHARS),
        "actions": Items(BUTTON, limits.MAX_CARD_ACTIONS),
    },
    some_of("hero_image", "title", "actions", "body"),
)


def _container(children: Callable[[], Mapping[str, Record]]) -> Record:
    return block(
        "container",
        {"child_blocks": Items(ByType(children), limits.MAX_CONTAINER_CHILDREN)},
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
    "section": block(
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
    "header": block("header", {"text": plain(limits.HEADER_CHARS)}),
    "divider": block("divider"),
    "context": block(
        "context",
        {
            "elements": Items(
                ByType(lambda: {"image": IMAGE, "plain_text": plain(), "mrkdwn": mrkdwn()}),
                limits.MAX_CONTEXT_ELEMENTS,
            )
        },
    ),
    "image": block(
        "image",
        {"alt_text": Text(limits.ALT_TEXT_CHARS)},
        {"image_url": URL, "slack_file": SLACK_FILE, "title": plain(limits.IMAGE_TITLE_CHARS)},
        one_of("image_url", "slack_file"),
    ),
    "actions": block("actions", {"elements": Items(ByType(lambda: IN_ACTIONS), limits.MAX_ACTIONS)}),
    "input": block(
        "input",
        {"label": plain(limits.LABEL_CHARS), "element": ByType(lambda: IN_INPUT)},
        {"hint": plain(limits.LABEL_CHARS), "optional": Flag(), "dispatch_action": Flag()},
    ),
    "rich_text": RICH_TEXT,
    "alert": block(
        "alert",
        {"text": text(limits.ALERT_CHARS)},
        {"level": Text(choices=("default", "info", "warning", "error", "success"))},
    ),
    "card": CARD,
    "carousel": block("carousel", {"elements": Items(ByType(lambda: {"card": CARD}), limits.MAX_CARDS)}),
    "auth_provider": block(
        "auth_provider",
        {
            "value": Text(limits.PROVIDER_VALUE_CHARS),
            "name": plain(limits.PROVIDER_NAME_CHARS),
            "is_connected": Flag(),
        },
        {
            "description": plain(limits.PROVIDER_VALUE_CHARS),
            "icon_url": URL,
            "auth_url": URL,
            "disconnect_url": URL,
            "connected_identity": plain(limits.PROVIDER_NAME_CHARS),
            "connected_context": plain(limits.PROVIDER_NAME_CHARS),
            "accessory": ByType(lambda: {"overflow": OVERFLOW}),
            "fallback": Items(ByType(lambda: _PLAIN_BLOCKS), limits.MAX_CONTAINER_CHILDREN),
        },
    ),
    "video": block(
        "video",
        {"alt_text": Text(), "title": plain(limits.VIDEO_TITLE_CHARS), "thumbnail_url": URL, "video_url": URL},
        {
            "author_name": Text(limits.VIDEO_AUTHOR_CHARS),
            "description": plain(limits.VIDEO_TITLE_CHARS),
            "provider_icon_url": URL,
            "provider_name": Text(),
            "title_url": URL,
        },
    ),
}
_PLAIN_BLOCKS: Mapping[str, Record] = {
    name: _EVERYWHERE[name] for name in ("section", "header", "divider", "context", "image", "actions")
}
"""What an `auth_provider` falls back to on clients that do not show it."""

_CHILDREN = ("actions", "context", "divider", "header", "image", "input", "rich_text", "section", "video")
IN_VIEW: Mapping[str, Record] = {**_EVERYWHERE, "container": _container(lambda: _IN_CONTAINER_OF_VIEW)}
_IN_CONTAINER_OF_VIEW: Mapping[str, Record] = {name: _EVERYWHERE[name] for name in _CHILDREN}

IN_MESSAGE: Mapping[str, Record] = {
    **_EVERYWHERE,
    "container": _container(lambda: IN_CONTAINER),
    "markdown": block("markdown", {"text": Text(limits.MARKDOWN_CHARS)}),
    "table": TABLE,
    "data_table": DATA_TABLE,
    "data_visualization": DATA_VISUALIZATION,
    "context_actions": block(
        "context_actions",
        {"elements": Items(ByType(lambda: IN_CONTEXT_ACTIONS), limits.MAX_CONTEXT_ACTIONS)},
    ),
    "plan": block(
        "plan", {"title": _TITLE}, {"tasks": Items(ByType(lambda: {"task_card": TASK_CARD}), limits.MAX_TASKS)}
    ),
    "task_card": TASK_CARD,
    "file": block("file", {"external_id": Text(), "source": Text(choices=("remote",))}),
    "call": block("call", {"call_id": Text(pattern=r"R[A-Z0-9]+")}),
}
IN_CONTAINER: Mapping[str, Record] = {name: IN_MESSAGE[name] for name in (*_CHILDREN, "file", "table")}
MESSAGE_BLOCK = ByType(lambda: IN_MESSAGE)
VIEW_BLOCK = ByType(lambda: IN_VIEW)
METADATA = Record({"event_type": Text(), "event_payload": Anything()}, {"entities": Items(Anything())})
