"""How far a running call is: on its card, streamed and edited; and what stays of it."""

from typing import Any

from kubeai_bot.domain.event import TextFinished, ToolFinished, ToolProgress, ToolStarted, TurnEnded, TurnStarted
from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.slack.draft import Draft
from kubeai_bot.slack.stream import PROGRESS_EVERY
from tests.slack.approvals import words
from tests.slack.scene import TURN, Scene, cards, play

WAIT = ToolStarted("c1", "Wait for the rollout")


def card(message: SimMessage) -> Any:
    return message.all_blocks()[0]["tasks"][0]


async def test_a_streamed_card_says_how_far_its_call_is_and_then_what_came_of_it(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=0.0).open(showing)
    await play(emit, TurnStarted(TURN), WAIT, ToolProgress("c1", "1 of 3 ready"))
    await scene.until(lambda: scene.answers(showing), "a stream")
    await scene.until(lambda: scene.record.last.posted, "its record")
    assert card(scene.answers(showing)[0])["title"] == "Wait for the rollout · 1 of 3 ready"
    await play(emit, ToolProgress("c1", "2 of 3 <!channel> ready"))
    appended = scene.count("chat.appendStream")
    scene.clock.ahead += PROGRESS_EVERY
    await scene.until(lambda: "2 of 3" in card(scene.answers(showing)[0])["title"], "the news")
    assert "<!channel>" not in card(scene.answers(showing)[0])["title"]
    assert scene.count("chat.appendStream") == appended + 1
    finished = ToolFinished("c1", "", "ok", "3 of 3 ready", 12.0)
    await play(emit, finished, TextFinished("Done."), TurnEnded("answered", "Done."))
    assert cards(scene.answers(showing)[0]) == {"Wait for the rollout": ("complete", "3 of 3 ready · 12 s")}
    scene.workspace.assert_no_problems()


async def test_much_progress_takes_few_calls_and_one_message(scene: Scene) -> None:
    showing = await scene.ask()
    emit = scene.stage(opening=0.0).open(showing)
    await play(emit, TurnStarted(TURN), WAIT)
    await scene.until(lambda: scene.answers(showing), "a stream")
    for number in range(300):
        await play(emit, ToolProgress("c1", f"{number} of 300 ready"))
    await play(emit, ToolFinished("c1", "", "ok", "ready", 1.0), TextFinished("Done."), TurnEnded("answered", "Done."))
    assert scene.count("chat.appendStream") < 6
    assert len(scene.answers(showing)) == 1


async def test_without_streams_the_details_of_the_card_say_it(scene: Scene) -> None:
    showing = await scene.ask()
    scene.workspace.fault("chat.startStream", error="feature_not_enabled", times=9)
    emit = scene.stage(opening=0.0).open(showing)
    await play(emit, TurnStarted(TURN), WAIT, ToolProgress("c1", "1 of 3 ready"))
    await scene.until(lambda: scene.answers(showing), "a posted answer")
    await scene.until(lambda: "details" in card(scene.answers(showing)[0]), "the progress")
    assert words(card(scene.answers(showing)[0])["details"]) == "1 of 3 ready"
    await play(emit, ToolFinished("c1", "", "failed", "timed out", 1.0), TurnEnded("failed", "No."))
    assert "details" not in card(scene.answers(showing)[0])
    assert cards(scene.answers(showing)[0]) == {"Wait for the rollout": ("error", "timed out · 1.0 s")}


def test_progress_of_what_does_not_run_is_dropped() -> None:
    draft = Draft()
    for event in (ToolProgress("c0", "x"), WAIT, ToolFinished("c1", "", "ok", "done", 0.0), ToolProgress("c1", "x")):
        draft.apply(event)
    assert [(task.id, task.progress, task.status) for task in draft.tasks.values()] == [("c1", "", "complete")]


def test_what_waits_for_an_approval_is_no_error_and_is_not_interrupted_at_the_end() -> None:
    draft = Draft()
    for event in (WAIT, ToolFinished("c1", "", "waiting", "waits for an approval", 0.0)):
        draft.apply(event)
    draft.close("waiting", 1.0)
    (task,) = draft.tasks.values()
    assert (task.status, task.output) == ("pending", "waits for an approval")


def test_what_was_stopped_has_not_failed_and_what_was_done_stays_done() -> None:
    draft = Draft()
    began = [ToolStarted(f"c{number}", f"Look at {number}") for number in (1, 2, 3)]
    done = ToolFinished("c1", "", "ok", "3 pods", 0.0)
    refused = ToolFinished("c2", "", "refused", "no right", 0.0)
    stopped = [ToolFinished(f"c{number}", "", "interrupted", "stopped", 0.0) for number in (1, 3)]
    for event in (*began, done, refused, *stopped):
        draft.apply(event)
    draft.close("stopped", 2.0)
    assert [(task.status, task.output) for task in draft.tasks.values()] == [
        ("complete", "3 pods"),
        ("error", "no right"),
        ("pending", "stopped"),
    ]
    assert draft.title == "Worked for 2.0 s · 1 of 3 steps"


def test_an_interruption_that_nobody_wanted_is_a_failure() -> None:
    draft = Draft()
    for event in (WAIT, ToolFinished("c2", "Scale", "interrupted", "interrupted: outcome unknown", 0.0)):
        draft.apply(event)
    draft.close("answered", 1.0)
    assert [(task.status, task.output) for task in draft.tasks.values()] == [
        ("error", "interrupted"),
        ("error", "interrupted: outcome unknown"),
    ]
