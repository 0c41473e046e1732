"""Where a turn stands, read off its messages alone: the one place that decides what comes next. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kubeai_bot.domain.approval import Approval, Settled, read_approval
from kubeai_bot.domain.event import Choice, Output, TurnEnded, TurnOutcome, Undo
from kubeai_bot.domain.identity import Speaker
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
    UserChoiceRequest,
)

STOPPED = "stopped"
REFUSED = "refused"
PARTIAL = "partial"
"""Metadata key of a model text that was cut off by a stop."""
NOTES = "notes"
"""Metadata key: short remarks that are shown below the answer."""

# Metadata keys of a tool's result (and APPROVED of the request that runs an approved change).
APPROVAL = "approval"
"""The change waits for an approval: `approval_to_json`."""
APPROVED = "approved"
"""What was approved, and by whom: {"approval": …, "by": [team, user]}."""
SETTLED = "settled"
"""How approvals ended that are not run: [[id, outcome, [team, user]], …]."""
KEPT = "kept"
"""The whole result was kept aside: [handle, title, characters]."""
VERIFY = "verify"
"""The reading call that shows what came of a change: [name, arguments]."""
UNDO = "undo"
"""The changing call that takes it back: [intent, name, arguments]."""


@dataclass(frozen=True, slots=True)
class PendingCall:
    """A call without a result. `started`: a write that is on record and may or may not have happened."""

    call: ToolCall
    started: bool


@dataclass(frozen=True, slots=True)
class RunCalls:
    calls: tuple[PendingCall, ...]


@dataclass(frozen=True, slots=True)
class LookAfter:
    """Changes were made: look at what came of them, with these calls, before the model is asked."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class AskModel:
    """`asked` counts the model's messages of this turn so far."""

    asked: int


NextStep = RunCalls | LookAfter | AskModel | TurnEnded


def messages_of(history: Sequence[StoredMessage], turn_id: str) -> list[Message]:
    """The messages of the turn at the end of `history` (turns never interleave); none where another stands there."""
    start = len(history)
    while start and history[start - 1].message.turn_id == turn_id:
        start -= 1
    return [stored.message for stored in history[start:]]


def next_step(turn: Sequence[Message]) -> NextStep:
    """Unanswered calls are run; what was changed is looked at; a turn whose last word is the model's (or an error's),
    or that waits for a person, has ended; else ask the model."""
    pending = unanswered(turn)
    if turn and isinstance(turn[-1].payload, Failure):
        return ending(turn)
    if pending:
        return RunCalls(pending)
    last = turn[-1] if turn else None
    if last is not None and isinstance(last.payload, Text) and last.source is not Source.USER:
        return ending(turn)
    if looks := [message for message in _results_of_newest_request(turn) if VERIFY in message.metadata]:
        return LookAfter(tuple(_look(message) for message in looks))
    if asks_person(turn) or any(APPROVAL in message.metadata for message in turn):
        return ending(turn)
    return AskModel(sum(message.source is Source.MODEL for message in turn))


def asks_person(turn: Sequence[Message]) -> bool:
    """Whether it ends with a question to the person."""
    return any(isinstance(message.payload, UserChoiceRequest) for message in turn)


def _results_of_newest_request(turn: Sequence[Message]) -> Sequence[Message]:
    """What follows the newest request, unless something was said since."""
    for index in range(len(turn) - 1, -1, -1):
        if isinstance(turn[index].payload, ToolCallRequest):
            return turn[index + 1 :]
        if isinstance(turn[index].payload, Text):
            return ()
    return ()


def _look(message: Message) -> ToolCall:
    name, arguments = message.metadata[VERIFY]
    payload = message.payload
    of = payload.call_id if isinstance(payload, ToolCallResponse) else ""
    return ToolCall(f"{of}-look", name, arguments)


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
    """How the turn ended: its whole answer as it should stand in Slack, and what belongs below it."""
    paragraphs: list[str] = []
    for message in turn:
        match message.payload:
            case Text(text=text) if message.source is not Source.USER:
                paragraphs.append(text)
            case ToolCallRequest(text=text) | Failure(text=text) | UserChoiceRequest(prompt=text):
                paragraphs.append(text)
            case _:
                pass
    put_up = (read_approval(message.metadata[APPROVAL]) for message in turn if APPROVAL in message.metadata)
    approvals = tuple(approval for approval in put_up if approval)
    if approvals:
        paragraphs.append(_waiting(approvals, changes_made(turn)))
    outcome = _outcome(turn, waits=bool(approvals) or asks_person(turn))
    return TurnEnded(
        outcome,
        "\n\n".join(part.strip() for part in paragraphs if part.strip()),
        tuple(str(note) for message in turn for note in message.metadata.get(NOTES, ())),
        approvals,
        tuple(Output(*message.metadata[KEPT]) for message in turn if KEPT in message.metadata),
        next((_choice(m.payload) for m in turn if isinstance(m.payload, UserChoiceRequest)), None),
        tuple(_undo(message) for message in turn if UNDO in message.metadata),
        tuple(_settled(turn)),
    )


def _waiting(approvals: Sequence[Approval], changed: Sequence[str]) -> str:
    wishes = "; ".join(approval.intent for approval in approvals)
    it = "This change waits" if len(approvals) == 1 else "These changes wait"
    so_far = f"Changed so far: {'; '.join(changed)}." if changed else "Nothing has been changed yet."
    return f"{it} for an approval: {wishes}. {so_far}"


def _choice(request: UserChoiceRequest) -> Choice:
    return Choice(request.prompt, request.choices)


def _undo(message: Message) -> Undo:
    intent, name, arguments = message.metadata[UNDO]
    payload = message.payload
    of = payload.call_id if isinstance(payload, ToolCallResponse) else ""
    return Undo(of, intent, ToolCall(f"{of}-undo", name, arguments))


def _settled(turn: Sequence[Message]) -> Iterator[Settled]:
    """What became of the approvals that this turn is about."""
    for message in turn:
        for approval_id, outcome, by in message.metadata.get(SETTLED, ()):
            yield Settled(approval_id, outcome, Speaker(*by) if by else None)
        given = message.metadata.get(APPROVED)
        approval = read_approval(given["approval"]) if given else None
        if not given or approval is None:
            continue
        responses = {m.payload.call_id: m for m in turn if isinstance(m.payload, ToolCallResponse)}
        yield Settled(approval.id, _came_of(responses.get(approval.call.id)), Speaker(*given["by"]))


def _came_of(response: Message | None) -> str:
    if response is None or not isinstance(response.payload, ToolCallResponse):
        return "approved, but not run"
    if APPROVAL in response.metadata:
        return "approved, but what it would do had changed meanwhile: asked anew"
    return f"approved and {'done' if response.payload.ok else 'failed'}: {response.payload.summary}"


def approved_in(turn: Sequence[Message]) -> dict[str, Approval]:
    """The approvals that calls of this turn run on, by call id."""
    found = (read_approval(m.metadata[APPROVED]["approval"]) for m in turn if APPROVED in m.metadata)
    return {approval.call.id: approval for approval in found if approval}


def _outcome(turn: Sequence[Message], *, waits: bool = False) -> TurnOutcome:
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
        case UserChoiceRequest():
            return "waiting"
        case ToolCallResponse() if waits:
            return "waiting"
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
