"""All that the workspace remembers. Web API methods and people act on this one object, always between two awaits."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kubeai_bot.playground.workspace.changes import Change, ChangeFeed, ProblemFound, StatusChanged
from kubeai_bot.playground.workspace.journal import Delivery, RecordedCall
from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.workspace.people import Channel, Person, demo_channels, demo_people
from kubeai_bot.playground.workspace.wire import Json, not_now

STATUS_LIFETIME = 120.0
"""Seconds after which a status line set by `assistant.threads.setStatus` clears by itself."""

DEFAULT_BOT_EVENTS = frozenset(
    {
        "app_home_opened",
        "app_mention",
        "app_context_changed",
        "agent_session_stopped",
        "agent_session_title_changed",
        "message.channels",
        "message.groups",
        "message.im",
        "reaction_added",
    }
)
"""Event subscriptions of the app, as in its manifest (`settings.event_subscriptions.bot_events`)."""

DEFAULT_BOT_SCOPES = frozenset(
    {
        *("app_mentions:read", "assistant:write", "channels:history", "channels:read", "chat:write", "commands"),
        *("files:read", "files:write", "groups:history", "im:history", "im:read", "im:write", "mpim:history"),
        *("reactions:read", "reactions:write", "team:read", "users:read", "users:read.email"),
    }
)
"""Scopes of the bot token."""


@dataclass(slots=True)
class Session:
    """The agent session of one thread: lifecycle, title, and the status line below the thread."""

    channel: str
    thread_ts: str
    status: str = "active"
    title: str = ""
    status_text: str = ""
    loading_messages: tuple[str, ...] = ()
    status_text_at: float = 0.0
    initiator: str | None = None


@dataclass(slots=True)
class SimView:
    """One home tab or modal. `root` is the modal at the bottom of its stack, `errors` what a submission was refused
    for (block id to sentence)."""

    id: str
    user: str
    view: Json
    hash: str
    root: str
    previous: str | None = None
    errors: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class SimFile:
    """One upload: its bytes, and where it was shared."""

    id: str
    name: str
    title: str
    content: bytes
    user: str
    expected_length: int
    uploaded: bool = False
    snippet_type: str | None = None
    shared_in: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Trigger:
    """A `trigger_id`: opens one modal within three seconds, once."""

    user: str
    at: float
    view_id: str | None = None
    used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """A `response_url`: five answers within thirty minutes, about one message or into one channel."""

    channel: str
    user: str
    at: float
    message: SimMessage | None = None
    uses: int = 0


@dataclass(slots=True)
class Secrets:
    """Credentials of this one workspace, random, and visibly not Slack's."""

    bot_token: str = field(default_factory=lambda: f"xoxb-sim-{secrets.token_hex(12)}")
    app_token: str = field(default_factory=lambda: f"xapp-sim-{secrets.token_hex(12)}")
    signing_secret: str = field(default_factory=lambda: f"sim-{secrets.token_hex(16)}")
    verification_token: str = field(default_factory=lambda: f"sim-{secrets.token_hex(8)}")


def loop_time() -> float:
    """Seconds since 1970, by the clock of the running event loop: in step with what the app is given to answer."""
    return time.time() - time.monotonic() + asyncio.get_running_loop().time()


