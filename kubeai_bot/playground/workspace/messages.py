"""Messages as the workspace keeps them: what was said, and the live state of a streamed answer."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kubeai_bot.playground.workspace.people import APP_ID, BOT_ID, BOT_NAME, TEAM_ID
from kubeai_bot.playground.workspace.wire import Json, without_none


@dataclass(slots=True)
class Task:
    """One task card of a streamed answer. Title and status are the newest ones, details and output have grown."""

    id: str
    title: str
    status: str
    details: str = ""
    output: str = ""
    sources: list[Json] = field(default_factory=list[Json])


@dataclass(slots=True)
class Stream:
    """State of a streamed message that its readers do not see.

    `mode` is the style of the first content (`chunks` or `markdown_text`), `started` seconds of the workspace's
    clock, `size` the characters received so far, `ended` why it takes no more (None while it lives).
    """

    display: str
    started: float
    mode: str | None = None
    size: int = 0
    ended: str | None = None


@dataclass(slots=True)
class SimMessage:
    """One message. A streamed one has `chunks` (folded: neighbouring texts joined, each task once, in order of first
    appearance), `plan` (title) and `tasks`; `streaming` is true until it is stopped, stopped by a person or expired.
    """

    channel: str
    ts: str
    user: str
    text: str
    bot_id: str | None = None
    thread_ts: str | None = None
    subtype: str | None = None
    blocks: list[Json] = field(default_factory=list[Json])
    attachments: list[Json] = field(default_factory=list[Json])
    chunks: list[Json] = field(default_factory=list[Json])
    plan: str | None = None
    tasks: dict[str, Task] = field(default_factory=dict[str, Task])
    streaming: bool = False
    stream: Stream | None = None
    metadata: Json | None = None
    edited: bool = False
    deleted: bool = False
    files: list[Json] = field(default_factory=list[Json])
    ephemeral_to: str | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    username: str | None = None
    client_msg_id: str | None = None
    app_context: Json | None = None
    team: str = TEAM_ID
    parent_user_id: str | None = None

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    @property
    def thread(self) -> str:
        """Timestamp of the thread that this message belongs to, or would open."""
        return self.thread_ts or self.ts

    def to_message(self) -> Json:
        """The message object as `conversations.replies` and interaction payloads show it."""
        bot: Json = {}
        if self.bot_id is not None:
            bot = {"bot_id": self.bot_id, "app_id": APP_ID, "bot_profile": bot_profile()}
        return copy.deepcopy(
            without_none(
                {
                    "type": "message",
                    "subtype": self.subtype,
                    "user": self.user,
                    "ts": self.ts,
                    "client_msg_id": self.client_msg_id,
                    "text": self.text,
                    "app_context": self.app_context,
                    "team": self.team,
                    **bot,
                    "username": self.username,
                    "thread_ts": self.thread_ts,
                    "parent_user_id": self.parent_user_id,
                    "blocks": self.all_blocks() or None,
                    "attachments": self.attachments or None,
                    "files": self.files or None,
                    "edited": {"user": self.user, "ts": self.ts} if self.edited else None,
                    "reactions": [
                        {"name": name, "users": users, "count": len(users)} for name, users in self.reactions.items()
                    ]
                    or None,
                }
            )
        )

    def all_blocks(self) -> list[Json]:
        """Blocks of the message; a streamed one's content comes as blocks before those that ended it."""
        return [*streamed_blocks(self), *self.blocks]


def bot_profile() -> Json:
    return {"id": BOT_ID, "app_id": APP_ID, "name": BOT_NAME, "deleted": False, "updated": 0, "team_id": TEAM_ID}


def streamed_blocks(message: SimMessage) -> list[Json]:
    """Streamed content as the blocks Slack keeps: one plan (or one card a task), texts as `markdown`, own blocks."""
    cards = {task.id: _task_card(task) for task in message.tasks.values()}
    blocks: list[Json] = []
    in_plan = message.stream is not None and message.stream.display == "plan"
    if in_plan and (message.plan is not None or cards):
        blocks.append({"type": "plan", "title": message.plan or "", "tasks": list(cards.values())})
    for chunk in message.chunks:
        if chunk["type"] == "markdown_text" and chunk["text"]:
            blocks.append({"type": "markdown", "text": chunk["text"]})
        elif chunk["type"] == "task_update" and not in_plan:
            blocks.append(cards[chunk["id"]])
        elif chunk["type"] == "blocks":
            blocks += chunk["blocks"]
    return blocks


def _task_card(task: Task) -> Json:
    card: Json = {"type": "task_card", "task_id": task.id, "title": task.title, "status": task.status}
    if task.details:
        card["details"] = plain_rich_text(task.details)
    if task.output:
        card["output"] = plain_rich_text(task.output)
    if task.sources:
        card["sources"] = task.sources
    return card


def plain_rich_text(text: str) -> Json:
    return rich_text([{"type": "text", "text": text}])


def rich_text(elements: Sequence[Json]) -> Json:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}


def fold_chunks(message: SimMessage, chunks: Iterable[Json]) -> None:
    """Adds streamed chunks to the message: text accumulates, a task's title and status replace, the rest appends."""
    for chunk in chunks:
        kind = chunk["type"]
        if kind == "markdown_text":
            message.text += chunk["text"]
            if message.chunks and message.chunks[-1]["type"] == "markdown_text":
                message.chunks[-1]["text"] += chunk["text"]
            else:
                message.chunks.append(dict(chunk))
        elif kind == "plan_update":
            message.plan = chunk["title"]
        elif kind == "task_update":
            _fold_task(message, chunk)
        elif kind == "blocks":
            message.chunks.append(copy.deepcopy(chunk))


def _fold_task(message: SimMessage, chunk: Json) -> None:
    task = message.tasks.get(chunk["id"])
    if task is None:
        task = message.tasks[chunk["id"]] = Task(chunk["id"], chunk["title"], chunk["status"])
        message.chunks.append({"type": "task_update", "id": task.id})
    task.title, task.status = chunk["title"], chunk["status"]
    task.details += chunk.get("details") or ""
    task.output += chunk.get("output") or ""
    task.sources += chunk.get("sources") or []
