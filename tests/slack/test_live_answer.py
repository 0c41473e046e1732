"""A turn as people see it in Slack."""

import asyncio
from dataclasses import replace

import pytest

from kubeai_bot.domain.event import (
    Notice,
    TextDelta,
    TextDiscarded,
    TextFinished,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnStarted,
)
from kubeai_bot.domain.session import AnswerRef
from kubeai_bot.errors import LeaseLost
from kubeai_bot.slack.safe_markdown import JOINER
from kubeai_bot.slack.thread import metadata
from tests.slack.scene import TURN, Record, Scene, cards, notes, play, shown, words


async def test_a_short_answer_is_one_plain_message_in_the_thread(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=5.0).open(showing)
    await play(emit, TurnStarted(TURN), TextDelta("All well."), TextFinished("All well."))
    await emit(TurnEnded("answered", "All well.", ("Only namespace shop was looked at.",)))
    (message,) = scene.answers(showing)
    assert shown(message) == "All well."
    assert notes(message) == ["Only namespace shop was looked at."]
    assert message.thread_ts == showing.thread.thread_ts
    assert message.metadata == metadata(TURN)
    assert message.text == "All well.\n\n_Only namespace shop was looked at._"
    posted = scene.workspace.calls_of("chat.postMessage")[0].arguments
    assert posted["unfurl_links"] is False
    assert posted["unfurl_media"] is False
    assert scene.record.answers == [
        AnswerRef(TURN, opening=True),
        AnswerRef(TURN, posted=(message.ts,)),
        AnswerRef(TURN, posted=(message.ts,), final=True),
    ]
    scene.workspace.assert_no_problems()


@pytest.mark.parametrize("channel", ["D0MIA", "C0ONCALL"])
async def test_tool_calls_are_cards_above_a_streamed_answer(scene: Scene, channel: str) -> None:
    showing = await scene.ask(channel=channel)
    emit = scene.stage().open(showing)
    await play(emit, TurnStarted(TURN), ToolStarted("c1", "List pods in shop"), ToolStarted("c2", "Read events"))
    message = await scene.until(lambda: next(iter(scene.answers(showing)), None), "a stream")
    assert message.streaming
    await emit(ToolFinished("c1", "List pods in shop", "ok", "3 pods, 1 crashing", 0.42))
    await emit(ToolFinished("c2", "Read events", "refused", "forbidden", 0.0))
    await scene.until(lambda: cards(message).get("Read events") == ("error", "forbidden"), "the card's outcome")
    assert cards(message)["List pods in shop"] == ("complete", "3 pods, 1 crashing · 0.4 s")
    text = "**web** crashes: the config is wrong. Fix the config map."
    for delta in words(text):
        await emit(delta)
    await scene.until(lambda: shown(message) == text, "the streamed text")
    await emit(TextFinished(text))
    await emit(TurnEnded("answered", text, ("A note.",)))
    assert not message.streaming
    assert shown(message) == text
    assert notes(message) == ["A note."]
    assert message.metadata == metadata(TURN)
    assert message.plan is not None
    assert "2 steps" in message.plan
    assert scene.workspace.calls_of("chat.startStream")[0].arguments["task_display_mode"] == "plan"
    assert scene.record.last == AnswerRef(TURN, posted=(message.ts,), final=True)
    session = scene.workspace.session(channel, showing.thread.thread_ts)
    assert session is not None
    assert session.status == "active"
    assert scene.count("chat.update") == 0
    scene.workspace.assert_no_problems()


async def test_a_sign_of_life_comes_at_once_and_does_not_hold_up_the_turn(scene: Scene) -> None:
    showing = await scene.ask()
    scene.workspace.fault("agents.sessions.setStatus", delay=1.0)
    emit = scene.stage().open(showing)
    await play(emit, TurnStarted(TURN), TextDelta("Hm"))
    assert not scene.workspace.calls_of("agents.sessions.setStatus"), "the turn has waited for Slack's answer"
    await emit(TurnEnded("answered", "Hm"))
    statuses = [call.arguments["status"] for call in scene.workspace.calls_of("agents.sessions.setStatus")]
    assert statuses == ["processing", "active"]
    scene.workspace.assert_no_problems()


