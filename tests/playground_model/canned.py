"""Requests to the demo model with results that a test makes up."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from kubeai_bot.playground.model.demo import reply_to
from kubeai_bot.playground.model.replies import Call, Say, parts_of

NAMES = {
    "list_resources": "kind namespace all_namespaces label_selector field_selector limit grep output",
    "describe_resource": "kind name namespace",
    "get_logs": "namespace pod label_selector container previous since_seconds tail_lines grep",
    "get_events": "namespace kind name type since_seconds limit grep",
    "top": "kind namespace",
    "rollout_status": "kind name namespace",
    "rollout_history": "kind name namespace",
    "can_i": "verb kind namespace name",
    "whoami": "",
    "list_clusters": "",
    "scale": "kind name namespace replicas",
}
Answering = Callable[[str, Mapping[str, Any]], str]


def offered(*left_out: str, more: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """`more`: further tools, with the names of their parameters."""
    return [
        {
            "type": "function",
            "function": {
                "name": name,
                "parameters": {"type": "object", "properties": {key: {"type": "string"} for key in keys.split()}},
            },
        }
        for name, keys in {**NAMES, **(more or {})}.items()
        if name not in left_out
    ]


class Talk:
    """A thread with the demo model; `answering` stands for all tools. `calls` are those of the last question."""

    def __init__(
        self, answering: Answering, without: tuple[str, ...] = (), more: Mapping[str, str] | None = None
    ) -> None:
        self._answering = answering
        self._tools = offered(*without, more=more)
        self._messages: list[dict[str, Any]] = [{"role": "system", "content": "You are kubeai."}]
        self.calls: list[Call] = []
        self.widest = 0

    def ask(self, question: str) -> str:
        self._messages.append({"role": "user", "content": question})
        self.calls, self.widest = [], 0
        for _ in range(12):
            parts = parts_of(reply_to({"messages": self._messages, "tools": self._tools}))
            calls = [part for part in parts if isinstance(part, Call)]
            if not calls:
                (said,) = parts
                assert isinstance(said, Say)
                self._messages.append({"role": "assistant", "content": said.text})
                return said.text
            self.calls += calls
            self.widest = max(self.widest, len(calls))
            self._run(calls)
        raise AssertionError("no answer after twelve steps")

    def _run(self, calls: list[Call]) -> None:
        wire: list[dict[str, Any]] = []
        for number, call in enumerate(calls, len(self._messages) * 100):
            assert isinstance(call.arguments, Mapping)
            function = {"name": call.tool, "arguments": json.dumps(dict(call.arguments))}
            wire.append({"id": f"c{number}", "type": "function", "function": function})
        self._messages.append({"role": "assistant", "content": None, "tool_calls": wire})
        for made, call in zip(wire, calls, strict=True):
            content = self._answering(call.tool, dict(call.arguments))  # type: ignore[arg-type]
            self._messages.append({"role": "tool", "tool_call_id": made["id"], "content": content})
