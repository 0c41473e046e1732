"""Thumbs under answers: where they stand, and what becomes of a click, over both transports."""

from dataclasses import replace
from typing import Any

import pytest

from kubeai_bot.domain.event import (
    TextDelta,
    TextFinished,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnOutcome,
    TurnStarted,
)
from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.slack.feedback import FEEDBACK, NO_TURN, STORE_AWAY, THANKS, feedback_blocks
from tests.slack.program import REFUSAL, Program, text_of, whispers
from tests.slack.scene import TURN, Scene, play, thumbs

# --- where they stand ---


@pytest.mark.parametrize("opening", [0.0, 5.0], ids=["streamed", "posted"])
async def test_an_answer_ends_with_one_pair_of_thumbs(scene: Scene, opening: float) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=opening).open(showing)
    await play(emit, TurnStarted(TURN), ToolStarted("c1", "List pods"), ToolFinished("c1", "", "ok", "3 pods", 0.1))
    if not opening:
        await scene.until(lambda: scene.answers(showing), "a stream")
    await play(
        emit, TextDelta("All well."), TextFinished("All well."), TurnEnded("answered", "All well.", ("A note.",))
    )
    (message,) = scene.answers(showing)
    assert thumbs(message) == [TURN]
    assert message.all_blocks()[-1]["type"] == "context_actions"
    scene.workspace.assert_no_problems()


@pytest.mark.parametrize("outcome", ["stopped", "failed", "refused", "said"])
async def test_what_the_model_did_not_answer_has_none(scene: Scene, outcome: TurnOutcome) -> None:
    showing = await scene.ask()
    await play(scene.stage(opening=5.0).open(showing), TurnStarted(TURN), TurnEnded(outcome, "Words."))
    (message,) = scene.answers(showing)
    assert thumbs(message) == []


@pytest.mark.parametrize("fault", ["chat.stopStream", "chat.appendStream"])
async def test_a_repaired_answer_has_one_pair(scene: Scene, fault: str) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=0.0).open(showing)
    await play(emit, TurnStarted(TURN), TextDelta("All "))
    await scene.until(lambda: scene.answers(showing), "a stream")
    scene.workspace.fault(fault, drop_response=True, times=2)
    await play(emit, TextDelta("well."), TextFinished("All well."), TurnEnded("answered", "All well."))
    shown = [turn for message in scene.answers(showing) for turn in thumbs(message)]
    assert shown == [TURN]


async def test_an_answer_of_several_messages_has_them_below_the_last(scene: Scene) -> None:
    showing = await scene.ask()
    text = "".join(f"Line {n} of a long story about a cluster.\n" for n in range(400))
    await play(scene.stage(opening=5.0).open(showing), TurnStarted(TURN), TurnEnded("answered", text))
    messages = scene.answers(showing)
    assert len(messages) > 1
    assert [thumbs(message) for message in messages] == [[] for _ in messages[1:]] + [[TURN]]


async def test_a_successor_does_not_double_them(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=5.0).open(showing)
    await play(emit, TurnStarted(TURN), TurnEnded("answered", "All well."))
    record = scene.record.answers[-2]
    successor = scene.stage(opening=5.0).open(replace(showing, answer=record))
    await play(successor, TurnStarted(TURN), TurnEnded("answered", "All well."))
    assert [thumbs(message) for message in scene.answers(showing)] == [[TURN]]


# --- what becomes of a click ---


async def answered(workspace: Workspace, program: Program, channel: str = "D0MIA") -> SimMessage:
    """A question of Mia's and an answer with thumbs."""
    workspace.bot_events = frozenset()
    ts = await workspace.say("U0MIA", "why?", channel=channel)
    program.add(ts, channel=channel)
    program.turns.add(TURN)
    message = SimMessage(channel, workspace._state.mint_ts(), "U0KUBEAI", "All well.", bot_id="B0KUBEAI", thread_ts=ts)
    message.blocks = feedback_blocks(TURN)
    workspace._state.messages.append(message)
    return message


async def click(workspace: Workspace, message: SimMessage, which: str, user: str = "U0MIA") -> None:
    assert (await workspace.click(user, FEEDBACK, message=message, choose=which)).acked


async def reason_asked(workspace: Workspace) -> Any:
    return await workspace.wait_for(lambda w: w._state.modals.get("U0MIA"), what="the form")


async def test_thumbs_up_go_on_record_and_are_thanked_for_in_the_thread(surfaced: Workspace, program: Program) -> None:
    message = await answered(surfaced, program)
    await click(surfaced, message, "positive")
    assert program.feedback == [(program.sessions[0].id, TURN, "U0MIA", "positive", "")]
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert text_of(whisper) == THANKS
    assert whisper.thread_ts == message.thread_ts


async def test_thumbs_down_go_on_record_at_once_and_again_with_the_reason(
    surfaced: Workspace, program: Program
) -> None:
    await click(surfaced, await answered(surfaced, program), "negative")
    await reason_asked(surfaced)
    assert [entry[3:] for entry in program.feedback] == [("negative", "")]
    assert (await surfaced.submit("U0MIA", {"reason_text": "It was the <!channel> database."})).acked
    assert [entry[3:] for entry in program.feedback][1:] == [("negative", "It was the <!channel> database.")]
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert text_of(whisper) == THANKS


async def test_a_reason_is_optional(surfaced: Workspace, program: Program) -> None:
    await click(surfaced, await answered(surfaced, program), "negative")
    await reason_asked(surfaced)
    assert (await surfaced.submit("U0MIA", {})).acked
    assert len(program.feedback) == 1


async def test_anybody_in_the_thread_may_say_what_they_think(surfaced: Workspace, program: Program) -> None:
    await click(surfaced, await answered(surfaced, program, "C0ONCALL"), "positive", "U0OMAR")
    assert program.feedback[0][2] == "U0OMAR"
    await whispers(surfaced, "U0OMAR")


async def test_a_refused_person_is_told_why(surfaced: Workspace, program: Program) -> None:
    await click(surfaced, await answered(surfaced, program, "C0ONCALL"), "negative", "U0GIL")
    (whisper,) = await whispers(surfaced, "U0GIL")
    assert text_of(whisper) == REFUSAL
    assert not program.feedback


async def test_feedback_on_what_was_forgotten_is_not_kept_and_said(surfaced: Workspace, program: Program) -> None:
    message = await answered(surfaced, program)
    program.sessions.clear()
    await click(surfaced, message, "negative")
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert text_of(whisper) == NO_TURN


async def test_a_store_that_is_away_is_admitted(surfaced: Workspace, program: Program) -> None:
    message = await answered(surfaced, program)
    program.away = True
    await click(surfaced, message, "positive")
    (whisper,) = await whispers(surfaced, "U0MIA")
    assert text_of(whisper) == STORE_AWAY


async def test_clicks_that_nobody_knows_are_acked(surfaced: Workspace, program: Program) -> None:
    message = await answered(surfaced, program)
    message.blocks[0]["elements"][0]["positive_button"]["value"] = "sideways:x"
    await click(surfaced, message, "positive")
    message.blocks[0]["elements"][0]["action_id"] = "something_old"
    assert (await surfaced.click("U0MIA", "something_old", message=message, choose="positive")).acked
    assert not program.feedback
