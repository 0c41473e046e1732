"""An answer that another runner had begun: finished in the same messages, never posted twice."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kubeai_bot.domain.event import TextDelta, ToolFinished, ToolStarted, TurnEnded, TurnStarted
from kubeai_bot.domain.session import AnswerRef
from kubeai_bot.interfaces import Showing
from kubeai_bot.slack.thread import metadata
from tests.slack.scene import TURN, Record, Scene, cards, play, shown

BEGUN = "It is the config."
ANSWER = "It is the config.\n\nFix it."


async def dies(scene: Scene, showing: Showing, when: Callable[[], Any], *events: Any) -> None:
    """A runner that shows `events` and is gone as soon as `when`."""
    stage = scene.stage(opening=0.0)

    async def turn() -> None:
        await play(stage.open(showing), TurnStarted(TURN), *events)
        await asyncio.Event().wait()

    task = asyncio.create_task(turn())
    await scene.until(when, "the first runner's work")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def succeeds(scene: Scene, showing: Showing, answer: AnswerRef | None, *events: Any) -> Record:
    record = Record()
    emit = scene.stage(opening=0.0).open(replace(showing, answer=answer, record=record))
    await play(emit, TurnStarted(TURN), *events, TurnEnded("answered", ANSWER))
    return record


async def test_a_stream_of_the_one_before_is_ended_and_its_message_gets_the_whole_answer(scene: Scene) -> None:
    showing = await scene.ask()
    await dies(
        scene,
        showing,
        lambda: scene.answers(showing) and shown(scene.answers(showing)[0]) and scene.record.last.posted,
        *(ToolStarted("c1", "List pods"), ToolFinished("c1", "", "ok", "3 pods", 0.1), ToolStarted("c2", "Read logs")),
        TextDelta(BEGUN),
    )
    appended = scene.count("chat.appendStream")
    record = await succeeds(
        scene, showing, scene.record.last, ToolStarted("c3", "Look again"), ToolFinished("c3", "", "ok", "seen", 0.1)
    )
    (message,) = scene.answers(showing)
    assert not message.streaming
    assert shown(message) == ANSWER
    assert cards(message) == {
        "List pods": ("complete", "3 pods · 0.1 s"),
        "Read logs": ("error", "interrupted"),
        "Look again": ("complete", "seen · 0.1 s"),
    }
    assert message.metadata == metadata(TURN)
    assert scene.count("chat.appendStream") == appended
    assert scene.count("chat.startStream") == 1
    assert record.last == AnswerRef(TURN, posted=(message.ts,), final=True)
    scene.workspace.assert_no_problems()


async def test_a_call_that_the_successor_repeats_is_one_card(scene: Scene) -> None:
    showing = await scene.ask()
    await dies(
        scene, showing, lambda: scene.record.answers and scene.record.last.posted, ToolStarted("c1", "List pods")
    )
    await succeeds(
        scene, showing, scene.record.last, ToolStarted("c1", "List pods"), ToolFinished("c1", "", "ok", "3 pods", 0.1)
    )
    assert cards(scene.answers(showing)[0]) == {"List pods": ("complete", "3 pods · 0.1 s")}
    scene.workspace.assert_no_problems()


async def test_a_stream_opened_but_not_on_record_is_found_and_finished(scene: Scene) -> None:
    showing = await scene.ask()
    gone = Record(lost_after=1)  # `opening` is on record, the message is not
    stage = scene.stage(opening=0.0)
    emit = stage.open(replace(showing, record=gone))
    await play(emit, TurnStarted(TURN), TextDelta(BEGUN))
    await scene.until(lambda: scene.answers(showing), "a stream")
    assert gone.last == AnswerRef(TURN, opening=True)
    record = await succeeds(scene, showing, gone.last)
    (message,) = scene.answers(showing)
    assert not message.streaming
    assert shown(message) == ANSWER
    assert record.answers == [
        AnswerRef(TURN, posted=(message.ts,)),
        AnswerRef(TURN, posted=(message.ts,), final=True),
    ]
    scene.workspace.assert_no_problems()


async def test_a_plain_message_posted_but_not_on_record_is_found(scene: Scene) -> None:
    showing = await scene.ask()
    gone = Record(lost_after=1)
    emit = scene.stage(opening=5.0).open(replace(showing, record=gone))
    with pytest.raises(Exception, match="somebody else"):
        await play(emit, TurnStarted(TURN), TurnEnded("answered", BEGUN))
    await succeeds(scene, showing, gone.last)
    assert [shown(message) for message in scene.answers(showing)] == [ANSWER]


async def test_an_opening_that_led_to_nothing_is_begun_anew(scene: Scene) -> None:
    showing = await scene.ask()
    record = await succeeds(scene, showing, AnswerRef(TURN, opening=True))
    (message,) = scene.answers(showing)
    assert shown(message) == ANSWER
    assert record.last == AnswerRef(TURN, posted=(message.ts,), final=True)
    scene.workspace.assert_no_problems()


async def test_a_final_answer_is_left_alone(scene: Scene) -> None:
    showing = await scene.ask()
    first = await succeeds(scene, showing, None)
    calls = len(scene.workspace.calls)
    second = await succeeds(scene, showing, first.last)
    assert second.answers == []
    assert len(scene.workspace.calls) == calls


async def test_an_answer_to_an_earlier_turn_is_not_taken_for_this_one(scene: Scene) -> None:
    showing = await scene.ask()
    await succeeds(scene, showing, None)
    earlier = scene.answers(showing)[0]
    later = replace(showing, turn_id="5e55-2", record=Record())
    emit = scene.stage(opening=0.0).open(replace(later, answer=AnswerRef("5e55-2", opening=True)))
    await play(emit, TurnStarted("5e55-2"), TurnEnded("answered", "Another answer."))
    assert [shown(message) for message in scene.answers(showing)] == [ANSWER, "Another answer."]
    assert scene.answers(showing)[0].ts == earlier.ts


async def test_the_record_of_an_earlier_turn_is_no_record_of_this_one(scene: Scene) -> None:
    showing = await scene.ask()
    first = await succeeds(scene, showing, None)
    emit = scene.stage(opening=5.0).open(replace(showing, turn_id="5e55-2", answer=first.last, record=Record()))
    await play(emit, TurnStarted("5e55-2"), TurnEnded("answered", "Another answer."))
    assert len(scene.answers(showing)) == 2


async def test_several_messages_of_the_one_before_are_all_brought_in_order(scene: Scene) -> None:
    showing = await scene.ask()
    stage = scene.stage(opening=0.0)
    gone = Record(lost_after=4)

    async def turn() -> None:
        emit = stage.open(replace(showing, record=gone))
        await play(emit, TurnStarted(TURN), TextDelta("One."))
        await scene.until(lambda: len(scene.answers(showing)) == 1 and gone.last.posted, "a stream")
        scene.clock.ahead += 250
        await emit(TextDelta(" Two."))
        await scene.until(lambda: len(gone.answers) == 4, "a second stream")
        await asyncio.Event().wait()

    task = asyncio.create_task(turn())
    await scene.until(lambda: len(gone.answers) == 4, "two streams")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(gone.last.posted) == 2
    record = await succeeds(scene, showing, gone.last)
    (message,) = scene.answers(showing)  # the answer fits the first message; the second is taken away
    assert shown(message) == ANSWER
    assert record.last == AnswerRef(TURN, posted=(message.ts,), final=True)
    scene.workspace.assert_no_problems()


async def test_a_second_message_not_on_record_does_not_stay_behind(scene: Scene) -> None:
    showing = await scene.ask()
    gone = Record(lost_after=3)  # one message on record, `opening` the next
    emit = scene.stage(opening=0.0).open(replace(showing, record=gone))
    await play(emit, TurnStarted(TURN), TextDelta("One."))
    await scene.until(lambda: gone.answers and gone.last.posted, "a stream")
    scene.clock.ahead += 250
    await emit(TextDelta(" Two."))
    await scene.until(lambda: len(scene.answers(showing)) == 2, "a second stream")
    await succeeds(scene, showing, gone.last)
    assert [shown(message) for message in scene.answers(showing)] == [ANSWER]


async def test_what_cannot_be_looked_up_now_is_looked_up_at_the_end(scene: Scene) -> None:
    showing = await scene.ask()
    gone = Record(lost_after=1)
    emit = scene.stage(opening=0.0).open(replace(showing, record=gone))
    await play(emit, TurnStarted(TURN), TextDelta(BEGUN))
    await scene.until(lambda: scene.answers(showing), "a stream")
    scene.workspace.fault("conversations.replies", status=503)
    await succeeds(scene, showing, gone.last)
    assert [shown(message) for message in scene.answers(showing)] == [ANSWER]


async def test_a_file_is_not_shared_twice(scene: Scene) -> None:
    showing = await scene.ask()
    text = "A line of a long story about pods.\n" * 1200
    first = Record(lost_after=2)  # the file is there, that it is all there is not on record
    emit = scene.stage(opening=5.0).open(replace(showing, record=first))
    with pytest.raises(Exception, match="somebody else"):
        await play(emit, TurnStarted(TURN), TurnEnded("answered", text))
    emit = scene.stage(opening=5.0).open(replace(showing, record=Record(), answer=first.last))
    await play(emit, TurnStarted(TURN), TurnEnded("answered", text))
    assert len(scene.workspace.files) == 1
    assert sum(bool(message.files) for message in scene.answers(showing)) == 1
    assert len(scene.answers(showing)) == 2


async def test_a_runner_whose_lease_runs_out_before_its_post_begins_posts_nothing(scene: Scene) -> None:
    """As when the process was paused between the record and the post."""
    asked, ends = await scene.ask(), [float("inf")]

    async def record(answer: AnswerRef) -> None:
        await scene.record(answer)
        ends[0] = 0.0

    showing = replace(asked, record=record, until=lambda: ends[0])
    emit = scene.stage(opening=0.0, give_up=0.2, retry=0.05).open(showing)
    await play(emit, TurnStarted(TURN), TextDelta(BEGUN), TurnEnded("answered", ANSWER))
    assert scene.record.answers
    assert not scene.answers(showing)


async def test_a_runner_whose_lease_runs_out_changes_nothing_of_what_it_has_posted(scene: Scene) -> None:
    asked, ends = await scene.ask(), [float("inf")]
    showing = replace(asked, until=lambda: ends[0])
    emit = scene.stage(opening=0.0, give_up=0.2, retry=0.05).open(showing)
    await play(emit, TurnStarted(TURN), TextDelta(BEGUN))
    await scene.until(lambda: scene.answers(showing) and shown(scene.answers(showing)[0]), "the first words")
    ends[0] = 0.0
    await play(emit, TextDelta("\n\nFix it."), TurnEnded("answered", ANSWER))
    (message,) = scene.answers(showing)
    assert shown(message) == BEGUN
