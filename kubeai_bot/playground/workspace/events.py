"""The events that Slack sends to an `agent_view` app, field by field as its Events API shows them."""

from __future__ import annotations

import re
import uuid

from kubeai_bot.playground.workspace.changes import MessageDeleted, MessagePosted, MessageUpdated
from kubeai_bot.playground.workspace.journal import Delivery
from kubeai_bot.playground.workspace.messages import SimMessage, rich_text
from kubeai_bot.playground.workspace.people import APP_ID, BOT_USER_ID, TEAM_ID, Channel
from kubeai_bot.playground.workspace.state import State
from kubeai_bot.playground.workspace.wire import Json

_MENTION = re.compile(r"<@([UW][A-Z0-9]+)>")
_SUBSCRIPTIONS = {"im": "message.im", "channel": "message.channels", "group": "message.groups"}


def typed_blocks(text: str) -> list[Json]:
    """The rich text that Slack's own composer makes of typed text: plain parts and mentions."""
    elements: list[Json] = []
    for index, part in enumerate(_MENTION.split(text)):
        if index % 2:
            elements.append({"type": "user", "user_id": part})
        elif part:
            elements.append({"type": "text", "text": part})
    return [{**rich_text(elements), "block_id": uuid.uuid4().hex[:5]}] if elements else []


def callback_body(state: State, event: Json, channel: Channel | None) -> Json:
    """The outer `event_callback` object around an event."""
    return {
        "token": state.secrets.verification_token,
        "team_id": TEAM_ID,
        "context_team_id": TEAM_ID,
        "context_enterprise_id": None,
        "api_app_id": APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": state.mint_id("Ev"),
        "event_time": int(state.clock()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM_ID,
                "user_id": BOT_USER_ID,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": channel is not None and channel.is_ext_shared,
        "event_context": f"4-{uuid.uuid4().hex}",
    }


def send_event(state: State, event: Json, channel: Channel | None = None) -> Delivery | None:
    """Delivers an event if the app subscribes to it and, in a channel, the bot is a member. None if it does not."""
    name = event["type"]
    if name == "message":
        name = _SUBSCRIPTIONS[event["channel_type"]]
    if name not in state.bot_events or (channel is not None and BOT_USER_ID not in channel.members):
        return None
    return state.deliver("events_api", callback_body(state, event, channel))


def post(state: State, message: SimMessage) -> list[Delivery]:
    """Puts a message into its conversation and tells the app, about its own messages too."""
    channel = state.channel(message.channel)
    if message.is_reply:
        root = state.root(message.channel, message.thread)
        message.parent_user_id = root.user if root is not None else None
    state.messages.append(message)
    state.publish(MessagePosted(message))
    if message.bot_id is not None:
        state.clear_status_line(message.channel, message.thread)
    deliveries = [send_event(state, message_event(message, channel), channel)]
    if message.bot_id is None and not channel.is_im and f"<@{BOT_USER_ID}>" in message.text:
        deliveries.append(send_event(state, mention_event(message), channel))
    return [delivery for delivery in deliveries if delivery is not None]


def message_event(message: SimMessage, channel: Channel) -> Json:
    """`message`: a top-level one has no `thread_ts`, a reply has; the app's own carries its `bot_id`."""
    event = message.to_message()
    event.pop("edited", None)
    event.pop("reactions", None)
    if not message.is_reply:
        event.pop("thread_ts", None)
    event |= {"channel": channel.id, "event_ts": message.ts, "channel_type": channel.channel_type}
    return event | _origin(message)


def mention_event(message: SimMessage) -> Json:
    """`app_mention`: the same message without `channel_type`."""
    event = message.to_message()
    if not message.is_reply:
        event.pop("thread_ts", None)
    event |= {"type": "app_mention", "channel": message.channel, "event_ts": message.ts}
    return event | _origin(message)


def _origin(message: SimMessage) -> Json:
    """Slack Connect: a message from another organisation says which."""
    return {} if message.team == TEAM_ID else {"user_team": message.team, "source_team": message.team}


def update(state: State, message: SimMessage, previous: Json) -> Delivery | None:
    """Tells everybody that the message changed; the app gets `message_changed`."""
    state.publish(MessageUpdated(message))
    ts = state.mint_ts()
    channel = state.channel(message.channel)
    event: Json = {
        "type": "message",
        "subtype": "message_changed",
        "message": {**message.to_message(), "edited": {"user": message.user, "ts": ts}},
        "previous_message": previous,
        "channel": message.channel,
        "hidden": True,
        "ts": ts,
        "event_ts": ts,
        "channel_type": channel.channel_type,
    }
    return send_event(state, event, channel)


def delete(state: State, message: SimMessage) -> Delivery | None:
    """Takes the message away; the app gets `message_deleted`."""
    previous = message.to_message()
    message.deleted = True
    message.streaming = False
    state.publish(MessageDeleted(message))
    ts = state.mint_ts()
    channel = state.channel(message.channel)
    event: Json = {
        "type": "message",
        "subtype": "message_deleted",
        "previous_message": previous,
        "channel": message.channel,
        "hidden": True,
        "deleted_ts": message.ts,
        "ts": ts,
        "event_ts": ts,
        "channel_type": channel.channel_type,
    }
    return send_event(state, event, channel)
