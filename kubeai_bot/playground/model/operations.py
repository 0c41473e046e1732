"""The rules for the shop's runbooks and incidents, which an MCP server has: its tools are known by the end of their
names, whatever the bot calls the server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kubeai_bot.playground.model.conversation import Conversation
from kubeai_bot.playground.model.question import LONGEST, Asked
from kubeai_bot.playground.model.replies import Call
from kubeai_bot.playground.model.steps import Result, Rule
from kubeai_bot.playground.model.tables import code, quoted, sentence, without_label

_RUNBOOK = re.compile(r"\bRB-\d+\b", re.IGNORECASE)
_INCIDENT = re.compile(r"\bINC-\d+\b", re.IGNORECASE)
_FILLER = re.compile(
    r"\b(?:is|are|there|a|an|the|any|do|does|we|have|our|us|you|show|me|please|find|get|read|open|what|which|how|say|says"
    r"|it|its|this|that|about|for|on|of|to|in|and|with|runbooks?|playbooks?)\b",
    re.IGNORECASE,
)
_NOT_CONNECTED = "I am not connected to a server that has runbooks or incidents."
_LINES_SHOWN = 40


def find_runbook(_asked: Asked, conversation: Conversation) -> Rule:
    """The runbook that was named, or the first that fits the words of the question."""
    named = _RUNBOOK.search(conversation.question)
    others: list[str] = []
    if named:
        wanted = named[0].upper()
    else:
        query = _query(conversation)
        (found,) = yield [_call("search_runbooks", conversation, {"query": query})]
        ids = list(dict.fromkeys(_RUNBOOK.findall(found.content))) if found.looked else []
        if not ids:
            return _nothing(found) or f"There is no runbook for that: {sentence(found.content)}"
        wanted, others = ids[0], ids[1:4]
    (book,) = yield [_call("get_runbook", conversation, {"id": wanted})]
    more = f"\n\nAlso worth a look: {', '.join(map(code, others))}." if others else ""
    return _nothing(book) or f"From the shop's runbook {code(wanted)}:\n{_shown(book)}{more}"


def list_incidents(_asked: Asked, conversation: Conversation) -> Rule:
    (found,) = yield [_call("list_incidents", conversation, {})]
    if not found.looked:
        return _nothing(found)
    lines = [line for line in found.content.splitlines() if _INCIDENT.search(line)]
    if not lines:
        return sentence(found.content)
    waiting = sum("[open]" in line for line in lines)
    head = f"**{waiting} of {len(lines)} incidents {'is' if waiting == 1 else 'are'} open**, the worst first:"
    return f"{head}\n{quoted(lines[:_LINES_SHOWN])}\nTo take one: _acknowledge INC-NUMBER_."


def acknowledge_incident(_asked: Asked, conversation: Conversation) -> Rule:
    named = _INCIDENT.search(conversation.question) or _last_incident(conversation)
    if named is None:
        return "Which one? Ask, for example: acknowledge INC-2041."
    wanted = named[0].upper()
    (done,) = yield [_call("acknowledge_incident", conversation, {"id": wanted})]
    if not done.looked:
        return f"I have no tool that acknowledges {code(wanted)} here."
    taken = next((line.strip() for line in done.content.splitlines() if "acknowledged by" in line), "")
    return taken or f"{code(wanted)} is not acknowledged: {sentence(done.content)}"


def _last_incident(conversation: Conversation) -> re.Match[str] | None:
    """For "acknowledge it", where one was named before."""
    said = [text for exchange in conversation.exchanges for text in exchange.questions]
    return next((found for text in reversed(said) if (found := _INCIDENT.search(text))), None)


def _query(conversation: Conversation) -> str:
    """What is left of the question without its filler words; of the thread's earlier ones where that is nothing."""
    questions = [text for exchange in conversation.exchanges for text in exchange.questions]
    for text in reversed(questions):
        words = re.findall(r"[a-z0-9]+", _FILLER.sub(" ", re.sub(r"<[^>]*>", " ", text[:LONGEST].lower())))
        if words:
            return " ".join(words)
    return ""


def _call(tool: str, conversation: Conversation, arguments: Mapping[str, Any]) -> Call:
    name = next((each for each in conversation.tools if each.endswith(f"__{tool}")), tool)
    return Call(name, arguments)


def _nothing(result: Result) -> str:
    return "" if result.looked else _NOT_CONNECTED


def _shown(result: Result) -> str:
    return quoted(without_label(result.content)[:_LINES_SHOWN])
