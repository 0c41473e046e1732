"""Right and wrong payloads, one a line: what Slack takes and what it refuses (slack.md §2.4, Block Kit reference).

A wrong one comes with the JSON pointer of its fault. Limits have tables of their own in `payload_limits`.
"""

from __future__ import annotations

from typing import Any

from tests.playground_workspace import payload_limits
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
    modal,
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
    update,
    video,
    without,
    words,
)

RIGHT_BLOCKS: dict[str, list[Json]] = {
    "no blocks at all": [],
    "section with mrkdwn": [section()],
    "section at its limit": [section(mrkdwn("x" * 3000))],
    "section that expands": [section(expand=True)],
    "section with verbatim text": [section({**mrkdwn(), "verbatim": True})],
    "section with fields only": [{"type": "section", "fields": [plain("x" * 2000)] * 10}],
    "section with a button": [section(accessory=button())],
    "section with an image": [section(accessory=IMAGE)],
    "section with an overflow menu": [section(accessory=select("overflow", options=options(5)))],
    "section with a date picker": [section(accessory=select("datepicker", initial_date="2026-11-21"))],
    "header at its limit": [{"type": "header", "text": plain("x" * 150)}],
    "header with emoji": [{"type": "header", "text": {**plain(":ok:"), "emoji": True}}],
    "fifty dividers": [DIVIDER] * 50,
    "divider with an id": [{**DIVIDER, "block_id": "x" * 255}],
    "context with text and image": [{"type": "context", "elements": [mrkdwn(), plain(), IMAGE]}],
    "context with ten elements": [{"type": "context", "elements": [mrkdwn()] * 10}],
    "image block": [{**IMAGE, "title": plain()}],
    "image from a Slack file": [{"type": "image", "alt_text": "a", "slack_file": {"id": "F0A"}}],
    "button with everything": [
        actions(
            button(
                text={**plain("x" * 75), "emoji": True},
                value="x" * 2000,
                style="primary",
                confirm={**CONFIRM, "style": "danger"},
                accessibility_label="x" * 75,
                visible_to_user_ids=["U0OMAR"],
                url="https://grafana.example/d/1?var=a",
            )
        )
    ],
    "button without action_id": [actions(without(button(), "action_id"))],
    "button that prompts the agent": [actions(button(agent_prompt="explain", agent_prompt_display="Explain"))],
    "twenty-five buttons": [actions(*(button(action_id=f"b{number}") for number in range(25)))],
    "the same action_id in two blocks": [actions(button()), actions(button())],
    "static select": [actions(select(options=options(100), placeholder=plain("x" * 150)))],
    "static select with groups": [actions(select(option_groups=[{"label": plain(), "options": options(2)}]))],
    "multi select": [section(accessory=select("multi_static_select", options=options(2), max_selected_items=2))],
    "external select": [actions(select("external_select", min_query_length=2))],
    "people and channel menus": [
        actions(
            select("users_select", initial_user="U0MIA"),
            select("channels_select", action_id="c"),
            select(
                "conversations_select", action_id="d", filter={"include": ["im"]}, default_to_current_conversation=True
            ),
        )
    ],
    "checkboxes and radio buttons": [
        actions(
            select("checkboxes", options=[{"text": mrkdwn(), "value": "a", "description": mrkdwn()}]),
            select("radio_buttons", action_id="r", options=options(10), initial_option=option("v1")),
        )
    ],
    "time pickers": [
        actions(
            select("timepicker", initial_time="09:30", timezone="Europe/Berlin"),
            select("datetimepicker", action_id="t", initial_date_time=1_795_000_000),
        )
    ],
    "input in a message": [entry(select("plain_text_input", multiline=True, max_length=3000), dispatch_action=True)],
    "all styles of text": [rich(words(style={"bold": True, "italic": True, "strike": True, "code": True}))],
    "all parts of rich text": [
        rich(
            words("a"),
            {"type": "link", "url": "https://a.example", "text": "a", "style": {"bold": True}},
            {"type": "user", "user_id": "U0MIA"},
            {"type": "usergroup", "usergroup_id": "S0OPS"},
            {"type": "channel", "channel_id": "C0ONCALL"},
            {"type": "team", "team_id": "T0SHOP"},
            {"type": "emoji", "name": "wave", "unicode": "1f44b", "skin_tone": 2},
            {"type": "date", "timestamp": 1_720_710_212, "format": "{date_num}", "fallback": "today"},
            {"type": "broadcast", "range": "here"},
            {"type": "color", "value": "#F405B3"},
        )
    ],
    "an empty section of rich text": [rich()],
    "nested lists": [bullets(line()), bullets(line(), indent=1, border=1), bullets(line(), indent=8)],
    "a numbered list that goes on": [rich(line(), kind="rich_text_list", style="ordered", offset=2)],
    "code": [rich(words("kubectl get pods\n"), kind="rich_text_preformatted", border=0)],
    "a quote": [rich(words(), kind="rich_text_quote")],
    "markdown at its limit": [{"type": "markdown", "text": "x" * 6000}] * 2,
    "table with all kinds of cells": [
        table(
            [cell("pod"), cell("restarts"), cell("log")],
            [cell(), {"type": "raw_number", "value": 3.5, "text": "3.5"}, rich(words())],
            column_settings=[None, {"align": "right"}, {"is_wrapped": True}],
        )
    ],
    "table at its limits": [table(*([[cell("xxxxx")] * 20] * 100))],
    "rows of different length": [table([cell()] * 3, [cell()])],
    "alert": [{"type": "alert", "text": mrkdwn(), "level": "warning"}],
    "plain alert": [{"type": "alert", "text": plain()}],
    "card": [card(subtitle=mrkdwn(), body=mrkdwn("x" * 200), icon=IMAGE, hero_image=IMAGE, actions=[button()])],
    "carousel": [{"type": "carousel", "elements": [card()] * 10}],
    "container that folds": [
        container(section(), rich(words()), table([cell()]), is_collapsible=True, default_collapsed=True, width="full")
    ],
    "container with a rich title": [without(container(DIVIDER, rich_text_title=rich(words())), "title")],
    "feedback": [{"type": "context_actions", "elements": [feedback(), TRASH]}],
    "plan": [{"type": "plan", "title": "Look", "tasks": [task_card(), task_card(task_id="2", status="error")]}],
    "plan without tasks": [{"type": "plan", "title": "Look"}],
    "task card": [
        task_card(
            details=rich(words()),
            output=rich(words()),
            sources=[{"type": "url", "url": "https://a.example", "text": "Runbook"}],
        )
    ],
    "remote file": [{"type": "file", "external_id": "x", "source": "remote"}],
    "call": [{"type": "call", "call_id": "R0ABC"}],
    "video": [video(), video(author_name="a", provider_name="p", title_url="https://a.example", description=plain())],
    "data table": [data_table(row_header_column_index=1, page_size=10)],
    "data table with rich cells": [data_table(rows=[[cell("pod")], [rich(words())]])],
    "two data tables": [data_table(), data_table()],
    "pie chart": [chart(pie(("Running", 5), ("Pending", 0.5)))],
    "bar chart of two series": [chart(bar_chart(["Mon", "Tue"], a=[1, 2], b=[-3, 0.5]))],
    "line and area chart": [
        chart({**bar_chart(["Mon"], a=[1]), "type": "line"}),
        chart({**bar_chart(["Mon"], a=[1]), "type": "area"}),
    ],
    "provider to connect": [provider(auth_url="https://a.example/login", description=plain())],
    "connected provider": [
        provider(is_connected=True, connected_identity=plain(), accessory=select("overflow", options=options(1)))
    ],
    "provider that falls back": [provider(fallback=[section()])],
    "workflow button": [
        section(
            accessory={
                "type": "workflow_button",
                "text": plain(),
                "action_id": "w",
                "confirm": CONFIRM,
                "workflow": {
                    "trigger": {
                        "url": "https://slack.com/shortcuts/Ft0/x",
                        "customizable_input_parameters": [{"name": "pod", "value": "cart"}],
                    }
                },
            }
        )
    ],
    "rich text input among actions": [actions(select("rich_text_input", min_lines=2, max_lines=2))],
    "menu with a choice made": [actions(select(options=options(2), initial_option=option("v1")))],
    "menu of groups with a choice made": [
        actions(select(option_groups=[{"label": plain(), "options": options(2)}], initial_option=option("v0")))
    ],
    "multi menus with choices made": [
        actions(
            select("multi_static_select", options=options(2), initial_options=options(2), max_selected_items=2),
            select("multi_users_select", action_id="u", initial_users=["U0MIA"]),
            select("multi_channels_select", action_id="c", initial_channels=["C0ONCALL"]),
            select("multi_conversations_select", action_id="d", filter={"exclude_bot_users": True}),
            select("multi_external_select", action_id="e", min_query_length=0, initial_options=options(1)),
        )
    ],
    "overflow with links": [actions(select("overflow", options=[option(url="https://a.example")]))],
    "trash for some": [{"type": "context_actions", "elements": [{**TRASH, "visible_to_user_ids": ["U0MIA"]}]}],
    "image element from a file's address": [
        {"type": "context", "elements": [{"type": "image", "alt_text": "a", "slack_file": {"url": "https://f/x"}}]}
    ],
    **payload_limits.RIGHT,
}

