"""From the transcript to chat-completion messages that also strict and sloppy servers accept.

Every call is followed at once by its result; messages of the same role in a row become one (many chat templates insist
on alternation); nothing is empty; arguments are valid JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from kubeai_bot.domain.message import (
    StoredMessage,
    ToolCall,
    ToolCallRequest,
    ToolCallResponse,
)
from kubeai_bot.domain.tool import ToolSpec
from kubeai_bot.providers.loose import mapping, well_formed
from kubeai_bot.providers.openai_answer import VENDOR
from kubeai_bot.providers.telling import NO_RESULT, results_of, told

ChatMessage = dict[str, Any]


def chat_messages(system: str, messages: Sequence[StoredMessage], model: str) -> list[ChatMessage]:
    """The messages of a request. Opaque parts are echoed only to the model that they came from."""
    chat: list[ChatMessage] = [{"role": "system", "content": well_formed(system)}] if system.strip() else []
    shown: set[int] = set()
    for position, stored in enumerate(messages):
        payload = stored.message.payload
        if isinstance(payload, ToolCallRequest):
            results = results_of(messages, position)
            shown.update(result.seq for result in results.values())
            chat.append(_assistant(payload, model))
            chat.extend(_tool(call, results.get(call.id)) for call in payload.calls)
        elif stored.seq not in shown:
            who, said = told(stored.message)
            _say(chat, "user" if who == "user" else "assistant", said)
    return chat


def chat_tools(tools: Sequence[ToolSpec]) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
        }
        for tool in tools
    ]


def _say(chat: list[ChatMessage], role: str, said: str) -> None:
    """Append what was said, to the message before it where that has the same role."""
    if not said.strip():
        return
    last = chat[-1] if chat else {}
    if last.get("role") == role and "tool_calls" not in last:
        last["content"] += "\n\n" + well_formed(said)
    else:
        chat.append({"role": role, "content": well_formed(said)})


def _assistant(request: ToolCallRequest, model: str) -> ChatMessage:
    parts = request.vendor.parts if request.vendor and request.vendor.vendor == VENDOR else {}
    if parts.get("model") != model:
        parts = {}
    extras = mapping(parts.get("calls"))
    return {
        "role": "assistant",
        "content": well_formed(request.text) or None,
        "tool_calls": [_call(call, mapping(extras.get(call.id))) for call in request.calls],
        **mapping(parts.get("message")),
    }


def _call(call: ToolCall, extra: Mapping[str, Any]) -> dict[str, Any]:
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", call.name)[:64] or "unknown"
    return {"id": call.id, "type": "function", "function": {"name": name, "arguments": _arguments(call)}, **extra}


def _arguments(call: ToolCall) -> str:
    """The arguments as the text of a JSON object: what the model sent, word for word, where it was one."""
    try:
        sent = json.loads(call.raw_arguments)
    except (ValueError, RecursionError):
        sent = None
    if isinstance(sent, dict):
        return well_formed(call.raw_arguments)
    if call.arguments is not None:
        return well_formed(json.dumps(dict(call.arguments), ensure_ascii=False))
    return json.dumps({"not_a_json_object": call.raw_arguments[:2000]})


def _tool(call: ToolCall, result: StoredMessage | None) -> ChatMessage:
    payload = result.message.payload if result else None
    content = payload.content if isinstance(payload, ToolCallResponse) else NO_RESULT
    return {"role": "tool", "tool_call_id": call.id, "content": well_formed(content) or "(empty)"}
