"""What a playground model can say: parts, which make up a reply to one request.

A reply is one part or a sequence of parts that are played in order:

    Say("Two pods crash.")
    Call("list_resources", {"kind": "pods"})
    [Say("I look."), Call("whoami"), Call("list_clusters")]       text, then two calls side by side
    [Say("One moment"), Pause(gate), Say(" … done.")]             waits in mid-stream until the test sets `gate`
    Fail(429, retry_after=0)                                      an error instead of an answer
    Cut("Half an ans")                                            the connection breaks
    Hang("Half an ans")                                           the server falls silent
    [Say("It goes on and on"), End("length")]                     cut at the output limit
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Say:
    """Text, streamed word by word."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call. `arguments` as a text goes out as it is: for arguments that are no JSON object. `id` "" gets a
    fresh one."""

    tool: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict[str, Any])
    id: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is sent until the event is set (or the client hangs up). `reached` is set when the pause begins."""

    until: asyncio.Event
    reached: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Fail:
    """An HTTP error with OpenAI's error body; stands alone. `retry_after` in seconds."""

    status: int
    message: str = "made to fail"
    code: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """Some text, then the connection breaks."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Hang:
    """Some text, then silence until the client hangs up."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """The reason to finish that is reported: `length`, `content_filter`, …"""

    reason: str


Part = Say | Call | Pause | Fail | Cut | Hang | End
Reply = Part | Sequence[Part]

OVERFLOW = Fail(400, "This model's maximum context length is exceeded.", "context_length_exceeded")
"""The request does not fit the model's window."""


def parts_of(reply: Reply) -> tuple[Part, ...]:
    return tuple(reply) if isinstance(reply, Sequence) else (reply,)