async def test_a_workspace_without_sessions_gets_the_older_status_and_is_not_asked_again(scene: Scene) -> None:
    scene.workspace.fault("agents.sessions.setStatus", error="not_agent_app", times=10)
    stage = scene.stage()
    for _ in range(2):
        showing = await scene.ask()
        emit = stage.open(showing)
        await emit(TurnStarted(TURN))
        session = await scene.until(
            lambda key=showing.thread: scene.workspace.session(key.channel_id, key.thread_ts), "a status"
        )
        assert session.status_text
        assert session.loading_messages
        await emit(TurnEnded("answered", "Done."))
        assert not session.status_text
    assert scene.count("agents.sessions.setStatus") == 1
    scene.workspace.assert_no_problems()


async def test_deltas_are_coalesced(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=0.05, append=0.2).open(showing)
    await emit(TurnStarted(TURN))
    text = "word " * 200
    for delta in words(text, 200):
        await emit(delta)
        await asyncio.sleep(0.002)
    await emit(TurnEnded("answered", text))
    assert scene.count("chat.appendStream") <= 8
    assert shown(scene.answers(showing)[0]) == text.strip()


async def test_many_events_at_once_open_one_stream_and_repeat_nothing(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=0.0, append=0.0).open(showing)
    await emit(TurnStarted(TURN))
    await asyncio.gather(*(emit(ToolStarted(f"c{n}", f"Step {n}")) for n in range(10)))
    await asyncio.gather(*(emit(ToolFinished(f"c{n}", f"Step {n}", "ok", "fine", 0.1)) for n in range(10)))
    await emit(TurnEnded("answered", "Fine."))
    (message,) = scene.answers(showing)
    assert cards(message) == {f"Step {n}": ("complete", "fine · 0.1 s") for n in range(10)}
    scene.workspace.assert_no_problems()


async def test_a_control_sequence_split_over_two_deltas_stays_harmless(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=0.0).open(showing)
    await play(emit, TurnStarted(TURN), TextDelta("Look <"))
    await scene.until(lambda: scene.answers(showing), "a stream")
    await play(emit, TextDelta("!chan"), TextDelta("nel> and @he"), TextDelta("re\n```\n<!here>\n```\n"))
    answer = "Look <!channel> and @here\n```\n<!here>\n```"
    await emit(TurnEnded("answered", answer))
    assert shown(scene.answers(showing)[0]) == f"Look <{JOINER}!channel> and @{JOINER}here\n```\n<!here>\n```"


async def test_a_title_or_outcome_of_a_call_cannot_ping(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=0.0).open(showing)
    await play(emit, TurnStarted(TURN), ToolStarted("c1", "Read <!channel>\nnow"))
    await emit(ToolFinished("c1", "", "ok", "said <@U0OMAR>", 1.0))
    await emit(TurnEnded("answered", "ok", ("see @here",)))
    (message,) = scene.answers(showing)
    assert cards(message) == {f"Read <{JOINER}!channel> now": ("complete", f"said <{JOINER}@U0OMAR> · 1.0 s")}
    assert notes(message) == [f"see @{JOINER}here"]


async def test_what_the_model_took_back_is_gone_at_the_end(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=0.0).open(showing)
    await play(emit, TurnStarted(TURN), TextDelta("It is the netw"))
    message = await scene.until(lambda: next(iter(scene.answers(showing)), None), "a stream")
    await play(emit, TextDiscarded(), Notice("The model's API did not answer; trying again in 1 s."))
    await play(emit, TextDelta("It is the disk."), TextFinished("It is the disk."))
    await emit(TurnEnded("answered", "It is the disk."))
    assert shown(message) == "It is the disk."
    assert len(scene.answers(showing)) == 1
    scene.workspace.assert_no_problems()


async def test_a_remark_about_the_work_is_seen_while_nothing_else_is(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=0.0).open(showing)
    await play(emit, TurnStarted(TURN), Notice("The model's API is over its rate limit; trying again in 5 s."))
    message = await scene.until(lambda: next(iter(scene.answers(showing)), None), "a stream")
    assert message.plan == "The model's API is over its rate limit; trying again in 5 s."
    await emit(TurnEnded("failed", "The model did not answer."))
    assert message.plan.startswith("Failed after")
    scene.workspace.assert_no_problems()


