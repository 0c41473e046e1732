"""What comes next in a turn, read off its messages."""

from datetime import UTC, datetime

import pytest

from kubeai_bot.domain.event import TurnEnded
from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.message import (
    Failure,
    Message,
    Payload,
    Source,
    Text,
    ToolCall,
    ToolCallRequest,
    ToolCallResponse,
    ToolCallStarted,
)
from kubeai_bot.domain.turn import AskModel, PendingCall, RunCalls, changes_made, next_step

NOW = datetime(2026, 11, 21, tzinfo=UTC)
MIA = Identity(Speaker("T", "mia"), "mapping", KubeUser("mia"), NOW)
A, B = ToolCall("a", "look", {}), ToolCall("b", "change", {})


def said(source: Source, payload: Payload) -> Message:
    return Message("t1", source, payload, MIA, NOW)


QUESTION = said(Source.USER, Text("?"))
REQUEST = said(Source.MODEL, ToolCallRequest((A, B), "Looking."))
RESULT_A = said(Source.AGENT, ToolCallResponse("a", "look", "found"))
RESULT_B = said(Source.AGENT, ToolCallResponse("b", "change", "done", changed=True, summary="scaled to 3"))
STARTED_B = said(Source.AGENT, ToolCallStarted("b"))


@pytest.mark.parametrize(
    ("messages", "step"),
    [
        ([QUESTION], AskModel(0)),
        ([QUESTION, REQUEST], RunCalls((PendingCall(A, started=False), PendingCall(B, started=False)))),
        ([QUESTION, REQUEST, RESULT_A], RunCalls((PendingCall(B, started=False),))),
        ([QUESTION, REQUEST, RESULT_A, STARTED_B], RunCalls((PendingCall(B, started=True),))),
        ([QUESTION, REQUEST, RESULT_A, STARTED_B, RESULT_B], AskModel(1)),
        ([QUESTION, REQUEST, RESULT_A, RESULT_B, QUESTION], AskModel(1)),
        ([QUESTION, said(Source.MODEL, Text("Answer."))], TurnEnded("answered", "Answer.")),
        ([QUESTION, said(Source.AGENT, Text("Help."))], TurnEnded("said", "Help.")),
        ([QUESTION, said(Source.AGENT, Failure("Stopped.", "stopped"))], TurnEnded("stopped", "Stopped.")),
        ([QUESTION, said(Source.AGENT, Failure("Not you.", "refused"))], TurnEnded("refused", "Not you.")),
        (
            [QUESTION, REQUEST, said(Source.AGENT, Failure("Broken.", "internal"))],
            TurnEnded("failed", "Looking.\n\nBroken."),
        ),
    ],
)
def test_the_next_step_follows_from_the_messages_alone(messages: list[Message], step: object) -> None:
    assert next_step(messages) == step


def test_a_call_id_that_a_sloppy_server_uses_twice_is_matched_to_the_newest_request() -> None:
    assert next_step([QUESTION, REQUEST, RESULT_A, RESULT_B, REQUEST]) == RunCalls(
        (PendingCall(A, started=False), PendingCall(B, started=False))
    )


def test_changes_are_listed_also_when_their_outcome_is_unknown() -> None:
    assert changes_made([QUESTION, REQUEST, RESULT_A, RESULT_B]) == ["scaled to 3"]
    assert changes_made([QUESTION, REQUEST, RESULT_A, STARTED_B]) == ["change (may or may not have happened)"]


def test_notes_of_a_turn_are_gathered_from_its_messages() -> None:
    answer = Message("t1", Source.MODEL, Text("Answer."), MIA, NOW, metadata={"notes": ["cut"]})
    assert next_step([QUESTION, answer]) == TurnEnded("answered", "Answer.", ("cut",))
