"""Every seam of the program, on one page. Adapters stand behind these; the loop knows nothing else."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from kubeai_bot.domain.approval import Preview
from kubeai_bot.domain.audit import AuditEntry
from kubeai_bot.domain.cluster import Command, CommandOutput, Request, Resource, Response
from kubeai_bot.domain.event import TurnEvent
from kubeai_bot.domain.identity import ClusterIdentity, Identity, Speaker
from kubeai_bot.domain.message import Message, StoredMessage, ToolCall, VendorParts
from kubeai_bot.domain.policy import Act
from kubeai_bot.domain.session import AnswerRef, FeedbackKind, Incoming, Session, ThreadRef, Usage
from kubeai_bot.domain.storage import (
    AboutPerson,
    Claim,
    Dump,
    KeptResult,
    Lease,
    Pruned,
    Receipt,
    Retention,
    SessionChange,
    SessionPage,
    StoreUsage,
    Tail,
)
from kubeai_bot.domain.tool import CallContext, PlannedCall, ToolResult, ToolSpec

# --- SessionStore ---


class SessionStore(Protocol):
    """Durable sessions. One contract suite runs over every implementation (tests/stores)."""

    async def receive(self, incoming: Incoming, claim: Claim | None = None) -> Receipt:
        """Record an event in its session's inbox, opening the session where it may; refuse repeats. One commit.

        A thread whose session has expired is still listened to: any event there opens a new one, marked
        `follows_expired`. With `claim`, also try to take the lease and return the tail.
        """
        ...

    async def lease(self, session_id: str, owner: str, ttl: float) -> Lease | None:
        """Take the lease for `ttl` seconds, or None while another holder's has not expired. Raises SessionNotFound."""
        ...

    async def renew(self, lease: Lease, ttl: float) -> Lease:
        """Extend a lease that is still held. Raises LeaseLost."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give the lease back at once; harmless when it is already lost."""
        ...

    async def load(self, session_id: str, after: int = 0, newest: int | None = None) -> Tail:
        """The session, its messages with seq > after (at most the `newest`), and its unread inbox. Raises
        SessionNotFound."""
        ...

    async def append(
        self,
        lease: Lease,
        expected_seq: int,
        step_id: str,
        messages: Sequence[Message] = (),
        consume: Sequence[int] = (),
        change: SessionChange | None = None,
    ) -> int:
        """Append messages, mark inbox items read and change the session's record, in one commit; the new last seq.

        Repeating the session's newest step, known by its `step_id`, changes nothing and returns what the first call
        returned. Raises LeaseLost where the lease's epoch is not the session's or has expired, SequenceConflict where
        `expected_seq` is not its last.
        """
        ...

    async def close(
        self,
        lease: Lease,
        expected_seq: int,
        step_id: str,
        messages: Sequence[Message] = (),
        consume: Sequence[int] = (),
        change: SessionChange | None = None,
    ) -> bool:
        """The last step of a hold: as `append`, and in the same commit the lease is given back, unless something
        unread still waits in the inbox; whether it was given back. Raises as `append`."""
        ...

    async def keep_result(self, lease: Lease, result: KeptResult) -> None:
        """Put a large result beside the session's messages; the same handle again changes nothing. It goes with the
        session. Raises LeaseLost."""
        ...

    async def kept_result(self, session_id: str, handle: str) -> KeptResult | None: ...

    async def find(self, thread: ThreadRef) -> Session | None: ...

    async def unfinished(self) -> Sequence[str]:
        """Ids of sessions with an unread inbox or an open turn, and no live lease: work for any runner."""
        ...

    def wakeups(self) -> AsyncIterator[str]:
        """Ids of sessions that have just received something, from the moment of the call on. May miss and may
        repeat: `unfinished` is the truth."""
        ...

    async def forget(self, lease: Lease) -> bool:
        """Delete the session that is held, with all that hangs on it, unless something unread waits in its inbox;
        whether it did. Raises LeaseLost."""
        ...

    async def record_feedback(
        self, session_id: str, turn_id: str, user_id: str, kind: FeedbackKind, reason: str = ""
    ) -> bool:
        """Put a person's opinion of a turn on record, in place of an earlier one; False where there is no such turn."""
        ...

    # the life of the data: for the CLI, the housekeeping and what people ask about themselves

    async def list(self, limit: int = 50, cursor: str | None = None, of_user: str | None = None) -> SessionPage:
        """Sessions, last modified first; with `of_user` those that this Slack user opened."""
        ...

    async def delete(self, session_id: str) -> bool:
        """Remove a session with all that hangs on it; whether there was one. Event keys stay for a day."""
        ...

    async def dump(self, session_id: str) -> Dump:
        """All that there is of one session. Raises SessionNotFound."""
        ...

    async def restore(self, dump: Dump) -> bool:
        """Put a session back as it was, without a lease; False where its id or its thread has a session already."""
        ...

    async def prune(self, retention: Retention, limit: int = 500, *, dry_run: bool = False) -> Pruned:
        """Delete what has outlived `retention`, at most `limit` sessions in one call. Sessions with a live lease, an
        open turn or an unread inbox are left alone."""
        ...

    async def usage(self) -> StoreUsage: ...

    async def about(self, user_id: str) -> AboutPerson: ...


