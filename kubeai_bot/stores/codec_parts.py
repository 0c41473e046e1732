"""The parts of stored records as plain JSON: what stands inside a message, a session or an incoming event.

Values that are empty (None, "", False, 0, no items) are left out where the decoder gives them back as such.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.message import Json, ToolCall, VendorParts
from kubeai_bot.domain.session import AnswerRef, ThreadRef, TurnRef, Usage
from kubeai_bot.stores.json_values import copy_json


def slim(record: dict[str, Any]) -> dict[str, Any]:
    """The record without its empty values."""
    return {key: value for key, value in record.items() if value}


def encode_time(at: datetime) -> str:
    """ISO 8601 in UTC with microseconds: sorts as text."""
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat(timespec="microseconds")


def decode_time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def encode_speaker(speaker: Speaker) -> dict[str, Any]:
    return {"team_id": speaker.team_id, "user_id": speaker.user_id}


def decode_speaker(record: Json) -> Speaker:
    return Speaker(record["team_id"], record["user_id"])


def encode_thread(thread: ThreadRef) -> dict[str, Any]:
    record: dict[str, Any] = {
        "team_id": thread.team_id,
        "channel_id": thread.channel_id,
        "thread_ts": thread.thread_ts,
    }
    return {**record, "is_dm": True} if thread.is_dm else record


def decode_thread(record: Json) -> ThreadRef:
    return ThreadRef(record["team_id"], record["channel_id"], record["thread_ts"], is_dm=record.get("is_dm", False))


def encode_identity(identity: Identity) -> dict[str, Any]:
    record: dict[str, Any] = {
        "speaker": encode_speaker(identity.speaker),
        "method": identity.method,
        "resolved_at": encode_time(identity.resolved_at),
    }
    if identity.kube is not None:
        record["kube"] = _encode_kube(identity.kube)
    if identity.per_cluster:
        record["per_cluster"] = [[cluster, _encode_kube(kube)] for cluster, kube in identity.per_cluster]
    return record


def decode_identity(record: Json) -> Identity:
    kube = record.get("kube")
    return Identity(
        decode_speaker(record["speaker"]),
        record["method"],
        None if kube is None else _decode_kube(kube),
        decode_time(record["resolved_at"]),
        tuple((cluster, _decode_kube(names)) for cluster, names in record.get("per_cluster", ())),
    )


def _encode_kube(kube: KubeUser) -> dict[str, Any]:
    return slim({"user": kube.user, "groups": list(kube.groups)})


def _decode_kube(record: Json) -> KubeUser:
    return KubeUser(record["user"], tuple(record.get("groups", ())))


def encode_vendor(vendor: VendorParts) -> dict[str, Any]:
    return {"vendor": vendor.vendor, "parts": copy_json(vendor.parts)}


def decode_vendor(record: Json) -> VendorParts:
    return VendorParts(record["vendor"], record["parts"])


def encode_call(call: ToolCall) -> dict[str, Any]:
    record: dict[str, Any] = {"id": call.id, "name": call.name}
    if call.arguments is not None:  # none are not the same as empty ones
        record["arguments"] = copy_json(call.arguments)
    if call.raw_arguments:
        record["raw_arguments"] = call.raw_arguments
    return record


def decode_call(record: Json) -> ToolCall:
    return ToolCall(record["id"], record["name"], record.get("arguments"), record.get("raw_arguments", ""))


def encode_turn_ref(turn: TurnRef) -> dict[str, Any]:
    record: dict[str, Any] = {
        "turn_id": turn.turn_id,
        "asked_ts": turn.asked_ts,
        "started_at": encode_time(turn.started_at),
    }
    if turn.identity is not None:
        record["identity"] = encode_identity(turn.identity)
    return {**record, "stopping": True} if turn.stopping else record


def decode_turn_ref(record: Json) -> TurnRef:
    identity = record.get("identity")
    return TurnRef(
        record["turn_id"],
        None if identity is None else decode_identity(identity),
        record["asked_ts"],
        decode_time(record["started_at"]),
        record.get("stopping", False),
    )


def encode_answer(answer: AnswerRef) -> dict[str, Any]:
    rest = slim({"opening": answer.opening, "posted": list(answer.posted), "final": answer.final})
    return {"turn_id": answer.turn_id, **rest}


def decode_answer(record: Json) -> AnswerRef:
    return AnswerRef(
        record["turn_id"], record.get("opening", False), tuple(record.get("posted", ())), record.get("final", False)
    )


def encode_usage(usage: Usage) -> dict[str, Any]:
    return {"input": usage.input, "output": usage.output, "cached": usage.cached}


def decode_usage(record: Json) -> Usage:
    return Usage(record.get("input", 0), record.get("output", 0), record.get("cached", 0))
