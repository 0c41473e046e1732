"""The inspector's lanes: what passed between the bot and each edge of its world, newest kept, as JSON entries."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from kubeai_bot.domain.message import StoredMessage, Text, ToolCallRequest, ToolCallResponse
from kubeai_bot.domain.session import Session
from kubeai_bot.playground.cluster.interference import RecordedRequest
from kubeai_bot.playground.model.server import Exchange
from kubeai_bot.playground.page.detail import Details
from kubeai_bot.playground.workspace.journal import Delivery, RecordedCall
from kubeai_bot.playground.workspace.wire import Json

Lane = Literal["events", "calls", "session", "model", "cluster"]
LANES: tuple[Lane, ...] = ("events", "calls", "session", "model", "cluster")

KEPT: Mapping[Lane, int] = {"events": 150, "calls": 300, "session": 300, "model": 60, "cluster": 300}
"""Entries of each lane that a page can look back on."""

MESSAGES_SHOWN = 12
"""The newest messages of a model's request that are shown, besides the system's."""

_ONE_LINE = 140


class Inspector:
    """Keeps the newest entries of each lane and hands every new or changed one to `publish`."""

    def __init__(self, publish: Callable[[Json], None], details: Details) -> None:
        self._publish = publish
        self._details = details
        self._lanes: dict[Lane, dict[str, Json]] = {lane: {} for lane in LANES}
        self._calls = 0

    def lanes(self) -> Json:
        """Every lane's entries, oldest first."""
        return {lane: list(entries.values()) for lane, entries in self._lanes.items()}

    def put(self, lane: Lane, entry: Json) -> None:
        entries = self._lanes[lane]
        entries[entry["id"]] = entry
        while len(entries) > KEPT[lane]:
            del entries[next(iter(entries))]
        self._publish({"type": "inspect", "lane": lane, "entry": entry})

    def remark(self, lane: Lane, text: str) -> None:
        """A sentence of the playground itself, such as that a lane has nothing to show."""
        self.put(lane, self._entry("remark", time.time(), text, "ok", {}))

    def delivery(self, delivery: Delivery) -> None:
        what = delivery.event.get("type") or delivery.payload.get("command") or delivery.payload.get("type") or ""
        if subtype := delivery.event.get("subtype"):
            what = f"{what}.{subtype}"
        state = {"sending": "pending", "acked": "ok"}.get(delivery.status, "error")
        ack = "" if delivery.seconds_to_ack is None else f" · acked after {delivery.seconds_to_ack * 1000:.0f} ms"
        if state == "error":
            ack = " · not acked"
        detail = {
            "kind": delivery.kind,
            "transport": delivery.transport,
            "status": delivery.status,
            "attempts": delivery.attempts,
            "ack_payload": delivery.response,
            "payload": delivery.payload,
        }
        self.put(
            "events",
            self._entry(delivery.envelope_id, delivery.at, f"{what}{ack}", state, self._details.of(detail)),
        )

    def call(self, call: RecordedCall) -> None:
        self._calls += 1
        outcome = "" if call.ok else f" · {call.response.get('error') or call.status}"
        problems = [self._details.text(problem) for problem in call.problems]
        detail = {
            "method": call.method,
            "called_with": {"bot": "the bot's token", "app": "the app's token"}.get(call.token, f"{call.token} token"),
            "http_status": call.status,
            "arguments": call.arguments,
            "response": _without_addresses(call),
        }
        entry = self._entry(
            f"call:{self._calls}",
            call.at,
            f"{call.method}{_about(call.arguments)}{outcome}",
            "ok" if call.ok and not problems else "error",
            self._details.of(detail),
        )
        self.put("calls", entry | {"problems": problems})

    def session(self, session: Session) -> None:
        title = f"{session.name or session.id} · {session.agent_state.value} · {session.last_seq} messages"
        entry = self._entry(
            f"record:{session.id}", session.modified_at.timestamp(), title, "ok", self._details.of(session)
        )
        self.put("session", entry)

    def session_gone(self, session_id: str) -> None:
        self.put("session", self._entry(f"record:{session_id}", time.time(), f"{session_id} · removed", "ok", {}))

    def transcript(self, session_id: str, stored: StoredMessage) -> None:
        message = stored.message
        title = f"{stored.seq} · {message.source.value} {message.type.value}{_gist(message.payload)}"
        detail = {"session": session_id, "seq": stored.seq, "type": message.type, "message": message}
        state = "error" if message.type.value == "error" or getattr(message.payload, "ok", True) is False else "ok"
        entry = self._entry(
            f"{session_id}:{stored.seq}", message.at.timestamp(), title, state, self._details.of(detail)
        )
        self.put("session", entry)

    def model(self, exchange: Exchange) -> None:
        body = dict(exchange.body)
        messages: list[Any] = list(body.get("messages") or [])
        count = len(messages)
        outcome = f"{exchange.state} {exchange.status or ''}".strip()
        took = "" if exchange.state == "open" else f" · {exchange.seconds:.2f} s"
        detail = {
            "outcome": outcome,
            "reply": {"text": exchange.text, "tool_calls": exchange.calls, "fault": exchange.fault or None},
            "request": {
                **body,
                "messages": _newest(messages),
                "tools": [_tool_name(tool) for tool in body.get("tools") or []],
            },
        }
        state = {"open": "pending", "answered": "ok"}.get(exchange.state, "error")
        title = f"request {exchange.number} · {count} messages · {_reply(exchange)}{took}"
        self.put("model", self._entry(f"model:{exchange.number}", exchange.at, title, state, self._details.of(detail)))

    def cluster(self, request: RecordedRequest) -> None:
        entry_id = f"cluster:{id(request)}:{request.at}"
        state = "pending" if request.status is None else "ok" if request.status < 400 else "error"
        who = request.impersonated_user or request.user or "nobody"
        status = "" if request.status is None else f" → {request.status}"
        detail = {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "verb": request.verb,
            "authenticated_as": request.user,
            "impersonated_user": request.impersonated_user,
            "impersonated_groups": request.impersonated_groups,
            "impersonated_extra": request.impersonated_extra,
            "body": request.body,
            "status": request.status,
            "size_bytes": request.size,
        }
        dry = " (dry run)" if "dryRun" in request.query else ""
        title = f"{request.method} {request.path}{dry}{status} · as {who}"
        self.put("cluster", self._entry(entry_id, request.at, title, state, self._details.of(detail)))

    def _entry(self, entry_id: str, at: float, title: str, state: str, detail: Any) -> Json:
        line = self._details.text(" ".join(title.split()))
        shown = line if len(line) <= _ONE_LINE else f"{line[: _ONE_LINE - 1]}…"
        return {"id": entry_id, "at": at, "title": shown, "state": state, "detail": detail, "problems": []}


