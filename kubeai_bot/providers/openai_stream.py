"""The bytes of a streamed chat completion as JSON objects: server-sent events, read leniently.

The SDK's own decoder hides `data: [DONE]`, and with it whether the server has finished or was cut off.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import httpx2

from kubeai_bot.errors import ProviderUnavailable
from kubeai_bot.providers.loose import mapping
from kubeai_bot.providers.openai_answer import Answer

TAIL_SECONDS = 2.0
"""How long to wait for what may follow the end of an answer (its usage)."""
_DRAIN_SECONDS = 0.2
_LINE_LIMIT = 32 * 1024 * 1024


async def chunks(response: httpx2.Response, answer: Answer) -> AsyncGenerator[Mapping[str, Any], None]:
    """The chunks of `answer` until it has ended. Raises ProviderUnavailable where it was cut off or is not JSON, and
    httpx2.HTTPError.

    An answer has ended with `[DONE]`, or when the connection ends after a `finish_reason`; what comes after a
    `finish_reason` is waited for only briefly, and its loss is no failure.
    """
    if "application/json" in response.headers.get("content-type", ""):  # a server that does not stream
        yield _parsed(await response.aread())
        return
    lines = _data_lines(response.aiter_bytes())
    try:
        while (line := await _next(lines, answer)) is not None:
            if line == b"[DONE]":
                await _drain(lines)
                return
            yield _parsed(line)
    finally:
        await lines.aclose()
    if not answer.complete:
        raise ProviderUnavailable("the answer was cut off: the stream ended without its end mark")


async def _next(lines: AsyncIterator[bytes], answer: Answer) -> bytes | None:
    """The next line; None when there is no more."""
    try:
        async with asyncio.timeout(TAIL_SECONDS if answer.complete else None):
            return await anext(lines, None)
    except (httpx2.HTTPError, TimeoutError):
        if not answer.complete:
            raise
        return None


async def _drain(lines: AsyncIterator[bytes]) -> None:
    """Read to the end of the response, which is what keeps the connection for the next request."""
    with suppress(httpx2.HTTPError, TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            while await anext(lines, None) is not None:
                pass


async def _data_lines(received: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The value of each `data:` line, also of a last one without a line end. Only LF ends a line: JSON texts hold the
    other separators of Unicode unescaped."""
    rest = b""
    async for piece in received:
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > _LINE_LIMIT:
            raise ProviderUnavailable("the server sent a line without end")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
    if rest.startswith(b"data:"):
        yield rest[5:].strip()


def _parsed(data: bytes) -> Mapping[str, Any]:
    try:
        return mapping(json.loads(data.decode("utf-8", "replace"))) if data else {}
    except (ValueError, RecursionError) as error:
        raise ProviderUnavailable("the answer was cut off or garbled: a chunk is not JSON") from error
