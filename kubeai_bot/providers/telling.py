"""How a transcript is told to a model, whatever its vendor: who says what, which result belongs to which call."""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence
from itertools import islice
from typing import Literal

from kubeai_bot.domain.message import (
    Failure,
    Message,
    Source,
    StoredMessage,
    Text,
    ToolCallRequest,
    ToolCallResponse,
    UserChoiceRequest,
    UserChoiceResponse,
    UserInputRequest,
    UserInputResponse,
)

NOTE = "(Note from the bot, not from the person:) "
NO_RESULT = "This call was interrupted and has no result. Nothing is known of its outcome."
_ALPHABET = string.ascii_letters + string.digits


def told(message: Message) -> tuple[Literal["user", "model"], str]:
    """Who says it, and the text of everything that is not a tool call; "" for what a model is not told."""
    match message.payload:
        case Text(text=text) if message.source is not Source.AGENT:
            return ("user" if message.source is Source.USER else "model"), text
        case Text(text=text):
            return "user", NOTE + text
        case Failure(text=text):
            return "user", f"{NOTE}this turn ended early. The person was told: {text}"
        case UserInputRequest(prompt=prompt):
            return "model", prompt
        case UserChoiceRequest(prompt=prompt, choices=choices):
            return "model", "\n".join([prompt, *(f"- {choice}" for choice in choices)])
        case UserInputResponse(text=text) | UserChoiceResponse(choice=text):
            return "user", text
        case ToolCallResponse(name=name, content=content):  # its request is not in this request
            return "user", f"{NOTE}earlier result of {name}: {content}"
        case _:
            return "user", ""


def results_of(messages: Sequence[StoredMessage], request: int) -> dict[str, StoredMessage]:
    """The results that belong to the request at that position, by call id."""
    results: dict[str, StoredMessage] = {}
    for stored in islice(messages, request + 1, None):
        payload = stored.message.payload
        if isinstance(payload, ToolCallRequest):
            break
        if isinstance(payload, ToolCallResponse):
            results.setdefault(payload.call_id, stored)
    return results


def call_ids(messages: Sequence[StoredMessage]) -> set[str]:
    """The ids that are taken."""
    payloads = [stored.message.payload for stored in messages]
    return {call.id for payload in payloads if isinstance(payload, ToolCallRequest) for call in payload.calls}


def new_call_id(taken: set[str]) -> str:
    """Nine letters and digits: the one form that every server takes (Mistral's are exactly that)."""
    while True:
        made = "".join(secrets.choice(_ALPHABET) for _ in range(9))
        if made not in taken:
            return made
