"""The answer is shown whatever Slack does: refusals, limits, lost responses, expiry, outage."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from kubeai_bot.domain.event import TextDelta, TextFinished, ToolFinished, ToolStarted, TurnEnded, TurnStarted
from kubeai_bot.domain.session import AnswerRef
from kubeai_bot.interfaces import Showing
from kubeai_bot.playground.workspace.people import Person
from kubeai_bot.slack.thread import metadata
from tests.slack.scene import TURN, Scene, cards, play, shown

ANSWER = "The config map is wrong.\n\nFix `DATABASE_URL`."
WORK = (ToolStarted("c1", "List pods"), ToolFinished("c1", "List pods", "ok", "3 pods", 0.4))


async def work(scene: Scene, emit: Any, live: Callable[[], Any] | None = None) -> None:
    """A turn with one call and text in two deltas, with time for Slack to see each."""
    for event in (TurnStarted(TURN), *WORK, TextDelta(ANSWER[:20]), TextDelta(ANSWER[20:])):
        seen = len(scene.workspace.calls)
        await emit(event)
        if not isinstance(event, TurnStarted):
            await scene.until(lambda seen=seen: len(scene.workspace.calls) > seen, "a call")
    await emit(TextFinished(ANSWER))
    if live is not None:
        await scene.until(live, "the live answer")


def the_answer_stands(scene: Scene, showing: Any) -> None:
    (message,) = scene.answers(showing)
    assert not message.streaming
    assert shown(message) == ANSWER
    assert cards(message) == {"List pods": ("complete", "3 pods · 0.4 s")}
    assert message.metadata == metadata(TURN)
    assert scene.record.last == AnswerRef(TURN, posted=(message.ts,), final=True)
    session = scene.workspace.session(showing.thread.channel_id, showing.thread.thread_ts)
    assert session is None or session.status == "active"


@pytest.mark.parametrize("code", ["unknown_method", "feature_not_enabled", "channel_type_not_supported"])
async def test_without_streaming_one_message_is_posted_and_edited(scene: Scene, code: str) -> None:
    scene.workspace.fault("chat.startStream", error=code, times=100)
    showing = await scene.ask()
    emit = scene.stage(opening=0.0).open(showing)
    await work(scene, emit, lambda: scene.answers(showing) and shown(scene.answers(showing)[0]) == ANSWER)
    await emit(TurnEnded("answered", ANSWER))
    the_answer_stands(scene, showing)
    assert scene.count("chat.startStream") == 1
    assert scene.count("chat.postMessage") == 1
    scene.workspace.assert_no_problems()


async def test_a_workspace_without_streaming_is_remembered(scene: Scene) -> None:
    scene.workspace.fault("chat.startStream", error="feature_not_enabled", times=100)
    stage = scene.stage(opening=0.0)
    for _ in range(2):
        showing = await scene.ask()
        emit = stage.open(showing)
        await work(scene, emit, lambda key=showing: scene.answers(key))
        await emit(TurnEnded("answered", ANSWER))
    assert scene.count("chat.startStream") == 1


async def test_a_rate_limited_start_falls_back_to_edits(scene: Scene) -> None:
    scene.workspace.fault("chat.startStream", retry_after=1)
    showing = await scene.ask()
    emit = scene.stage(opening=0.0, edit=0.0).open(showing)
    await play(emit, TurnStarted(TURN), *WORK, TextDelta(ANSWER))
    await scene.until(lambda: scene.answers(showing), "a posted message")
    await emit(TurnEnded("answered", ANSWER))
    the_answer_stands(scene, showing)
    assert scene.count("chat.startStream") == 1


async def test_repeated_limits_leave_only_the_final_answer(scene: Scene) -> None:
    scene.workspace.fault("chat.appendStream", retry_after=0, times=50)
    showing = await scene.ask()
    emit = scene.stage(opening=0.0).open(showing)
    await play(emit, TurnStarted(TURN), *WORK)
    await scene.until(lambda: scene.answers(showing), "a stream")
    for piece in range(0, len(ANSWER), 3):
        await emit(TextDelta(ANSWER[piece : piece + 3]))
    await scene.until(lambda: scene.count("chat.appendStream") >= 3, "three limited calls")
    await emit(TurnEnded("answered", ANSWER))
    the_answer_stands(scene, showing)
    assert scene.count("chat.appendStream") == 3
    scene.workspace.assert_no_problems()


@pytest.mark.parametrize("method", ["chat.startStream", "chat.appendStream", "chat.stopStream"])
@pytest.mark.parametrize(
    "fault",
    [
        {"drop_response": True},
        {"status": 500},
        {"status": 503},
        {"error": "internal_error"},
        {"error": "some_new_error"},
        {"error": "message_not_in_streaming_state"},
        {"error": "msg_too_long"},
    ],
    ids=str,
)
async def test_any_failure_of_a_streaming_call_ends_in_one_right_answer(
    scene: Scene, method: str, fault: dict[str, Any]
) -> None:
    scene.workspace.fault(method, **fault)
    showing = await scene.ask()
    emit = scene.stage(opening=0.0).open(showing)
    await play(emit, TurnStarted(TURN), *WORK)
    await scene.until(lambda: scene.count("chat.startStream"), "the first try")
    await play(emit, TextDelta(ANSWER[:20]), TextDelta(ANSWER[20:]))
    await scene.until(lambda: any(shown(message) for message in scene.answers(showing)), "live text")
    await emit(TurnEnded("answered", ANSWER))
    text = "".join(shown(message) for message in scene.answers(showing))
    assert text == ANSWER
    assert scene.record.last.final
    assert scene.record.last.posted == tuple(message.ts for message in scene.answers(showing))
    assert not any(message.streaming for message in scene.answers(showing))
    if fault != {"error": "msg_too_long"}:
        the_answer_stands(scene, showing)


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
@pytest.mark.parametrize("fault", [{"drop_response": True}, {"status": 500}], ids=str)
async def test_any_failure_of_an_edited_answer_ends_in_one_right_answer(
    scene: Scene, method: str, fault: dict[str, Any]
) -> None:
    scene.workspace.fault("chat.startStream", error="channel_type_not_supported", times=5)
    scene.workspace.fault(method, **fault)
    showing = await scene.ask()
    emit = scene.stage(opening=0.0).open(showing)
    await play(emit, TurnStarted(TURN), *WORK, TextDelta(ANSWER[:20]))
    await scene.until(lambda: scene.count("chat.postMessage"), "the first try")
    await emit(TextDelta(ANSWER[20:]))
    await emit(TurnEnded("answered", ANSWER))
    the_answer_stands(scene, showing)
    scene.workspace.assert_no_problems()


async def test_a_lost_response_is_looked_up_in_the_thread_before_posting_again(scene: Scene) -> None:
    scene.workspace.fault("chat.postMessage", drop_response=True)
    showing = await scene.ask()
    emit = scene.stage(opening=5.0).open(showing)
    await play(emit, TurnStarted(TURN), TurnEnded("said", "Hello."))
    (message,) = scene.answers(showing)
    assert shown(message) == "Hello."
    assert scene.count("chat.postMessage") == 1
    (look,) = scene.workspace.calls_of("conversations.replies")
    assert look.arguments["oldest"] == showing.asked_ts
    assert look.arguments["include_all_metadata"] is True


async def test_a_post_that_never_arrived_is_posted_again(scene: Scene) -> None:
    scene.workspace.fault("chat.postMessage", status=503)
    showing = await scene.ask()
    emit = scene.stage(opening=5.0).open(showing)
    await play(emit, TurnStarted(TURN), TurnEnded("said", "Hello."))
    assert [shown(message) for message in scene.answers(showing)] == ["Hello."]
    assert scene.count("chat.postMessage") == 2


async def test_an_expired_stream_is_repaired_by_an_edit_of_its_message(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=0.0, page_life=1e9).open(showing)
    await play(emit, TurnStarted(TURN), *WORK, TextDelta(ANSWER[:20]))
    await scene.until(lambda: scene.answers(showing), "a stream")
    scene.clock.ahead += 301
    await emit(TextDelta(ANSWER[20:]))
    await scene.until(lambda: shown(scene.answers(showing)[0]) == ANSWER, "the repaired message")
    await emit(TurnEnded("answered", ANSWER))
    the_answer_stands(scene, showing)
    assert scene.count("chat.startStream") == 1
    scene.workspace.assert_no_problems()


async def test_refused_blocks_are_sent_as_plain_markdown(scene: Scene) -> None:
    scene.workspace.fault("chat.postMessage", error="invalid_blocks")
    showing = await scene.ask()
    emit = scene.stage(opening=5.0).open(showing)
    await play(emit, TurnStarted(TURN), TurnEnded("answered", ANSWER, ("A note.",)))
    (message,) = scene.answers(showing)
    assert shown(message) == f"{ANSWER}\n\n_A note._"
    assert scene.record.last.final
    scene.workspace.assert_no_problems()


async def test_an_answer_deleted_meanwhile_is_posted_again(scene: Scene) -> None:
    scene.workspace.fault("chat.startStream", error="channel_type_not_supported")
    showing = await scene.ask()
    emit = scene.stage(opening=0.0).open(showing)
    await play(emit, TurnStarted(TURN), TextDelta(ANSWER[:20]))
    message = await scene.until(lambda: next(iter(scene.answers(showing)), None), "a message")
    message.deleted = True
    await emit(TurnEnded("answered", ANSWER))
    (again,) = scene.answers(showing)
    assert again.ts != message.ts
    assert shown(again) == ANSWER
    assert scene.record.last == AnswerRef(TURN, posted=(again.ts,), final=True)


async def test_slack_that_is_down_at_the_end_is_waited_for(scene: Scene) -> None:
    showing = await scene.ask()
    scene.workspace.fault("*", status=503, times=6)
    emit = scene.stage(opening=5.0, give_up=5.0).open(showing)
    await play(emit, TurnStarted(TURN), TurnEnded("answered", ANSWER))
    assert [shown(message) for message in scene.answers(showing)] == [ANSWER]
    assert scene.record.last.final


async def test_slack_that_stays_down_is_given_up_without_an_error_and_without_a_final_record(scene: Scene) -> None:
    showing = await scene.ask()
    scene.workspace.fault("*", status=503, times=10_000)
    emit = scene.stage(opening=0.0, give_up=0.3).open(showing)
    await play(emit, TurnStarted(TURN), *WORK, TextDelta(ANSWER), TurnEnded("answered", ANSWER))
    assert not scene.record.last.final
    scene.workspace.clear_faults()
    assert scene.answers(showing) == []


async def test_a_thread_that_cannot_be_posted_to_is_given_up_at_once(scene: Scene) -> None:
    showing = await scene.ask(channel="C0ONCALL")
    scene.workspace.channels["C0ONCALL"].is_archived = True
    emit = scene.stage(opening=0.0, give_up=60.0).open(showing)
    await play(emit, TurnStarted(TURN), *WORK, TextDelta(ANSWER), TurnEnded("answered", ANSWER))
    assert not scene.record.answers or not scene.record.last.final


async def test_concurrent_turns_share_slacks_limits(scene: Scene) -> None:
    """Ten answers at once: a quarter of a minute's new streams (20 in all) is given out, the others are edited."""
    people = [Person(f"U0N{n}", f"Nina {n}", f"n{n}@shop.example") for n in range(10)]
    showings = [await scene.ask(channel=scene.workspace.add_person(person).id) for person in people]
    stage = scene.stage(opening=0.0)

    async def turn(showing: Showing) -> None:
        emit = stage.open(showing)
        await play(emit, TurnStarted(TURN), *WORK, TextDelta("Fine."))
        await scene.until(lambda: scene.answers(showing), "a live answer")
        await emit(TurnEnded("answered", "Fine."))

    await asyncio.gather(*(turn(showing) for showing in showings))
    assert scene.count("chat.startStream") == 5
    assert all(shown(scene.answers(showing)[0]) == "Fine." for showing in showings)
    scene.workspace.assert_no_problems()
