"""`conversations.*`: what was said, and where."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence

from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.workspace.people import BOT_USER_ID
from kubeai_bot.playground.workspace.state import State
from kubeai_bot.playground.workspace.wire import Json, Refused, not_now

PAGE_DEFAULT = 100
PAGE_MAX = 1000


def page(items: Sequence[Json], args: Json) -> tuple[list[Json], str]:
    """One page of `items` and the cursor of the next one, empty at the end."""
    limit = args.get("limit", PAGE_DEFAULT)
    if not 1 <= limit <= PAGE_MAX:
        raise Refused("invalid_limit")
    start = _offset(args.get("cursor") or "")
    end = start + limit
    cursor = base64.urlsafe_b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
    return list(items[start:end]), cursor


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        prefix, _, offset = base64.urlsafe_b64decode(cursor).decode().partition(":")
        if prefix == "next":
            return int(offset)
    except (binascii.Error, ValueError):
        pass
    raise Refused("invalid_cursor")


def _micros(args: Json, key: str, otherwise: int) -> int:
    value = args.get(key)
    if not value:
        return otherwise
    seconds, _, fraction = value.partition(".")
    if not seconds.isdigit() or (fraction and not fraction.isdigit()):
        raise Refused(f"invalid_ts_{key}")
    return int(seconds) * 1_000_000 + int(fraction.ljust(6, "0")[:6])


def _within(messages: Sequence[SimMessage], args: Json) -> list[SimMessage]:
    oldest, latest = _micros(args, "oldest", 0), _micros(args, "latest", 10**19)
    margin = 1 if args.get("inclusive") else 0
    return [message for message in messages if oldest - margin < int(message.ts.replace(".", "")) < latest + margin]


def _shown(state: State, message: SimMessage, args: Json) -> Json:
    """The message as history shows it: thread counts on roots, metadata where asked for."""
    shown = message.to_message() if not message.deleted else _tombstone(message)
    thread = state.thread(message.channel, message.thread)
    replies = [reply for reply in thread if reply.is_reply]
    if replies and not message.is_reply:
        speakers = list(dict.fromkeys(reply.user for reply in replies))
        shown |= {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "reply_users_count": len(speakers),
            "reply_users": speakers[:5],
            "latest_reply": replies[-1].ts,
            "is_locked": False,
            "subscribed": False,
        }
    if args.get("include_all_metadata") and message.metadata:
        shown["metadata"] = message.metadata
    return shown


def _tombstone(message: SimMessage) -> Json:
    """What is left of a deleted message that has replies."""
    return {
        "type": "message",
        "subtype": "tombstone",
        "user": "USLACKBOT",
        "text": "This message was deleted.",
        "hidden": True,
        "ts": message.ts,
    }


def _readable(state: State, args: Json) -> str:
    channel = state.channel(args["channel"])
    if BOT_USER_ID not in channel.members:
        raise not_now("not_in_channel")
    return channel.id


def _paged(messages: Sequence[Json], args: Json) -> Json:
    shown, cursor = page(messages, args)
    answer: Json = {"messages": shown, "has_more": bool(cursor)}
    if cursor:
        answer["response_metadata"] = {"next_cursor": cursor}
    return answer


def replies(state: State, args: Json) -> Json:
    """A thread, oldest first. The root always comes along, as Slack sends it; `ts` may name any reply."""
    channel = _readable(state, args)
    root = state.root(channel, args["ts"])
    if root is None:
        raise not_now("thread_not_found")
    rest = _within([message for message in state.thread(channel, root.ts) if message.is_reply], args)
    return _paged([_shown(state, message, args) for message in (root, *rest)], args)


def history(state: State, args: Json) -> Json:
    """Top-level messages, newest first."""
    channel = _readable(state, args)
    top = [
        message
        for message in state.messages
        if message.channel == channel
        and (not message.is_reply or message.subtype == "thread_broadcast")
        and not message.deleted
        and not message.ephemeral_to
    ]
    return _paged([_shown(state, message, args) for message in reversed(_within(top, args))], args)


def info(state: State, args: Json) -> Json:
    return {"channel": state.channel(args["channel"]).to_conversation()}


def members(state: State, args: Json) -> Json:
    channel = state.channel(args["channel"])
    shown, cursor = page([{"id": member} for member in sorted(channel.members)], args)
    return {"members": [member["id"] for member in shown], "response_metadata": {"next_cursor": cursor}}


def open_dm(state: State, args: Json) -> Json:
    """The direct message with one person, by `users` or by `channel`."""
    if args.get("channel"):
        return {"channel": state.channel(args["channel"]).to_conversation()}
    users = [user for user in (args.get("users") or "").split(",") if user]
    if not users:
        raise Refused("users_list_not_supplied")
    if len(users) > 1:
        raise Refused("method_not_supported_for_channel_type")
    channel = state.channel(state.person(users[0]).dm)
    return {
        "no_op": True,
        "already_open": True,
        "channel": channel.to_conversation() if args.get("return_im") else {"id": channel.id},
    }


_TYPES = {"im": "im", "channel": "public_channel", "group": "private_channel"}


def list_channels(state: State, args: Json) -> Json:
    wanted = set((args.get("types") or "public_channel").split(","))
    unknown = wanted - {"public_channel", "private_channel", "mpim", "im"}
    if unknown:
        raise Refused("invalid_types")
    found = [
        channel.to_conversation()
        for channel in state.channels.values()
        if _TYPES[channel.channel_type] in wanted
        and (not channel.is_private or BOT_USER_ID in channel.members)
        and not (args.get("exclude_archived") and channel.is_archived)
    ]
    shown, cursor = page(found, args)
    return {"channels": shown, "response_metadata": {"next_cursor": cursor}}


def join(state: State, args: Json) -> Json:
    channel = state.channel(args["channel"])
    if channel.is_im or channel.is_private:
        raise Refused("method_not_supported_for_channel_type")
    channel.members.add(BOT_USER_ID)
    return {"channel": channel.to_conversation()}


HANDLERS: Mapping[str, Callable[[State, Json], Json]] = {
    "conversations.replies": replies,
    "conversations.history": history,
    "conversations.info": info,
    "conversations.members": members,
    "conversations.open": open_dm,
    "conversations.list": list_channels,
    "conversations.join": join,
}
