"""The Home tab as a view. Pure: the same state gives the same view, and its digest tells whether anything changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubeai_bot.domain.approval import Approval
from kubeai_bot.domain.session import Session
from kubeai_bot.slack.approval_cards import mcp_server
from kubeai_bot.slack.person import state_of
from kubeai_bot.slack.prompts import PROMPTS
from kubeai_bot.slack.safe_markdown import plain_line
from kubeai_bot.slack.surfaces import About

Block = dict[str, Any]

ASK_PROMPT, FORGET, STORED = "ask_prompt", "forget_session", "stored_about_me"
"""Action ids. Buttons that stand side by side carry a number behind the first."""

NOTHING_YET = "Nothing yet. Ask me something: here, in a direct message, or by a mention in a channel."
STORE_AWAY = "I cannot look at your conversations at the moment. Open this tab again in a minute."

MOST_LINES = 20

_NAME_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Recent:
    """One of the person's own sessions; `link` leads to its thread, where Slack gave one."""

    session: Session
    link: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change that waits for an approval; `link` leads to its thread, where Slack gave one."""

    approval: Approval
    link: str | None


@dataclass(frozen=True, slots=True)
class HomeState:
    """`who`: lines that say who the person is in Kubernetes, or why they are refused; `admitted` which of the two.
    `recent` None: the session store does not answer. `waiting`: changes that wait in the person's sessions. `notice`:
    what came of the last click."""

    about: About
    who: str
    admitted: bool
    recent: Sequence[Recent] | None
    waiting: Sequence[Waiting] = ()
    notice: str = ""


def home_view(state: HomeState) -> dict[str, Any]:
    """A `home` view; its `private_metadata` is the digest of all the rest."""
    blocks = [
        *(_section(f"*{line}*") for line in _lines(state.notice, 500)),
        *_introduction(state.about),
        _header("Who you are in Kubernetes"),
        *(_section(line) for line in _lines(state.who, 1_000)),
        *_waiting(state.waiting),
        *(_prompts() if state.admitted else []),
        _header("Your recent conversations"),
        *_conversations(state.recent),
        {"type": "divider"},
        {"type": "actions", "elements": [_button("What do you store about me?", STORED)]},
    ]
    digest = hashlib.sha256(json.dumps(blocks).encode()).hexdigest()
    return {"type": "home", "private_metadata": digest, "blocks": blocks}


def stored_view(text: str) -> dict[str, Any]:
    """A modal with what is stored about the person; `text` in paragraphs."""
    blocks = [_section(line) for line in _lines(text, 2_000)]
    return {"type": "modal", "title": _plain("What I store about you"), "close": _plain("Close"), "blocks": blocks}


def mrkdwn(text: str, limit: int) -> str:
    """One line for a `mrkdwn` text, with nothing in it that Slack would take for a mention, a link or an entity."""
    line = plain_line(text, limit)
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def place_of(session: Session) -> str:
    """Names a session in a button's value: id, channel and thread."""
    return f"{session.id} {session.thread.channel_id} {session.thread.thread_ts}"


def _lines(text: str, limit: int) -> list[str]:
    """The lines of a text that say anything, safe for `mrkdwn`."""
    return [line for line in (mrkdwn(each, limit) for each in text.split("\n")[:MOST_LINES]) if line]


def _introduction(about: About) -> list[Block]:
    what = "Ask me about your Kubernetes clusters in plain words: in a direct message, by a mention, or in any thread I"
    where = ", ".join(f"`{mrkdwn(name, 100)}`" for name in about.clusters[:20]) or "none"
    more = f" and {len(about.clusters) - 20} more" if len(about.clusters) > 20 else ""
    return [
        _header(plain_line(about.name, 100) or "kubeai"),
        _section(
            f"{what} have already answered in. Whatever I look at, I look at with _your_ Kubernetes permissions."
            f" {mrkdwn(about.changes, 500)}"
        ),
        _section(f"Clusters: {where}{more}"),
    ]


def _prompts() -> list[Block]:
    buttons = [_button(title, f"{ASK_PROMPT}:{number}", str(number)) for number, (title, _) in enumerate(PROMPTS)]
    return [_header("Try"), {"type": "actions", "elements": buttons}]


def _conversations(recent: Sequence[Recent] | None) -> list[Block]:
    if recent is None:
        return [_section(STORE_AWAY)]
    return [_conversation(each) for each in recent] or [_section(NOTHING_YET)]


def _conversation(recent: Recent) -> Block:
    session = recent.session
    name = mrkdwn(session.name, _NAME_CHARACTERS) or "(without words)"
    title, when = _linked(name, recent.link), _moment(session.modified_at)
    forget = _button("Forget", FORGET, place_of(session)) | {
        "accessibility_label": f"Forget: {plain_line(session.name, 60)}",
        "confirm": {
            "title": _plain("Forget this conversation?"),
            "text": _plain(
                "Everything I hold of it is deleted for good, for everybody in that thread. The messages in Slack stay."
            ),
            "confirm": _plain("Forget"),
            "deny": _plain("Keep"),
            "style": "danger",
        },
    }
    return _section(f"{title}\n{state_of(session)} · {when}") | {
        "block_id": f"session-{session.id}",
        "accessory": forget,
    }


def _waiting(waiting: Sequence[Waiting]) -> list[Block]:
    """Decided in the thread, where the card shows what would change."""
    lines = [
        _section(
            f"{_linked(mrkdwn(each.approval.intent, 150) or 'A change', each.link)}\n{_where(each.approval)} · expires"
            f" {_moment(each.approval.expires_at)}"
        )
        for each in waiting
    ]
    return [_header("Waits for an approval"), *lines] if lines else []


def _where(approval: Approval) -> str:
    server = mcp_server(approval)
    name = mrkdwn(server or approval.cluster, 100).replace("`", "")
    return f"{'through the MCP server' if server else 'on'} `{name}`"


def _linked(name: str, link: str | None) -> str:
    return f"<{link}|{name.replace('|', '¦')}>" if link else name


def _moment(at: datetime) -> str:
    """A time, shown in the reader's own time zone."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}}, {{time}}|{at:%Y-%m-%d %H:%M} UTC>"


def _button(text: str, action_id: str, value: str = "") -> Block:
    button: Block = {"type": "button", "action_id": action_id, "text": _plain(text)}
    return button | {"value": value} if value else button


def _header(text: str) -> Block:
    return {"type": "header", "text": _plain(text)}


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}