def _about(arguments: Json) -> str:
    where = arguments.get("channel") or arguments.get("channel_id") or arguments.get("user") or ""
    return f" {where}" if isinstance(where, str) and where else ""


def _without_addresses(call: RecordedCall) -> Json:
    """A Socket Mode address holds a ticket that opens the bot's socket."""
    return {**call.response, "url": "•••"} if call.method == "apps.connections.open" else call.response


def _gist(payload: object) -> str:
    match payload:
        case Text(text=text):
            return f": {text}"
        case ToolCallRequest(calls=calls):
            return ": " + ", ".join(call.name for call in calls)
        case ToolCallResponse(name=name, summary=summary):
            return f": {name} · {summary}"
        case _:
            return ""


def _newest(messages: list[Any]) -> list[Any]:
    """Each request repeats the ones before it: the system's message and the newest are enough."""
    if len(messages) <= MESSAGES_SHOWN + 1:
        return messages
    left_out = len(messages) - MESSAGES_SHOWN - 1
    return [messages[0], f"… {left_out} messages, as in the requests before", *messages[-MESSAGES_SHOWN:]]


def _tool_name(tool: object) -> str:
    function: Any = tool.get("function") if isinstance(tool, Mapping) else None
    return str(function.get("name")) if isinstance(function, Mapping) else json.dumps(tool)[:60]


def _reply(exchange: Exchange) -> str:
    if exchange.state == "open":
        return "…"
    if exchange.fault:
        return f"{exchange.status} {exchange.fault}"
    if exchange.state == "left":
        return "left before its end"
    called = [str(call["function"]["name"]) for call in exchange.calls]
    return "calls " + ", ".join(called) if called else f"says: {exchange.text}"
