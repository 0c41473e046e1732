"""`chat.*` without streaming: post, update, delete, ephemeral, permalink."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubeai_bot.playground.workspace import events
from kubeai_bot.playground.workspace.changes import EphemeralPosted
from kubeai_bot.playground.workspace.content import Content, read_content
from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.workspace.people import BOT_ID, BOT_USER_ID, TEAM_DOMAIN, Channel
from kubeai_bot.playground.workspace.state import State
from kubeai_bot.playground.workspace.wire import Json, Refused, not_now

POST_TEXT_CUT = 40_000
"""`chat.postMessage` cuts longer `text` silently."""

UPDATE_TEXT_LIMIT = 4_000
"""`chat.update` refuses longer `text` with `msg_too_long`."""


def writable(state: State, channel_id: str) -> Channel:
    """The channel, if the bot may post there."""
    channel = state.channel(channel_id)
    if channel.is_archived:
        raise not_now("is_archived")
    if BOT_USER_ID not in channel.members:
        raise not_now("not_in_channel")
    return channel


def thread_root(state: State, channel: Channel, thread_ts: str) -> str:
    """Timestamp of the thread that `thread_ts` names. Slack takes a reply's too, but shows the message nowhere."""
    root = state.root(channel.id, thread_ts)
    if root is None:
        raise not_now("thread_not_found")
    if root.ts != thread_ts:
        state.problem(f"thread_ts {thread_ts} names a reply; the thread's root is {root.ts}")
    return root.ts


def bot_message(channel: Channel, ts: str, content: Content, args: Json) -> SimMessage:
    return SimMessage(
        channel=channel.id,
        ts=ts,
        user=BOT_USER_ID,
        bot_id=BOT_ID,
        text=content.text,
        blocks=content.blocks or [],
        attachments=content.attachments or [],
        metadata=content.metadata,
        thread_ts=args.get("thread_ts"),
        username=args.get("username"),
    )


def post_message(state: State, args: Json) -> Json:
    channel = writable(state, args["channel"])
    content = read_content(args)
    content.text = content.text[:POST_TEXT_CUT]
    if args.get("thread_ts") is not None:
        args["thread_ts"] = thread_root(state, channel, args["thread_ts"])
    message = bot_message(channel, state.mint_ts(), content, args)
    if args.get("reply_broadcast") and message.is_reply:
        message.subtype = "thread_broadcast"
    events.post(state, message)
    return {"channel": channel.id, "ts": message.ts, "message": message.to_message()}


def update(state: State, args: Json) -> Json:
    channel = state.channel(args["channel"])
    message = state.message(channel.id, args["ts"])
    if message.bot_id != BOT_ID:
        raise Refused("cant_update_message")
    if message.streaming:
        raise Refused("streaming_state_conflict")
    if len(args.get("text") or "") > UPDATE_TEXT_LIMIT:
        raise Refused("msg_too_long", messages=[f"text has {len(args['text'])} characters, at most 4,000"])
    content = read_content(args)
    previous = message.to_message()
    _replace(message, content, args)
    events.update(state, message, previous)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": message.to_message()}


def _replace(message: SimMessage, content: Content, args: Json) -> None:
    """New blocks replace all there was, streamed cards too; blocks, attachments and metadata not sent are kept."""
    message.edited = True
    message.text = content.text
    if content.blocks is not None:
        message.blocks = content.blocks
        message.chunks, message.plan = [], None
        message.tasks.clear()
    else:
        message.chunks = [chunk for chunk in message.chunks if chunk["type"] != "markdown_text"]
        if message.stream is not None and content.text:
            message.chunks.append({"type": "markdown_text", "text": content.text})
    if content.attachments is not None:
        message.attachments = content.attachments
    if "metadata" in args:
        message.metadata = content.metadata or None


def delete(state: State, args: Json) -> Json:
    channel = state.channel(args["channel"])
    message = state.message(channel.id, args["ts"])
    if message.bot_id != BOT_ID:
        raise Refused("cant_delete_message")
    events.delete(state, message)
    return {"channel": channel.id, "ts": message.ts}


def post_ephemeral(state: State, args: Json) -> Json:
    channel = writable(state, args["channel"])
    user = state.person(args["user"])
    if user.id not in channel.members:
        raise not_now("user_not_in_channel")
    content = read_content(args)
    message = bot_message(channel, state.mint_ts(), content, args)
    message.ephemeral_to = user.id
    state.messages.append(message)
    state.publish(EphemeralPosted(message))
    return {"message_ts": message.ts}


def get_permalink(state: State, args: Json) -> Json:
    channel = state.channel(args["channel"])
    message = state.message(channel.id, args["message_ts"])
    link = f"https://{TEAM_DOMAIN}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def say_back(state: State, channel_id: str, user: str, response: Json) -> SimMessage:
    """Posts what the app answered to a command or an interaction: to one person, unless it says `in_channel`."""
    channel = state.channel(channel_id)
    message = bot_message(channel, state.mint_ts(), read_content(response), response)
    if response.get("response_type") == "in_channel":
        events.post(state, message)
        return message
    message.ephemeral_to = user
    state.messages.append(message)
    state.publish(EphemeralPosted(message))
    return message


def rewrite(state: State, message: SimMessage, response: Json) -> None:
    """Replaces a message by way of its `response_url`."""
    previous = message.to_message()
    _replace(message, read_content(response), response)
    if message.ephemeral_to is not None:
        state.publish(EphemeralPosted(message))
    else:
        events.update(state, message, previous)


HANDLERS: Mapping[str, Callable[[State, Json], Json]] = {
    "chat.postMessage": post_message,
    "chat.update": update,
    "chat.delete": delete,
    "chat.postEphemeral": post_ephemeral,
    "chat.getPermalink": get_permalink,
}