WRONG_BLOCKS: dict[str, tuple[list[Any], str]] = {
    "too many blocks": ([DIVIDER] * 51, "/blocks"),
    "not a block": (["divider"], "/blocks/0"),
    "no type": ([{"text": mrkdwn()}], "/blocks/0"),
    "unknown type": ([{"type": "sektion"}], "/blocks/0/type"),
    "type that is no string": ([{"type": ["section"]}], "/blocks/0/type"),
    "unknown key": ([section(color="red")], "/blocks/0"),
    "key of another block": ([{**DIVIDER, "text": plain()}], "/blocks/0"),
    "block_id too long": ([{**DIVIDER, "block_id": "x" * 256}], "/blocks/0/block_id"),
    "block_id twice": ([{**DIVIDER, "block_id": "a"}] * 2, "/blocks"),
    "block_id twice, once inside": (
        [{**DIVIDER, "block_id": "a"}, container({**DIVIDER, "block_id": "a"})],
        "/blocks",
    ),
    "empty section": ([{"type": "section"}], "/blocks/0"),
    "section text is a string": ([{"type": "section", "text": "x"}], "/blocks/0/text"),
    "section text empty": ([section(mrkdwn(""))], "/blocks/0/text/text"),
    "section text too long": ([section(mrkdwn("x" * 3001))], "/blocks/0/text/text"),
    "section text of a wrong type": ([section({"type": "markdown", "text": "x"})], "/blocks/0/text/type"),
    "emoji flag on mrkdwn": ([section({**mrkdwn(), "emoji": True})], "/blocks/0/text"),
    "too many fields": ([section(fields=[plain()] * 11)], "/blocks/0/fields"),
    "field too long": ([section(fields=[plain("x" * 2001)])], "/blocks/0/fields/0/text"),
    "no fields": ([section(fields=[])], "/blocks/0/fields"),
    "text input beside a section": ([section(accessory=select("plain_text_input"))], "/blocks/0/accessory/type"),
    "mrkdwn in a header": ([{"type": "header", "text": mrkdwn()}], "/blocks/0/text/type"),
    "header too long": ([{"type": "header", "text": plain("x" * 151)}], "/blocks/0/text/text"),
    "header without text": ([{"type": "header"}], "/blocks/0"),
    "context without elements": ([{"type": "context", "elements": []}], "/blocks/0/elements"),
    "context too full": ([{"type": "context", "elements": [mrkdwn()] * 11}], "/blocks/0/elements"),
    "button in a context": ([{"type": "context", "elements": [button()]}], "/blocks/0/elements/0/type"),
    "image without alt text": ([without(IMAGE, "alt_text")], "/blocks/0"),
    "image without source": ([without(IMAGE, "image_url")], "/blocks/0"),
    "image with two sources": ([{**IMAGE, "slack_file": {"id": "F0A"}}], "/blocks/0"),
    "image from nowhere": ([{**IMAGE, "image_url": "javascript:alert(1)"}], "/blocks/0/image_url"),
    "no actions": ([actions()], "/blocks/0/elements"),
    "too many actions": ([actions(*(button(action_id=str(n)) for n in range(26)))], "/blocks/0/elements"),
    "action_id twice": ([actions(button(), button())], "/blocks/0"),
    "action_id too long": ([actions(button(action_id="x" * 256))], "/blocks/0/elements/0/action_id"),
    "button text too long": ([actions(button(text=plain("x" * 76)))], "/blocks/0/elements/0/text/text"),
    "button text in mrkdwn": ([actions(button(text=mrkdwn()))], "/blocks/0/elements/0/text/type"),
    "button without text": ([actions(without(button(), "text"))], "/blocks/0/elements/0"),
    "button value too long": ([actions(button(value="x" * 2001))], "/blocks/0/elements/0/value"),
    "button value that is no string": ([actions(button(value=7))], "/blocks/0/elements/0/value"),
    "button url too long": ([actions(button(url="https://a/" + "x" * 3000))], "/blocks/0/elements/0/url"),
    "button of an unknown style": ([actions(button(style="default"))], "/blocks/0/elements/0/style"),
    "button for nobody": ([actions(button(visible_to_user_ids=[]))], "/blocks/0/elements/0/visible_to_user_ids"),
    "confirm without deny": ([actions(button(confirm=without(CONFIRM, "deny")))], "/blocks/0/elements/0/confirm"),
    "confirm too long": (
        [actions(button(confirm={**CONFIRM, "text": plain("x" * 301)}))],
        "/blocks/0/elements/0/confirm/text/text",
    ),
    "select without options": ([actions(select())], "/blocks/0/elements/0"),
    "select with both": (
        [actions(select(options=options(1), option_groups=[{"label": plain(), "options": options(1)}]))],
        "/blocks/0/elements/0",
    ),
    "select too full": ([actions(select(options=options(101)))], "/blocks/0/elements/0/options"),
    "option text too long": (
        [actions(select(options=[{"text": plain("x" * 76), "value": "v"}]))],
        "/blocks/0/elements/0/options/0/text/text",
    ),
    "option value too long": (
        [actions(select(options=[{"text": plain(), "value": "x" * 151}]))],
        "/blocks/0/elements/0/options/0/value",
    ),
    "mrkdwn option in a menu": (
        [actions(select(options=[{"text": mrkdwn(), "value": "v"}]))],
        "/blocks/0/elements/0/options/0/text/type",
    ),
    "placeholder too long": (
        [actions(select(options=options(1), placeholder=plain("x" * 151)))],
        "/blocks/0/elements/0/placeholder/text",
    ),
    "overflow too full": ([actions(select("overflow", options=options(6)))], "/blocks/0/elements/0/options"),
    "radio buttons too many": ([actions(select("radio_buttons", options=options(11)))], "/blocks/0/elements/0/options"),
    "date that is none": (
        [actions(select("datepicker", initial_date="21.11.2026"))],
        "/blocks/0/elements/0/initial_date",
    ),
    "time that is none": ([actions(select("timepicker", initial_time="25:00"))], "/blocks/0/elements/0/initial_time"),
    "button as an input": ([entry(button())], "/blocks/0/element/type"),
    "input label in mrkdwn": ([entry(select("plain_text_input"), label=mrkdwn())], "/blocks/0/label/type"),
    "rich text without elements": ([{"type": "rich_text", "elements": []}], "/blocks/0/elements"),
    "unknown part": ([rich({"type": "bold", "text": "x"})], "/blocks/0/elements/0/elements/0/type"),
    "empty part": ([rich(words(""))], "/blocks/0/elements/0/elements/0/text"),
    "unknown style of text": (
        [rich(words(style={"colour": True}))],
        "/blocks/0/elements/0/elements/0/style",
    ),
    "style that is a string": ([rich(words(style="bold"))], "/blocks/0/elements/0/elements/0/style"),
    "mention in code": (
        [rich({"type": "user", "user_id": "U0MIA"}, kind="rich_text_preformatted")],
        "/blocks/0/elements/0/elements/0/type",
    ),
    "list of texts": ([bullets(words())], "/blocks/0/elements/0/elements/0/type"),
    "list without style": ([rich(line(), kind="rich_text_list")], "/blocks/0/elements/0"),
    "list too deep": ([bullets(line(), indent=9)], "/blocks/0/elements/0/indent"),
    "link to a script": (
        [rich({"type": "link", "url": "javascript:alert(1)"})],
        "/blocks/0/elements/0/elements/0/url",
    ),
    "broadcast to the world": (
        [rich({"type": "broadcast", "range": "world"})],
        "/blocks/0/elements/0/elements/0/range",
    ),
    "markdown too long": ([{"type": "markdown", "text": "x" * 12_001}], "/blocks/0/text"),
    "markdown too long together": ([{"type": "markdown", "text": "x" * 6001}] * 2, "/blocks"),
    "markdown as an object": ([{"type": "markdown", "text": plain()}], "/blocks/0/text"),
    "two tables": ([table([cell()]), table([cell()])], "/blocks"),
    "two tables, one inside": ([table([cell()]), container(table([cell()]))], "/blocks"),
    "table too long": ([table(*([[cell()]] * 101))], "/blocks/0/rows"),
    "table too wide": ([table([cell()] * 21)], "/blocks/0/rows/0"),
    "table too big": ([table(*([[cell("x" * 101)]] * 100))], "/blocks/0"),
    "table too big in rich cells": ([table(*([[rich(words("x" * 101))]] * 100))], "/blocks/0"),
    "empty cell": ([table([cell("")])], "/blocks/0/rows/0/0/text"),
    "cell in mrkdwn": ([table([mrkdwn()])], "/blocks/0/rows/0/0/type"),
    "number as text": ([table([{"type": "raw_number", "value": "3", "text": "3"}])], "/blocks/0/rows/0/0/value"),
    "row that is no row": ([{"type": "table", "rows": [cell()]}], "/blocks/0/rows/0"),
    "column aligned in the middle": (
        [table([cell()], column_settings=[{"align": "middle"}])],
        "/blocks/0/column_settings/0/align",
    ),
    "alert of an unknown level": ([{"type": "alert", "text": plain(), "level": "fatal"}], "/blocks/0/level"),
    "alert without text": ([{"type": "alert"}], "/blocks/0"),
    "empty card": ([without(card(), "title")], "/blocks/0"),
    "card body too long": ([card(body=mrkdwn("x" * 201))], "/blocks/0/body/text"),
    "empty container": ([container()], "/blocks/0/child_blocks"),
    "container too full": ([container(*([DIVIDER] * 11))], "/blocks/0/child_blocks"),
    "markdown in a container": ([container({"type": "markdown", "text": "x"})], "/blocks/0/child_blocks/0/type"),
    "container in a container": ([container(container(DIVIDER))], "/blocks/0/child_blocks/0/type"),
    "container without title": ([without(container(DIVIDER), "title")], "/blocks/0"),
    "collapsed but not collapsible": ([container(DIVIDER, default_collapsed=True)], "/blocks/0"),
    "button among feedback": ([{"type": "context_actions", "elements": [button()]}], "/blocks/0/elements/0/type"),
    "feedback too full": (
        [{"type": "context_actions", "elements": [feedback(action_id=str(n)) for n in range(6)]}],
        "/blocks/0/elements",
    ),
    "feedback with one side": (
        [{"type": "context_actions", "elements": [without(feedback(), "negative_button")]}],
        "/blocks/0/elements/0",
    ),
    "plan without title": ([{"type": "plan", "tasks": [task_card()]}], "/blocks/0"),
    "section in a plan": ([{"type": "plan", "title": "x", "tasks": [section()]}], "/blocks/0/tasks/0/type"),
    "task card with plain details": ([task_card(details="x")], "/blocks/0/details"),
    "task card of an unknown status": ([task_card(status="done")], "/blocks/0/status"),
    "file of an unknown source": ([{"type": "file", "external_id": "x", "source": "local"}], "/blocks/0/source"),
    "not JSON's idea of a number": (
        [table([{"type": "raw_number", "value": float("nan"), "text": "3"}])],
        "/blocks/0/rows/0/0/value",
    ),
    "call of nobody": ([{"type": "call", "call_id": "x"}], "/blocks/0/call_id"),
    "video without thumbnail": ([without(video(), "thumbnail_url")], "/blocks/0"),
    "video with a mrkdwn title": ([video(title=mrkdwn())], "/blocks/0/title/type"),
    "data table without caption": ([without(data_table(), "caption")], "/blocks/0"),
    "data table with a header only": ([data_table(rows=[[cell()]])], "/blocks/0/rows"),
    "data table with a rich header": ([data_table(rows=[[rich(words())], [cell()]])], "/blocks/0"),
    "data table with uneven rows": ([data_table(rows=[[cell()], [cell(), cell()]])], "/blocks/0"),
    "data table whose row header is no column": ([data_table(row_header_column_index=2)], "/blocks/0"),
    "data table with column settings": ([data_table(column_settings=[])], "/blocks/0"),
    "chart of no kind": ([chart({"type": "donut", "segments": []})], "/blocks/0/chart/type"),
    "pie without segments": ([chart(pie())], "/blocks/0/chart/segments"),
    "pie with less than nothing": ([chart(pie(("a", -1)))], "/blocks/0/chart/segments/0/value"),
    "series of one name": (
        [chart({**bar_chart(["Mon"], a=[1]), "series": bar_chart(["Mon"], a=[1])["series"] * 2})],
        "/blocks/0/chart",
    ),
    "series that misses a category": ([chart(bar_chart(["Mon", "Tue"], a=[1]))], "/blocks/0/chart"),
    "chart without axis": ([chart(without(bar_chart(["Mon"], a=[1]), "axis_config"))], "/blocks/0/chart"),
    "provider that does not say whether": ([without(provider(), "is_connected")], "/blocks/0"),
    "provider with a button": ([provider(accessory=button())], "/blocks/0/accessory/type"),
    "provider that falls back on itself": ([provider(fallback=[provider()])], "/blocks/0/fallback/0/type"),
    "task card without status": ([without(task_card(), "status")], "/blocks/0"),
    "plain title of a card": ([card(title=plain())], "/blocks/0/title/type"),
    "alert in a container": ([container({"type": "alert", "text": plain()})], "/blocks/0/child_blocks/0/type"),
    "action_id twice in a container": ([container(actions(button(), button()))], "/blocks/0/child_blocks/0"),
    "focus on two": (
        [entry(select("plain_text_input", focus_on_load=True)), entry(select("datepicker", focus_on_load=True))],
        "/blocks",
    ),
    "choice that is no option": (
        [actions(select(options=options(2), initial_option=option("v2")))],
        "/blocks/0/elements/0",
    ),
    "checked box that is no option": (
        [actions(select("checkboxes", options=options(1), initial_options=[option("other")]))],
        "/blocks/0/elements/0",
    ),
    "radio button pressed that is none": (
        [actions(select("radio_buttons", options=options(1), initial_option=option("other")))],
        "/blocks/0/elements/0",
    ),
    "more chosen than allowed": (
        [actions(select("multi_static_select", options=options(2), initial_options=options(2), max_selected_items=1))],
        "/blocks/0/elements/0",
    ),
    "more people chosen than allowed": (
        [actions(select("multi_users_select", initial_users=["U0MIA", "U0SAM"], max_selected_items=1))],
        "/blocks/0/elements/0",
    ),
    "user that is none": ([actions(select("users_select", initial_user="mia"))], "/blocks/0/elements/0/initial_user"),
    "filter of an unknown kind": (
        [actions(select("conversations_select", filter={"include": ["secret"]}))],
        "/blocks/0/elements/0/filter/include/0",
    ),
    "workflow button without trigger": (
        [actions({"type": "workflow_button", "text": plain(), "action_id": "w", "workflow": {}})],
        "/blocks/0/elements/0/workflow",
    ),
    "workflow parameter without value": (
        [
            actions(
                {
                    "type": "workflow_button",
                    "text": plain(),
                    "workflow": {
                        "trigger": {"url": "https://a.example", "customizable_input_parameters": [{"name": "a"}]}
                    },
                }
            )
        ],
        "/blocks/0/elements/0/workflow/trigger/customizable_input_parameters/0",
    ),
    "date in a thirteenth month": (
        [actions(select("datepicker", initial_date="2026-13-01"))],
        "/blocks/0/elements/0/initial_date",
    ),
    "date in other digits": (
        [actions(select("datepicker", initial_date="٢٠٢٦-١١-٢١"))],
        "/blocks/0/elements/0/initial_date",
    ),
    "least above most": ([entry(select("plain_text_input", min_length=5, max_length=4))], "/blocks/0/element"),
    "lines above lines": ([entry(select("rich_text_input", min_lines=5, max_lines=4))], "/blocks/0/element"),
    "number out of bounds": (
        [entry(select("number_input", is_decimal_allowed=True, initial_value="5", max_value="4.5"))],
        "/blocks/0/element",
    ),
    "fraction that is not allowed": (
        [entry(select("number_input", is_decimal_allowed=False, initial_value="4.5"))],
        "/blocks/0/element",
    ),
    "number that is a word": (
        [entry(select("number_input", is_decimal_allowed=False, initial_value="four"))],
        "/blocks/0/element/initial_value",
    ),
    "feedback without value": (
        [{"type": "context_actions", "elements": [feedback(positive_button={"text": plain()})]}],
        "/blocks/0/elements/0/positive_button",
    ),
    "icon that Slack has not": (
        [{"type": "context_actions", "elements": [{**TRASH, "icon": "skull"}]}],
        "/blocks/0/elements/0/icon",
    ),
    "button in context actions": ([{"type": "context_actions", "elements": [button()]}], "/blocks/0/elements/0/type"),
    "slack file by both": (
        [{"type": "image", "alt_text": "a", "slack_file": {"id": "F0A", "url": "https://f/x"}}],
        "/blocks/0/slack_file",
    ),
    **payload_limits.WRONG,
}


