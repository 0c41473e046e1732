"""The few protobuf messages that kubectl insists on sending: access and identity reviews.

kubectl's typed clients write built-in kinds as protobuf (k8s.io/apimachinery: `k8s\\0`, then a runtime.Unknown that
wraps the object). Answers go out as JSON, which they accept. Field numbers are those of the generated.proto files of
k8s.io/api/authorization/v1 and k8s.io/api/authentication/v1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubeai_bot.playground.cluster.objects import Obj

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_LENGTH_DELIMITED = 2

Message = dict[int, tuple[str, Any]]
"""Field number to JSON name and to the message inside, or to None for a string."""

_UNKNOWN: Message = {1: ("typeMeta", {1: ("apiVersion", None), 2: ("kind", None)})}
_RESOURCE: Message = {
    1: ("namespace", None),
    2: ("verb", None),
    3: ("group", None),
    4: ("version", None),
    5: ("resource", None),
    6: ("subresource", None),
    7: ("name", None),
}
_PATH: Message = {1: ("path", None), 2: ("verb", None)}
_SPECS: dict[str, Message] = {
    "SelfSubjectAccessReview": {1: ("resourceAttributes", _RESOURCE), 2: ("nonResourceAttributes", _PATH)},
    "SelfSubjectRulesReview": {1: ("namespace", None)},
    "SelfSubjectReview": {},
}


def decode(raw: bytes) -> Obj:
    """The JSON form of a review. ValueError for anything else."""
    if not raw.startswith(_MAGIC):
        raise ValueError("not a Kubernetes protobuf body")
    envelope = raw[len(_MAGIC) :]
    head: Obj = _read(envelope, _UNKNOWN).get("typeMeta", {})
    spec = _SPECS.get(head.get("kind", ""))
    if spec is None:
        raise ValueError(f"no protobuf form of {head.get('kind')} is known here")
    inner = next((value for number, value in _fields(envelope) if number == 2), b"")
    return {**head, **_read(inner, {2: ("spec", spec)})}


def _read(raw: bytes, message: Message) -> Obj:
    found: Obj = {}
    for number, value in _fields(raw):
        if number not in message:
            continue
        name, inner = message[number]
        found[name] = value.decode() if inner is None else _read(value, inner)
    return found


def _fields(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a message; others (numbers) are skipped."""
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        wire_type = tag & 7
        if wire_type == 0:
            _, at = _varint(raw, at)
            continue
        if wire_type != _LENGTH_DELIMITED:
            raise ValueError(f"unexpected wire type {wire_type}")
        length, at = _varint(raw, at)
        if at + length > len(raw):
            raise ValueError("truncated field")
        yield tag >> 3, raw[at : at + length]
        at += length


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(raw):
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7
    raise ValueError("truncated number")
