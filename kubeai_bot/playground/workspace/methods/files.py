"""Uploads in three steps (ask for an address, POST the bytes there, complete and share) and `files.info`."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Mapping

from kubeai_bot.playground.workspace import events
from kubeai_bot.playground.workspace.content import Content, checked_blocks
from kubeai_bot.playground.workspace.limits import MAX_UPLOAD_BYTES
from kubeai_bot.playground.workspace.methods.chat import bot_message, thread_root, writable
from kubeai_bot.playground.workspace.people import BOT_USER_ID
from kubeai_bot.playground.workspace.state import SimFile, State
from kubeai_bot.playground.workspace.wire import Json, Refused, not_now


def to_file(state: State, file: SimFile) -> Json:
    """The file object. `url_private` needs the bot token, as Slack's does."""
    mimetype = mimetypes.guess_type(file.name)[0] or "text/plain"
    url = f"{state.base_url}/files/{file.id}/{file.name}"
    return {
        "id": file.id,
        "created": int(state.clock()),
        "timestamp": int(state.clock()),
        "name": file.name,
        "title": file.title,
        "mimetype": mimetype,
        "filetype": file.name.rsplit(".", 1)[-1] if "." in file.name else "text",
        "pretty_type": mimetype,
        "user": file.user,
        "size": len(file.content),
        "mode": "snippet" if file.snippet_type else "hosted",
        "is_external": False,
        "is_public": False,
        "url_private": url,
        "url_private_download": url,
        "permalink": f"{state.base_url}/files/{file.id}/{file.name}",
        "channels": [channel for channel in file.shared_in if channel.startswith("C")],
        "ims": [channel for channel in file.shared_in if channel.startswith("D")],
        "shares": {},
    }


def get_upload_url(state: State, args: Json) -> Json:
    length = args["length"]
    if length > MAX_UPLOAD_BYTES:
        raise Refused("file_upload_size_restricted")
    file = SimFile(
        state.mint_id("F"),
        args["filename"],
        args["filename"],
        b"",
        BOT_USER_ID,
        length,
        snippet_type=args.get("snippet_type"),
    )
    state.files[file.id] = file
    return {"upload_url": f"{state.base_url}/upload/v1/{file.id}", "file_id": file.id}


def complete_upload(state: State, args: Json) -> Json:
    channels = [channel for channel in [args.get("channel_id"), *(args.get("channels") or "").split(",")] if channel]
    if args.get("blocks"):
        if args.get("initial_comment"):
            raise Refused("invalid_arguments", messages=["[ERROR] initial_comment and blocks exclude each other"])
        args["blocks"] = checked_blocks(args["blocks"])
    files = [_uploaded(state, item) for item in args["files"]]
    for channel in channels:
        _share(state, channel, files, args)
    return {"files": [to_file(state, file) for file in files]}


def _uploaded(state: State, item: Json) -> SimFile:
    file = state.files.get(item["id"])
    if file is None or not file.uploaded:
        raise Refused("file_not_found")
    file.title = item.get("title") or file.name
    return file


def _share(state: State, channel_id: str, files: list[SimFile], args: Json) -> None:
    channel = writable(state, channel_id)
    if args.get("thread_ts") is not None:
        args["thread_ts"] = thread_root(state, channel, args["thread_ts"])
    for file in files:
        file.shared_in.append(channel.id)
    content = Content(args.get("initial_comment") or "", args.get("blocks"), None, None)
    message = bot_message(channel, state.mint_ts(), content, args)
    message.subtype = "file_share"
    message.files = [to_file(state, file) for file in files]
    events.post(state, message)


def info(state: State, args: Json) -> Json:
    file = state.files.get(args["file"])
    if file is None:
        raise not_now("file_not_found")
    return {"file": to_file(state, file), "comments": [], "response_metadata": {"next_cursor": ""}}


HANDLERS: Mapping[str, Callable[[State, Json], Json]] = {
    "files.getUploadURLExternal": get_upload_url,
    "files.completeUploadExternal": complete_upload,
    "files.info": info,
}
