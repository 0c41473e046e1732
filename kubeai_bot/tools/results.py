"""read_result: pages, searches and counts a result that was too large for the model and is kept with the session."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kubeai_bot.domain.approval import Preview
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import Json, ToolCall
from kubeai_bot.domain.policy import Effect
from kubeai_bot.domain.storage import KeptResult
from kubeai_bot.domain.tool import CallContext, PlannedCall, ToolResult, ToolSpec
from kubeai_bot.errors import ToolError
from kubeai_bot.interfaces import Toolset

NAME = "read_result"
MOST_LINES = 200
LONGEST_LINE = 500
MOST_CHARACTERS = 10_000
UNKNOWN = "There is no result {handle!r} in this conversation that this person may see. Call the tool again."

_NUMBERS = re.compile(r"\d+|0x[0-9a-f]+|\b[0-9a-f]{8,}\b", re.IGNORECASE)


class ReadResult(BaseModel):
    """The arguments of read_result."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    handle: str
    first_line: int = Field(1, ge=1)
    lines: int = Field(100, ge=1, le=MOST_LINES)
    search: str = Field("", max_length=200)
    context: int = Field(0, ge=0, le=20)
    summary: bool = False


_PARAMETERS: Json = {
    "type": "object",
    "properties": {
        "handle": {"type": "string", "description": "The handle, like r-1a2b3c4d."},
        "first_line": {"type": "integer", "description": "First line to show, from 1."},
        "lines": {"type": "integer", "description": f"How many lines, at most {MOST_LINES}."},
        "search": {"type": "string", "description": "Only lines that hold this text (case does not matter)."},
        "context": {"type": "integer", "description": "With search: lines to show around each hit."},
        "summary": {"type": "boolean", "description": "Instead: how many lines of each shape there are, most first."},
    },
    "required": ["handle"],
}

Kept = Callable[[str, str], Awaitable[KeptResult | None]]


@dataclass(frozen=True, slots=True)
class ResultTools(Toolset):
    """Reads what the session has kept; `kept` is `SessionStore.kept_result`. Only under the rights with which it was
    first seen."""

    kept: Kept

    def specs(self, identity: Identity) -> Sequence[ToolSpec]:
        del identity
        about = "Read on in a large result that is kept under a handle: a page of lines, a search, or a summary."
        return [ToolSpec(NAME, about, _PARAMETERS)]

    async def plan(self, call: ToolCall, identity: Identity) -> PlannedCall:
        del identity
        if call.name != NAME:
            raise ToolError(f"There is no tool {call.name!r}.")
        wanted = _checked(call)
        what = f"Search {wanted.handle} for {wanted.search!r}" if wanted.search else f"Read {wanted.handle}"
        return PlannedCall(call, Effect.READ, what, (), 20.0)

    async def preview(self, planned: PlannedCall, identity: Identity, context: CallContext) -> Preview:
        del identity, context
        raise ToolError(f"{planned.call.name} changes nothing.")

    async def call(self, planned: PlannedCall, identity: Identity, context: CallContext) -> ToolResult:
        wanted = _checked(planned.call)
        result = await self.kept(context.session_id, wanted.handle)
        if result is None or not identity.same_rights(result.identity):
            raise ToolError(UNKNOWN.format(handle=wanted.handle))
        lines = result.text.split("\n")
        if wanted.summary:
            return _summary(result, lines)
        return _found(wanted, lines) if wanted.search else _page(wanted, lines)


def _checked(call: ToolCall) -> ReadResult:
    try:
        return ReadResult.model_validate(dict(call.arguments or {}))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise ToolError(f"{NAME}: {faults}") from error


def _page(wanted: ReadResult, lines: Sequence[str]) -> ToolResult:
    start = wanted.first_line - 1
    if start >= len(lines):
        raise ToolError(f"{wanted.handle} has {len(lines)} lines.")
    shown = _numbered(lines, range(start, min(start + wanted.lines, len(lines))))
    last = start + shown.count("\n") + 1
    more = f"\n[{len(lines) - last} more lines: first_line={last + 1}]" if last < len(lines) else ""
    return ToolResult(shown + more, f"lines {start + 1} to {last} of {len(lines)}")


def _found(wanted: ReadResult, lines: Sequence[str]) -> ToolResult:
    needle = wanted.search.casefold()
    hits = [number for number, line in enumerate(lines) if needle in line.casefold()]
    near = sorted({n for hit in hits for n in range(hit - wanted.context, hit + wanted.context + 1)})
    near = [number for number in near if wanted.first_line - 1 <= number < len(lines)]
    shown = _numbered(lines, near[: wanted.lines])
    left = len(near) - (shown.count("\n") + 1 if shown else 0)
    if left > 0:
        shown += f"\n[{left} more lines match or stand near: search narrower, or go on with first_line]"
    said = f"{len(hits)} of {len(lines)} lines hold {wanted.search!r}"
    return ToolResult(f"{said}\n{shown}".strip(), said)


def _summary(result: KeptResult, lines: Sequence[str]) -> ToolResult:
    shapes = Counter(_NUMBERS.sub("#", line).strip()[:160] for line in lines if line.strip())
    common = [f"{count:>7} × {shape}" for shape, count in shapes.most_common(40)]
    said = f"{len(lines)} lines, {len(result.text):,} characters, {len(shapes)} shapes (numbers as #)"
    return ToolResult("\n".join([f"{result.title}: {said}", *common]), said)


def _numbered(lines: Sequence[str], numbers: Sequence[int]) -> str:
    shown: list[str] = []
    size = 0
    for number in numbers:
        line = lines[number]
        cut = line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}… ({len(line)} characters)"
        text = f"{number + 1}: {cut}"
        size += len(text) + 1
        if shown and size > MOST_CHARACTERS:
            break
        shown.append(text)
    return "\n".join(shown)
