"""What goes into and comes out of a session store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import Json, StoredMessage
from kubeai_bot.domain.session import (
    AgentState,
    AnswerRef,
    Feedback,
    InboxItem,
    Session,
    TurnRecord,
    TurnRef,
    Usage,
)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write to one session until `expires_at` (the store's clock, seconds). `epoch` grows by one with
    each holder and fences the earlier ones out; `monotonic_until` is the holder's own monotonic clock at expiry."""

    session_id: str
    owner: str
    epoch: int
    expires_at: float
    monotonic_until: float


@dataclass(frozen=True, slots=True)
class Known:
    """What a runner still holds of a session: all its messages up to `seq`. Right only for that very session: a thread
    whose session was forgotten gets another one."""

    session_id: str
    seq: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Wish to take the session's lease, for `ttl` seconds, in the same statement that receives.

    `known`: leave out the messages that the claimant has already. `newest`: give at most so many of the others.
    """

    owner: str
    ttl: float
    known: Known | None = None
    newest: int | None = None


@dataclass(frozen=True, slots=True)
class Tail:
    """A session with its newest messages and its unread inbox, of one moment.

    `after` is the sequence number that the first message follows: 0 where they are complete, the seq of `Known` where
    that was right, and anything else where `newest` cut them short. Up to `session.last_seq` none is missing.
    """

    session: Session
    messages: tuple[StoredMessage, ...]
    inbox: tuple[InboxItem, ...]
    after: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an incoming event. `session_id` None: the thread has no session and the event may not open
    one. `repeated`: a known key; nothing was recorded. `lease` and `tail` only where a claim was granted."""

    session_id: str | None
    repeated: bool = False
    created: bool = False
    lease: Lease | None = None
    tail: Tail | None = None


class Keep(Enum):
    """Marks a field of `SessionChange` that stays as it is (None is a value there)."""

    KEEP = "keep"


KEEP = Keep.KEEP


@dataclass(frozen=True, slots=True)
class SessionChange:
    """The fields of the session's own record that an append changes with it."""

    agent_state: AgentState | Keep = KEEP
    turn: TurnRef | Keep | None = KEEP
    answer: AnswerRef | Keep | None = KEEP
    last_identity: Identity | Keep | None = KEEP
    mcp_status: Json | Keep = KEEP
    start_seq: int | Keep = KEEP
    name: str | Keep = KEEP
    approval: Json | Keep = KEEP
    provider: str | Keep = KEEP
    model: str | Keep = KEEP
    metadata: Json | Keep = KEEP
    add_usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class KeptResult:
    """A tool result that was too large for the model, whole and redacted. `handle` names it within its session;
    `identity` is under whose rights it was seen: nobody else may read it."""

    handle: str
    title: str
    text: str
    identity: Identity
    at: datetime


@dataclass(frozen=True, slots=True)
class SessionPage:
    sessions: tuple[Session, ...]
    cursor: str | None
    """Pass it to get the next page; None: there is none."""


# --- the life of the data ---


@dataclass(frozen=True, slots=True)
class Dump:
    """All that a store holds of one session, of one moment; `restore` takes it in any other store."""

    session: Session
    messages: tuple[StoredMessage, ...]
    inbox: tuple[InboxItem, ...]
    turns: tuple[TurnRecord, ...]
    feedback: tuple[Feedback, ...]
    results: tuple[KeptResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Retention:
    """How long sessions live; None: without end. Times in seconds since the last activity.

    `ttl`: a session then expires: it is deleted, and only its thread is remembered, so that a later message in it can
    be told so. `keep`: whatever is left of it goes, that memory too. `max_sessions`: the longest untouched ones
    beyond that many expire. `max_messages`: of one session; its oldest messages beyond that are deleted.
    """

    ttl: float | None = None
    keep: float | None = None
    max_sessions: int | None = None
    max_messages: int | None = None


@dataclass(frozen=True, slots=True)
class Pruned:
    """What one `prune` did, or would do: ids of sessions `expired` and `removed` for good, the number of messages
    `trimmed` off others; `more`: it stopped at its limit, call again."""

    expired: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    trimmed: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True)
class StoreUsage:
    """What a store holds. `bytes` as the store counts them (files, tables with indexes; in memory an estimate)."""

    sessions: int
    messages: int
    unread: int
    bytes: int
    tokens: Usage = Usage()
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class AboutPerson:
    """What a store holds about one Slack user: `sessions` they opened or spoke in, `messages` they wrote, `feedback`
    they gave, and when the oldest of those sessions was opened."""

    sessions: int = 0
    messages: int = 0
    feedback: int = 0
    since: datetime | None = None
