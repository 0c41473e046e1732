"""Where a turn stands, read off its messages alone: the one place that decides what comes next. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kubeai_bot.domain.event import TurnEnded, TurnOutcome
from kubeai_bot.domain.message import (
    Failure,
    Message,
    Source,
    StoredMessage,
    Text,
    ToolCall,
    ToolCallRequest,
    ToolCallResponse,
    ToolCallStarted,
)

STOPPED = "stopped"
REFUSED = "refused"
PARTIAL = "partial"
"""Metadata key of a model text that was cut off by a stop."""
NOTES = "notes"
"""Metadata key: short remarks that are shown below the answer."""


@dataclass(frozen=True, slots=True)
class PendingCall:
    """A call without a result. `started`: a write that is on record and may or may not have happened."""

    call: ToolCall
    started: bool


@dataclass(frozen=True, slots=True)
class RunCalls:
    calls: tuple[PendingCall, ...]


@dataclass(frozen=True, slots=True)
class AskModel:
    """`asked` counts the model's messages of this turn so far."""

    asked: int


NextStep = RunCalls | AskModel | TurnEnded


def messages_of(history: Sequence[StoredMessage], turn_id: str) -> list[Message]:
    """The messages of the turn at the end of `history` (turns never interleave); none where another stands there."""
    start = len(history)
    while start and history[start - 1].message.turn_id == turn_id:
        start -= 1
    return [stored.message for stored in history[start:]]


def next_step(turn: Sequence[Message]) -> NextStep:
    """Unanswered calls are run; a turn whose last word is the model's (or an error's) has ended; else ask the model."""
    pending = unanswered(turn)
    if turn and isinstance(turn[-1].payload, Failure):
        return ending(turn)
    if pending:
        return RunCalls(pending)
    last = turn[-1] if turn else None
    if last is not None and isinstance(last.payload, Text) and last.source is not Source.USER:
        return ending(turn)
    return AskModel(sum(message.source is Source.MODEL for message in turn))


def unanswered(turn: Sequence[Message]) -> tuple[PendingCall, ...]:
    """Calls of the newest request that have no result yet, in the model's order."""
    positions = [index for index, message in enumerate(turn) if isinstance(message.payload, ToolCallRequest)]
    if not positions:
        return ()
    request = turn[positions[-1]].payload
    after = [message.payload for message in turn[positions[-1] + 1 :]]
    answered = {payload.call_id for payload in after if isinstance(payload, ToolCallResponse)}
    started = {payload.call_id for payload in after if isinstance(payload, ToolCallStarted)}
    calls = request.calls if isinstance(request, ToolCallRequest) else ()
    return tuple(PendingCall(call, call.id in started) for call in calls if call.id not in answered)


def ending(turn: Sequence[Message]) -> TurnEnded:
    """How the turn ended: its whole answer as it should stand in Slack, and the notes below it."""
    paragraphs: list[str] = []
    for message in turn:
        match message.payload:
            case Text(text=text) if message.source is not Source.USER:
                paragraphs.append(text)
            case ToolCallRequest(text=text) | Failure(text=text):
                paragraphs.append(text)
            case _:
                pass
    answer = "\n\n".join(part.strip() for part in paragraphs if part.strip())
    notes = tuple(str(note) for message in turn for note in message.metadata.get(NOTES, ()))
    return TurnEnded(_outcome(turn), answer, notes)


def _outcome(turn: Sequence[Message]) -> TurnOutcome:
    last = turn[-1] if turn else None
    match last.payload if last else None:
        case Failure(kind="stopped"):
            return "stopped"
        case Failure(kind="refused"):
            return "refused"
        case Text() if last is not None and last.source is Source.AGENT:
            return "said"
        case Text():
            return "answered"
        case _:
            return "failed"


def changes_made(turn: Sequence[Message]) -> list[str]:
    """One line for each thing that this turn (perhaps) changed outside."""
    done = [
        message.payload.summary or message.payload.name
        for message in turn
        if isinstance(message.payload, ToolCallResponse) and message.payload.changed
    ]
    open_writes = [
        f"{pending.call.name} (may or may not have happened)" for pending in unanswered(turn) if pending.started
    ]
    return done + open_writes
