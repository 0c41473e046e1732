"""What a turn says while it happens. Slack, the terminal, tests and logs listen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class TurnStarted:
    turn_id: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the answer's Markdown, in order."""

    text: str


@dataclass(frozen=True, slots=True)
class TextDiscarded:
    """The model's stream broke and is asked again: forget the deltas since the last TextFinished or tool call."""


@dataclass(frozen=True, slots=True)
class TextFinished:
    """One model message is complete (and on record); `text` is the whole of it."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A tool call begins. `intent` is one line for people: `List pods in shop`."""

    call_id: str
    intent: str


ToolOutcome = Literal["ok", "failed", "refused", "interrupted"]


@dataclass(frozen=True, slots=True)
class ToolFinished:
    call_id: str
    intent: str
    outcome: ToolOutcome
    summary: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Notice:
    """A passing remark about the work itself: a retry, a wait. Not part of the answer."""

    text: str


TurnOutcome = Literal["answered", "stopped", "failed", "refused", "said"]


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The turn is over. `answer` is the whole answer as Markdown (what to show if nothing was streamed), `notes`
    short remarks below it (what was left out, how it was stopped)."""

    outcome: TurnOutcome
    answer: str
    notes: tuple[str, ...] = ()


TurnEvent = TurnStarted | TextDelta | TextDiscarded | TextFinished | ToolStarted | ToolFinished | Notice | TurnEnded
