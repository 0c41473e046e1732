"""What becomes of a tool's result before anybody sees it: secrets taken out, and what is too large kept aside."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.redaction.redactor import Redactor
from kubeai_bot.domain.storage import KeptResult
from kubeai_bot.domain.tool import ToolResult

BUDGET = 12_000
"""Characters of one result that reach the model."""

HEAD, TAIL = 0.6, 0.3
"""Shares of the budget for the beginning and the end of a result that is kept aside."""

LARGEST = 4_000_000
"""Characters of one result that are kept: its beginning, and a word on what is missing."""

WITHHELD = "[This result was withheld: it could not be searched for secrets.]"


@dataclass(frozen=True, slots=True)
class Fitted:
    """A result as it goes on record. `handle` names the whole of it where it was kept aside, "" where it is whole."""

    result: ToolResult
    handle: str = ""
    characters: int = 0


def cleaned(result: ToolResult, redactor: Redactor) -> ToolResult:
    """Without secrets, in what the model reads, in what people read and in what is kept. A result without a summary
    gets the first line of what is left: cut only now, because half a secret is not known for one. Takes about half a
    second for a million characters."""
    content, whole = redactor.text(result.content).text, redactor.text(result.whole).text
    summary = redactor.text(result.summary).text if result.summary else first_line(content)
    return replace(result, content=content, summary=summary, whole=whole)


def first_line(text: str, limit: int = 160) -> str:
    """The first line of a text, cut at `limit` characters."""
    line = text.strip().split("\n", 1)[0]
    return line if len(line) <= limit else line[: limit - 1] + "…"


async def fitted(
    result: ToolResult,
    call_id: str,
    title: str,
    seen_by: tuple[Identity, datetime],
    keep: Callable[[KeptResult], Awaitable[None]],
) -> Fitted:
    """A result that is too large is kept beside the session; the model gets the tool's own excerpt of it, or else head
    and tail, with its size and a handle. Raises StoreError."""
    if not result.whole and len(result.content) <= BUDGET:
        return Fitted(result)
    whole = _at_most_largest(result.whole or result.content)
    handle = "r-" + hashlib.sha256(call_id.encode()).hexdigest()[:8]
    await keep(KeptResult(handle, title, whole, *seen_by))
    content = await asyncio.to_thread(_shown, result, whole, handle)
    return Fitted(replace(result, content=content, whole=""), handle, len(whole))


def _at_most_largest(text: str) -> str:
    if len(text) <= LARGEST:
        return text
    return f"{text[:LARGEST]}\n[… {len(text) - LARGEST:,} more characters were not kept …]"


def _shown(result: ToolResult, whole: str, handle: str) -> str:
    if result.whole and len(result.content) <= BUDGET:
        return f"{result.content}\n{_where_the_rest_is(result.content, whole, handle)}"
    head, tail = _to_line(whole[: int(BUDGET * HEAD)]), whole[-int(BUDGET * TAIL) :]
    tail = tail[tail.find("\n") + 1 :] if "\n" in tail[:400] else tail
    note = _where_the_rest_is(f"{head}\n{tail}", whole, handle)
    return f"{head}\n{note}\n{tail}"


def _where_the_rest_is(shown: str, whole: str, handle: str) -> str:
    lines = _lines(whole)
    left = (lines - _lines(shown)).total()
    return (
        f"[… {left} of {lines.total()} lines ({len(whole):,} characters in all) are not shown here. The whole result is"
        f' kept as {handle}: read_result(handle="{handle}", …) pages, searches and counts it …]'
    )


def _lines(text: str) -> Counter[str]:
    """How often each line is there. The columns of an excerpt can be narrower, so spaces do not count."""
    return Counter(" ".join(line.split()) for line in text.split("\n"))


def _to_line(text: str) -> str:
    cut = text.rfind("\n")
    return text[:cut] if cut > len(text) // 2 else text


def bounded(content: str, limit: int = BUDGET) -> str:
    """Head and tail of a text that is too long and is not kept, with a word on what is missing between them."""
    if len(content) <= limit:
        return content
    head, tail = int(limit * HEAD), int(limit * TAIL)
    left_out = len(content) - head - tail
    return f"{content[:head]}\n[… {left_out} characters left out …]\n{content[-tail:]}"
