"""What can be seen of the workspace: messages, calls, deliveries, problems, and waiting for any of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Self, TypeVar

from kubeai_bot.playground.workspace.changes import Subscription
from kubeai_bot.playground.workspace.journal import Delivery, RecordedCall
from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.workspace.methods import streams
from kubeai_bot.playground.workspace.parts import Parts
from kubeai_bot.playground.workspace.people import Channel, Person
from kubeai_bot.playground.workspace.render import Renderer
from kubeai_bot.playground.workspace.state import Session, SimFile, SimView

T = TypeVar("T")

_RECENT_CALLS = 12
_RECENT_DELIVERIES = 8


class Watching(Parts):
    """Reads never change anything, except that streams and status lines older than Slack allows end."""

    @property
    def people(self) -> Mapping[str, Person]:
        return self._state.people

    @property
    def channels(self) -> Mapping[str, Channel]:
        return self._state.channels

    @property
    def calls(self) -> list[RecordedCall]:
        """Every Web API call, oldest first."""
        return self._state.calls

    @property
    def problems(self) -> list[str]:
        """Every payload that Slack would have refused, unknown methods and arguments, tasks left open at the end."""
        return self._state.problems

    @property
    def deliveries(self) -> list[Delivery]:
        """Every envelope sent to the app, oldest first."""
        return self._state.deliveries

    @property
    def files(self) -> Mapping[str, SimFile]:
        return self._state.files

    def assert_no_problems(self) -> None:
        """Raises `AssertionError` with every problem on a line of its own."""
        if self._state.problems:
            raise AssertionError("Slack would have refused:\n" + "\n".join(f"- {p}" for p in self._state.problems))

    def messages(self, channel: str, thread_ts: str | None = None) -> list[SimMessage]:
        """What exists in a channel, or in one thread of it (the root first): ephemeral messages too, deleted not."""
        streams.expire(self._state)
        return [
            message
            for message in self._state.messages
            if message.channel == channel and not message.deleted and (thread_ts is None or message.thread == thread_ts)
        ]

    def session(self, channel: str, thread_ts: str) -> Session | None:
        """The thread's agent session: status, title and status line; None where there is none."""
        self._state.expire_status_lines()
        return self._state.sessions.get((channel, thread_ts))

    @property
    def sessions(self) -> Sequence[Session]:
        """The agent sessions of all threads, oldest first."""
        return tuple(self._state.sessions.values())

    def expire(self) -> None:
        """Ends the streams and clears the status lines that are older than Slack lets them live."""
        streams.expire(self._state)
        self._state.expire_status_lines()

    def seen_message(self, user: str, channel: str, ts: str) -> SimMessage:
        """A message that this person can read, ephemeral ones too. Raises `LookupError`."""
        if channel in self._state.channels and self.can_read(user, channel):
            for message in reversed(self._state.messages):
                if (message.channel, message.ts) == (channel, ts) and not message.deleted:
                    if message.ephemeral_to in (None, user):
                        return message
                    break
        raise LookupError(f"{user} sees no message {ts} in {channel}")

    def can_read(self, user: str, channel: str) -> bool:
        """Members read a conversation; people of the organisation who are no guests read every public channel."""
        where, person = self._state.channels[channel], self._state.people[user]
        outside = person.is_stranger or person.is_restricted or person.is_ultra_restricted
        return user in where.members or not (where.is_im or where.is_private or outside)

    def view(self, user: str, view_id: str) -> SimView:
        """The home tab or modal with this id. Raises `LookupError` where it is closed or another person's."""
        found = self._state.views.get(view_id)
        if found is None or found.user != user:
            raise LookupError(f"{user} has no view {view_id} open")
        return found

    def modals(self, user: str) -> list[SimView]:
        """A person's open modals, the topmost last."""
        return [self._state.views[view_id] for view_id in self._state.modals.get(user, ())]

    def prompts_title(self, user: str) -> str:
        """The words above a person's suggested prompts."""
        return str(self._state.prompts.get(self._state.people[user].dm, {}).get("title") or "")

    def prompts(self, user: str) -> list[tuple[str, str]]:
        """Suggested prompts (title, message) in a person's direct message with the bot."""
        suggested = self._state.prompts.get(self._state.people[user].dm, {"prompts": []})
        return [(prompt["title"], prompt["message"]) for prompt in suggested["prompts"]]

    def calls_of(self, method: str) -> list[RecordedCall]:
        return [call for call in self._state.calls if call.method == method]

    def rendered(self, channel: str, thread_ts: str | None = None) -> str:
        """The thread (or the whole channel) as plain text, the way a person reads it."""
        session = self.session(channel, thread_ts) if thread_ts else None
        status = session.status_text if session else ""
        return Renderer(self.people, self.channels).thread(self.messages(channel, thread_ts), status)

    def subscribe(self) -> Subscription:
        """Every change from now on, live. Close it with `aclose()`; it ends when the workspace does."""
        return self._state.feed.subscribe()

    async def wait_for(self, predicate: Callable[[Self], T | None], *, timeout: float = 20.0, what: str) -> T:
        """The first true value that `predicate(workspace)` gives, looked at after every change.

        Raises `TimeoutError` after `timeout` seconds, with the conversations, recent calls and deliveries.
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    found = predicate(self)
                    if found:
                        return found
                    await self._state.feed.changed()
        except TimeoutError as error:
            raise TimeoutError(f"{what}: did not happen within {timeout:g} s\n{self.transcript()}") from error

    def transcript(self) -> str:
        """All conversations, recent calls, recent deliveries and all problems, to explain what went wrong."""
        lines: list[str] = []
        for channel in self._state.channels.values():
            if self.messages(channel.id):
                lines += [f"=== {channel.name} ({channel.id})", self.rendered(channel.id)]
        lines.append("=== recent calls")
        lines += [_call_line(call) for call in self._state.calls[-_RECENT_CALLS:]]
        lines.append("=== recent deliveries")
        lines += [_delivery_line(delivery) for delivery in self._state.deliveries[-_RECENT_DELIVERIES:]]
        if self._state.problems:
            lines += ["=== problems", *self._state.problems]
        return "\n".join(lines)


def _call_line(call: RecordedCall) -> str:
    outcome = "ok" if call.ok else f"{call.status} {call.response.get('error')}"
    arguments = str(call.arguments)
    return f"{call.method} -> {outcome} {arguments[:300]}"


def _delivery_line(delivery: Delivery) -> str:
    what = delivery.event.get("type") or delivery.payload.get("type") or delivery.payload.get("command")
    return f"{delivery.kind} {what} -> {delivery.status} after {len(delivery.attempts)} attempt(s)"
