"""Copies of JSON values, so that what a store keeps and what its callers hold are never the same object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kubeai_bot.domain.message import Json, Message, Payload, Text, ToolCall, ToolCallRequest, VendorParts


def copy_json(value: Json) -> dict[str, Any]:
    """A copy of a JSON object down to its leaves. Raises TypeError for a value that JSON cannot hold."""
    return {_key(key): _copy(item) for key, item in value.items()}


def copy_message(message: Message) -> Message:
    """The same message with JSON values of its own; everything else in it is immutable and shared."""
    return replace(message, payload=_payload(message.payload), metadata=copy_json(message.metadata))


def _payload(payload: Payload) -> Payload:
    match payload:
        case Text(vendor=VendorParts() as vendor):
            return replace(payload, vendor=_vendor(vendor))
        case ToolCallRequest():
            vendor = payload.vendor and _vendor(payload.vendor)
            return replace(payload, calls=tuple(map(_call, payload.calls)), vendor=vendor)
        case _:
            return payload


def _call(call: ToolCall) -> ToolCall:
    return call if call.arguments is None else replace(call, arguments=copy_json(call.arguments))


def _vendor(vendor: VendorParts) -> VendorParts:
    return replace(vendor, parts=copy_json(vendor.parts))


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key of a JSON object must be text, not {type(key).__name__}")
    return key


def _copy(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return copy_json(value)
    if isinstance(value, list | tuple):
        return [_copy(item) for item in value]
    raise TypeError(f"{type(value).__name__} is not a JSON value")
