"""The one way in which a turn ends early: nothing said is lost, no call stays unanswered, no change unnamed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from kubeai_bot.agent.calls import UNKNOWN_OUTCOME
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import Failure, Message, Source, Text, ToolCallResponse
from kubeai_bot.domain.session import InboxItem
from kubeai_bot.domain.turn import PARTIAL, PendingCall, changes_made, unanswered

NOT_RUN = "Not run: the turn ended before."


def early_end(
    turn: Sequence[Message], turn_id: str, identity: Identity | None, failure: Failure, now: datetime, partial: str = ""
) -> list[Message]:
    """The messages that close `turn`: the model's half sentence, a result for every open call, and the failure with
    what was changed before."""
    messages: list[Message] = []
    if partial.strip():
        messages.append(Message(turn_id, Source.MODEL, Text(partial), identity, now, metadata={PARTIAL: True}))
    messages += [Message(turn_id, Source.AGENT, _unanswered(pending), identity, now) for pending in unanswered(turn)]
    if changes := changes_made([*turn, *messages]):
        failure = replace(failure, text=f"{failure.text} Changed before that: {'; '.join(changes)}.")
    messages.append(Message(turn_id, Source.AGENT, failure, identity, now))
    return messages


def _unanswered(pending: PendingCall) -> ToolCallResponse:
    call = pending.call
    if pending.started:
        summary = f"{call.name} (may or may not have happened)"
        return ToolCallResponse(call.id, call.name, UNKNOWN_OUTCOME, ok=False, changed=True, summary=summary)
    return ToolCallResponse(call.id, call.name, NOT_RUN, ok=False)


def taken_back(inbox: Sequence[InboxItem]) -> list[int]:
    """The inbox items that a stop settles: the stops, and what their senders had asked before them. Otherwise a change
    that was asked for before the stop would run after it. What is to be forgotten stays so."""
    stops = [item for item in inbox if item.incoming.kind == "stop"]
    return [
        item.id
        for item in inbox
        if item in stops
        or (
            item.incoming.kind != "forget"
            and any(stop.id > item.id and stop.incoming.speaker == item.incoming.speaker for stop in stops)
        )
    ]
