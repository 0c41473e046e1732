"""`reactions.add` and `reactions.remove`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from kubeai_bot.playground.workspace import events
from kubeai_bot.playground.workspace.changes import ReactionChanged
from kubeai_bot.playground.workspace.journal import Delivery
from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.workspace.people import BOT_USER_ID
from kubeai_bot.playground.workspace.state import State
from kubeai_bot.playground.workspace.wire import Json, Refused, not_now

_EMOJI_NAME = re.compile(r"[a-z0-9_+'\-]+(::skin-tone-[2-6])?")


def react(state: State, message: SimMessage, user: str, name: str) -> Delivery | None:
    """Adds a reaction and delivers `reaction_added`."""
    message.reactions.setdefault(name, []).append(user)
    state.publish(ReactionChanged(message, user, name, added=True))
    event: Json = {
        "type": "reaction_added",
        "user": user,
        "reaction": name,
        "item": {"type": "message", "channel": message.channel, "ts": message.ts},
        "item_user": message.user,
        "event_ts": state.mint_ts(),
    }
    return events.send_event(state, event, state.channel(message.channel))


def unreact(state: State, message: SimMessage, user: str, name: str) -> Delivery | None:
    """Takes a reaction back and delivers `reaction_removed`. One that is not there is no fault."""
    users = message.reactions.get(name, [])
    if user not in users:
        return None
    users.remove(user)
    if not users:
        del message.reactions[name]
    state.publish(ReactionChanged(message, user, name, added=False))
    event: Json = {
        "type": "reaction_removed",
        "user": user,
        "reaction": name,
        "item": {"type": "message", "channel": message.channel, "ts": message.ts},
        "item_user": message.user,
        "event_ts": state.mint_ts(),
    }
    return events.send_event(state, event, state.channel(message.channel))


def add(state: State, args: Json) -> Json:
    message, name = _target(state, args), args["name"]
    if not _EMOJI_NAME.fullmatch(name):
        raise Refused("invalid_name")
    if BOT_USER_ID in message.reactions.get(name, ()):
        raise not_now("already_reacted")
    react(state, message, BOT_USER_ID, name)
    return {}


def remove(state: State, args: Json) -> Json:
    message, name = _target(state, args), args["name"]
    if BOT_USER_ID not in message.reactions.get(name, ()):
        raise not_now("no_reaction")
    unreact(state, message, BOT_USER_ID, name)
    return {}


def _target(state: State, args: Json) -> SimMessage:
    if not args.get("channel") or not args.get("timestamp"):
        raise Refused("no_item_specified")
    return state.message(state.channel(args["channel"]).id, args["timestamp"])


HANDLERS: Mapping[str, Callable[[State, Json], Json]] = {"reactions.add": add, "reactions.remove": remove}
