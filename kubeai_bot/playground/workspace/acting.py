"""What people do in Slack: talk, stop an answer, edit, react, open the app, share a file."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace

from kubeai_bot.playground.workspace import events
from kubeai_bot.playground.workspace.changes import ChannelChanged
from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.workspace.methods import files, reactions, streams, views
from kubeai_bot.playground.workspace.parts import Parts
from kubeai_bot.playground.workspace.people import BOT_USER_ID, TEAM_ID, Channel, Person, direct_message
from kubeai_bot.playground.workspace.state import SimFile
from kubeai_bot.playground.workspace.wire import Json


class Acting(Parts):
    """Every method is one thing a person does; the events that Slack would send are on their way when it returns."""

    def add_person(self, person: Person) -> Channel:
        """A further member, with their direct message channel, which is returned."""
        self._state.people[person.id] = person
        return self.add_channel(direct_message(person))

    def add_channel(self, channel: Channel) -> Channel:
        self._state.channels[channel.id] = channel
        self._state.publish(ChannelChanged(channel))
        return channel

    async def say(
        self,
        user: str,
        text: str,
        *,
        channel: str | None = None,
        thread_ts: str | None = None,
        mention: bool = False,
    ) -> str:
        """Posts `text` as `user`, by default in their direct message with the bot; the message's timestamp.

        `mention` puts the bot's name in front. A person joins a channel by speaking there; another person's direct
        message raises `PermissionError`, a thread that does not exist `LookupError`.
        """
        message = self._compose(user, f"<@{BOT_USER_ID}> {text}" if mention else text, channel, thread_ts)
        message.blocks = events.typed_blocks(message.text)
        events.post(self._state, message)
        return message.ts

    async def share_file(
        self,
        user: str,
        name: str,
        content: bytes,
        *,
        text: str = "",
        channel: str | None = None,
        thread_ts: str | None = None,
    ) -> str:
        """Posts a file with a message (`subtype: file_share`); the message's timestamp."""
        file = SimFile(self._state.mint_id("F"), name, name, content, user, len(content), uploaded=True)
        self._state.files[file.id] = file
        message = self._compose(user, text, channel, thread_ts)
        file.shared_in.append(message.channel)
        message.subtype = "file_share"
        message.files = [files.to_file(self._state, file)]
        events.post(self._state, message)
        return message.ts

    async def edit(self, user: str, channel: str, ts: str, text: str) -> None:
        message = self._own(user, channel, ts)
        previous = message.to_message()
        message.text, message.blocks, message.edited = text, events.typed_blocks(text), True
        events.update(self._state, message, previous)

    async def delete(self, user: str, channel: str, ts: str) -> None:
        events.delete(self._state, self._own(user, channel, ts))

    async def react(self, user: str, channel: str, ts: str, name: str) -> None:
        """Adds the emoji `name` (without colons) to a message."""
        reactions.react(self._state, self._seen(channel, ts), user, name)

    async def unreact(self, user: str, channel: str, ts: str, name: str) -> None:
        """Takes a reaction back."""
        reactions.unreact(self._state, self._seen(channel, ts), user, name)

    async def stop(self, user: str, channel: str, thread_ts: str) -> list[str]:
        """Presses Stop in a thread: its streams end at once; their timestamps. The app is told, and has to stop
        working and release the session by itself."""
        stopped = [message.ts for message in self._state.streams(channel, thread_ts)]
        for message in self._state.streams(channel, thread_ts):
            streams.end(self._state, message, "stopped_by_user")
        event: Json = {
            "type": "agent_session_stopped",
            "channel": channel,
            "thread_ts": thread_ts,
            "user": user,
            "streaming_message_ts": stopped,
            "event_ts": self._state.mint_ts(),
        }
        events.send_event(self._state, event, self._state.channels[channel])
        return stopped

    async def rename_session(self, user: str, channel: str, thread_ts: str, title: str) -> None:
        session = self._state.session(channel, thread_ts)
        event: Json = {
            "type": "agent_session_title_changed",
            "channel": channel,
            "thread_ts": thread_ts,
            "user": user,
            "title": title,
            "previous_title": session.title,
            "event_ts": self._state.mint_ts(),
        }
        session.title = title
        self._state.announce_session(session)
        events.send_event(self._state, event, self._state.channels[channel])

    async def open_home(self, user: str, tab: str = "home") -> None:
        """Opens the app on its `home` or `messages` tab."""
        if tab not in ("home", "messages"):
            raise ValueError(f"no tab {tab!r}: home or messages")
        channel = self._state.channels[self._state.people[user].dm]
        event: Json = {
            "type": "app_home_opened",
            "user": user,
            "channel": channel.id,
            "tab": tab,
            "event_ts": self._state.mint_ts(),
        }
        shown = self._state.views.get(self._state.homes.get(user, ""))
        if tab == "home" and shown is not None:
            event["view"] = views.to_view(shown)
        events.send_event(self._state, event, channel)

    async def look_at(self, user: str, entities: Sequence[Json]) -> None:
        """Changes what the person looks at beside the bot (`app_context_changed`), most relevant first; the person's
        direct messages carry it as `app_context` from then on."""
        context: Json = {"entities": list(entities)} if entities else {}
        self._state.looking_at[user] = context
        event: Json = {
            "type": "app_context_changed",
            "user": user,
            "context": context,
            "event_ts": self._state.mint_ts(),
        }
        events.send_event(self._state, event)

    def _compose(self, user: str, text: str, channel_id: str | None, thread_ts: str | None) -> SimMessage:
        person = self._state.people[user]
        channel = self._state.channels[channel_id or person.dm]
        if channel.is_im and user not in channel.members:
            raise PermissionError(f"{person.name} is not in {channel.id}")
        if user not in channel.members:
            channel.members.add(user)
            self._state.publish(ChannelChanged(channel))
        channel.is_ext_shared = channel.is_ext_shared or person.team_id != TEAM_ID
        if thread_ts is not None:
            root = self._state.root(channel.id, thread_ts)
            if root is None:
                raise LookupError(f"there is no message {thread_ts} in {channel.id}")
            thread_ts = root.ts
        return SimMessage(
            channel=channel.id,
            ts=self._state.mint_ts(),
            user=user,
            text=text,
            thread_ts=thread_ts,
            team=person.team_id,
            client_msg_id=str(uuid.uuid4()),
            app_context=self._state.looking_at.get(user) if channel.is_im else None,
        )

    def _seen(self, channel: str, ts: str) -> SimMessage:
        message = self._state.find(channel, ts)
        if message is None:
            raise LookupError(f"there is no message {ts} in {channel}")
        return message

    def _own(self, user: str, channel: str, ts: str) -> SimMessage:
        message = self._seen(channel, ts)
        if message.user != user:
            raise PermissionError(f"{user} did not write {ts}")
        return message

    def change_person(self, user: str, **changes: object) -> Person:
        """Changes fields of a person, such as `deleted` or `is_restricted`."""
        person = replace(self._state.people[user], **changes)  # pyright: ignore[reportArgumentType] (checked by replace)
        self._state.people[user] = person
        return person