class State:
    """The workspace's memory. `send` hands an envelope (kind, payload) to the courier; `base_url` is set at start."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.feed = ChangeFeed()
        self.secrets = Secrets()
        self.base_url = ""
        self.send: Callable[[str, Json], Delivery] | None = None
        self.bot_events: frozenset[str] = DEFAULT_BOT_EVENTS
        self.bot_scopes: frozenset[str] = DEFAULT_BOT_SCOPES
        people = demo_people()
        self.people: dict[str, Person] = {person.id: person for person in people}
        self.channels: dict[str, Channel] = {channel.id: channel for channel in demo_channels(people)}
        self.messages: list[SimMessage] = []
        self.looking_at: dict[str, Json] = {}
        self.sessions: dict[tuple[str, str], Session] = {}
        self.views: dict[str, SimView] = {}
        self.homes: dict[str, str] = {}
        self.modals: dict[str, list[str]] = {}
        self.prompts: dict[str, Json] = {}
        self.files: dict[str, SimFile] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.usergroups: dict[str, list[str]] = {}
        self.socket_tickets: set[str] = set()
        self.calls: list[RecordedCall] = []
        self.problems: list[str] = []
        self.deliveries: list[Delivery] = []
        self._last_micros = 0
        self._numbers = itertools.count(1)

    def mint_ts(self) -> str:
        """A message timestamp, unique in the workspace and never smaller than the one before."""
        self._last_micros = max(self._last_micros + 1, int(self.clock() * 1_000_000))
        return f"{self._last_micros // 1_000_000}.{self._last_micros % 1_000_000:06d}"

    def mint_id(self, prefix: str) -> str:
        return f"{prefix}0{next(self._numbers):07d}{secrets.token_hex(2).upper()}"

    def publish(self, change: Change) -> None:
        self.feed.publish(change)

    def problem(self, sentence: str) -> None:
        """Records something that Slack would have refused, or that would look broken to people."""
        self.problems.append(sentence)
        self.publish(ProblemFound(sentence))

    def channel(self, channel_id: str) -> Channel:
        found = self.channels.get(channel_id)
        if found is None:
            found = self.channels.get("D" + channel_id[1:]) if channel_id in self.people else None
        if found is None:
            raise not_now("channel_not_found")
        return found

    def person(self, user_id: str) -> Person:
        found = self.people.get(user_id)
        if found is None:
            raise not_now("user_not_found")
        return found

    def find(self, channel: str, ts: str) -> SimMessage | None:
        """The message at `ts`, unless it was deleted or only one person sees it."""
        for message in reversed(self.messages):
            if message.ts == ts and message.channel == channel:
                return None if message.deleted or message.ephemeral_to else message
        return None

    def message(self, channel: str, ts: str) -> SimMessage:
        found = self.find(channel, ts)
        if found is None:
            raise not_now("message_not_found")
        return found

    def root(self, channel: str, thread_ts: str) -> SimMessage | None:
        """The first message of the thread that `thread_ts` belongs to; a deleted one while it still has replies."""
        named = next((m for m in self.messages if m.channel == channel and m.ts == thread_ts), None)
        if named is None or named.ephemeral_to:
            return None
        if named.is_reply:
            return self.root(channel, named.thread) if not named.deleted else None
        alive = not named.deleted or any(message.is_reply for message in self.thread(channel, thread_ts))
        return named if alive else None

    def thread(self, channel: str, thread_ts: str) -> list[SimMessage]:
        """Root and replies that exist, oldest first, without what only one person sees."""
        return [
            message
            for message in self.messages
            if message.channel == channel
            and message.thread == thread_ts
            and not message.deleted
            and not message.ephemeral_to
        ]

    def streams(self, channel: str | None = None, thread_ts: str | None = None) -> list[SimMessage]:
        """Messages that still stream, in a thread or everywhere."""
        return [
            message
            for message in self.messages
            if message.streaming
            and (channel is None or message.channel == channel)
            and (thread_ts is None or message.thread == thread_ts)
        ]

    def session(self, channel: str, thread_ts: str) -> Session:
        """The thread's agent session, created where there is none yet."""
        return self.sessions.setdefault((channel, thread_ts), Session(channel, thread_ts))

    def announce_session(self, session: Session) -> None:
        self.publish(
            StatusChanged(
                session.channel,
                session.thread_ts,
                session.status,
                session.title,
                session.status_text,
                session.loading_messages,
            )
        )

    def clear_status_line(self, channel: str, thread_ts: str) -> None:
        """A reply of the app clears the status line of its thread."""
        session = self.sessions.get((channel, thread_ts))
        if session is not None and session.status_text:
            session.status_text, session.loading_messages = "", ()
            self.announce_session(session)

    def expire_status_lines(self) -> None:
        for session in self.sessions.values():
            if session.status_text and self.clock() - session.status_text_at >= STATUS_LIFETIME:
                self.clear_status_line(session.channel, session.thread_ts)

    def open_trigger(self, user: str, view_id: str | None = None) -> str:
        trigger_id = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self.triggers[trigger_id] = Trigger(user, self.clock(), view_id)
        return trigger_id

    def open_response_url(self, channel: str, user: str, message: SimMessage | None = None) -> str:
        key = secrets.token_urlsafe(18)
        self.response_urls[key] = ResponseUrl(channel, user, self.clock(), message)
        return f"{self.base_url}/response/{key}"

    def deliver(self, kind: str, payload: Json) -> Delivery:
        if self.send is None:
            raise RuntimeError("the workspace is not open")
        return self.send(kind, payload)
