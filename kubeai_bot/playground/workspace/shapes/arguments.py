"""What arguments of methods must look like beyond their kind (slack.md §2.2, §2.3; method pages of docs.slack.dev).

Blocks, chunks, views, metadata and attachments have error codes of their own and are checked where they are used, as
is what Slack answers with a code of its own (`invalid_status`, `invalid_limit`, `invalid_name`, `no_text`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubeai_bot.playground.workspace import limits
from kubeai_bot.playground.workspace.schema import Items, Number, Record, Rule, Shape, Text, not_with, some_of
from kubeai_bot.playground.workspace.shapes.objects import URL

ARGUMENTS: Mapping[str, Shape] = {
    "icon_emoji": Text(pattern=r":[^:\s]+:(:skin-tone-[2-6]:)?"),
    "icon_url": URL,
    "parse": Text(choices=("none", "full")),
    "hash": Text(),
    "external_id": Text(limits.ID_CHARS),
    "task_display_mode": Text(choices=("timeline", "plan")),
    "session_status": Text(choices=limits.SESSION_STATUSES),
    "loading_messages": Items(Text(limits.LOADING_MESSAGE_CHARS), limits.MAX_LOADING_MESSAGES),
    "prompts": Items(Record({"title": Text(), "message": Text()}), limits.MAX_PROMPTS),
    "files": Items(Record({"id": Text()}, {"title": Text(least=0), "highlight_type": Text()})),
    "file_ids": Items(Text(pattern=r"F[A-Z0-9]+"), least=0),
    "filename": Text(),
    "length": Number(1),
    "alt_txt": Text(limits.UPLOAD_ALT_CHARS),
}
"""By the name of the argument, in every method that has it."""

_SESSION_TITLE: Mapping[str, Shape] = {"title": Text(limits.SESSION_TITLE_CHARS)}
ARGUMENTS_OF: Mapping[str, Mapping[str, Shape]] = {
    "agents.sessions.setStatus": _SESSION_TITLE,
    "agents.sessions.rename": _SESSION_TITLE,
    "assistant.threads.setTitle": _SESSION_TITLE,
    "assistant.threads.setSuggestedPrompts": {"title": Text()},
}
"""By method, for names that mean different things."""

RULES_OF: Mapping[str, Sequence[Rule]] = {
    "views.update": (some_of("view_id", "external_id"),),
    "files.completeUploadExternal": (not_with("initial_comment", "blocks"),),
}
"""Which arguments need or exclude each other."""
