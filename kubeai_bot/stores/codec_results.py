"""Kept results as plain JSON and back, for every store and for exports."""

from __future__ import annotations

from typing import Any

from kubeai_bot.domain.message import Json
from kubeai_bot.domain.storage import KeptResult
from kubeai_bot.errors import StoreError
from kubeai_bot.stores.codec import VERSION, check_version
from kubeai_bot.stores.codec_parts import decode_identity, decode_time, encode_identity, encode_time


def encode_result(result: KeptResult) -> dict[str, Any]:
    return {
        "v": VERSION,
        "handle": result.handle,
        "title": result.title,
        "text": result.text,
        "identity": encode_identity(result.identity),
        "at": encode_time(result.at),
    }


def decode_result(record: Json) -> KeptResult:
    """Raises StoreError."""
    check_version(record, "a kept result")
    try:
        identity, at = decode_identity(record["identity"]), decode_time(record["at"])
        return KeptResult(record["handle"], record["title"], record["text"], identity, at)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"a kept result cannot be read: {type(error).__name__} {error}") from error
