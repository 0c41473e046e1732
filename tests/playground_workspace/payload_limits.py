"""Payloads at each of Slack's limits, and one step beyond: the numbers of slack.md §2.4, written out once more."""

from __future__ import annotations

from typing import Any

from tests.playground_workspace.payload_parts import (
    CONFIRM,
    DIVIDER,
    IMAGE,
    TRASH,
    Json,
    actions,
    bar_chart,
    bullets,
    button,
    card,
    cell,
    chart,
    container,
    data_table,
    entry,
    feedback,
    line,
    mrkdwn,
    option,
    options,
    pie,
    plain,
    provider,
    rich,
    section,
    select,
    table,
    task_card,
    video,
    words,
)

URL = "https://a.example/"


def url(length: int) -> str:
    return URL + "x" * (length - len(URL))


def parts(*elements: Json) -> list[Json]:
    return [{"type": "context_actions", "elements": list(elements)}]


def feedbacks(count: int) -> list[Json]:
    return parts(*(feedback(action_id=str(number)) for number in range(count)))


def groups(count: int, size: int = 1) -> list[Json]:
    return [actions(select(option_groups=[{"label": plain(), "options": options(size)}] * count))]


def cards(count: int) -> list[Json]:
    return [{"type": "carousel", "elements": [card()] * count}]


def tasks(count: int) -> list[Json]:
    return [{"type": "plan", "title": "Look", "tasks": [task_card(task_id=str(number)) for number in range(count)]}]


def bars(categories: int, series: int) -> list[Json]:
    labels = [f"c{number}" for number in range(categories)]
    return [chart(bar_chart(labels, **{f"s{number}": [1.0] * categories for number in range(series)}))]


def axis(**more: Any) -> list[Json]:
    drawn = bar_chart(["Mon"], a=[1])
    return [chart({**drawn, "axis_config": {**drawn["axis_config"], **more}})]


def table_of(rows: int, columns: int) -> list[Json]:
    return [data_table(rows=[[cell()] * columns] * rows)]


def visible_to(count: int) -> list[Json]:
    return [actions(button(visible_to_user_ids=[f"U{number}" for number in range(count)]))]


E = "/blocks/0/elements/0"

