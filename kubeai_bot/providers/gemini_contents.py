"""From the transcript to Gemini's contents.

The results of a message's calls follow it at once, all of them in one content of role user, in the order of the calls;
contents of the same role in a row become one; the first is the user's. What the same model of the same service has
signed goes back as it came: https://ai.google.dev/gemini-api/docs/thought-signatures.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.genai import types

from kubeai_bot.domain.message import (
    Json,
    Message,
    Source,
    StoredMessage,
    Text,
    ToolCall,
    ToolCallRequest,
    ToolCallResponse,
    VendorParts,
)
from kubeai_bot.domain.tool import ToolSpec
from kubeai_bot.providers.gemini_answer import VENDOR, Origin
from kubeai_bot.providers.loose import count, items, mapping, text, well_formed
from kubeai_bot.providers.telling import NO_RESULT, NOTE, results_of, told

_BEGINNING = f"{NOTE}the beginning of this conversation is not shown."

_FOREIGN = base64.urlsafe_b64decode("skip_thought_signature_validator")
"""What Google documents as the signature of calls that another model made; that word has to stand on the wire, where
the SDK puts bytes in base64."""
_UNSIGNED_MODELS = re.compile(r"(?:.*/)?(?:gemini-[12]\b|gemma)")
"""Models that know no signatures, or ask for none."""


def to_contents(messages: Sequence[StoredMessage], origin: Origin) -> list[types.Content]:
    """The contents of a request to `origin`."""
    contents: list[types.Content] = []
    shown: set[int] = set()
    for position, stored in enumerate(messages):
        payload = stored.message.payload
        if isinstance(payload, ToolCallRequest):
            results = results_of(messages, position)
            shown.update(result.seq for result in results.values())
            told = _request(payload, origin)
            _say(contents, "model", told.parts)
            _say(contents, "user", [_result(call, told.ids[n], results) for n, call in enumerate(payload.calls)])
        elif stored.seq not in shown:
            _say(contents, *_said(stored.message, origin))
    if not contents or contents[0].role == "model":
        contents.insert(0, types.Content(role="user", parts=[types.Part(text=_BEGINNING)]))
    return contents


def to_tools(tools: Sequence[ToolSpec]) -> list[types.Tool]:
    declared = [
        types.FunctionDeclaration(
            name=tool.name, description=tool.description, parameters_json_schema=dict(tool.parameters)
        )
        for tool in tools
    ]
    return [types.Tool(function_declarations=declared)] if declared else []


def _say(contents: list[types.Content], role: str, parts: list[types.Part]) -> None:
    """Append what was said, to the content before it where that has the same role."""
    if not parts:
        return
    if contents and contents[-1].role == role:
        contents[-1].parts = [*(contents[-1].parts or ()), *parts]
    else:
        contents.append(types.Content(role=role, parts=parts))


def _said(message: Message, origin: Origin) -> tuple[str, list[types.Part]]:
    """Role and parts of everything that is not a tool call."""
    payload = message.payload
    if isinstance(payload, Text) and message.source is Source.MODEL:
        signed = _signed(payload.text, (), payload.vendor, origin)
        return "model", signed.parts if signed else _texts(payload.text)
    who, said = told(message)
    return who, _texts(said)


def _texts(said: str) -> list[types.Part]:
    return [types.Part(text=well_formed(said))] if said.strip() else []


@dataclass(frozen=True, slots=True)
class _Told:
    """The parts of a model's message, and for each of its calls the id it goes by on the wire (None: by none)."""

    parts: list[types.Part]
    ids: Sequence[str | None]


def _request(request: ToolCallRequest, origin: Origin) -> _Told:
    signed = _signed(request.text, request.calls, request.vendor, origin)
    if signed:
        return signed
    parts = [*_texts(request.text), *(_call(call) for call in request.calls)]
    first = next((part for part in parts if part.function_call), None)
    if first and not _UNSIGNED_MODELS.match(origin.model):
        first.thought_signature = _FOREIGN
    return _Told(parts, [None] * len(request.calls))


def _signed(said: str, calls: Sequence[ToolCall], vendor: VendorParts | None, origin: Origin) -> _Told | None:
    """The message as this very model made it, or None where it did not, or where the message has changed since."""
    known = vendor.parts if vendor and vendor.vendor == VENDOR else {}
    if (known.get("service"), known.get("model")) != (origin.service, origin.model):
        return None
    kept = [mapping(part) for part in items(known.get("parts"))]
    ids = [text(part["call"]) or None for part in kept if "call" in part]
    if len(ids) != len(calls) or sum(count(part.get("text")) for part in kept) != len(said):
        return None
    parts: list[types.Part] = []
    left, calls_left = said, iter(calls)
    for part in kept:
        signature = base64.b64decode(text(part.get("signature"))) or None
        if "call" in part:
            again = _call(next(calls_left), text(part["call"]) or None)
        else:
            length = count(part.get("text"))
            again = types.Part(text=left[:length])
            left = left[length:]
        again.thought_signature = signature
        parts.append(again)
    return _Told(parts, ids)


def _call(call: ToolCall, wire_id: str | None = None) -> types.Part:
    arguments = {"not_a_json_object": call.raw_arguments[:2000]} if call.arguments is None else call.arguments
    return types.Part(
        function_call=types.FunctionCall(id=wire_id, name=_name(call.name), args=_well_formed_object(arguments))
    )


def _result(call: ToolCall, wire_id: str | None, results: Mapping[str, StoredMessage]) -> types.Part:
    stored = results.get(call.id)
    payload = stored.message.payload if stored else None
    if isinstance(payload, ToolCallResponse):
        response = {"output" if payload.ok else "error": well_formed(payload.content)}
    else:
        response = {"error": NO_RESULT}
    return types.Part(function_response=types.FunctionResponse(id=wire_id, name=_name(call.name), response=response))


def _name(name: str) -> str:
    """A function's name as every vendor takes it: a letter or underscore, then letters, digits, `_` and `-`."""
    allowed = re.sub(r"[^a-zA-Z0-9_-]", "_", name)
    return (allowed if re.match(r"[a-zA-Z_]", allowed) else f"_{allowed}")[:64]


def _well_formed_object(value: Json) -> dict[str, Any]:
    return {well_formed(key): _well_formed(item) for key, item in value.items()}


def _well_formed(value: Any) -> Any:
    match value:
        case str():
            return well_formed(value)
        case Mapping():
            return _well_formed_object(mapping(value))
        case list():
            return [_well_formed(item) for item in items(value)]
        case _:
            return value
