"""What the page is told of the workspace: its objects as the JSON that docs of the page's protocol name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.workspace.people import BOT_USER_ID, Channel, Person
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.playground.workspace.state import Session, SimView
from kubeai_bot.playground.workspace.wire import Json


def message_frame(message: SimMessage, reply_count: int = 0) -> Json:
    """A message. What was streamed is in `chunks`, in order, and not again in `blocks` and `text`."""
    return {
        "channel": message.channel,
        "ts": message.ts,
        "user": message.user,
        "bot": message.bot_id is not None,
        "text": message.text,
        "blocks": message.blocks,
        "attachments": message.attachments,
        "files": [{key: file.get(key) for key in ("id", "name", "size", "mimetype")} for file in message.files],
        "thread_ts": message.thread_ts,
        "edited": message.edited,
        "ephemeral_to": message.ephemeral_to,
        "reactions": [{"name": name, "users": users} for name, users in message.reactions.items()],
        "stream": _stream_state(message),
        "display_mode": message.stream.display if message.stream else None,
        "chunks": _chunks(message),
        "reply_count": reply_count,
    }


def _stream_state(message: SimMessage) -> str | None:
    if message.stream is None:
        return None
    return "live" if message.streaming else message.stream.ended


def _chunks(message: SimMessage) -> list[Json]:
    """The folded chunks; the simulator keeps the plan's title and the tasks' state beside them."""
    title: list[Json] = [] if message.plan is None else [{"type": "plan_update", "title": message.plan}]
    return title + [
        _task(message, chunk["id"]) if chunk["type"] == "task_update" else chunk for chunk in message.chunks
    ]


def _task(message: SimMessage, task_id: str) -> Json:
    task = message.tasks[task_id]
    return {
        "type": "task_update",
        "id": task.id,
        "title": task.title,
        "status": task.status,
        "details": task.details,
        "output": task.output,
        "sources": task.sources,
    }


def status_frame(session: Session) -> Json:
    return {
        "channel": session.channel,
        "thread_ts": session.thread_ts,
        "status": session.status,
        "title": session.title,
        "text": session.status_text,
        "loading_messages": list(session.loading_messages),
    }


def view_frame(shown: SimView) -> Json:
    given = shown.view
    return {
        "id": shown.id,
        "type": given["type"],
        "title": given.get("title"),
        "submit": given.get("submit"),
        "close": given.get("close"),
        "blocks": given["blocks"],
        "callback_id": given.get("callback_id", ""),
        "private_metadata": given.get("private_metadata", ""),
        "errors": dict(shown.errors) or None,
    }


def channel_frame(channel: Channel) -> Json:
    return {
        "id": channel.id,
        "name": channel.name,
        "is_im": channel.is_im,
        "members": sorted(channel.members),
    }


def person_frame(person: Person, note: str = "") -> Json:
    return {
        "id": person.id,
        "name": person.name,
        "title": person.title,
        "guest": person.is_restricted or person.is_ultra_restricted,
        "stranger": person.is_stranger,
        "dm": person.dm,
        "note": note,
    }


def home_frame(workspace: Workspace, user: str) -> Json:
    shown = workspace.home(user)
    return {"type": "home", "user": user, "view": view_frame(shown) if shown else None}


def modals_frame(workspace: Workspace, user: str) -> Json:
    return {"type": "modals", "user": user, "views": [view_frame(shown) for shown in workspace.modals(user)]}


def prompts_frame(workspace: Workspace, user: str) -> Json:
    prompts = [{"title": title, "message": message} for title, message in workspace.prompts(user)]
    return {"type": "prompts", "user": user, "title": workspace.prompts_title(user), "prompts": prompts}


def channels_frame(workspace: Workspace) -> Json:
    return {"type": "channels", "channels": [channel_frame(channel) for channel in workspace.channels.values()]}


def messages_of(workspace: Workspace) -> list[Json]:
    """Every message there is, with the number of its replies."""
    everything = [message for channel in workspace.channels for message in workspace.messages(channel)]
    replies = count_replies(everything)
    everything.sort(key=lambda message: message.ts)
    return [message_frame(message, replies.get((message.channel, message.ts), 0)) for message in everything]


def count_replies(messages: Iterable[SimMessage]) -> dict[tuple[str, str], int]:
    """Replies by channel and ts of their thread's root, without what only one person sees."""
    found: dict[tuple[str, str], int] = {}
    for message in messages:
        if message.is_reply and message.ephemeral_to is None and not message.deleted:
            key = (message.channel, message.thread)
            found[key] = found.get(key, 0) + 1
    return found


def workspace_part(workspace: Workspace, notes: Mapping[str, str]) -> Json:
    """The workspace's part of a snapshot."""
    people = workspace.people.values()
    return {
        "bot_user": BOT_USER_ID,
        "people": [person_frame(person, notes.get(person.id, "")) for person in people],
        "channels": channels_frame(workspace)["channels"],
        "messages": messages_of(workspace),
        "sessions": [status_frame(session) for session in workspace.sessions],
        "homes": {person.id: home_frame(workspace, person.id)["view"] for person in people},
        "modals": {person.id: modals_frame(workspace, person.id)["views"] for person in people},
        "prompts": {
            person.id: {key: value for key, value in prompts_frame(workspace, person.id).items() if key in _PROMPTS}
            for person in people
        },
        "problems": list(workspace.problems[-PROBLEMS_KEPT:]),
        "connections": workspace.connections,
    }


_PROMPTS = ("title", "prompts")

PROBLEMS_KEPT = 200
"""Problems that a snapshot names; the workspace keeps all."""


def no_workspace_part() -> Json:
    """The same where Slack is real: nothing of it is shown here."""
    return {
        "bot_user": "",
        "people": [],
        "channels": [],
        "messages": [],
        "sessions": [],
        "homes": {},
        "modals": {},
        "prompts": {},
        "problems": [],
        "connections": 0,
    }
