"""The payloads of messages as plain JSON, each under the name of its message type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kubeai_bot.domain.message import (
    Failure,
    Json,
    MessageType,
    Payload,
    Text,
    ToolCallRequest,
    ToolCallResponse,
    ToolCallStarted,
    UserChoiceRequest,
    UserChoiceResponse,
    UserInputRequest,
    UserInputResponse,
)
from kubeai_bot.stores.codec_parts import decode_call, decode_vendor, encode_call, encode_vendor, slim


def encode_payload(payload: Payload) -> dict[str, Any]:
    match payload:
        case Text():
            record = {"text": payload.text, "vendor": payload.vendor and encode_vendor(payload.vendor)}
        case Failure():
            record = {"text": payload.text, "kind": payload.kind}
        case ToolCallRequest():
            calls = [encode_call(call) for call in payload.calls]
            vendor = payload.vendor and encode_vendor(payload.vendor)
            record = {"calls": calls, "text": payload.text, "vendor": vendor}
        case ToolCallStarted():
            record = {"call_id": payload.call_id}
        case ToolCallResponse():
            record = {
                "call_id": payload.call_id,
                "name": payload.name,
                "content": payload.content,
                "ok": payload.ok,
                "changed": payload.changed,
                "summary": payload.summary,
                "seconds": payload.seconds,
            }
        case UserInputRequest():
            record = {"prompt": payload.prompt}
        case UserInputResponse():
            record = {"text": payload.text}
        case UserChoiceRequest():
            record = {"prompt": payload.prompt, "choices": list(payload.choices)}
        case UserChoiceResponse():
            record = {"choice": payload.choice}
    return slim(record)


def decode_payload(kind: str, record: Json) -> Payload:
    """Raises ValueError for a message type that is not known."""
    return _DECODERS[MessageType(kind)](record)


def _text(record: Json) -> Text:
    vendor = record.get("vendor")
    return Text(record.get("text", ""), vendor and decode_vendor(vendor))


def _request(record: Json) -> ToolCallRequest:
    calls = tuple(decode_call(call) for call in record.get("calls", ()))
    vendor = record.get("vendor")
    return ToolCallRequest(calls, record.get("text", ""), vendor and decode_vendor(vendor))


def _response(record: Json) -> ToolCallResponse:
    return ToolCallResponse(
        record.get("call_id", ""),
        record.get("name", ""),
        record.get("content", ""),
        record.get("ok", False),
        record.get("changed", False),
        record.get("summary", ""),
        record.get("seconds", 0.0),
    )


_DECODERS: Mapping[MessageType, Callable[[Json], Payload]] = {
    MessageType.TEXT: _text,
    MessageType.ERROR: lambda record: Failure(record.get("text", ""), record.get("kind", "")),
    MessageType.TOOL_CALL_REQUEST: _request,
    MessageType.TOOL_CALL_STARTED: lambda record: ToolCallStarted(record.get("call_id", "")),
    MessageType.TOOL_CALL_RESPONSE: _response,
    MessageType.USER_INPUT_REQUEST: lambda record: UserInputRequest(record.get("prompt", "")),
    MessageType.USER_INPUT_RESPONSE: lambda record: UserInputResponse(record.get("text", "")),
    MessageType.USER_CHOICE_REQUEST: lambda record: UserChoiceRequest(
        record.get("prompt", ""), tuple(record.get("choices", ()))
    ),
    MessageType.USER_CHOICE_RESPONSE: lambda record: UserChoiceResponse(record.get("choice", "")),
}
