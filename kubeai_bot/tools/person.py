"""ask_person: a question that only the person can answer, with choices to click."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubeai_bot.domain.approval import Preview
from kubeai_bot.domain.event import Choice
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import Json, ToolCall
from kubeai_bot.domain.policy import Effect
from kubeai_bot.domain.tool import CallContext, PlannedCall, ToolResult, ToolSpec
from kubeai_bot.errors import ToolError
from kubeai_bot.interfaces import Toolset

NAME = "ask_person"
MOST_CHOICES = 10
LONGEST_CHOICE = 75
"""Characters: the limit of a button's label in Slack."""

_PARAMETERS: Json = {
    "type": "object",
    "properties": {
        "question": {"type": "string", "description": "One short question."},
        "choices": {
            "type": "array",
            "items": {"type": "string"},
            "description": f"2 to {MOST_CHOICES} answers to pick from, each at most {LONGEST_CHOICE} characters.",
        },
    },
    "required": ["question", "choices"],
}


class PersonTools(Toolset):
    """Asks the person in the thread. The turn ends with the question; what they pick is their next message."""

    def specs(self, identity: Identity) -> Sequence[ToolSpec]:
        del identity
        about = (
            "Ask the person a question that no tool can answer (which cluster, which of several objects), with choices"
            " to click. The turn ends with it. Not for permission: changes ask for approval by themselves."
        )
        return [ToolSpec(NAME, about, _PARAMETERS)]

    async def plan(self, call: ToolCall, identity: Identity) -> PlannedCall:
        del identity
        if call.name != NAME:
            raise ToolError(f"There is no tool {call.name!r}.")
        choice = _choice(call.arguments or {})
        return PlannedCall(call, Effect.READ, f"Ask: {choice.prompt[:100]}", (), 10.0)

    async def preview(self, planned: PlannedCall, identity: Identity, context: CallContext) -> Preview:
        del identity, context
        raise ToolError(f"{planned.call.name} changes nothing.")

    async def call(self, planned: PlannedCall, identity: Identity, context: CallContext) -> ToolResult:
        del identity
        choice = _choice(planned.call.arguments or {})
        clean = context.redactor.text
        asked = Choice(clean(choice.prompt).text, tuple(clean(each).text for each in choice.choices))
        return ToolResult("The person is asked; the answer is their next message.", "asked", choice=asked)


def _choice(arguments: Json) -> Choice:
    question, choices = arguments.get("question"), arguments.get("choices")
    if not isinstance(question, str) or not question.strip():
        raise ToolError(f"{NAME}: 'question' must be a text.")
    given: list[Any] = choices if isinstance(choices, list) else []
    texts = tuple(dict.fromkeys(" ".join(str(each).split())[:LONGEST_CHOICE] for each in given if str(each).strip()))
    if not 2 <= len(texts) <= MOST_CHOICES:
        raise ToolError(f"{NAME}: 'choices' must be a list of 2 to {MOST_CHOICES} different texts.")
    return Choice(question.strip()[:1000], texts)
