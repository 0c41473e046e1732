"""`chat.startStream`, `chat.appendStream`, `chat.stopStream`: an answer that grows while it is read.

Slack documents little of this (slack.md §2.3 collects field reports); every number that is only reported is a named
constant here. A stream has one style, `chunks` or `markdown_text`, fixed by its first content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubeai_bot.playground.workspace import events
from kubeai_bot.playground.workspace.changes import StreamAppended, StreamEnded, StreamStarted
from kubeai_bot.playground.workspace.content import Content, checked_blocks, read_metadata, with_ids
from kubeai_bot.playground.workspace.limits import MARKDOWN_CHARS, MAX_MESSAGE_BLOCKS
from kubeai_bot.playground.workspace.messages import SimMessage, Stream, fold_chunks
from kubeai_bot.playground.workspace.methods.chat import bot_message, thread_root, writable
from kubeai_bot.playground.workspace.people import BOT_ID, Channel
from kubeai_bot.playground.workspace.state import State
from kubeai_bot.playground.workspace.validation import check_chunks
from kubeai_bot.playground.workspace.wire import Json, Refused, not_now

STREAM_LIFETIME = 300.0
"""Seconds from the start after which a stream takes no more, active or not (field reports; undocumented)."""

STREAM_TOTAL_BYTES = 10_600
"""UTF-8 bytes that one streamed message takes, cards included (lowest field report; others say 12,000 or more)."""

_STREAM_BLOCKS = 2 * MAX_MESSAGE_BLOCKS
"""50 in `blocks` of the stop call and 50 more from `blocks` chunks."""


def expire(state: State) -> None:
    """Ends every stream that is older than Slack lets it live. Its text stays, its open tasks stay open."""
    for message in state.streams():
        if message.stream is not None and state.clock() - message.stream.started >= STREAM_LIFETIME:
            end(state, message, "expired")


def end(state: State, message: SimMessage, reason: str, chunks: tuple[Json, ...] = ()) -> None:
    message.streaming = False
    if message.stream is not None:
        message.stream.ended = reason
    state.publish(StreamEnded(message, reason, chunks))


def start(state: State, args: Json) -> Json:
    channel = writable(state, args["channel"])
    thread_ts = args.get("thread_ts")
    if not thread_ts:
        raise Refused("invalid_arguments", messages=["[ERROR] a stream is a reply: thread_ts is missing"])
    args["thread_ts"] = thread_ts = thread_root(state, channel, thread_ts)
    _check_recipient(state, channel, args)
    display = args.get("task_display_mode") or "timeline"
    message = bot_message(channel, state.mint_ts(), Content("", None, None, None), args)
    message.stream = Stream(display, state.clock())
    chunks = _read(message, args)
    message.streaming = True
    _add(message, chunks)
    events.post(state, message)
    session = state.session(channel.id, thread_ts)
    session.status = "processing"
    state.announce_session(session)
    state.publish(StreamStarted(message, chunks))
    return {"channel": channel.id, "ts": message.ts}


def append(state: State, args: Json) -> Json:
    message = _live(state, args)
    chunks = _read(message, args)
    if not chunks:
        raise Refused("no_text")
    _add(message, chunks)
    state.publish(StreamAppended(message, chunks))
    return {"channel": message.channel, "ts": message.ts}


def stop(state: State, args: Json) -> Json:
    message = _live(state, args)
    chunks = _read(message, args)
    blocks = checked_blocks(args.get("blocks") or [])
    streamed = [block for chunk in (*message.chunks, *chunks) for block in chunk.get("blocks", ())]
    if len(blocks) + len(streamed) > _STREAM_BLOCKS:
        raise Refused("msg_blocks_too_many")
    status = args.get("session_status") or "active"
    metadata = read_metadata(args)
    previous = message.to_message()
    _add(message, chunks)
    message.blocks, message.metadata = blocks, metadata
    _report_open_tasks(state, message)
    end(state, message, "stopped", chunks)
    session = state.session(message.channel, message.thread)
    session.status = status
    state.announce_session(session)
    events.update(state, message, previous)
    return {"channel": message.channel, "ts": message.ts, "message": message.to_message()}


def _check_recipient(state: State, channel: Channel, args: Json) -> None:
    if channel.is_im:
        return
    for key in ("recipient_team_id", "recipient_user_id"):
        if not args.get(key):
            raise Refused(f"missing_{key}")
    state.person(args["recipient_user_id"])


def _live(state: State, args: Json) -> SimMessage:
    message = state.message(state.channel(args["channel"]).id, args["ts"])
    if message.bot_id != BOT_ID:
        raise Refused("message_not_owned_by_app")
    if message.stream is not None and message.stream.ended == "stopped_by_user":
        raise not_now("stopped_by_user")
    if not message.streaming:
        raise not_now("message_not_in_streaming_state")
    return message


def _read(message: SimMessage, args: Json) -> tuple[Json, ...]:
    """The call's content as chunks. Refuses a mixed style, faulty chunks and what is too long."""
    chunks: list[Json] | None = args.get("chunks")
    markdown: str | None = args.get("markdown_text")
    if chunks is not None and markdown is not None:
        raise Refused("cannot_provide_both_markdown_text_and_chunks")
    if chunks is None and markdown is None:
        return ()
    mode = "chunks" if chunks is not None else "markdown_text"
    if message.stream is not None and message.stream.mode not in (None, mode):
        raise Refused("streaming_mode_mismatch")
    if chunks is None:
        chunks = [{"type": "markdown_text", "text": markdown}] if markdown else []
    faults = check_chunks(chunks, {task.id: task.status for task in message.tasks.values()})
    if faults:
        raise Refused("invalid_chunks", messages=[str(fault) for fault in faults])
    for chunk in chunks:
        with_ids(chunk.get("blocks", []))
    if sum(_characters(chunk) for chunk in chunks) > MARKDOWN_CHARS:
        raise Refused("msg_too_long", messages=["more than 12,000 characters in one call"])
    size = sum(_bytes(chunk) for chunk in chunks)
    if message.stream is not None:
        if message.stream.size + size > STREAM_TOTAL_BYTES:
            raise Refused("msg_too_long", messages=[f"more than {STREAM_TOTAL_BYTES} bytes in one streamed message"])
        message.stream.mode = mode
    return tuple(chunks)


def _add(message: SimMessage, chunks: tuple[Json, ...]) -> None:
    if message.stream is not None:
        message.stream.size += sum(_bytes(chunk) for chunk in chunks)
    fold_chunks(message, chunks)


def _strings(chunk: Json) -> list[str]:
    return [str(chunk[key]) for key in ("text", "title", "details", "output") if chunk.get(key)]


def _characters(chunk: Json) -> int:
    return sum(len(text) for text in _strings(chunk))


def _bytes(chunk: Json) -> int:
    return sum(len(text.encode()) for text in _strings(chunk))


def _report_open_tasks(state: State, message: SimMessage) -> None:
    """A task in progress when its stream stops looks busy forever."""
    left = [task.id for task in message.tasks.values() if task.status == "in_progress"]
    if left:
        state.problem(f"chat.stopStream: tasks left in_progress for good: {', '.join(left)}")


HANDLERS: Mapping[str, Callable[[State, Json], Json]] = {
    "chat.startStream": start,
    "chat.appendStream": append,
    "chat.stopStream": stop,
}
