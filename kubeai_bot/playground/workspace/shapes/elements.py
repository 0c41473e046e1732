"""Interactive elements: buttons, menus, pickers, inputs."""

from __future__ import annotations

from collections.abc import Mapping

from kubeai_bot.playground.workspace import limits
from kubeai_bot.playground.workspace.schema import Flag, Items, Number, Record, Rule, Shape, Text, one_of, typed
from kubeai_bot.playground.workspace.shapes.objects import (
    ACTION_ID,
    CHOICE_OPTION,
    CONFIRM,
    CONVERSATION_FILTER,
    DISPATCH,
    FEEDBACK_BUTTON,
    MENU_OPTION,
    OPTION_GROUP,
    OVERFLOW_OPTION,
    SLACK_FILE,
    URL,
    plain,
)
from kubeai_bot.playground.workspace.shapes.rich_text import RICH_TEXT
from kubeai_bot.playground.workspace.shapes.rules import (
    chooses_no_more_than_allowed,
    in_order,
    starts_among_its_options,
    whole_numbers_only,
)

_USER = Text(pattern=r"[UW][A-Z0-9]+")
_CHANNEL = Text(pattern=r"[CDG][A-Z0-9]+")
_VISIBLE_TO = Items(_USER, limits.MAX_VISIBLE_TO)
_NUMERAL = Text(pattern=r"-?[0-9]+(\.[0-9]+)?")
_PLACEHOLDER = plain(limits.PLACEHOLDER_CHARS)
_TYPED: dict[str, Shape] = {
    "action_id": ACTION_ID,
    "focus_on_load": Flag(),
    "placeholder": _PLACEHOLDER,
    "dispatch_action_config": DISPATCH,
}


def _picker(name: str, **may: Shape) -> Record:
    """An element that can be confirmed, focused and given a placeholder."""
    common: dict[str, Shape] = {"action_id": ACTION_ID, "confirm": CONFIRM, "focus_on_load": Flag()}
    return typed(name, {}, {**common, "placeholder": _PLACEHOLDER, **may})


def _menu(name: str, *rules: Rule, **may: Shape) -> dict[str, Record]:
    """A select menu and its twin for several choices. `initial_…` becomes plural there."""
    several: dict[str, Shape] = {"max_selected_items": Number(1)}
    for key, shape in may.items():
        several[f"{key}s" if key.startswith("initial_") else key] = (
            Items(shape) if key.startswith("initial_") else shape
        )
    several.pop("response_url_enabled", None)
    single, multi = _picker(name, **may), _picker(f"multi_{name}", **several)
    return {
        name: Record(single.needs, single.may, rules),
        f"multi_{name}": Record(multi.needs, multi.may, (*rules, chooses_no_more_than_allowed)),
    }


