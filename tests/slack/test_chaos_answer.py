"""A runner that dies after any of its calls, a Slack that fails at any of them: one right answer in the end."""

import asyncio
import random
import sys
from dataclasses import replace
from typing import Any

import pytest

from kubeai_bot.domain.event import TextDelta, TextFinished, ToolFinished, ToolStarted, TurnEnded, TurnStarted
from kubeai_bot.interfaces import Showing
from tests.slack.scene import TURN, Record, Scene, cards, play, shown

ANSWER = "Look at the events.\n\n```\nOOMKilled\n```\nGive it more memory."
METHODS = (
    *("chat.startStream", "chat.appendStream", "chat.stopStream", "chat.postMessage", "chat.update"),
    *("conversations.replies", "agents.sessions.setStatus"),
)


async def a_turn(scene: Scene, showing: Showing, record: Record) -> None:
    emit = scene.stage(opening=0.0, give_up=20.0).open(replace(showing, record=record))
    await play(emit, TurnStarted(TURN), ToolStarted("c1", "Read events"))
    await asyncio.sleep(0.03)
    await emit(ToolFinished("c1", "Read events", "ok", "12 events", 0.2))
    for at in range(0, len(ANSWER), 8):
        await emit(TextDelta(ANSWER[at : at + 8]))
        await asyncio.sleep(0.01)
    await play(emit, TextFinished(ANSWER), TurnEnded("answered", ANSWER))


def one_right_answer(scene: Scene, showing: Any, record: Record) -> None:
    (message,) = scene.answers(showing)
    assert shown(message) == ANSWER
    assert not message.streaming
    assert cards(message) == {"Read events": ("complete", "12 events · 0.2 s")}
    assert record.last.final
    assert record.last.posted == (message.ts,)


@pytest.mark.parametrize("survived", range(1, 12))
async def test_a_runner_dies_after_any_of_its_calls(scene: Scene, survived: int) -> None:
    showing = await scene.ask()
    before = len(scene.workspace.calls)
    first = Record()
    task = asyncio.create_task(a_turn(scene, showing, first))
    await scene.until(lambda: task.done() or len(scene.workspace.calls) - before >= survived, "the calls")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    second = Record()
    answer = first.last if first.answers else None
    await a_turn(scene, replace(showing, answer=answer), second)
    one_right_answer(scene, showing, first if answer is not None and answer.final else second)
    scene.workspace.assert_no_problems()


@pytest.mark.parametrize("_again", range(5))
async def test_slack_fails_at_random(scene: Scene, _again: int) -> None:
    seed = random.randrange(10**6)
    sys.stdout.write(f"seed {seed}\n")  # shown when the test fails
    chance = random.Random(seed)
    for _ in range(4):
        kind: dict[str, Any] = chance.choice([{"drop_response": True}, {"status": 500}, {"error": "internal_error"}])
        scene.workspace.fault(chance.choice(METHODS), after=chance.randrange(3), **kind)
    showing = await scene.ask()
    record = Record()
    await a_turn(scene, showing, record)
    one_right_answer(scene, showing, record)
    scene.workspace.assert_no_problems()