async def test_cards_of_an_interrupted_turn_do_not_run_forever(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=0.0).open(showing)
    await play(emit, TurnStarted(TURN), ToolStarted("c1", "Read logs"), ToolStarted("c2", "List pods"))
    await emit(ToolFinished("c2", "List pods", "interrupted", "stopped", 0.0))
    await emit(TurnEnded("failed", "I am being restarted."))
    (message,) = scene.answers(showing)
    assert cards(message) == {"Read logs": ("error", "interrupted"), "List pods": ("error", "stopped")}
    assert message.all_blocks()[0]["title"].startswith("Failed after")
    scene.workspace.assert_no_problems()


async def test_the_stop_button_ends_the_live_answer_and_the_end_is_still_shown(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=0.0).open(showing)
    await play(emit, TurnStarted(TURN), ToolStarted("c1", "Read logs"), TextDelta("So far "))
    await scene.until(lambda: scene.answers(showing), "a stream")
    assert await scene.workspace.stop("U0MIA", "D0MIA", showing.thread.thread_ts)
    await emit(TextDelta("it seems"))
    await scene.until(
        lambda: any(not call.ok for call in scene.workspace.calls_of("chat.appendStream")), "stopped_by_user"
    )
    await emit(TurnEnded("stopped", "So far it seems\n\nStopped. Nothing was changed."))
    (message,) = scene.answers(showing)
    assert shown(message) == "So far it seems\n\nStopped. Nothing was changed."
    assert cards(message)["Read logs"] == ("pending", "stopped")
    session = scene.workspace.session("D0MIA", showing.thread.thread_ts)
    assert session is not None
    assert session.status == "active"
    scene.workspace.assert_no_problems()


async def test_an_old_stream_is_turned_over_before_slack_ends_it(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=0.0).open(showing)
    await play(emit, TurnStarted(TURN), ToolStarted("c1", "Wait for the rollout"), TextDelta("Look:\n```sh\necho 1\n"))
    await scene.until(lambda: scene.answers(showing) and shown(scene.answers(showing)[0]), "a stream")
    scene.clock.ahead += 250
    await emit(TextDelta("echo 2\n"))
    first, second = await scene.until(
        lambda: len(scene.answers(showing)) == 2 and scene.answers(showing), "another message"
    )
    assert not first.streaming
    assert cards(first) == {"Wait for the rollout": ("complete", "goes on below")}
    assert shown(first) == "Look:\n```sh\necho 1\n```"
    await emit(ToolFinished("c1", "Wait for the rollout", "ok", "done", 250.0))
    answer = "Look:\n```sh\necho 1\necho 2\n```\nThat is all."
    await emit(TurnEnded("answered", answer))
    assert cards(second) == {"Wait for the rollout": ("complete", "done · 4 min 10 s")}
    assert shown(second) == "```sh\necho 2\n```\nThat is all."
    assert scene.record.last == AnswerRef(TURN, posted=(first.ts, second.ts), final=True)
    assert [answer.opening for answer in scene.record.answers] == [True, False, True, False, False]
    scene.workspace.assert_no_problems()


async def test_a_full_message_goes_on_in_the_next_with_its_table_head(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=0.0).open(showing)
    head = "| pod | state |\n|-----|-------|\n"
    text = head + "".join(f"| web-{n:04} | Running since the beginning of time |\n" for n in range(250))
    await emit(TurnStarted(TURN))
    for delta in words(text, 30):
        await emit(delta)
        await scene.until(lambda: scene.answers(showing), "a stream")
    await emit(TurnEnded("answered", text))
    first, second = scene.answers(showing)
    assert shown(second).startswith(head)
    assert shown(first) + shown(second).removeprefix(head) == text.strip()
    scene.workspace.assert_no_problems()


async def test_more_calls_than_fit_one_message_go_on_in_the_next(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=0.0, append=0.0).open(showing)
    await emit(TurnStarted(TURN))
    for n in range(60):
        await emit(ToolStarted(f"c{n}", f"Step {n}"))
        await emit(ToolFinished(f"c{n}", f"Step {n}", "ok", "fine", 0.1))
        await scene.until(lambda: scene.answers(showing), "a stream")
    await emit(TurnEnded("answered", "Fine."))
    first, second = scene.answers(showing)
    assert {**cards(first), **cards(second)} == {f"Step {n}": ("complete", "fine · 0.1 s") for n in range(60)}
    scene.workspace.assert_no_problems()


