"""What people write in Slack, as plain text, and the few words that mean something by themselves. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kubeai_bot.domain.session import InboxKind

WORDS: Mapping[str, InboxKind] = {
    "stop": "stop",
    "cancel": "stop",
    "help": "help",
    "clear": "clear",
    "new": "clear",
    "reset": "clear",
    "status": "status",
    "tools": "tools",
    "grants": "grants",
    "approvals": "grants",
    "clusters": "clusters",
    "forget": "forget",
    "forget this thread": "forget",
    "forget this conversation": "forget",
    "stored": "stored",
    "what do you store about me": "stored",
    "what do you know about me": "stored",
}

_DECISION = re.compile(r"(approve|deny|grant) a-[0-9a-f]{4,16}( .{1,300})?|revoke g-[0-9a-f]{4,16}")
"""What a person may type instead of clicking: see `domain.approval.Decision`."""

_CONTROL = re.compile(r"<(?P<target>[^<>|]+)(?:\|(?P<label>[^<>]*))?>")


def plain_text(text: str, bot_user_id: str = "") -> str:
    """Slack's `text` without mentions of the bot, its links, mentions and escapes as a person reads them
    (https://docs.slack.dev/messaging/formatting-message-text)."""
    without_bot = re.sub(rf"<@{re.escape(bot_user_id)}(\|[^<>]*)?>[:,]?", " ", text) if bot_user_id else text
    shown = _CONTROL.sub(_readable, without_bot)
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()


def _readable(match: re.Match[str]) -> str:
    target, label = match["target"], match["label"] or ""
    if target.startswith(("@", "#")):
        return f"{target[0]}{label.removeprefix(target[0]) or target[1:]}"
    if target.startswith("!"):
        return label or f"@{target[1:].split('^')[0]}"
    address = target.removeprefix("mailto:")
    if not label or label in target:  # Slack makes links of names with dots: <http://shop.svc|shop.svc>
        return label or address
    return f"{label} ({address})"


def words_of(text: str) -> str:
    """The text as it is compared with words: lower case, single spaces, without punctuation around it."""
    return " ".join(text.lower().split()).strip(" .,!?…*_`'\"")


def kind_of(text: str) -> InboxKind:
    """What the whole text means, where it is one of the `WORDS`; an empty one asks for help."""
    if _DECISION.fullmatch(text.strip()):
        return "decision"
    return WORDS.get(words_of(text), "message") if words_of(text) else _kind_of_signs(text)


def _kind_of_signs(text: str) -> InboxKind:
    return "help" if set(text.strip()) <= {"?", "!"} else "message"
