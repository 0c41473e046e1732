"""From an HTTP response to a Response, or to the error it stands for."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, cast

import httpx2

from kubeai_bot.domain.cluster import Request, Response
from kubeai_bot.errors import ApiStatus, ClusterError, Unreachable

_ERROR_BYTES = 64 * 1024


async def read_answer(cluster: str, request: Request, response: httpx2.Response) -> Response:
    """Read the body within the request's `max_bytes`.

    Raises ApiStatus for anything but 2xx, ClusterError for JSON beyond the limit, Unreachable for a body that is
    not what was asked for.
    """
    if not response.is_success:
        body, _ = await _body(response, _ERROR_BYTES)
        raise _status(response, body)
    body, cut = await _body(response, request.max_bytes)
    audit_id = response.headers.get("Audit-Id", "")
    media_type = response.headers.get("Content-Type", "").partition(";")[0]
    if media_type != "application/json":
        if request.accept.startswith("application/json"):
            found = media_type or "something untyped"
            raise Unreachable(f"cluster {cluster} answered with {found} instead of JSON: is a proxy in between?")
        return Response(response.status_code, None, _text(body, cut), cut, audit_id)
    if cut:
        raise ClusterError(
            f"The answer of cluster {cluster} is larger than {request.max_bytes:,} bytes. Ask for less: "
            "a limit, a label or field selector, one namespace or one name."
        )
    try:
        return Response(response.status_code, json.loads(body), "", audit_id=audit_id)
    except (ValueError, RecursionError) as error:
        raise Unreachable(f"cluster {cluster} sent a broken answer: not valid JSON") from error


async def _body(response: httpx2.Response, limit: int) -> tuple[bytes, bool]:
    """At most `limit` bytes of the decoded body, and whether there was more."""
    body = bytearray()
    async with aclosing(response.aiter_bytes()) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > limit:
                return bytes(body[:limit]), True
    return bytes(body), False


def _text(body: bytes, cut: bool) -> str:
    """Bytes that are not UTF-8 become U+FFFD; a character that the limit cut in two is dropped."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(body, final=not cut)


def _status(response: httpx2.Response, body: bytes) -> ApiStatus:
    """The server's Status object where there is one, otherwise the first of its text."""
    code = response.status_code
    try:
        parsed: Any = json.loads(body)
    except (ValueError, RecursionError):
        parsed = None
    if isinstance(parsed, Mapping):
        status = cast("Mapping[str, Any]", parsed)
        message = status.get("message")
        if status.get("kind") == "Status" and isinstance(message, str) and message:
            return ApiStatus(code, str(status.get("reason") or ""), f"{message}{_budget(status)}")
    words = " ".join(_text(body, cut=True).split())[:300]
    return ApiStatus(code, "", f"HTTP {code} {response.reason_phrase}".strip() + (f": {words}" if words else ""))


def _budget(status: Mapping[str, Any]) -> str:
    """Which disruption budget refuses an eviction: the message does not name it, a cause in the details does."""
    details = status.get("details")
    causes = cast("Mapping[str, Any]", details).get("causes") if isinstance(details, Mapping) else None
    for cause in cast("list[Any]", causes) if isinstance(causes, list) else ():
        found = cast("Mapping[str, Any]", cause) if isinstance(cause, Mapping) else {}
        if found.get("reason") == "DisruptionBudget" and isinstance(found.get("message"), str):
            return f" {found['message']}"
    return ""
