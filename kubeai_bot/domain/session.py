"""A session: the durable record behind one Slack thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from kubeai_bot.domain.identity import Identity, Speaker
from kubeai_bot.domain.message import Json


@dataclass(frozen=True, slots=True)
class ThreadRef:
    """A Slack thread. `thread_ts` is the root message's ts, also for a conversation that starts at top level."""

    team_id: str
    channel_id: str
    thread_ts: str
    is_dm: bool = field(default=False, compare=False)


class AgentState(StrEnum):
    IDLE = "idle"
    """No turn yet, or cleared."""
    RUNNING = "running"
    """A turn is open; its messages say how far it is."""
    WAITING_FOR_INPUT = "waiting-for-input"
    """The last turn ended with a question to the person."""
    WAITING_FOR_APPROVAL = "waiting-for-approval"
    """The last turn ended with a change that waits for an approval."""
    DONE = "done"
    """The last turn has ended with an answer, an error, a refusal or a stop."""


@dataclass(frozen=True, slots=True)
class AnswerRef:
    """The Slack messages that carry a turn's answer, on record so that a successor finishes the same ones.

    `opening` is on record before a message is posted or a stream is opened; `posted` holds the ts of each message
    in order; `final` that the whole answer was shown.
    """

    turn_id: str
    opening: bool = False
    posted: tuple[str, ...] = ()
    final: bool = False


@dataclass(frozen=True, slots=True)
class TurnRef:
    """The open turn of a running session. `asked_ts` is the Slack ts of the message that opened it."""

    turn_id: str
    identity: Identity | None
    asked_ts: str
    started_at: datetime
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of a session, summed. `cached` is the part of `input` that the vendor billed as cached."""

    input: int = 0
    output: int = 0
    cached: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.input + other.input, self.output + other.output, self.cached + other.cached)


@dataclass(frozen=True, slots=True)
class Session:
    """What is known of one thread beside its messages. `last_identity` is information and never authorises.

    `start_seq` is where the visible history begins (moved by `clear`); `last_seq` the number of its newest message.
    `mcp_status` maps a server's name to its state (filled by the MCP tools). `approval` holds the changes that wait for
    a decision and the grants that stand (`domain.approval.Approvals`), empty where there are none. `follows_expired`:
    this thread had an earlier session, which has expired.
    """

    id: str
    name: str
    thread: ThreadRef
    slack_user_id: str
    provider: str
    model: str
    created_at: datetime
    modified_at: datetime
    agent_state: AgentState = AgentState.IDLE
    turn: TurnRef | None = None
    answer: AnswerRef | None = None
    last_identity: Identity | None = None
    mcp_status: Json = field(default_factory=dict[str, Any])
    usage: Usage = Usage()
    start_seq: int = 1
    last_seq: int = 0
    metadata: Json = field(default_factory=dict[str, Any])
    approval: Json = field(default_factory=dict[str, Any])
    follows_expired: bool = False


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One turn of a session, kept by the store from the changes of `Session.turn`. `user_id` is the Slack
    user who asked, None for one who was refused; `ended` that the turn is no longer open."""

    turn_id: str
    user_id: str | None
    created_at: datetime
    updated_at: datetime
    ended: bool = False


FeedbackKind = Literal["positive", "negative"]


@dataclass(frozen=True, slots=True)
class Feedback:
    """What one Slack user thought of one turn's answer; saying it again replaces it."""

    turn_id: str
    user_id: str
    kind: FeedbackKind
    reason: str
    created_at: datetime
    updated_at: datetime


InboxKind = Literal[
    "message", "stop", "clear", "help", "status", "stored", "forget", "tools", "grants", "clusters", "decision"
]
"""A question, one of the words that the program answers itself, or a decision (`Decision.text`) on an approval."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One Slack event on its way into a session's inbox.

    `keys` are all names under which the same act may arrive again (event id; channel and ts): one known key makes
    it a repeat. `opens` says whether it may open a session (a direct message or a mention); otherwise it is
    taken only where the thread already has one.
    """

    keys: tuple[str, ...]
    thread: ThreadRef
    speaker: Speaker
    kind: InboxKind
    text: str
    ts: str
    opens: bool
    received_at: datetime


@dataclass(frozen=True, slots=True)
class InboxItem:
    """A received event that waits for its turn. `id` is unique in the store and sorts in order of arrival."""

    id: int
    session_id: str
    incoming: Incoming


def name_from(text: str, limit: int = 60) -> str:
    """A readable session name from the first words of its first message."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
