"""What a request says has happened so far: questions, calls with their results, answers, and the tools on offer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubeai_bot.playground.model.question import DECISION
from kubeai_bot.playground.model.wire import Body
from kubeai_bot.providers.loose import items, mapping, text

_NOTE = "(Note from the bot"
"""How the bot's providers open a note that is not the person's own words."""


@dataclass(frozen=True, slots=True)
class Made:
    """A tool call that was made, and what came back."""

    tool: str
    arguments: Mapping[str, Any]
    content: str


@dataclass(slots=True)
class Exchange:
    """What a person asked (in several messages, where more came in on the way), what was called, what was answered."""

    questions: list[str] = field(default_factory=list[str])
    made: list[Made] = field(default_factory=list[Made])
    answer: str = ""
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """`exchanges` is never empty, the last one is under way; `tools` holds the parameter schema of each tool."""

    exchanges: tuple[Exchange, ...]
    tools: Mapping[str, Mapping[str, Any]]

    @property
    def question(self) -> str:
        """The person's newest words."""
        return self.now.questions[-1] if self.now.questions else ""

    @property
    def now(self) -> Exchange:
        return self.exchanges[-1]

    @property
    def earlier(self) -> tuple[Exchange, ...]:
        return self.exchanges[:-1]

    @property
    def results(self) -> list[str]:
        """The results of the exchange under way, in the order of their calls."""
        return [made.content for made in self.now.made]

    @classmethod
    def from_request(cls, body: Body) -> Conversation:
        """Never fails: what is not understood is left out."""
        exchanges = [Exchange()]
        open_calls: dict[str, tuple[str, Mapping[str, Any]]] = {}
        for message in map(mapping, items(body.get("messages"))):
            said = text(message.get("content"))
            match message.get("role"):
                case "user":
                    _hear(exchanges, said)
                case "assistant":
                    calls = [mapping(call) for call in items(message.get("tool_calls"))]
                    open_calls |= {str(call.get("id")): _call(call) for call in calls}
                    if not calls and said.strip():
                        exchanges[-1].answer, exchanges[-1].closed = said, True
                case "tool":
                    tool, arguments = open_calls.get(str(message.get("tool_call_id")), ("", {}))
                    exchanges[-1].made.append(Made(tool, arguments, said))
                case _:
                    pass
        return cls(tuple(exchanges), dict(_offered(body)))


def _hear(exchanges: list[Exchange], said: str) -> None:
    """The person's words in one message, between which the bot may have put notes; a note ends what came before it."""
    noted = False
    words: list[str] = []
    for paragraph in [*re.split(r"\n{2,}", said), ""]:
        if paragraph and not paragraph.startswith(_NOTE):
            words.append(paragraph)
            continue
        if words:
            if exchanges[-1].closed or noted or DECISION.match(words[0]):
                exchanges.append(Exchange())
            exchanges[-1].questions.append("\n\n".join(words))
        words, noted = [], noted or bool(paragraph)


def _offered(body: Body) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for tool in map(mapping, items(body.get("tools"))):
        function = mapping(tool.get("function"))
        if name := text(function.get("name")):
            yield name, mapping(function.get("parameters"))


def _call(call: Body) -> tuple[str, Mapping[str, Any]]:
    function = mapping(call.get("function"))
    try:
        arguments: object = json.loads(str(function.get("arguments") or "{}"))
    except (ValueError, RecursionError):
        arguments = {}
    return str(function.get("name") or ""), mapping(arguments)