RIGHT_VIEWS: dict[str, Json] = {
    "home": {"type": "home", "blocks": [section(), actions(button())]},
    "home with a hundred blocks": {"type": "home", "blocks": [DIVIDER] * 100, "private_metadata": "x" * 3000},
    "modal": modal(close=plain("Close"), callback_id="c", private_metadata="", notify_on_close=True),
    "modal with input": modal(entry(select("plain_text_input")), submit=plain("x" * 24)),
    "modal with number": modal(entry(select("number_input", is_decimal_allowed=False, min_value="1")), submit=plain()),
    "modal with mail and web addresses": modal(
        entry(select("email_text_input")), entry(select("url_text_input"), optional=True), submit=plain()
    ),
    "modal with a rich input": modal(entry(select("rich_text_input")), submit=plain()),
    "home with inputs and no submit": {"type": "home", "blocks": [entry(select("plain_text_input"))]},
    "modal with a container": modal(container(section(), entry(select("timepicker"))), submit=plain()),
    "modal with an external id": modal(external_id="x" * 255, clear_on_close=True),
    "modal with a file": modal(entry(select("file_input", filetypes=["log"], max_files=3)), submit=plain()),
}

WRONG_VIEWS: dict[str, tuple[Any, str]] = {
    "no type": ({"blocks": [DIVIDER]}, "/view"),
    "unknown type": ({"type": "popup", "blocks": [DIVIDER]}, "/view/type"),
    "modal without title": (without(modal(), "title"), "/view"),
    "title too long": (modal(title=plain("x" * 25)), "/view/title/text"),
    "title in mrkdwn": (modal(title=mrkdwn()), "/view/title/type"),
    "submit too long": (modal(submit=plain("x" * 25)), "/view/submit/text"),
    "input without submit": (modal(entry(select("plain_text_input"))), "/view"),
    "no blocks": ({"type": "home", "blocks": []}, "/view/blocks"),
    "too many blocks": ({"type": "home", "blocks": [DIVIDER] * 101}, "/view/blocks"),
    "markdown in a view": (modal({"type": "markdown", "text": "x"}), "/view/blocks/0/type"),
    "table in a view": (modal(table([cell()])), "/view/blocks/0/type"),
    "private_metadata too long": (modal(private_metadata="x" * 3001), "/view/private_metadata"),
    "callback_id too long": (modal(callback_id="x" * 256), "/view/callback_id"),
    "home with submit": ({"type": "home", "blocks": [DIVIDER], "submit": plain()}, "/view"),
    "unknown key": (modal(width=3), "/view"),
    "block_id twice": (modal({**DIVIDER, "block_id": "a"}, {**DIVIDER, "block_id": "a"}), "/view/blocks"),
    "number input that does not say of what": (
        modal(entry(select("number_input")), submit=plain()),
        "/view/blocks/0/element",
    ),
    "input inside a container without submit": (modal(container(entry(select("plain_text_input")))), "/view"),
    "submit_disabled of the workflow steps of old": (modal(submit_disabled=True), "/view"),
    "workflow step": ({"type": "workflow_step", "blocks": [DIVIDER]}, "/view/type"),
    "table in a container": (modal(container(table([cell()]))), "/view/blocks/0/child_blocks/0/type"),
    "plan in a view": (modal({"type": "plan", "title": "x"}), "/view/blocks/0/type"),
    "feedback in a view": (modal({"type": "context_actions", "elements": [feedback()]}), "/view/blocks/0/type"),
    "external_id too long": (modal(external_id="x" * 256), "/view/external_id"),
    "close too long": (modal(close=plain("x" * 25)), "/view/close/text"),
    "notify_on_close as a word": (modal(notify_on_close="yes"), "/view/notify_on_close"),
    "focus on two": (
        modal(
            entry(select("plain_text_input", focus_on_load=True)),
            container(entry(select("datepicker", focus_on_load=True))),
            submit=plain(),
        ),
        "/view/blocks",
    ),
}

