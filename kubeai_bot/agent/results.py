"""What becomes of a tool's result before anybody sees it: secrets taken out, and what is too large kept aside."""

from __future__ import annotations

import hashlib
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
"""Characters of one result that are kept."""

WITHHELD = "[This result was withheld: it could not be searched for secrets.]"


@dataclass(frozen=True, slots=True)
class Fitted:
    """A result as it goes on record. `handle` names the whole of it where it was kept aside, "" where it is whole."""

    result: ToolResult
    handle: str = ""
    characters: int = 0


def cleaned(result: ToolResult, redactor: Redactor) -> ToolResult:
    """Without secrets, in what the model and in what people read. A result without a summary gets the first line of
    what is left: cut only now, because half a secret is not known for one."""
    content = redactor.text(result.content).text
    summary = redactor.text(result.summary).text if result.summary else first_line(content)
    return replace(result, content=content, summary=summary)


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
    """A result that is too large is kept beside the session; the model gets head, tail, size and a handle. Raises
    StoreError."""
    whole = result.content
    if len(whole) <= BUDGET:
        return Fitted(result)
    handle = "r-" + hashlib.sha256(call_id.encode()).hexdigest()[:8]
    await keep(KeptResult(handle, title, whole, *seen_by))
    return Fitted(replace(result, content=_head_and_tail(whole, handle)), handle, len(whole))


def _head_and_tail(whole: str, handle: str) -> str:
    head, tail = _to_line(whole[: int(BUDGET * HEAD)]), whole[-int(BUDGET * TAIL) :]
    tail = tail[tail.find("\n") + 1 :] if "\n" in tail[:400] else tail
    lines = whole.count("\n") + 1
    left = lines - head.count("\n") - tail.count("\n") - 1
    return (
        f"{head}\n[… {left} of {lines} lines ({len(whole):,} characters in all) are not shown here. The whole result is"
        f' kept as {handle}: read_result(handle="{handle}", …) pages, searches and counts it …]\n{tail}'
    )


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