async def test_a_very_long_answer_ends_in_a_file(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=0.0).open(showing)
    text = "".join(f"Line {n} of a very long story about a cluster and its pods.\n" for n in range(900))
    await emit(TurnStarted(TURN))
    for delta in words(text, 50):
        await emit(delta)
        await scene.until(lambda: scene.answers(showing), "a stream")
    await emit(TurnEnded("answered", text, ("A note.",)))
    *messages, last, file = sorted(scene.answers(showing), key=lambda message: message.ts)
    if last.files:
        last, file = file, last
    assert text.startswith("".join(shown(message) for message in messages))
    (uploaded,) = scene.workspace.files.values()
    assert uploaded.content.decode() == text
    assert file.thread_ts == showing.thread.thread_ts
    assert len(scene.answers(showing)) <= 5
    noted = [notes(message) for message in scene.answers(showing) if notes(message)]
    assert noted[-1] == ["A note.", "The whole answer is in the file in this thread."]
    scene.workspace.assert_no_problems()


async def test_a_very_long_answer_that_was_not_streamed_is_its_beginning_and_a_file(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=5.0).open(showing)
    text = "".join(f"Line {n} of a very long story about a cluster and its pods.\n" for n in range(900))
    await play(emit, TurnStarted(TURN), TurnEnded("answered", text))
    message, file = sorted(scene.answers(showing), key=lambda message: bool(message.files))
    assert text.startswith(shown(message))
    assert file.files
    scene.workspace.assert_no_problems()


async def test_a_very_long_answer_is_posted_whole_where_files_are_refused(scene: Scene) -> None:
    scene.workspace.fault("files.getUploadURLExternal", error="missing_scope")
    showing = await scene.ask()
    emit = scene.stage(opening=5.0).open(showing)
    text = "".join(f"Line {n} of a very long story about a cluster and its pods.\n" for n in range(900))
    await play(emit, TurnStarted(TURN), TurnEnded("answered", text))
    assert "\n".join(shown(message) for message in scene.answers(showing)) == text.strip()
    scene.workspace.assert_no_problems()


async def test_nothing_is_posted_once_the_lease_is_lost(scene: Scene) -> None:
    scene.record.lost_after = 0
    showing = await scene.ask()
    emit = scene.stage(opening=0.0).open(showing)
    await play(emit, TurnStarted(TURN), TextDelta("Hm"))
    with pytest.raises(LeaseLost):
        await emit(TurnEnded("answered", "Hm, all well."))
    assert scene.answers(showing) == []
    with pytest.raises(LeaseLost):
        await emit(TurnEnded("answered", "Hm, all well."))
    assert scene.count("chat.startStream") == scene.count("chat.postMessage") == 0


async def test_a_lease_lost_at_the_end_is_told(scene: Scene) -> None:
    showing = await scene.ask()
    record = Record(lost_after=2)
    emit = scene.stage(opening=5.0).open(replace(showing, record=record))
    await emit(TurnStarted(TURN))
    with pytest.raises(LeaseLost):
        await emit(TurnEnded("answered", "All well."))
    assert len(scene.answers(showing)) == 1


async def test_a_turn_that_is_cut_off_draws_nothing_more(scene: Scene) -> None:
    showing = await scene.ask()
    stage = scene.stage(opening=0.05)

    async def turn() -> None:
        emit = stage.open(showing)
        await play(emit, TurnStarted(TURN), TextDelta("Hm"))
        await asyncio.Event().wait()

    task = asyncio.create_task(turn())
    await scene.until(lambda: scene.count("agents.sessions.setStatus"), "the turn to start")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    later = stage.open(await scene.ask())
    await play(later, TurnStarted(TURN), TextDelta("Hm"))
    await scene.until(lambda: scene.count("chat.startStream"), "a turn that began later to be drawn")
    assert scene.count("chat.startStream") == 1
    await later(TurnEnded("answered", "Hm"))