PAIRS: dict[str, tuple[list[Json], list[Json], str]] = {
    "blocks of a message": ([DIVIDER] * 50, [DIVIDER] * 51, "/blocks"),
    "block_id": ([{**DIVIDER, "block_id": "x" * 255}], [{**DIVIDER, "block_id": "x" * 256}], "/blocks/0/block_id"),
    "action_id": ([actions(button(action_id="x" * 255))], [actions(button(action_id="x" * 256))], f"{E}/action_id"),
    "section text": ([section(plain("x" * 3000))], [section(plain("x" * 3001))], "/blocks/0/text/text"),
    "section field": (
        [section(fields=[plain("x" * 2000)])],
        [section(fields=[plain("x" * 2001)])],
        "/blocks/0/fields/0/text",
    ),
    "section fields": ([section(fields=[plain()] * 10)], [section(fields=[plain()] * 11)], "/blocks/0/fields"),
    "header": (
        [{"type": "header", "text": plain("x" * 150)}],
        [{"type": "header", "text": plain("x" * 151)}],
        "/blocks/0/text/text",
    ),
    "context elements": (
        [{"type": "context", "elements": [plain()] * 10}],
        [{"type": "context", "elements": [plain()] * 11}],
        "/blocks/0/elements",
    ),
    "context text": (
        [{"type": "context", "elements": [mrkdwn("x" * 3000)]}],
        [{"type": "context", "elements": [mrkdwn("x" * 3001)]}],
        f"{E}/text",
    ),
    "actions": (
        [actions(*(button(action_id=str(number)) for number in range(25)))],
        [actions(*(button(action_id=str(number)) for number in range(26)))],
        "/blocks/0/elements",
    ),
    "image url": ([{**IMAGE, "image_url": url(3000)}], [{**IMAGE, "image_url": url(3001)}], "/blocks/0/image_url"),
    "image alt text": ([{**IMAGE, "alt_text": "x" * 2000}], [{**IMAGE, "alt_text": "x" * 2001}], "/blocks/0/alt_text"),
    "image title": (
        [{**IMAGE, "title": plain("x" * 2000)}],
        [{**IMAGE, "title": plain("x" * 2001)}],
        "/blocks/0/title/text",
    ),
    "button text": (
        [actions(button(text=plain("x" * 75)))],
        [actions(button(text=plain("x" * 76)))],
        f"{E}/text/text",
    ),
    "button value": ([actions(button(value="x" * 2000))], [actions(button(value="x" * 2001))], f"{E}/value"),
    "button url": ([actions(button(url=url(3000)))], [actions(button(url=url(3001)))], f"{E}/url"),
    "button label": (
        [actions(button(accessibility_label="x" * 75))],
        [actions(button(accessibility_label="x" * 76))],
        f"{E}/accessibility_label",
    ),
    "agent prompt": (
        [actions(button(agent_prompt="x" * 4000))],
        [actions(button(agent_prompt="x" * 4001))],
        f"{E}/agent_prompt",
    ),
    "people who see a button": (visible_to(10), visible_to(11), f"{E}/visible_to_user_ids"),
    "confirm title": (
        [actions(button(confirm={**CONFIRM, "title": plain("x" * 100)}))],
        [actions(button(confirm={**CONFIRM, "title": plain("x" * 101)}))],
        f"{E}/confirm/title/text",
    ),
    "confirm text": (
        [actions(button(confirm={**CONFIRM, "text": mrkdwn("x" * 300)}))],
        [actions(button(confirm={**CONFIRM, "text": mrkdwn("x" * 301)}))],
        f"{E}/confirm/text/text",
    ),
    "confirm button": (
        [actions(button(confirm={**CONFIRM, "confirm": plain("x" * 30)}))],
        [actions(button(confirm={**CONFIRM, "confirm": plain("x" * 31)}))],
        f"{E}/confirm/confirm/text",
    ),
    "deny button": (
        [actions(button(confirm={**CONFIRM, "deny": plain("x" * 30)}))],
        [actions(button(confirm={**CONFIRM, "deny": plain("x" * 31)}))],
        f"{E}/confirm/deny/text",
    ),
    "options": ([actions(select(options=options(100)))], [actions(select(options=options(101)))], f"{E}/options"),
    "option groups": (groups(100), groups(101), f"{E}/option_groups"),
    "options of a group": (groups(1, 100), groups(1, 101), f"{E}/option_groups/0/options"),
    "option text": (
        [actions(select(options=[option("x" * 75)]))],
        [actions(select(options=[option("x" * 76)]))],
        f"{E}/options/0/text/text",
    ),
    "option value": (
        [actions(select(options=[{**option(), "value": "x" * 150}]))],
        [actions(select(options=[{**option(), "value": "x" * 151}]))],
        f"{E}/options/0/value",
    ),
    "option description": (
        [actions(select(options=[option(description=plain("x" * 75))]))],
        [actions(select(options=[option(description=plain("x" * 76))]))],
        f"{E}/options/0/description/text",
    ),
    "placeholder": (
        [actions(select("users_select", placeholder=plain("x" * 150)))],
        [actions(select("users_select", placeholder=plain("x" * 151)))],
        f"{E}/placeholder/text",
    ),
    "overflow": (
        [actions(select("overflow", options=options(5)))],
        [actions(select("overflow", options=options(6)))],
        f"{E}/options",
    ),
    "checkboxes": (
        [actions(select("checkboxes", options=options(10)))],
        [actions(select("checkboxes", options=options(11)))],
        f"{E}/options",
    ),
    "radio buttons": (
        [actions(select("radio_buttons", options=options(10)))],
        [actions(select("radio_buttons", options=options(11)))],
        f"{E}/options",
    ),
    "input label": (
        [entry(select("datepicker"), label=plain("x" * 2000))],
        [entry(select("datepicker"), label=plain("x" * 2001))],
        "/blocks/0/label/text",
    ),
    "input hint": (
        [entry(select("datepicker"), hint=plain("x" * 2000))],
        [entry(select("datepicker"), hint=plain("x" * 2001))],
        "/blocks/0/hint/text",
    ),
    "input length": (
        [entry(select("plain_text_input", max_length=3000))],
        [entry(select("plain_text_input", max_length=3001))],
        "/blocks/0/element/max_length",
    ),
    "input start": (
        [entry(select("plain_text_input", initial_value="x" * 3000))],
        [entry(select("plain_text_input", initial_value="x" * 3001))],
        "/blocks/0/element/initial_value",
    ),
    "input lines": (
        [entry(select("rich_text_input", max_lines=100))],
        [entry(select("rich_text_input", max_lines=101))],
        "/blocks/0/element/max_lines",
    ),
    "input files": (
        [entry(select("file_input", max_files=10))],
        [entry(select("file_input", max_files=11))],
        "/blocks/0/element/max_files",
    ),
    "date and time": (
        [actions(select("datetimepicker", initial_date_time=9_999_999_999))],
        [actions(select("datetimepicker", initial_date_time=10_000_000_000))],
        f"{E}/initial_date_time",
    ),
    "table rows": ([table(*([[cell()]] * 100))], [table(*([[cell()]] * 101))], "/blocks/0/rows"),
    "table columns": ([table([cell()] * 20)], [table([cell()] * 21)], "/blocks/0/rows/0"),
    "table characters": ([table([cell("x" * 10_000)])], [table([cell("x" * 10_000), cell()])], "/blocks/0"),
    "column settings": (
        [table([cell()], column_settings=[None] * 20)],
        [table([cell()], column_settings=[None] * 21)],
        "/blocks/0/column_settings",
    ),
    "data table rows": (table_of(201, 1), table_of(202, 1), "/blocks/0/rows"),
    "data table columns": (table_of(2, 20), table_of(2, 21), "/blocks/0/rows/0"),
    "data table characters": (
        [data_table(rows=[[cell()], [cell("x" * 9_999)]])],
        [data_table(rows=[[cell()], [cell("x" * 10_000)]])],
        "/blocks/0",
    ),
    "page size": ([data_table(page_size=100)], [data_table(page_size=101)], "/blocks/0/page_size"),
    "charts": ([chart(pie(("a", 1)))] * 2, [chart(pie(("a", 1)))] * 3, "/blocks"),
    "chart title": (
        [chart(pie(("a", 1)), title="x" * 50)],
        [chart(pie(("a", 1)), title="x" * 51)],
        "/blocks/0/title",
    ),
    "segments": (
        [chart(pie(*[("a", 1.0)] * 12))],
        [chart(pie(*[("a", 1.0)] * 13))],
        "/blocks/0/chart/segments",
    ),
    "segment label": (
        [chart(pie(("x" * 20, 1)))],
        [chart(pie(("x" * 21, 1)))],
        "/blocks/0/chart/segments/0/label",
    ),
    "series": (bars(1, 12), bars(1, 13), "/blocks/0/chart/series"),
    "series name": (
        [chart(bar_chart(["Mon"], **{"x" * 20: [1]}))],
        [chart(bar_chart(["Mon"], **{"x" * 21: [1]}))],
        "/blocks/0/chart/series/0/name",
    ),
    "categories": (bars(20, 1), bars(21, 1), "/blocks/0/chart/axis_config/categories"),
    "category": (
        [chart(bar_chart(["x" * 20], a=[1]))],
        [chart(bar_chart(["x" * 21], a=[1]))],
        "/blocks/0/chart/axis_config/categories/0",
    ),
    "x label": (axis(x_label="x" * 50), axis(x_label="x" * 51), "/blocks/0/chart/axis_config/x_label"),
    "y label": (axis(y_label="x" * 50), axis(y_label="x" * 51), "/blocks/0/chart/axis_config/y_label"),
    "markdown": (
        [{"type": "markdown", "text": "x" * 12_000}],
        [{"type": "markdown", "text": "x" * 12_001}],
        "/blocks/0/text",
    ),
    "markdown together": (
        [{"type": "markdown", "text": "x" * 6_000}] * 2,
        [{"type": "markdown", "text": "x" * 6_000}, {"type": "markdown", "text": "x" * 6_001}],
        "/blocks",
    ),
    "alert": (
        [{"type": "alert", "text": plain("x" * 200)}],
        [{"type": "alert", "text": plain("x" * 201)}],
        "/blocks/0/text/text",
    ),
    "card title": ([card(title=mrkdwn("x" * 150))], [card(title=mrkdwn("x" * 151))], "/blocks/0/title/text"),
    "card subtitle": (
        [card(subtitle=mrkdwn("x" * 150))],
        [card(subtitle=mrkdwn("x" * 151))],
        "/blocks/0/subtitle/text",
    ),
    "card body": ([card(body=mrkdwn("x" * 200))], [card(body=mrkdwn("x" * 201))], "/blocks/0/body/text"),
    "cards": (cards(10), cards(11), "/blocks/0/elements"),
    "children": ([container(*[DIVIDER] * 10)], [container(*[DIVIDER] * 11)], "/blocks/0/child_blocks"),
    "container title": (
        [container(DIVIDER, title=plain("x" * 150))],
        [container(DIVIDER, title=plain("x" * 151))],
        "/blocks/0/title/text",
    ),
    "container subtitle": (
        [container(DIVIDER, subtitle=plain("x" * 150))],
        [container(DIVIDER, subtitle=plain("x" * 151))],
        "/blocks/0/subtitle/text",
    ),
    "list indent": ([bullets(line(), indent=8)], [bullets(line(), indent=9)], f"{E}/indent"),
    "rich text link": (
        [rich({"type": "link", "url": url(3000)})],
        [rich({"type": "link", "url": url(3001)})],
        f"{E}/elements/0/url",
    ),
    "plan title": (
        [{"type": "plan", "title": "x" * 256}],
        [{"type": "plan", "title": "x" * 257}],
        "/blocks/0/title",
    ),
    "tasks": (tasks(50), tasks(51), "/blocks/0/tasks"),
    "task id": ([task_card(task_id="x" * 256)], [task_card(task_id="x" * 257)], "/blocks/0/task_id"),
    "task title": ([task_card(title="x" * 256)], [task_card(title="x" * 257)], "/blocks/0/title"),
    "context actions": (feedbacks(5), feedbacks(6), "/blocks/0/elements"),
    "feedback text": (
        parts(feedback(positive_button={"text": plain("x" * 75), "value": "u"})),
        parts(feedback(positive_button={"text": plain("x" * 76), "value": "u"})),
        f"{E}/positive_button/text/text",
    ),
    "icon button value": (parts({**TRASH, "value": "x" * 2000}), parts({**TRASH, "value": "x" * 2001}), f"{E}/value"),
    "provider value": ([provider(value="x" * 150)], [provider(value="x" * 151)], "/blocks/0/value"),
    "provider name": ([provider(name=plain("x" * 75))], [provider(name=plain("x" * 76))], "/blocks/0/name/text"),
    "video title": ([video(title=plain("x" * 199))], [video(title=plain("x" * 200))], "/blocks/0/title/text"),
    "video author": ([video(author_name="x" * 49)], [video(author_name="x" * 50)], "/blocks/0/author_name"),
    "code": (
        [rich(words("x" * 12_000), kind="rich_text_preformatted", border=1)],
        [rich(words("x"), kind="rich_text_preformatted", border=2)],
        f"{E}/border",
    ),
}
"""At the limit, beyond it, and where the fault is."""

RIGHT = {f"{name} at the limit": right for name, (right, _, _) in PAIRS.items()}
WRONG = {f"{name} beyond the limit": (wrong, pointer) for name, (_, wrong, pointer) in PAIRS.items()}
