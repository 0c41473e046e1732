"""What a turn says while it happens. Slack, the terminal, tests and logs listen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kubeai_bot.domain.approval import Approval, Settled
from kubeai_bot.domain.message import ToolCall


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


@dataclass(frozen=True, slots=True)
class ToolProgress:
    """How far a running call is, in one line; replaces what it said before."""

    call_id: str
    text: str


ToolOutcome = Literal["ok", "failed", "refused", "interrupted", "waiting"]
"""`waiting`: for an approval; nothing has been done."""


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


@dataclass(frozen=True, slots=True)
class Output:
    """A result that was too large for the model, kept whole in the session under `handle`."""

    handle: str
    title: str
    characters: int


@dataclass(frozen=True, slots=True)
class Choice:
    """A question to the person, with what they may pick from (shown as buttons)."""

    prompt: str
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Undo:
    """A change of this turn that can be taken back by another one: `call`, after an approval of its own."""

    id: str
    intent: str
    call: ToolCall


TurnOutcome = Literal["answered", "stopped", "failed", "refused", "said", "waiting"]
"""`waiting`: for an approval, or for the person's choice."""


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The turn is over. `answer` is the whole answer as Markdown (what to show if nothing was streamed), `notes`
    short remarks below it (what was left out, how it was stopped). Below those: cards for the changes that wait,
    buttons for the outputs that were kept, for a choice, for what can be undone. `settled`: cards of earlier answers
    of this thread that were decided by this turn."""

    outcome: TurnOutcome
    answer: str
    notes: tuple[str, ...] = ()
    approvals: tuple[Approval, ...] = ()
    outputs: tuple[Output, ...] = ()
    choice: Choice | None = None
    undos: tuple[Undo, ...] = ()
    settled: tuple[Settled, ...] = ()


TurnEvent = (
    TurnStarted
    | TextDelta
    | TextDiscarded
    | TextFinished
    | ToolStarted
    | ToolProgress
    | ToolFinished
    | Notice
    | TurnEnded
)
