"""Wrong calls, one a line: the arguments that differ from a right call, and Slack's answer to them.

`$own`, `$root`, `$stream` and `$file` stand for the bot's message, the thread, a stream and an uploaded file.
"""

from __future__ import annotations

from typing import Any

from tests.playground_workspace.payload_parts import DIVIDER, Json, plain, section, update

MODAL = {"type": "modal", "title": plain(), "blocks": [DIVIDER]}
HOME = {"type": "home", "blocks": [DIVIDER]}
PROMPT = {"title": "What is wrong?", "message": "What is wrong in shop?"}

RIGHT_CALLS: dict[str, Json] = {
    "chat.postMessage": {
        "channel": "D0MIA",
        "text": "x",
        "icon_emoji": ":wave::skin-tone-3:",
        "parse": "none",
        "thread_ts": "$root",
        "unfurl_links": False,
    },
    "chat.update": {"channel": "D0MIA", "ts": "$own", "text": "x" * 4000},
    "chat.postEphemeral": {"channel": "C0ONCALL", "user": "U0MIA", "text": "x"},
    "chat.getPermalink": {"channel": "D0MIA", "message_ts": "$own"},
    "chat.startStream": {"channel": "D0MIA", "thread_ts": "$root", "task_display_mode": "plan"},
    "chat.appendStream": {"channel": "D0MIA", "ts": "$stream", "chunks": [update()]},
    "chat.stopStream": {"channel": "D0MIA", "ts": "$stream", "session_status": "suspended", "blocks": [section()]},
    "agents.sessions.setStatus": {
        "channel_id": "D0MIA",
        "thread_ts": "$root",
        "status": "processing",
        "title": "x" * 200,
    },
    "agents.sessions.rename": {"channel_id": "D0MIA", "thread_ts": "$root", "title": "x"},
    "assistant.threads.setStatus": {
        "channel_id": "D0MIA",
        "thread_ts": "$root",
        "status": "is looking",
        "loading_messages": ["x" * 50] * 10,
    },
    "assistant.threads.setTitle": {"channel_id": "D0MIA", "thread_ts": "$root", "title": "x"},
    "assistant.threads.setSuggestedPrompts": {"channel_id": "D0MIA", "prompts": [PROMPT] * 4, "title": "Try"},
    "conversations.replies": {"channel": "D0MIA", "ts": "$root", "limit": 1000},
    "conversations.history": {"channel": "D0MIA", "limit": "15", "oldest": "0"},
    "conversations.open": {"users": "U0MIA", "return_im": "true"},
    "conversations.list": {"types": "im,public_channel", "exclude_archived": "1"},
    "users.info": {"user": "U0MIA"},
    "users.lookupByEmail": {"email": "mia@shop.example"},
    "reactions.add": {"channel": "D0MIA", "timestamp": "$root", "name": "eyes"},
    "views.publish": {"user_id": "U0MIA", "view": HOME},
    "files.getUploadURLExternal": {"length": "3", "filename": "a.log", "alt_txt": "x" * 1000},
    "files.completeUploadExternal": {"files": [{"id": "$file", "title": ""}], "channel_id": "D0MIA"},
    "blocks.validate": {"blocks": [DIVIDER]},
}
"""One right call of each method that has anything to get wrong."""

ABSENT = object()
"""Instead of a value: leave the argument out."""

