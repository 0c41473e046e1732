"""From the workspace's changes to every open page: a frame a change, streamed text at most twenty times a second."""

from __future__ import annotations

import asyncio
import json

from kubeai_bot.playground.page import frames
from kubeai_bot.playground.page.inspector import Inspector
from kubeai_bot.playground.workspace.changes import (
    Called,
    Change,
    ChannelChanged,
    ConnectionsChanged,
    Delivered,
    EphemeralPosted,
    MessageDeleted,
    MessagePosted,
    MessageUpdated,
    ProblemFound,
    PromptsSuggested,
    ReactionChanged,
    StatusChanged,
    StreamAppended,
    StreamEnded,
    StreamStarted,
    ViewChanged,
)
from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.playground.workspace.wire import Json

STREAM_PAUSE = 0.05
"""Seconds between two frames about one message that streams."""

QUEUE_FRAMES = 500
"""Frames that may wait for a slow page. One more, and it is cut off: it comes again and gets a snapshot."""

QUEUE_CHARACTERS = 16_000_000
"""The same for their length."""

_TICK = 1.0


class Page:
    """One open page: what waits to be sent to it."""

    def __init__(self) -> None:
        self.overrun = asyncio.Event()
        self._queue: asyncio.Queue[str] = asyncio.Queue(QUEUE_FRAMES)
        self._waiting = 0

    def send(self, text: str) -> None:
        """Nothing more is taken once `overrun` is set."""
        too_long = self._waiting > 0 and self._waiting + len(text) > QUEUE_CHARACTERS
        if self.overrun.is_set() or too_long or self._queue.full():
            self.overrun.set()
            return
        self._queue.put_nowait(text)
        self._waiting += len(text)

    async def next(self) -> str:
        """The frame whose turn it is."""
        text = await self._queue.get()
        self._waiting -= len(text)
        return text


class Hub:
    """Every open page. `publish` sends one frame to all of them."""

    def __init__(self) -> None:
        self.pages: set[Page] = set()

    def publish(self, frame: Json) -> None:
        if self.pages:
            text = json.dumps(frame)
            for page in self.pages:
                page.send(text)


class WorkspaceFrames:
    """Makes frames of a workspace's changes; calls and deliveries are the inspector's."""

    def __init__(self, workspace: Workspace, hub: Hub, inspector: Inspector) -> None:
        self._inspector = inspector
        self._workspace = workspace
        self._hub = hub
        self._streaming: dict[tuple[str, str], SimMessage] = {}
        self._flush: asyncio.TimerHandle | None = None

    def tell(self, change: Change) -> None:
        """Publish the frame of one change; the frame shows what is so now."""
        match change:
            case StreamAppended(message=message) if message.streaming:
                self._soon(message)
            case (
                MessagePosted(message=message)
                | MessageUpdated(message=message)
                | EphemeralPosted(message=message)
                | StreamStarted(message=message)
                | StreamAppended(message=message)
                | StreamEnded(message=message)
                | ReactionChanged(message=message)
            ):
                self._message(message)
                if isinstance(change, MessagePosted):
                    self._root_of(message)
            case MessageDeleted(message=message):
                self._streaming.pop((message.channel, message.ts), None)
                self._hub.publish({"type": "message_deleted", "channel": message.channel, "ts": message.ts})
                self._root_of(message)
            case StatusChanged():
                self._status(change)
            case ViewChanged(user=user, view=view):
                is_home = view is not None and view["type"] == "home"
                self._hub.publish((frames.home_frame if is_home else frames.modals_frame)(self._workspace, user))
            case _:
                self._tell_rest(change)

    def _tell_rest(self, change: Change) -> None:
        match change:
            case Called(call=call):
                self._inspector.call(call)
            case Delivered(delivery=delivery):
                self._inspector.delivery(delivery)
            case PromptsSuggested(channel=channel):
                for person in self._workspace.people.values():
                    if person.dm == channel:
                        self._hub.publish(frames.prompts_frame(self._workspace, person.id))
            case ChannelChanged():
                self._hub.publish(frames.channels_frame(self._workspace))
            case ConnectionsChanged(count=count):
                self._hub.publish({"type": "connections", "count": count})
            case ProblemFound(problem=problem):
                self._hub.publish({"type": "problem", "text": problem})
            case _:
                pass

    def _status(self, change: StatusChanged) -> None:
        session = self._workspace.session(change.channel, change.thread_ts)
        if session is not None:
            self._hub.publish({"type": "status", **frames.status_frame(session)})

    def _message(self, message: SimMessage) -> None:
        self._streaming.pop((message.channel, message.ts), None)
        if message.deleted:
            return
        replies = 0
        if not message.is_reply:
            thread = self._workspace.messages(message.channel, message.ts)
            replies = frames.count_replies(thread).get((message.channel, message.ts), 0)
        self._hub.publish({"type": "message", "message": frames.message_frame(message, replies)})

    def _root_of(self, reply: SimMessage) -> None:
        """A thread's root shows how many replies it has."""
        if reply.is_reply and reply.ephemeral_to is None:
            for message in self._workspace.messages(reply.channel, reply.thread):
                if message.ts == reply.thread:
                    self._message(message)

    def _soon(self, message: SimMessage) -> None:
        self._streaming[message.channel, message.ts] = message
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(STREAM_PAUSE, self._flush_streams)

    def _flush_streams(self) -> None:
        self._flush = None
        for message in list(self._streaming.values()):
            self._message(message)

    async def follow(self) -> None:
        """Until cancelled, or until the workspace closes."""
        changes = self._workspace.subscribe()
        expiring = asyncio.create_task(self._expire())
        try:
            async for change in changes:
                self.tell(change)
        finally:
            expiring.cancel()
            await asyncio.gather(expiring, return_exceptions=True)
            await changes.aclose()
            if self._flush is not None:
                self._flush.cancel()

    async def _expire(self) -> None:
        """What grows too old ends without anybody looking at it: streams and status lines."""
        while True:
            await asyncio.sleep(_TICK)
            self._workspace.expire()