RIGHT_CHUNKS: dict[str, list[Json]] = {
    "text": [{"type": "markdown_text", "text": "**OOMKilled**"}],
    "plan": [{"type": "plan_update", "title": "x" * 256}],
    "task": [update(details="x" * 256, output="", sources=[])],
    "task with a source": [update(sources=[{"type": "url", "url": "https://a.example", "text": "Runbook"}])],
    "the same task twice": [update(status="pending"), update()],
    "all states": [update(id=status, status=status) for status in ("pending", "in_progress", "complete", "error")],
    "blocks": [{"type": "blocks", "blocks": [section(), table([cell()])]}],
    "text and blocks": [{"type": "markdown_text", "text": "x"}, {"type": "blocks", "blocks": [DIVIDER] * 50}],
    "fifty tasks": [update(id=str(number)) for number in range(50)],
}

WRONG_CHUNKS: dict[str, tuple[Any, str]] = {
    "no chunk": (["x"], "/chunks/0"),
    "unknown type": ([{"type": "text", "text": "x"}], "/chunks/0/type"),
    "empty text": ([{"type": "markdown_text", "text": ""}], "/chunks/0/text"),
    "unknown key": ([{"type": "markdown_text", "text": "x", "title": "y"}], "/chunks/0"),
    "plan without title": ([{"type": "plan_update"}], "/chunks/0"),
    "plan title too long": ([{"type": "plan_update", "title": "x" * 257}], "/chunks/0/title"),
    "plan title as an object": ([{"type": "plan_update", "title": plain()}], "/chunks/0/title"),
    "task without id": ([without(update(), "id")], "/chunks/0"),
    "task without title": ([without(update(), "title")], "/chunks/0"),
    "task without status": ([without(update(), "status")], "/chunks/0"),
    "task of unknown status": ([update(status="done")], "/chunks/0/status"),
    "task id too long": ([update(id="x" * 257)], "/chunks/0/id"),
    "task title too long": ([update(title="x" * 257)], "/chunks/0/title"),
    "task details too long": ([update(details="x" * 257)], "/chunks/0/details"),
    "task output too long": ([update(output="x" * 257)], "/chunks/0/output"),
    "task details as rich text": ([update(details=rich(words()))], "/chunks/0/details"),
    "source that is a string": ([update(sources=["https://a.example"])], "/chunks/0/sources/0"),
    "source without text": ([update(sources=[{"type": "url", "url": "https://a.example"}])], "/chunks/0/sources/0"),
    "source that is a script": (
        [update(sources=[{"type": "url", "url": "javascript:x", "text": "x"}])],
        "/chunks/0/sources/0/url",
    ),
    "fifty-one tasks": ([update(id=str(number)) for number in range(51)], "/chunks"),
    "no blocks": ([{"type": "blocks", "blocks": []}], "/chunks/0/blocks"),
    "too many blocks": ([{"type": "blocks", "blocks": [DIVIDER] * 51}], "/chunks/0/blocks"),
    "wrong block": ([{"type": "blocks", "blocks": [{"type": "section"}]}], "/chunks/0/blocks/0"),
    "two tables": ([{"type": "blocks", "blocks": [table([cell()]), table([cell()])]}], "/chunks/0/blocks"),
}
