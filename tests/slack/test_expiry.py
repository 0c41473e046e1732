"""Cards of approvals that expire while the bot lives: closed where nobody has decided, left alone otherwise."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kubeai_bot.domain.approval import Approval, Approvals, approvals_to_json
from kubeai_bot.domain.event import TurnEnded
from kubeai_bot.domain.session import TurnRef
from kubeai_bot.interfaces import Showing
from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.slack.approval_cards import APPROVE
from kubeai_bot.slack.stage import SlackStage
from tests.slack.approvals import approval, block_ids, buttons, words
from tests.slack.program import AT, Program
from tests.slack.scene import QUICK, Scene

CLOSED = "Expired; nothing was changed"


@pytest.fixture
def stage(scene: Scene, program: Program) -> SlackStage:
    return SlackStage(scene.calls, scene.bot, replace(QUICK, after_expiry=0.0), program.find)


async def put_up(scene: Scene, stage: SlackStage, program: Program, *approvals: Approval) -> tuple[Showing, SimMessage]:
    """An answer with cards, whose session knows of what waits."""
    showing = await scene.ask()
    session = replace(program.add(showing.thread.thread_ts), approval=approvals_to_json(Approvals(approvals)))
    program.sessions[-1] = session
    await stage.open(showing)(TurnEnded("waiting", "It waits.", approvals=approvals))
    (message,) = scene.answers(showing)
    assert APPROVE in buttons(message)
    return showing, message


def soon(id_: str = "a-0001") -> Approval:
    return approval(id_, expires_at=datetime.now(UTC) + timedelta(seconds=0.3))


async def test_a_card_is_closed_once_its_approval_is_over(scene: Scene, stage: SlackStage, program: Program) -> None:
    _, message = await put_up(scene, stage, program, soon(), soon("a-0002"))
    await scene.until(lambda: APPROVE not in buttons(message), "closed cards")
    assert words(message.all_blocks()).count(CLOSED) == 2
    assert scene.count("chat.update") == 1
    scene.workspace.assert_no_problems()


async def test_a_card_that_was_decided_on_is_left_to_whoever_decided(
    scene: Scene, stage: SlackStage, program: Program
) -> None:
    _, message = await put_up(scene, stage, program, soon())
    program.sessions[-1] = replace(program.sessions[-1], approval={})
    await scene.until(lambda: program.finds, "a look at the session")
    _, other = await put_up(scene, stage, program, soon("a-0002"))
    await scene.until(lambda: APPROVE not in buttons(other), "the other card closed")
    assert APPROVE in buttons(message)
    scene.workspace.assert_no_problems()


async def test_while_a_turn_is_open_nothing_is_drawn_over_it(scene: Scene, stage: SlackStage, program: Program) -> None:
    """What was approved in the last moment settles its card itself."""
    _, message = await put_up(scene, stage, program, soon())
    session = program.sessions[-1]
    program.sessions[-1] = replace(session, turn=TurnRef("t2", None, message.ts, AT))
    await scene.until(lambda: program.finds, "a look at the session")
    assert APPROVE in buttons(message)
    program.sessions[-1] = session
    await scene.until(lambda: APPROVE not in buttons(message), "the card closed after the turn")
    assert "approval:a-0001:outcome" in block_ids(message)


async def test_a_store_that_is_away_is_asked_again(scene: Scene, stage: SlackStage, program: Program) -> None:
    _, message = await put_up(scene, stage, program, soon())
    program.away = True
    tries = asyncio.Event()
    answer = program._answer

    def failing() -> None:
        tries.set()
        answer()

    program._answer = failing  # type: ignore[method-assign]
    await asyncio.wait_for(tries.wait(), 20)
    assert APPROVE in buttons(message)
    program.away = False
    await scene.until(lambda: APPROVE not in buttons(message), "the card closed when the store is back")


async def test_a_bot_that_ends_watches_no_longer(scene: Scene, stage: SlackStage, program: Program) -> None:
    before = asyncio.all_tasks()
    await put_up(scene, stage, program, soon())
    stage.close()
    await scene.until(lambda: asyncio.all_tasks() <= before, "the end of what was begun")
    assert program.finds == 0