BUTTON = typed(
    "button",
    {"text": plain(limits.BUTTON_TEXT_CHARS)},
    {
        "action_id": ACTION_ID,
        "url": URL,
        "value": Text(limits.BUTTON_VALUE_CHARS, least=0),
        "style": Text(choices=("primary", "danger")),
        "confirm": CONFIRM,
        "accessibility_label": Text(limits.ACCESSIBILITY_LABEL_CHARS),
        "agent_prompt": Text(limits.AGENT_PROMPT_CHARS),
        "agent_prompt_display": Text(limits.AGENT_PROMPT_CHARS),
        "visible_to_user_ids": _VISIBLE_TO,
    },
)
IMAGE = typed(
    "image",
    {"alt_text": Text(limits.ALT_TEXT_CHARS)},
    {"image_url": URL, "slack_file": SLACK_FILE},
    one_of("image_url", "slack_file"),
)
OVERFLOW = typed(
    "overflow",
    {"options": Items(OVERFLOW_OPTION, limits.MAX_OVERFLOW_OPTIONS)},
    {"action_id": ACTION_ID, "confirm": CONFIRM},
)
_CHOICES: dict[str, Shape] = {"action_id": ACTION_ID, "confirm": CONFIRM, "focus_on_load": Flag()}
CHECKBOXES = typed(
    "checkboxes",
    {"options": Items(CHOICE_OPTION, limits.MAX_CHOICES)},
    {**_CHOICES, "initial_options": Items(CHOICE_OPTION, limits.MAX_CHOICES)},
    starts_among_its_options,
)
RADIO_BUTTONS = typed(
    "radio_buttons",
    {"options": Items(CHOICE_OPTION, limits.MAX_CHOICES)},
    {**_CHOICES, "initial_option": CHOICE_OPTION},
    starts_among_its_options,
)
MENUS: Mapping[str, Record] = {
    **_menu(
        "static_select",
        one_of("options", "option_groups"),
        starts_among_its_options,
        options=Items(MENU_OPTION, limits.MAX_OPTIONS),
        option_groups=Items(OPTION_GROUP, limits.MAX_OPTION_GROUPS),
        initial_option=MENU_OPTION,
    ),
    **_menu("external_select", min_query_length=Number(0), initial_option=MENU_OPTION),
    **_menu("users_select", initial_user=_USER),
    **_menu("channels_select", initial_channel=_CHANNEL, response_url_enabled=Flag()),
    **_menu(
        "conversations_select",
        initial_conversation=_CHANNEL,
        default_to_current_conversation=Flag(),
        response_url_enabled=Flag(),
        filter=CONVERSATION_FILTER,
    ),
}
PICKERS: Mapping[str, Record] = {
    "datepicker": _picker(
        "datepicker", initial_date=Text(pattern=r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
    ),
    "timepicker": _picker("timepicker", initial_time=Text(pattern=r"([01][0-9]|2[0-3]):[0-5][0-9]"), timezone=Text()),
    "datetimepicker": typed(
        "datetimepicker", {}, {**_CHOICES, "initial_date_time": Number(1_000_000_000, 9_999_999_999)}
    ),
}
INPUTS: Mapping[str, Record] = {
    "plain_text_input": typed(
        "plain_text_input",
        {},
        {
            **_TYPED,
            "initial_value": Text(limits.INPUT_CHARS, least=0),
            "multiline": Flag(),
            "min_length": Number(0, limits.INPUT_CHARS),
            "max_length": Number(1, limits.INPUT_CHARS),
        },
        in_order("min_length", "max_length"),
    ),
    "rich_text_input": typed(
        "rich_text_input",
        {},
        {
            **_TYPED,
            "initial_value": RICH_TEXT,
            "min_lines": Number(1, limits.MAX_INPUT_LINES),
            "max_lines": Number(1, limits.MAX_INPUT_LINES),
        },
        in_order("min_lines", "max_lines"),
    ),
    "email_text_input": typed("email_text_input", {}, {**_TYPED, "initial_value": Text()}),
    "url_text_input": typed("url_text_input", {}, {**_TYPED, "initial_value": Text()}),
    "number_input": typed(
        "number_input",
        {"is_decimal_allowed": Flag()},
        {**_TYPED, "initial_value": _NUMERAL, "min_value": _NUMERAL, "max_value": _NUMERAL},
        in_order("min_value", "initial_value", "max_value"),
        whole_numbers_only,
    ),
    "file_input": typed(
        "file_input",
        {},
        {"action_id": ACTION_ID, "filetypes": Items(Text()), "max_files": Number(1, limits.MAX_INPUT_FILES)},
    ),
}
FEEDBACK_BUTTONS = typed(
    "feedback_buttons",
    {"positive_button": FEEDBACK_BUTTON, "negative_button": FEEDBACK_BUTTON},
    {"action_id": ACTION_ID},
)
ICON_BUTTON = typed(
    "icon_button",
    {"icon": Text(choices=("trash",)), "text": plain(limits.BUTTON_TEXT_CHARS)},
    {
        "action_id": ACTION_ID,
        "value": Text(limits.BUTTON_VALUE_CHARS),
        "confirm": CONFIRM,
        "accessibility_label": Text(limits.ACCESSIBILITY_LABEL_CHARS),
        "visible_to_user_ids": _VISIBLE_TO,
    },
)
_PARAMETER = Record({"name": Text(), "value": Text(least=0)})
WORKFLOW_BUTTON = typed(
    "workflow_button",
    {
        "text": plain(limits.BUTTON_TEXT_CHARS),
        "workflow": Record({"trigger": Record({"url": URL}, {"customizable_input_parameters": Items(_PARAMETER)})}),
    },
    {
        "action_id": ACTION_ID,
        "style": Text(choices=("primary", "danger")),
        "confirm": CONFIRM,
        "accessibility_label": Text(limits.ACCESSIBILITY_LABEL_CHARS),
    },
)

_POINTED: Mapping[str, Record] = {
    "button": BUTTON,
    "overflow": OVERFLOW,
    "checkboxes": CHECKBOXES,
    "radio_buttons": RADIO_BUTTONS,
    "workflow_button": WORKFLOW_BUTTON,
    **MENUS,
    **PICKERS,
}
IN_ACTIONS: Mapping[str, Record] = {**_POINTED, "rich_text_input": INPUTS["rich_text_input"]}
IN_SECTION: Mapping[str, Record] = {
    **{name: shape for name, shape in _POINTED.items() if name != "datetimepicker"},
    "image": IMAGE,
}
IN_INPUT: Mapping[str, Record] = {
    "checkboxes": CHECKBOXES,
    "radio_buttons": RADIO_BUTTONS,
    **MENUS,
    **PICKERS,
    **INPUTS,
}
IN_CONTEXT_ACTIONS: Mapping[str, Record] = {"feedback_buttons": FEEDBACK_BUTTONS, "icon_button": ICON_BUTTON}
