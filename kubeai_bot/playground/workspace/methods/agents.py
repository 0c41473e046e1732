"""Agent sessions and the older assistant threads: status, title, suggested prompts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubeai_bot.playground.workspace.changes import PromptsSuggested
from kubeai_bot.playground.workspace.limits import SESSION_STATUSES
from kubeai_bot.playground.workspace.methods.chat import writable
from kubeai_bot.playground.workspace.state import Session, State
from kubeai_bot.playground.workspace.wire import Json, Refused, not_now

NO_STOP_WARNING = "missing_agent_session_stopped_event_subscription"


def _thread(state: State, args: Json, missing: str) -> Session:
    """The session that the arguments name; its thread must exist. `missing` is the error for no `thread_ts`."""
    channel = writable(state, args["channel_id"])
    thread_ts = args.get("thread_ts")
    if not thread_ts:
        raise Refused(missing)
    root = state.root(channel.id, thread_ts)
    if root is None:
        raise not_now("invalid_thread_ts")
    return state.session(channel.id, root.ts)


def set_status(state: State, args: Json) -> Json:
    status = args["status"]
    if status not in SESSION_STATUSES:
        raise Refused("invalid_status")
    initiator = args.get("initiator_user_id")
    if initiator is not None:
        state.person(initiator)
    known = (state.channel(args["channel_id"]).id, args.get("thread_ts") or "") in state.sessions
    session = _thread(state, args, "thread_ts_required")
    title = args.get("title")
    if title is not None and not known:
        session.title = title
    session.status, session.initiator = status, initiator or session.initiator
    session.status_text, session.loading_messages = "", ()
    state.announce_session(session)
    answer: Json = {"status": status, "agent_status": status, "title": session.title}
    if "agent_session_stopped" not in state.bot_events:
        answer |= {"warning": NO_STOP_WARNING, "response_metadata": {"warnings": [NO_STOP_WARNING]}}
    return answer


def rename(state: State, args: Json) -> Json:
    title: str = args["title"]
    session = _thread(state, args, "thread_ts_required")
    session.title = title
    state.announce_session(session)
    return {"title": title}


def set_thread_status(state: State, args: Json) -> Json:
    loading: list[str] = args.get("loading_messages") or []
    session = _thread(state, args, "invalid_thread_ts")
    session.status_text = args.get("status") or ""
    session.loading_messages = tuple(loading) if session.status_text else ()
    session.status_text_at = state.clock()
    state.announce_session(session)
    return {}


def set_thread_title(state: State, args: Json) -> Json:
    session = _thread(state, args, "invalid_thread_ts")
    session.title = args["title"]
    state.announce_session(session)
    return {}


def set_suggested_prompts(state: State, args: Json) -> Json:
    channel = writable(state, args["channel_id"])
    if not channel.is_im:
        raise Refused("channel_not_found")
    prompts: list[Json] = args["prompts"]
    state.prompts[channel.id] = {"title": args.get("title") or "", "prompts": prompts}
    state.publish(PromptsSuggested(channel.id, args.get("title") or "", tuple(prompts)))
    return {}


HANDLERS: Mapping[str, Callable[[State, Json], Json]] = {
    "agents.sessions.setStatus": set_status,
    "agents.sessions.rename": rename,
    "assistant.threads.setStatus": set_thread_status,
    "assistant.threads.setTitle": set_thread_title,
    "assistant.threads.setSuggestedPrompts": set_suggested_prompts,
}
