"""Rules as straight-line code: a rule yields the calls that it wants side by side, is sent their results, and returns
its answer. It is played again from its beginning for each request, over the results that the transcript holds; the
first calls without a result are what the model asks for next."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubeai_bot.playground.model.conversation import Conversation
from kubeai_bot.playground.model.replies import Call, Say
from kubeai_bot.playground.model.tables import is_forbidden
from kubeai_bot.providers.loose import items, mapping

NOT_LOOKED = "(not looked: I had no tool for it)"


@dataclass(frozen=True, slots=True)
class Result:
    """What a call gave. `looked` False: the tool was not on offer, so nothing is known."""

    call: Call
    content: str
    looked: bool = True

    @property
    def forbidden(self) -> bool:
        return is_forbidden(self.content)

    def argument(self, name: str) -> str:
        return str(self.call.arguments.get(name, "")) if isinstance(self.call.arguments, Mapping) else ""


Calls = Sequence[Call]
Rule = Generator[Calls, list[Result], str]
"""Gives the answer in Markdown."""


def play(rule: Rule, conversation: Conversation) -> Say | list[Call]:
    """The rule's answer, or the calls that it needs first."""
    known = {_key(made.tool, made.arguments): made.content for made in conversation.now.made}
    try:
        wanted = next(rule)
        while True:
            calls = [_fitted(call, conversation) for call in wanted]
            missing = {
                _key(call.tool, call.arguments): call
                for call in calls
                if call.tool in conversation.tools and _key(call.tool, call.arguments) not in known
            }
            if missing:
                return list(missing.values())
            wanted = rule.send([_result(call, known) for call in calls])
    except StopIteration as done:
        return Say(str(done.value))


def _result(call: Call, known: Mapping[str, str]) -> Result:
    content = known.get(_key(call.tool, call.arguments))
    return Result(call, NOT_LOOKED, looked=False) if content is None else Result(call, content)


def _fitted(call: Call, conversation: Conversation) -> Call:
    """The call with the arguments that the tool's schema knows."""
    schema = conversation.tools.get(call.tool)
    if schema is None or isinstance(call.arguments, str):
        return call
    properties = mapping(schema.get("properties"))
    known = {key: value for key, value in call.arguments.items() if key in properties and value not in ("", None)}
    for key in list(known):
        choices = items(mapping(properties[key]).get("enum"))
        if choices and known[key] not in choices:
            del known[key]
    return Call(call.tool, known)


def _key(tool: str, arguments: Mapping[str, Any] | str) -> str:
    return f"{tool} {json.dumps(arguments, sort_keys=True, default=str)}"
