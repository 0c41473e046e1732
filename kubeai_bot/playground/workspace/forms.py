"""Values that people enter: the state of inputs and menus, and the action that a click sends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kubeai_bot.playground.workspace.validation import elements, nested
from kubeai_bot.playground.workspace.wire import Json

Answer = str | Sequence[str] | Json | None
"""What a person enters: a text, the value(s) of the option(s) chosen, a rich text, or nothing."""

_TEXT_INPUTS = ("plain_text_input", "email_text_input", "url_text_input", "number_input")
_ONE_OPTION = ("static_select", "external_select", "radio_buttons")
_MANY_OPTIONS = ("multi_static_select", "multi_external_select", "checkboxes")
_ONE_ID = {
    "users_select": ("selected_user", "initial_user"),
    "channels_select": ("selected_channel", "initial_channel"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "rich_text_input": ("rich_text_value", "initial_value"),
}
_MANY_IDS = {
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
}


def entered(element: Json, answer: Answer) -> Json | None:
    """The entry of one element in `state.values`; None for an element that keeps no state (a button)."""
    kind = element["type"]
    if kind in _TEXT_INPUTS:
        value = element.get("initial_value") if answer is None else answer
    elif kind in _ONE_OPTION:
        chosen = element.get("initial_option") if answer is None else find_option(element, str(answer))
        return {"type": kind, "selected_option": chosen}
    elif kind in _MANY_OPTIONS:
        chosen = element.get("initial_options", []) if answer is None else _find_options(element, answer)
        return {"type": kind, "selected_options": chosen}
    elif kind in _ONE_ID:
        key, initial = _ONE_ID[kind]
        return {"type": kind, key: element.get(initial) if answer is None else answer}
    elif kind in _MANY_IDS:
        key, initial = _MANY_IDS[kind]
        return {"type": kind, key: element.get(initial, []) if answer is None else list(answer)}
    else:
        return None
    return {"type": kind, "value": value}


def is_empty(entry: Json) -> bool:
    """Nothing was entered."""
    return not any(value for key, value in entry.items() if key != "type")


def values(blocks: Iterable[Json], answers: Mapping[str, Answer]) -> dict[str, dict[str, Json]]:
    """`state.values` of a message or view: by block id, by action id. `answers` go by action id."""
    state: dict[str, dict[str, Json]] = {}
    for block in nested(blocks):
        for element in elements(block):
            entry = entered(element, answers.get(element.get("action_id", "")))
            if entry is not None:
                state.setdefault(block["block_id"], {})[element["action_id"]] = entry
    return state


def find_option(element: Json, value: str) -> Json:
    """The option with this value. An external menu takes any. Raises `LookupError` where there is none."""
    options = [*element.get("options", ())]
    for group in element.get("option_groups", ()):
        options += group["options"]
    for option in options:
        if option["value"] == value:
            return {"text": option["text"], "value": value}
    if "external" in element["type"]:
        return {"text": {"type": "plain_text", "text": value, "emoji": True}, "value": value}
    raise LookupError(f"{element.get('action_id')} has no option {value!r}")


def _find_options(element: Json, answer: Any) -> list[Json]:
    chosen = [answer] if isinstance(answer, str) else list(answer)
    return [find_option(element, value) for value in chosen]


def action(block: Json, element: Json, answer: Answer, ts: str) -> Json:
    """One entry of `actions` in a `block_actions` payload."""
    kind = element["type"]
    sent: Json = {"type": kind, "action_id": element["action_id"], "block_id": block["block_id"], "action_ts": ts}
    if kind in ("button", "icon_button", "workflow_button"):
        return sent | {key: element[key] for key in ("text", "value", "style", "url") if key in element}
    if kind == "feedback_buttons":
        if answer not in ("positive", "negative"):
            raise ValueError("choose positive or negative")
        button = element[f"{answer}_button"]
        return sent | {"value": button["value"], "text": button["text"]}
    if kind == "overflow":
        return sent | {"selected_option": find_option(element, str(answer))}
    entry = entered(element, answer)
    return sent | (entry or {}) | {key: element[key] for key in ("placeholder",) if key in element}
