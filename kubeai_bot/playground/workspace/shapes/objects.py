"""Composition objects: text, options, confirmation dialogs, filters."""

from __future__ import annotations

from collections.abc import Mapping

from kubeai_bot.playground.workspace import limits
from kubeai_bot.playground.workspace.schema import ByType, Flag, Items, Record, Rule, Shape, Text, one_of, typed

URL = Text(limits.URL_CHARS, pattern=r"https?://\S+")
ACTION_ID = Text(limits.ID_CHARS)


def block(
    name: str, needs: Mapping[str, Shape] | None = None, may: Mapping[str, Shape] | None = None, *rules: Rule
) -> Record:
    """A block: what has a `type` and may have a `block_id`."""
    return typed(name, needs, {"block_id": Text(limits.ID_CHARS), **(may or {})}, *rules)


def plain(most: int = limits.TEXT_OBJECT_CHARS) -> Record:
    """A `plain_text` object."""
    return typed("plain_text", {"text": Text(most)}, {"emoji": Flag()})


def mrkdwn(most: int = limits.TEXT_OBJECT_CHARS) -> Record:
    """A `mrkdwn` object."""
    return typed("mrkdwn", {"text": Text(most)}, {"verbatim": Flag()})


def text(most: int = limits.TEXT_OBJECT_CHARS) -> ByType:
    """A text object of either kind."""
    kinds = {"plain_text": plain(most), "mrkdwn": mrkdwn(most)}
    return ByType(lambda: kinds)


CONFIRM = Record(
    {
        "title": plain(limits.CONFIRM_TITLE_CHARS),
        "text": text(limits.CONFIRM_TEXT_CHARS),
        "confirm": plain(limits.CONFIRM_BUTTON_CHARS),
        "deny": plain(limits.CONFIRM_BUTTON_CHARS),
    },
    {"style": Text(choices=("primary", "danger"))},
)


def option(label: Shape, description: Shape, *, links: bool = False) -> Record:
    """One choice; only overflow menus have `links`."""
    more: dict[str, Shape] = {"description": description}
    if links:
        more["url"] = URL
    return Record({"text": label, "value": Text(limits.OPTION_VALUE_CHARS)}, more)


MENU_OPTION = option(plain(limits.OPTION_TEXT_CHARS), plain(limits.OPTION_TEXT_CHARS))
CHOICE_OPTION = option(text(limits.OPTION_TEXT_CHARS), text(limits.OPTION_TEXT_CHARS))
OVERFLOW_OPTION = option(plain(limits.OPTION_TEXT_CHARS), plain(limits.OPTION_TEXT_CHARS), links=True)
OPTION_GROUP = Record({"label": plain(limits.OPTION_TEXT_CHARS), "options": Items(MENU_OPTION, limits.MAX_OPTIONS)})

DISPATCH = Record(
    {"trigger_actions_on": Items(Text(choices=("on_enter_pressed", "on_character_entered")), 2)},
)
CONVERSATION_FILTER = Record(
    {},
    {
        "include": Items(Text(choices=("im", "mpim", "private", "public")), 4),
        "exclude_external_shared_channels": Flag(),
        "exclude_bot_users": Flag(),
    },
)
SLACK_FILE = Record({}, {"id": Text(), "url": Text(limits.URL_CHARS)}, (one_of("id", "url"),))
FEEDBACK_BUTTON = Record(
    {"text": plain(limits.BUTTON_TEXT_CHARS), "value": Text(limits.BUTTON_VALUE_CHARS)},
    {"accessibility_label": Text(limits.ACCESSIBILITY_LABEL_CHARS)},
)
