"""What goes into and comes out of a session store."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import Json, StoredMessage
from kubeai_bot.domain.session import AgentState, AnswerRef, InboxItem, Session, TurnRef, Usage


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
class Claim:
    """Wish to take the session's lease in the same statement that receives."""

    owner: str
    ttl: float


@dataclass(frozen=True, slots=True)
class Tail:
    """A session with its messages after a sequence number and its unread inbox, of one moment."""

    session: Session
    messages: tuple[StoredMessage, ...]
    inbox: tuple[InboxItem, ...]


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
    provider: str | Keep = KEEP
    model: str | Keep = KEEP
    metadata: Json | Keep = KEEP
    add_usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class SessionPage:
    sessions: tuple[Session, ...]
    cursor: str | None
    """Pass it to get the next page; None: there is none."""
