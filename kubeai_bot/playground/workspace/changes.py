"""Everything that changes in the workspace, as it happens: for waiting, for the terminal, for a page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Self

from kubeai_bot.playground.workspace.journal import Delivery, RecordedCall
from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.workspace.people import Channel
from kubeai_bot.playground.workspace.wire import Json


@dataclass(frozen=True, slots=True)
class MessagePosted:
    message: SimMessage


@dataclass(frozen=True, slots=True)
class MessageUpdated:
    message: SimMessage


@dataclass(frozen=True, slots=True)
class MessageDeleted:
    message: SimMessage


@dataclass(frozen=True, slots=True)
class StreamStarted:
    message: SimMessage
    chunks: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class StreamAppended:
    message: SimMessage
    chunks: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """`reason`: `stopped` by the app, `stopped_by_user`, or `expired`."""

    message: SimMessage
    reason: str
    chunks: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class EphemeralPosted:
    """`message.ephemeral_to` is the only person who sees it."""

    message: SimMessage


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """The status line of a thread: `status` of the session, `text` and `loading_messages` of the legacy call."""

    channel: str
    thread_ts: str
    status: str
    title: str
    text: str
    loading_messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ViewChanged:
    """A home tab was published or a modal opened, updated or closed for `user`; `view` is None when it closed."""

    user: str
    view: Json | None


@dataclass(frozen=True, slots=True)
class PromptsSuggested:
    channel: str
    title: str
    prompts: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class ReactionChanged:
    message: SimMessage
    user: str
    name: str
    added: bool


@dataclass(frozen=True, slots=True)
class ChannelChanged:
    """A channel is new, or somebody joined it."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class Called:
    """The app called a Web API method."""

    call: RecordedCall


@dataclass(frozen=True, slots=True)
class Delivered:
    """An envelope was sent, acked or given up; look at its `status`."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class ConnectionsChanged:
    """A socket of the app opened or closed; `count` are open now."""

    count: int


@dataclass(frozen=True, slots=True)
class ProblemFound:
    problem: str


Change = (
    MessagePosted
    | MessageUpdated
    | MessageDeleted
    | StreamStarted
    | StreamAppended
    | StreamEnded
    | EphemeralPosted
    | StatusChanged
    | ViewChanged
    | PromptsSuggested
    | ReactionChanged
    | ChannelChanged
    | Called
    | Delivered
    | ConnectionsChanged
    | ProblemFound
)


class Subscription(AsyncIterator[Change]):
    """Changes from the moment of subscribing on, none left out; ends when the workspace closes."""

    def __init__(self, feed: ChangeFeed) -> None:
        self._feed = feed
        self._queue: asyncio.Queue[Change | None] = asyncio.Queue()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        change = await self._queue.get()
        if change is None:
            raise StopAsyncIteration
        return change

    def put(self, change: Change | None) -> None:
        self._queue.put_nowait(change)

    async def aclose(self) -> None:
        self._feed.leave(self)


class ChangeFeed:
    """Hands every change to every subscriber and wakes whoever waits for one."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self._waiting: set[asyncio.Future[None]] = set()

    def publish(self, change: Change) -> None:
        for subscription in self._subscriptions:
            subscription.put(change)
        self._wake()

    def subscribe(self) -> Subscription:
        subscription = Subscription(self)
        self._subscriptions.add(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        if subscription in self._subscriptions:
            self._subscriptions.discard(subscription)
            subscription.put(None)

    def close(self) -> None:
        for subscription in list(self._subscriptions):
            self.leave(subscription)
        self._wake()

    async def changed(self) -> None:
        """Returns after the next change."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)

    def _wake(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