# --- Provider ---


@dataclass(frozen=True, slots=True)
class ModelText:
    """More of the model's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ModelFinished:
    """The model's message is complete. `truncated`: it stopped at its output limit."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    vendor: VendorParts | None = None
    truncated: bool = False


ModelEvent = ModelText | ModelFinished


class Provider(Protocol):
    """One vendor's API. Raises ProviderError and its subclasses, at the first event or later."""

    @property
    def name(self) -> str:
        """The vendor's name as it stands in the session record: `openai`, `gemini`."""
        ...

    @property
    def model(self) -> str: ...

    @property
    def window(self) -> int:
        """The model's context window in tokens."""
        ...

    def stream(
        self, system: str, messages: Sequence[StoredMessage], tools: Sequence[ToolSpec]
    ) -> AsyncGenerator[ModelEvent, None]:
        """Any number of ModelText, then one ModelFinished. Closing the generator frees the connection."""
        ...

    async def aclose(self) -> None: ...


# --- Toolset ---


class Toolset(Protocol):
    """Tools the model may call."""

    def specs(self, identity: Identity) -> Sequence[ToolSpec]: ...

    async def plan(self, call: ToolCall, identity: Identity) -> PlannedCall:
        """Check the arguments and say what the call would do; sends nothing that acts. Raises ToolError."""
        ...

    async def preview(self, planned: PlannedCall, identity: Identity, context: CallContext) -> Preview:
        """What a changing call would do, by a dry run as `identity`. Raises ToolError, ClusterError."""
        ...

    async def call(self, planned: PlannedCall, identity: Identity, context: CallContext) -> ToolResult:
        """Do it. Raises ToolError, Drifted, ClusterError."""
        ...


class Rights(Protocol):
    """What somebody may do in the clusters, asked of the clusters."""

    async def missing(self, identity: Identity, acts: Sequence[Act]) -> str:
        """Which of the acts `identity` may not do, in words; "" where they may do all. Raises ClusterError."""
        ...


# --- Audit ---


class Audit(Protocol):
    """The append-only trail of who did what."""

    async def record(self, entry: AuditEntry) -> None:
        """On record when it returns. Raises AuditFailed where the trail did not take it: no change is made then."""
        ...


# --- Cluster ---


class Cluster(Protocol):
    """One Kubernetes cluster, reached as somebody: there is no request without an identity."""

    @property
    def name(self) -> str: ...

    async def request(self, identity: ClusterIdentity, request: Request) -> Response:
        """Send as `identity`. Raises ApiStatus, Unreachable, CredentialsFailed, ForbiddenByPolicy, TooLate."""
        ...

    async def exec(self, identity: ClusterIdentity, command: Command) -> CommandOutput:
        """Run a command in a container as `identity`, over a WebSocket (v5.channel.k8s.io, KEP-4006). Never sent twice.
        Raises as `request`; Unreachable also where the connection broke before the exit code came."""
        ...

    async def resources(self, max_age: float | None = None) -> Sequence[Resource]:
        """What the cluster serves (discovery, as the bot, cached with expiry; `max_age` in seconds asks for a younger
        answer). Raises as `request`."""
        ...


Clusters = Mapping[str, Cluster]

# --- IdentityResolver, Emit, Hooks ---


class IdentityResolver(Protocol):
    """From the sender of one message to the identity to act under."""

    async def resolve(self, speaker: Speaker) -> Identity:
        """Raises UserError (who is refused, why, and whom to ask)."""
        ...


class Emit(Protocol):
    """A turn says what happens. Must not raise for trouble of its own: the turn goes on."""

    async def __call__(self, event: TurnEvent) -> None: ...


class RecordAnswer(Protocol):
    """Puts the Slack messages of the answer on record; raises LeaseLost when this runner may no longer post."""

    async def __call__(self, answer: AnswerRef) -> None: ...


@dataclass(frozen=True, slots=True)
class Showing:
    """What a stage needs to show one turn: where, to whom, and what an earlier runner has already posted.

    `until` gives the moment of `time.monotonic()` before which anything that is posted or changed must begin; asked
    anew each time, because the lease is renewed.
    """

    thread: ThreadRef
    speaker: Speaker
    turn_id: str
    asked_ts: str
    record: RecordAnswer
    answer: AnswerRef | None = None
    until: Callable[[], float] = lambda: math.inf


class Stage(Protocol):
    """Where turns are shown."""

    def open(self, showing: Showing) -> Emit:
        """An Emit for one turn; the answer is complete on return from its call with TurnEnded."""
        ...


@dataclass(frozen=True, slots=True)
class TurnContext:
    """What hooks see of a turn; `question` is what the person wrote last. `scratch` lives as long as the turn runs on
    this replica and is never stored."""

    session: Session
    turn_id: str
    identity: Identity
    question: str = ""
    scratch: dict[str, Any] = field(default_factory=dict[str, Any])


class Hook(Protocol):
    """Runs before and after each turn; may add to the system prompt (retrieval, house rules). A failing hook raises
    UserError to refuse the turn; any other error ends it visibly."""

    async def before(self, turn: TurnContext) -> str:
        """Text to add to the system prompt; "" for none."""
        ...

    async def after(self, turn: TurnContext, ended_at: datetime) -> None: ...
