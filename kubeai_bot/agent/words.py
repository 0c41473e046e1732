"""The words that the program answers itself, without asking the model: help, status, clear, forget, stored, stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import Json
from kubeai_bot.domain.policy import Mode
from kubeai_bot.domain.session import Incoming, Session
from kubeai_bot.errors import StoreError
from kubeai_bot.interfaces import SessionStore

FORGET = "forget"
"""Metadata key of the message that announces that the session is deleted with its turn."""

CLEARED = "A fresh start: I no longer look at what was said in this thread before."
NOTHING_RUNS = "Nothing is running in this thread."
FORGOTTEN = (
    "Forgotten: what I had on record of this thread is deleted, this request included. The messages in Slack stay;"
    " delete those in Slack. Mention me to begin anew."
)
NOT_YOURS = (
    "Somebody else began this conversation, and only they may have it forgotten. Say `clear` if I should no longer look"
    " at what was said before."
)
STORE_FAILED = "My session store did not answer, so I cannot tell. Ask again in a minute."

CHANGES = {
    Mode.NONE: "I change nothing: for a change I give you the command.",
    Mode.AUTO: "I may also change things that you ask for and may change yourself.",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say, and what to note beside it."""

    text: str
    metadata: Json = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Words:
    """Answers by kind of inbox item. `model` is the vendor and the model that is asked, `keeping` says how sessions
    are kept."""

    store: SessionStore
    name: str
    mode: Mode
    clusters: Sequence[str]
    model: str
    keeping: str

    async def reply(self, incoming: Incoming, session: Session, identity: Identity) -> Reply | None:
        """The program's own answer; None for a question to the model."""
        match incoming.kind:
            case "help":
                return Reply(help_text(self.name, self.mode, self.clusters))
            case "clear":
                return Reply(CLEARED)
            case "stop":
                return Reply(NOTHING_RUNS)
            case "status":
                return Reply(self._status(session, identity))
            case "stored":
                return Reply(await self._stored(incoming.speaker.user_id))
            case "forget":
                if not session.thread.is_dm and incoming.speaker.user_id != session.slack_user_id:
                    return Reply(NOT_YOURS)
                return Reply(FORGOTTEN, {FORGET: True})
            case "message":
                return None

    def _status(self, session: Session, identity: Identity) -> str:
        used, records = session.usage, f", {_counted(session.last_seq, 'record')}" if session.last_seq else ""
        return (
            f"- Session `{session.id}`, begun {session.created_at:%Y-%m-%d %H:%M} UTC{records}\n"
            f"- Model: {self.model} ({used.input:,} tokens read, {used.output:,} written)\n"
            f"- You are, in Kubernetes: {identity.describe()}\n"
            f"- Clusters: {', '.join(self.clusters) or 'none'}\n"
            f"- {CHANGES[self.mode]}\n"
            f"- Sessions are kept {self.keeping}"
        )

    async def _stored(self, user_id: str) -> str:
        try:
            about = await self.store.about(user_id)
        except StoreError:
            return STORE_FAILED
        since = f" since {about.since:%Y-%m-%d}" if about.since else ""
        return (
            f"I have {_counted(about.sessions, 'session')} on record that you began or spoke in{since}, with"
            f" {_counted(about.messages, 'message')} of yours, and {_counted(about.feedback, 'time')} your feedback."
            " A session holds what was said in its thread, what I looked up with your permissions, your Slack user id"
            f" and your Kubernetes user and groups; no tokens. Sessions are kept {self.keeping}.\n"
            "Say `forget this thread` in a thread to have its session deleted."
        )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def help_text(name: str, mode: Mode, clusters: Sequence[str]) -> str:
    """What the bot is, what it may change, and the words it knows."""
    listed = ", ".join(f"`{cluster}`" for cluster in clusters)
    where = f" (clusters: {listed})" if len(clusters) > 1 else ""
    return (
        f"I am {name}. Ask me about your Kubernetes clusters{where} in plain words, for example:\n"
        "- What is unhealthy right now?\n"
        "- Why does the checkout pod in shop keep crashing?\n"
        "- Show the last logs of the search deployment.\n"
        "- Who am I, and what may I do?\n\n"
        f"Everything I look at, I look at with *your* Kubernetes permissions. {CHANGES[mode]}\n\n"
        "In a thread I have answered in you need not mention me again. Words I know:\n"
        "- `stop` stops me\n"
        "- `clear` starts afresh in this thread\n"
        "- `status` says what this thread's session is\n"
        "- `forget this thread` deletes what I have on record of it\n"
        "- `what do you store about me` says what that is\n"
        "- `help` shows this text"
    )