WRONG_CALLS: dict[str, tuple[str, dict[str, Any], str]] = {
    "post to nowhere": ("chat.postMessage", {"channel": ABSENT}, "invalid_arguments"),
    "post to an unknown channel": ("chat.postMessage", {"channel": "C0NOWHERE"}, "channel_not_found"),
    "post nothing": ("chat.postMessage", {"text": ABSENT}, "no_text"),
    "post an empty text": ("chat.postMessage", {"text": ""}, "no_text"),
    "post a text that is an object": ("chat.postMessage", {"text": plain()}, "invalid_arguments"),
    "post text and Markdown": ("chat.postMessage", {"markdown_text": "x"}, "markdown_text_conflict"),
    "post Markdown that is too long": (
        "chat.postMessage",
        {"text": ABSENT, "markdown_text": "x" * 12_001},
        "msg_too_long",
    ),
    "post blocks that are an object": ("chat.postMessage", {"blocks": {"type": "divider"}}, "invalid_blocks_format"),
    "post blocks that are no JSON": ("chat.postMessage", {"blocks": "[{"}, "invalid_blocks_format"),
    "post wrong blocks": ("chat.postMessage", {"blocks": [{"type": "section"}]}, "invalid_blocks"),
    "post too many attachments": ("chat.postMessage", {"attachments": [{}] * 101}, "invalid_attachments"),
    "post wrong blocks in an attachment": (
        "chat.postMessage",
        {"attachments": [{"blocks": [{"type": "header"}]}]},
        "invalid_attachments",
    ),
    "post metadata without payload": (
        "chat.postMessage",
        {"metadata": {"event_type": "x"}},
        "invalid_metadata_format",
    ),
    "post metadata that is too big": (
        "chat.postMessage",
        {"metadata": {"event_type": "x", "event_payload": {"y": "z" * 16_000}}},
        "invalid_metadata_format",
    ),
    "post in an unknown thread": ("chat.postMessage", {"thread_ts": "1.000001"}, "thread_not_found"),
    "post under a word as icon": ("chat.postMessage", {"icon_emoji": "wave"}, "invalid_arguments"),
    "post under a script as icon": ("chat.postMessage", {"icon_url": "javascript:x"}, "invalid_arguments"),
    "post with an unknown parser": ("chat.postMessage", {"parse": "some"}, "invalid_arguments"),
    "post with a flag that is none": ("chat.postMessage", {"unfurl_links": "perhaps"}, "invalid_arguments"),
    "update no message": ("chat.update", {"ts": "1.000001"}, "message_not_found"),
    "update nothing in particular": ("chat.update", {"ts": ABSENT}, "invalid_arguments"),
    "update with too long a text": ("chat.update", {"text": "x" * 4001}, "msg_too_long"),
    "update another's message": ("chat.update", {"ts": "$root"}, "cant_update_message"),
    "update with files that are none": ("chat.update", {"file_ids": ["a"]}, "invalid_arguments"),
    "whisper to nobody": ("chat.postEphemeral", {"user": ABSENT}, "invalid_arguments"),
    "whisper to somebody unknown": ("chat.postEphemeral", {"user": "U0NOBODY"}, "user_not_found"),
    "link to no message": ("chat.getPermalink", {"message_ts": ABSENT}, "invalid_arguments"),
    "stream outside a thread": ("chat.startStream", {"thread_ts": ABSENT}, "invalid_arguments"),
    "stream to nobody in a channel": ("chat.startStream", {"channel": "C0ONCALL"}, "thread_not_found"),
    "stream in an unknown display": ("chat.startStream", {"task_display_mode": "list"}, "invalid_arguments"),
    "stream in both styles": (
        "chat.startStream",
        {"markdown_text": "x", "chunks": [update()]},
        "cannot_provide_both_markdown_text_and_chunks",
    ),
    "stream chunks that are no list": ("chat.startStream", {"chunks": {"type": "x"}}, "invalid_arguments"),
    "append nothing": ("chat.appendStream", {"chunks": ABSENT}, "no_text"),
    "append a wrong chunk": ("chat.appendStream", {"chunks": [{"type": "task_update"}]}, "invalid_chunks"),
    "append to a message that is no stream": ("chat.appendStream", {"ts": "$own"}, "message_not_in_streaming_state"),
    "append too much": (
        "chat.appendStream",
        {"chunks": [{"type": "markdown_text", "text": "x" * 12_001}]},
        "msg_too_long",
    ),
    "stop into an unknown state": ("chat.stopStream", {"session_status": "done"}, "invalid_arguments"),
    "stop with wrong blocks": ("chat.stopStream", {"blocks": [{"type": "x"}]}, "invalid_blocks"),
    "a session of no status": ("agents.sessions.setStatus", {"status": ABSENT}, "invalid_arguments"),
    "a session of unknown status": ("agents.sessions.setStatus", {"status": "thinking"}, "invalid_status"),
    "a session without thread": ("agents.sessions.setStatus", {"thread_ts": ABSENT}, "thread_ts_required"),
    "a session with too long a title": ("agents.sessions.setStatus", {"title": "x" * 201}, "invalid_arguments"),
    "a session renamed to nothing": ("agents.sessions.rename", {"title": ""}, "invalid_arguments"),
    "a session renamed at length": ("agents.sessions.rename", {"title": "x" * 201}, "invalid_arguments"),
    "a thread titled at length": ("assistant.threads.setTitle", {"title": "x" * 201}, "invalid_arguments"),
    "a status without thread": ("assistant.threads.setStatus", {"thread_ts": ABSENT}, "invalid_arguments"),
    "a loading message that is too long": (
        "assistant.threads.setStatus",
        {"loading_messages": ["x" * 51]},
        "invalid_arguments",
    ),
    "too many loading messages": (
        "assistant.threads.setStatus",
        {"loading_messages": ["x"] * 11},
        "invalid_arguments",
    ),
    "no loading messages": ("assistant.threads.setStatus", {"loading_messages": []}, "invalid_arguments"),
    "too many prompts": ("assistant.threads.setSuggestedPrompts", {"prompts": [PROMPT] * 5}, "invalid_arguments"),
    "no prompts": ("assistant.threads.setSuggestedPrompts", {"prompts": []}, "invalid_arguments"),
    "a prompt without message": (
        "assistant.threads.setSuggestedPrompts",
        {"prompts": [{"title": "x"}]},
        "invalid_arguments",
    ),
    "a page of nothing": ("conversations.replies", {"limit": 0}, "invalid_limit"),
    "a page of everything": ("conversations.replies", {"limit": 1001}, "invalid_limit"),
    "a page of words": ("conversations.history", {"limit": "many"}, "invalid_arguments"),
    "a page from nowhere": ("conversations.history", {"cursor": "x"}, "invalid_cursor"),
    "a thread that is not there": ("conversations.replies", {"ts": "1.000001"}, "thread_not_found"),
    "history since when": ("conversations.history", {"oldest": "yesterday"}, "invalid_ts_oldest"),
    "a conversation with nobody": ("conversations.open", {"users": ABSENT}, "users_list_not_supplied"),
    "channels of an unknown type": ("conversations.list", {"types": "secret"}, "invalid_types"),
    "nobody in particular": ("users.info", {"user": ABSENT}, "invalid_arguments"),
    "an address of nobody": ("users.lookupByEmail", {"email": "x@y.example"}, "users_not_found"),
    "a reaction without name": ("reactions.add", {"name": ABSENT}, "invalid_arguments"),
    "a reaction that is no emoji": ("reactions.add", {"name": "two words"}, "invalid_name"),
    "a home tab that is a modal": ("views.publish", {"view": MODAL}, "invalid_arguments"),
    "a home tab that is no object": ("views.publish", {"view": "x"}, "invalid_arguments"),
    "a home tab that is too big": (
        "views.publish",
        {"view": {"type": "home", "blocks": [section(plain("x" * 3000))] * 90}},
        "view_too_large",
    ),
    "a home tab of nobody": ("views.publish", {"user_id": ABSENT}, "invalid_arguments"),
    "an empty upload": ("files.getUploadURLExternal", {"length": 0}, "invalid_arguments"),
    "an upload of unknown length": ("files.getUploadURLExternal", {"length": "long"}, "invalid_arguments"),
    "an upload that is too big": (
        "files.getUploadURLExternal",
        {"length": 1_000_000_001},
        "file_upload_size_restricted",
    ),
    "an upload without name": ("files.getUploadURLExternal", {"filename": ""}, "invalid_arguments"),
    "an upload described at length": ("files.getUploadURLExternal", {"alt_txt": "x" * 1001}, "invalid_arguments"),
    "no files": ("files.completeUploadExternal", {"files": []}, "invalid_arguments"),
    "files by name": ("files.completeUploadExternal", {"files": ["a.log"]}, "invalid_arguments"),
    "files with colours": (
        "files.completeUploadExternal",
        {"files": [{"id": "$file", "color": "red"}]},
        "invalid_arguments",
    ),
    "files that nobody uploaded": ("files.completeUploadExternal", {"files": [{"id": "F0X"}]}, "file_not_found"),
    "files with a comment and blocks": (
        "files.completeUploadExternal",
        {"initial_comment": "x", "blocks": [DIVIDER]},
        "invalid_arguments",
    ),
    "validate two things": ("blocks.validate", {"view": HOME}, "invalid_arguments"),
    "validate wrong blocks": ("blocks.validate", {"blocks": [{"type": "x"}]}, "invalid_blocks"),
}
