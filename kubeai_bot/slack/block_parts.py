"""Pieces of blocks that take text from models, clusters and people as text: nothing in them is active, nothing hides.

Untrusted text only ever stands in `plain_text` objects and in `text` elements of rich text, which Slack shows as they
are; a person is named by a `user` element, a moment by a `date` element.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from kubeai_bot.domain.identity import Speaker
from kubeai_bot.slack.safe_markdown import plain_line

Block = dict[str, Any]
Part = dict[str, Any]

BUTTON_CHARACTERS = 75
CONFIRM_CHARACTERS = 300
HEADER_CHARACTERS = 150
"""Slack's limits (https://docs.slack.dev/reference/block-kit)."""

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control and format characters: they are not seen, or they reorder what is seen (https://trojansource.codes)."""

_USER_ID = re.compile(r"[UW][A-Z0-9]{1,30}")


def visible(text: str) -> str:
    """The text with everything spelled out that would not be seen, so that a reader sees what is there."""
    return _HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text.replace("\r\n", "\n"))


def one_line(text: str, limit: int) -> str:
    """One line of at most `limit` characters; mentions are taken apart, because notifications may show it too."""
    return plain_line(visible(text), limit)


def plain(text: str) -> Part:
    return {"type": "plain_text", "text": text, "emoji": False}


def words(text: str, *, bold: bool = False) -> Part:
    part: Part = {"type": "text", "text": text}
    return part | {"style": {"bold": True}} if bold else part


def person(speaker: Speaker) -> Part:
    return user(speaker.user_id)


def user(user_id: str) -> Part:
    """Names a person; anything that is no Slack user id stays text."""
    return {"type": "user", "user_id": user_id} if _USER_ID.fullmatch(user_id) else words(one_line(user_id, 80) or "?")


def moment(at: datetime) -> Part:
    """A time, shown in the reader's own time zone."""
    return {
        "type": "date",
        "timestamp": int(at.timestamp()),
        "format": "{date_short_pretty} at {time}",
        "fallback": f"{at:%Y-%m-%d %H:%M} UTC",
    }


def rich(block_id: str, *elements: Part) -> Block:
    return {"type": "rich_text", "block_id": block_id, "elements": list(elements)}


def line(parts: Iterable[Part]) -> Part:
    return {"type": "rich_text_section", "elements": list(parts)}


def code(text: str) -> Part:
    """Preformatted; `text` visible already, and not empty."""
    return {"type": "rich_text_preformatted", "elements": [words(text)]}


def button(text: str, action_id: str, value: str = "", style: str = "") -> Part:
    """`text` of one line. A long one is cut, and read out in full by a screen reader as far as Slack lets it."""
    made: Part = {"type": "button", "action_id": action_id, "text": plain(one_line(text, BUTTON_CHARACTERS) or "…")}
    return made | {key: given for key, given in (("value", value), ("style", style)) if given}


def confirm(title: str, text: str, yes: str, *, danger: bool = False) -> Part:
    asked: Part = {
        "title": plain(title),
        "text": plain(one_line(text, CONFIRM_CHARACTERS)),
        "confirm": plain(yes),
        "deny": plain("Cancel"),
    }
    return asked | {"style": "danger"} if danger else asked


def actions(block_id: str, buttons: Sequence[Part]) -> Block:
    return {"type": "actions", "block_id": block_id, "elements": list(buttons)}
