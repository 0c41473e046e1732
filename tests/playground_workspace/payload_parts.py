"""Small pieces that the tables of right and wrong payloads are put together from."""

from __future__ import annotations

import copy
from typing import Any

Json = dict[str, Any]


def plain(text: str = "x") -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "*x*") -> Json:
    return {"type": "mrkdwn", "text": text}


def section(text: Json | None = None, **more: Any) -> Json:
    return {"type": "section", "text": text or mrkdwn(), **more}


def button(**more: Any) -> Json:
    return {"type": "button", "text": plain(), "action_id": "go", **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def option(value: str = "v", **more: Any) -> Json:
    return {"text": plain(value), "value": value, **more}


def options(count: int) -> list[Json]:
    return [option(f"v{number}") for number in range(count)]


def select(kind: str = "static_select", **more: Any) -> Json:
    return {"type": kind, "action_id": "pick", **more}


def rich(*parts: Json, kind: str = "rich_text_section", **more: Any) -> Json:
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(parts), **more}]}


def words(text: str = "x", **more: Any) -> Json:
    return {"type": "text", "text": text, **more}


def bullets(*items: Json, **more: Any) -> Json:
    return rich(*items, kind="rich_text_list", style="bullet", **more)


def line(text: str = "x") -> Json:
    return {"type": "rich_text_section", "elements": [words(text)]}


def cell(text: str = "x") -> Json:
    return {"type": "raw_text", "text": text}


def table(*rows: list[Json], **more: Any) -> Json:
    return {"type": "table", "rows": list(rows), **more}


def card(**more: Any) -> Json:
    return {"type": "card", "title": mrkdwn(), **more}


def task_card(**more: Any) -> Json:
    return {"type": "task_card", "task_id": "1", "title": "List", "status": "complete", **more}


def container(*children: Json, **more: Any) -> Json:
    return {"type": "container", "title": plain(), "child_blocks": list(children), **more}


def entry(element: Json, **more: Any) -> Json:
    return {"type": "input", "label": plain(), "element": element, **more}


def feedback(**more: Any) -> Json:
    good = {"text": plain("Good"), "value": "up"}
    return {"type": "feedback_buttons", "action_id": "fb", "positive_button": good, "negative_button": good, **more}


def without(value: Json, key: str) -> Json:
    value = copy.deepcopy(value)
    del value[key]
    return value


def modal(*blocks: Json, **more: Any) -> Json:
    return {"type": "modal", "title": plain("Title"), "blocks": list(blocks) or [section()], **more}


def data_table(**more: Any) -> Json:
    rows = [[cell("pod"), cell("restarts")], [cell("cart"), {"type": "raw_number", "value": 3, "text": "3"}]]
    return {"type": "data_table", "caption": "Pods", "rows": rows, **more}


def chart(drawn: Json, **more: Any) -> Json:
    return {"type": "data_visualization", "title": "Pods", "chart": drawn, **more}


def pie(*segments: tuple[str, float]) -> Json:
    return {"type": "pie", "segments": [{"label": label, "value": value} for label, value in segments]}


def bar_chart(categories: list[str], **series: list[float]) -> Json:
    """Bars; the points of a series go with the categories as far as they reach."""
    drawn = [
        {"name": name, "data": [{"label": label, "value": value} for label, value in zip(categories, values)]}  # noqa: B905
        for name, values in series.items()
    ]
    return {"type": "bar", "series": drawn, "axis_config": {"categories": categories}}


def provider(**more: Any) -> Json:
    return {"type": "auth_provider", "value": "github", "name": plain("GitHub"), "is_connected": False, **more}


def video(**more: Any) -> Json:
    addresses = {"thumbnail_url": "https://v.example/a.png", "video_url": "https://v.example/a"}
    return {"type": "video", "alt_text": "a", "title": plain(), **addresses, **more}


def update(**more: Any) -> Json:
    return {"type": "task_update", "id": "t", "title": "List pods", "status": "complete", **more}


CONFIRM = {"title": plain(), "text": mrkdwn(), "confirm": plain("Yes"), "deny": plain("No")}
IMAGE = {"type": "image", "image_url": "https://img.example/a.png", "alt_text": "a"}
DIVIDER = {"type": "divider"}
TRASH = {"type": "icon_button", "icon": "trash", "text": plain("Delete"), "action_id": "del", "value": "r1"}
