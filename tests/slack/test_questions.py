"""What the bot posts for somebody's question is no part of an answer, whoever finishes that."""

from datetime import UTC, datetime

import pytest

from kubeai_bot.domain.event import TurnEnded, TurnStarted
from kubeai_bot.domain.identity import Speaker
from kubeai_bot.domain.session import AnswerRef
from kubeai_bot.errors import UserError
from kubeai_bot.interfaces import Showing
from kubeai_bot.slack.background import Background
from kubeai_bot.slack.questions import Question, Questions, mention, speaker_in
from tests.slack.program import Program
from tests.slack.scene import TURN, Scene, play, shown


def questions(scene: Scene, program: Program) -> Questions:
    return Questions(scene.calls, scene.bot, program.receive, lambda: datetime.now(UTC), Background())


async def test_a_successor_does_not_take_the_question_for_an_answer_that_was_posted(scene: Scene) -> None:
    speaker = Speaker("T0SHOP", "U0MIA")
    thread = await questions(scene, Program()).ask(Question("k1", speaker, "why?", shown="why?", channel="C0ONCALL"))
    notice = Question("k2", speaker, "x", did="asked more.", channel="C0ONCALL", thread_ts=thread.thread_ts)
    await questions(scene, Program()).ask(notice)
    showing = Showing(thread, speaker, TURN, thread.thread_ts, scene.record, AnswerRef(TURN, opening=True))
    await play(scene.stage(opening=5.0).open(showing), TurnStarted(TURN), TurnEnded("answered", "All well."))
    root, second, answer = scene.answers(showing)
    assert "why?" in str(root.blocks)
    assert "asked more." in str(second.blocks)
    assert shown(answer) == "All well."


async def test_a_question_whose_receipt_was_lost_stays_where_it_is_answered(scene: Scene) -> None:
    program = Program(lost_answers=1)
    thread = await questions(scene, program).ask(Question("k1", Speaker("T0SHOP", "U0MIA"), "why?", shown="why?"))
    assert [incoming.thread for incoming in program.received] == [thread]
    assert not scene.workspace.calls_of("chat.delete")


async def test_a_long_question_is_cut_where_it_is_shown_and_whole_where_it_is_read(scene: Scene) -> None:
    program = Program()
    long = "<!here> " * 3_000
    await questions(scene, program).ask(Question("k1", Speaker("T0SHOP", "U0MIA"), long, shown=long))
    assert program.received[0].text == long
    (call,) = scene.workspace.calls_of("chat.postMessage")
    assert len(call.arguments["text"]) < 4_000
    scene.workspace.assert_no_problems()


async def test_a_dm_that_cannot_be_opened_is_said(scene: Scene) -> None:
    scene.workspace.fault("conversations.open", error="cannot_dm_bot")
    with pytest.raises(UserError, match="cannot_dm_bot"):
        await questions(scene, Program()).ask(Question("k1", Speaker("T0SHOP", "U0MIA"), "why?"))


def test_a_strange_user_id_is_not_put_into_a_mention() -> None:
    assert mention("U0MIA") == "<@U0MIA>"
    assert mention("!channel") == "Somebody"
    assert mention("") == "Somebody"


def test_the_speaker_is_read_with_their_own_team() -> None:
    click = {"team": {"id": "T0SHOP"}, "user": {"id": "U0EVE", "team_id": "T0OTHER"}}
    assert speaker_in(click) == Speaker("T0OTHER", "U0EVE")
    assert speaker_in({"team_id": "T0SHOP", "user_id": "U0MIA"}) == Speaker("T0SHOP", "U0MIA")
    assert speaker_in({}) == Speaker("", "")
