"""OpenAI's chat completions, the server's side: checking requests, writing chunks and whole answers.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubeai_bot.playground.model.replies import Call, Cut, End, Hang, Part, Say
from kubeai_bot.providers.loose import items, mapping

Body = Mapping[str, Any]


def fault_in(body: object) -> str | None:
    """What OpenAI would refuse about this request, None where it is fine."""
    if not isinstance(body, dict):
        return "We could not parse the JSON body of your request."
    messages = items(mapping(body).get("messages"))  # pyright: ignore[reportUnknownArgumentType] - checked by `mapping`
    if not messages or not all(isinstance(message, dict) for message in messages):
        return "'messages' must be a list of messages with at least one element."
    open_calls: list[str] = []
    for number, message in enumerate(map(mapping, messages)):
        role = message.get("role")
        if role == "tool":
            if message.get("tool_call_id") not in open_calls:
                return f"messages[{number}]: a message with role 'tool' must answer a preceding 'tool_calls'."
            open_calls.remove(message["tool_call_id"])
            continue
        if open_calls:
            return f"messages[{number}]: these tool_call_ids did not have response messages: {', '.join(open_calls)}"
        if role not in ("system", "developer", "user", "assistant"):
            return f"messages[{number}]: unknown role {role!r}."
        open_calls = [str(mapping(call).get("id")) for call in items(message.get("tool_calls"))]
        if not isinstance(message.get("content"), str) and not open_calls:
            return f"messages[{number}]: 'content' must be a string."
    return f"the last tool calls have no results: {', '.join(open_calls)}" if open_calls else None


def words(text: str) -> list[str]:
    """The text in the small pieces in which it is streamed; joined, they are the text again."""
    return re.findall(r"\s*\S+|\s+$", text)


@dataclass(slots=True)
class Writer:
    """Turns the parts of one reply into chunks and, at the end, into the whole message."""

    model: str
    wants_usage: bool
    prompt_tokens: int
    text: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    reason: str = ""
    ended: bool = False
    """Everything was said; where it stays false the answer broke off."""

    def chunks(self, part: Part) -> Iterator[Body]:
        """The chunks of one part, in small pieces."""
        match part:
            case Say(text=text) | Cut(text=text) | Hang(text=text):
                for word in words(text):
                    self.text += word
                    yield self._chunk({"content": word})
            case Call():
                yield from self._call(part)
            case End(reason=reason):
                self.reason = reason
            case _:
                pass

    def _call(self, call: Call) -> Iterator[Body]:
        index, call_id = len(self.calls), call.id or f"call_{secrets.token_hex(6)}"
        arguments = call.arguments if isinstance(call.arguments, str) else json.dumps(dict(call.arguments))
        function = {"name": call.tool, "arguments": arguments}
        self.calls.append({"id": call_id, "type": "function", "function": function})
        opened = {"index": index, "id": call_id, "type": "function", "function": {**function, "arguments": ""}}
        yield self._chunk({"tool_calls": [opened]})
        for start in range(0, len(arguments), 40):
            piece = {"index": index, "function": {"arguments": arguments[start : start + 40]}}
            yield self._chunk({"tool_calls": [piece]})

    def ending(self) -> Iterator[Body]:
        self.ended = True
        yield self._chunk({}, self._reason)
        if self.wants_usage:
            yield {**self._chunk({}), "choices": [], "usage": self._usage}

    def message(self) -> Body:
        """The whole answer, for a client that did not ask for a stream."""
        self.ended = True
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None}
        if self.calls:
            message["tool_calls"] = self.calls
        choice = {"index": 0, "message": message, "finish_reason": self._reason}
        return {**self._chunk({}), "object": "chat.completion", "choices": [choice], "usage": self._usage}

    @property
    def _reason(self) -> str:
        return self.reason or ("tool_calls" if self.calls else "stop")

    @property
    def _usage(self) -> Body:
        written = (len(self.text) + len(json.dumps(self.calls))) // 4
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": written,
            "total_tokens": self.prompt_tokens + written,
        }

    def _chunk(self, delta: Body, reason: str | None = None) -> dict[str, Any]:
        return {
            "id": "chatcmpl-playground",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": self.model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        }


def error_body(message: str, code: str = "", kind: str = "invalid_request_error") -> Body:
    return {"error": {"message": message, "type": kind, "param": None, "code": code or None}}
