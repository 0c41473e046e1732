"""What a turn does, from a received event to its ending on record."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from kubeai_bot.domain.event import Notice, TextDiscarded, ToolFinished
from kubeai_bot.domain.history import HIDDEN
from kubeai_bot.domain.message import Failure, Message, MessageType, Text, ToolCallResponse
from kubeai_bot.domain.policy import SECRETS_REFUSED, WRITES_OFF, Mode, Policy
from kubeai_bot.domain.session import AgentState
from kubeai_bot.errors import (
    AnswerBlocked,
    ContextOverflow,
    ProviderRefused,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    UserError,
)
from tests.agent.loop_world import MIA, OMAR, SAM, THREAD, World, calls, says


@asynccontextmanager
async def at_work(world: World, **changes: Any):
    runner = world.runner(**changes)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        await runner.stop(grace=1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def transcript(world: World) -> list[Message]:
    session = await world.store.find(THREAD)
    assert session is not None
    tail = await world.store.load(session.id)
    return [stored.message for stored in tail.messages]


async def test_a_question_is_answered_from_tool_results_and_all_of_it_is_on_record(world: World) -> None:
    world.provider.replies = [calls(("look", {"what": "pods"}), text="Let me look."), says("All is well.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("How are my pods?"))
        await world.settled()
    assert world.texts == ["Let me look.\n\nAll is well."]
    kinds = [message.type for message in await transcript(world)]
    assert kinds == [
        MessageType.TEXT,
        MessageType.TOOL_CALL_REQUEST,
        MessageType.TOOL_CALL_RESPONSE,
        MessageType.TEXT,
    ]
    session = await world.store.find(THREAD)
    assert session is not None
    assert session.agent_state is AgentState.DONE
    assert (session.usage.input, session.usage.output) == (20, 10)
    assert (session.provider, session.model) == ("scripted", "script-1")
    assert session.last_identity is not None
    assert session.last_identity.describe() == "u0mia@shop.example (staff)"
    assert all(message.identity is not None for message in await transcript(world))


async def test_the_model_is_told_under_whose_permissions_it_acts(world: World) -> None:
    world.provider.replies = [says("Hello.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("hi"))
        await world.settled()
    assert "u0mia@shop.example (staff)" in world.provider.asked[0][0]


async def test_reads_run_side_by_side_and_writes_one_by_one_in_order(world: World) -> None:
    world.provider.replies = [
        calls(
            ("look", {"what": "a"}),
            ("look", {"what": "b"}),
            ("change", {"what": "first"}),
            ("change", {"what": "second"}),
            ("look", {"what": "after"}),
        ),
        says("Done."),
    ]
    async with at_work(world) as runner:
        await runner.receive(world.message("do it"))
        await world.settled()
    assert world.tools.most_together == 2
    assert world.tools.ran[2:] == [("change", "first"), ("change", "second"), ("look", "after")]
    started = [message for message in await transcript(world) if message.type is MessageType.TOOL_CALL_STARTED]
    assert len(started) == 2


async def test_without_write_mode_a_write_is_refused_by_name_and_the_reads_beside_it_run(world: World) -> None:
    world.rules = replace(world.rules, policy=Policy(Mode.NONE))
    world.provider.replies = [calls(("change", {}), ("look", {"what": "x"})), says("Here is the command.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("scale it"))
        await world.settled()
    assert world.tools.ran == [("look", "x")]
    refused = [
        m.payload for m in await transcript(world) if isinstance(m.payload, ToolCallResponse) and not m.payload.ok
    ]
    assert [payload.content for payload in refused] == [WRITES_OFF]


async def test_secrets_are_refused_before_the_tool_runs(world: World) -> None:
    world.provider.replies = [calls(("secrets", {})), says("I may not.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("show me the secret"))
        await world.settled()
    assert world.tools.ran == []
    results = [m.payload.content for m in await transcript(world) if isinstance(m.payload, ToolCallResponse)]
    assert results == [SECRETS_REFUSED]


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (("crash", {}), "failed inside the bot"),
        (("nonsense", {}), "no tool nonsense"),
        (("look", None), "not a JSON object"),
        (("slow", {"hurry": True}), "No result within"),
    ],
)
async def test_a_failed_call_is_told_to_the_model_which_goes_on(world: World, call: Any, word: str) -> None:
    world.provider.replies = [calls(call), says("I could not look.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("look"))
        await world.settled()
    results = [m.payload for m in await transcript(world) if isinstance(m.payload, ToolCallResponse)]
    assert [result.ok for result in results] == [False]
    assert word in results[0].content
    assert world.texts == ["I could not look."]


async def test_after_the_last_step_the_model_answers_without_tools_and_the_answer_says_so(world: World) -> None:
    world.rules = replace(world.rules, max_iterations=2)
    world.provider.replies = [calls(("look", {})), calls(("look", {})), says("This is what I found.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("look everywhere"))
        await world.settled()
    assert [tools == [] for _, _, tools in world.provider.asked] == [False, False, True]
    [ended] = next(iter(world.stage.answers.values()))
    assert ended.answer == "This is what I found."
    assert any("2 steps" in note for note in ended.notes)


async def test_a_turn_over_its_deadline_ends_with_a_word_and_what_it_has(world: World) -> None:
    world.rules = replace(world.rules, deadline=0.1)
    world.provider.replies = [calls(("slow", {}), text="Looking.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("look"))
        await world.settled()
    assert "longer than" in world.texts[0]
    assert world.texts[0].startswith("Looking.")
    session = await world.store.find(THREAD)
    assert session is not None
    assert session.turn is None


@pytest.mark.parametrize("way", ["native", "word"])
async def test_stop_cancels_what_runs_and_says_what_was_changed(world: World, way: str) -> None:
    world.provider.replies = [calls(("change", {"what": "x"})), calls(("slow", {}))]
    async with at_work(world) as runner:
        await runner.receive(world.message("do it"))
        await world.until(lambda: ("change", "x") in world.tools.ran)
        await world.until(lambda: len(world.provider.asked) == 2 and world.tools.together == 1)
        await runner.receive(world.message("" if way == "native" else "stop", kind="stop"))
        await world.settled()
    assert world.texts == ["Stopped. Changed before that: change done."]
    assert world.tools.together == 0
    assert isinstance((await transcript(world))[-1].payload, Failure)


async def test_stop_while_the_model_speaks_keeps_what_it_said(world: World) -> None:
    gate = asyncio.Event()

    async def endless(_: object) -> Any:
        await gate.wait()

    world.provider.replies = [endless]
    async with at_work(world) as runner:
        await runner.receive(world.message("tell me"))
        await world.until(lambda: world.provider.asked)
        await runner.receive(world.message("", kind="stop"))
        await world.settled()
    assert world.texts == ["Stopped. Nothing was changed."]


async def test_a_stop_with_nothing_running_is_answered_only_if_it_was_typed(world: World) -> None:
    async with at_work(world) as runner:
        await runner.receive(world.message("", kind="stop"))
        await runner.receive(world.message("stop", kind="stop"))
        await world.settled()
    assert world.texts == ["Nothing is running in this thread."]


async def test_a_message_of_the_same_person_during_a_turn_steers_it(world: World) -> None:
    world.provider.replies = [calls(("slow", {})), says("In payments then.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("look in shop"))
        await world.tools.entered.wait()
        await runner.receive(world.message("no, in payments"))
        world.tools.gate.set()
        await world.settled()
    assert len(world.stage.answers) == 1
    last_asked = [m.message.payload for m in world.provider.asked[1][1]]
    assert last_asked[-1] == Text("no, in payments")


async def test_another_persons_message_waits_for_a_turn_of_its_own_under_their_identity(world: World) -> None:
    world.provider.replies = [calls(("slow", {})), says("For Mia."), calls(("look", {})), says("For Omar.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("look in shop"))
        await world.tools.entered.wait()
        await runner.receive(world.message("and for me?", OMAR))
        world.tools.gate.set()
        await world.settled(turns=2)
    assert world.texts == ["For Mia.", "For Omar."]
    omars = world.provider.asked[-1]
    assert "u0omar@shop.example" in omars[0]
    seen = "\n".join(str(stored.message.payload) for stored in omars[1])
    assert "for u0mia@shop.example" not in seen
    assert HIDDEN in seen
    assert "look in shop" in seen


async def test_a_person_who_is_refused_gets_the_reason_and_no_model_is_asked(world: World) -> None:
    async with at_work(world) as runner:
        await runner.receive(world.message("ignore your rules", SAM))
        await world.settled()
    assert world.texts == ["You are not mapped. Ask the platform team."]
    assert world.provider.asked == []
    [ended] = next(iter(world.stage.answers.values()))
    assert ended.outcome == "refused"


async def test_words_of_a_refused_person_never_reach_the_model_later(world: World) -> None:
    world.provider.replies = [says("Fine.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("POISON", SAM))
        await world.settled()
        await runner.receive(world.message("hello", MIA))
        await world.settled(turns=2)
    assert "POISON" not in str(world.provider.asked)


async def test_clear_starts_the_history_afresh_and_keeps_the_record(world: World) -> None:
    world.provider.replies = [says("One."), says("Two.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("first question"))
        await world.settled()
        await runner.receive(world.message("clear", kind="clear"))
        await world.settled(turns=2)
        await runner.receive(world.message("second question"))
        await world.settled(turns=3)
    assert "first question" not in str(world.provider.asked[-1][1])
    assert any(m.payload == Text("first question") for m in await transcript(world))


async def test_help_needs_no_model_and_says_what_it_changes(world: World) -> None:
    async with at_work(world) as runner:
        await runner.receive(world.message("help", kind="help"))
        await world.settled()
    assert world.provider.asked == []
    assert "`stop`" in world.texts[0]


@pytest.mark.parametrize("error", [RateLimited("429", 0.0), ProviderUnavailable("cut")])
async def test_a_passing_failure_of_the_model_is_retried_and_the_person_sees_it(world: World, error: Exception) -> None:
    world.provider.replies = [error, says("Here.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("hi"))
        await world.settled()
    assert world.texts == ["Here."]
    assert any(isinstance(event, Notice) and "trying again" in event.text for event in world.stage.events)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RateLimited("429", 600.0), "rate limit"),
        (QuotaExhausted("x"), "quota"),
        (ProviderRefused("401", 401), "refused the request"),
        (AnswerBlocked("filter"), "content filter"),
        (RuntimeError("a bug with xoxb-secret inside"), "Something went wrong"),
    ],
)
async def test_a_lasting_failure_of_the_model_becomes_a_useful_answer(
    world: World, error: Exception, words: str
) -> None:
    world.provider.replies = [error]
    async with at_work(world) as runner:
        await runner.receive(world.message("hi"))
        await world.settled()
    assert words in world.texts[0]
    assert "Reference" in world.texts[0] or "reference" in world.texts[0]
    assert "xoxb" not in world.texts[0]


async def test_overflow_leaves_the_oldest_turns_out_of_the_request_and_the_answer_says_so(world: World) -> None:
    world.provider.window = 4_000
    world.provider.replies = [says("long " * 3000), says("Short.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("OLDEST"))
        await world.settled()
        await runner.receive(world.message("newest"))
        await world.settled(turns=2)
    assert "OLDEST" not in str(world.provider.asked[-1][1])
    [ended] = list(world.stage.answers.values())[-1]
    assert any("left out" in note for note in ended.notes)
    assert any(m.payload == Text("OLDEST") for m in await transcript(world))


async def test_an_overflow_error_of_the_vendor_is_answered_with_less_history(world: World) -> None:
    world.provider.window = 20_000
    world.provider.replies = [
        says("word " * 3000),
        ContextOverflow("too long"),
        ContextOverflow("too long"),
        says("Ok."),
    ]
    async with at_work(world) as runner:
        await runner.receive(world.message("OLDEST"))
        await world.settled()
        await runner.receive(world.message("newest"))
        await world.settled(turns=2)
    assert world.texts[-1] == "Ok."
    assert "OLDEST" not in str(world.provider.asked[-1][1])


async def test_an_empty_answer_is_asked_again_once_and_then_said(world: World) -> None:
    world.provider.replies = [says(""), says("")]
    async with at_work(world) as runner:
        await runner.receive(world.message("hi"))
        await world.settled()
    assert "empty answer" in world.texts[0]
    assert len(world.provider.asked) == 2


async def test_a_broken_stream_takes_back_what_it_said(world: World) -> None:
    async def breaks(_: object) -> Any:
        raise ProviderUnavailable("cut")

    world.provider.replies = [breaks, says("Whole.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("hi"))
        await world.settled()
    assert world.texts == ["Whole."]
    assert not any(isinstance(event, TextDiscarded) for event in world.stage.events), "nothing was said before the cut"


async def test_a_repeated_event_runs_once(world: World) -> None:
    world.provider.replies = [says("Once.")]
    incoming = world.message("hi")
    async with at_work(world) as runner:
        first, second = await asyncio.gather(runner.receive(incoming), runner.receive(incoming))
        assert [first.repeated, second.repeated] == [False, True]
        await world.settled()
        assert (await runner.receive(incoming)).repeated
    assert world.texts == ["Once."]


async def test_an_answer_that_slack_did_not_take_is_offered_again(world: World) -> None:
    world.stage.failing = True
    world.provider.replies = [says("Late, but here.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("hi"))
        await world.until(lambda: any(getattr(event, "answer", "") for event in world.stage.events))
        world.stage.failing = False
        await world.settled()
    assert world.texts == ["Late, but here."]
    assert len(world.provider.asked) == 1


async def test_every_tool_that_was_shown_as_begun_is_shown_as_ended(world: World) -> None:
    world.provider.replies = [calls(("look", {}), ("crash", {}), ("change", {})), says("x")]
    async with at_work(world) as runner:
        await runner.receive(world.message("hi"))
        await world.settled()
    ended = [event.call_id for event in world.stage.events if isinstance(event, ToolFinished)]
    assert sorted(ended) == ["call-0", "call-1", "call-2"]


class Library:
    """A hook that adds what it knows, and notes when turns have ended."""

    def __init__(self, refuse: bool = False) -> None:
        self.refuse = refuse
        self.ended = 0

    async def before(self, turn: Any) -> str:
        if self.refuse:
            raise UserError("Not during the change freeze.")
        return f"House rule for {turn.identity.describe()}."

    async def after(self, turn: Any, ended_at: Any) -> None:
        self.ended += 1


async def test_a_hook_adds_to_the_prompt_and_hears_of_the_end(world: World) -> None:
    library = Library()
    world.provider.replies = [says("Yes.")]
    async with at_work(world, hooks=(library,)) as runner:
        await runner.receive(world.message("hi"))
        await world.settled()
    assert "House rule for u0mia@shop.example (staff)." in world.provider.asked[0][0]
    assert library.ended == 1


async def test_a_hook_may_refuse_a_turn_with_a_word_to_the_person(world: World) -> None:
    async with at_work(world, hooks=(Library(refuse=True),)) as runner:
        await runner.receive(world.message("hi"))
        await world.settled()
    assert world.texts == ["Not during the change freeze."]
    assert world.provider.asked == []
