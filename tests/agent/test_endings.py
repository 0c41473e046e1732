"""However a turn ends: nothing said is lost, no change unnamed, and the next turn is not hurt by it."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from kubeai_bot.domain.message import ToolCallResponse
from kubeai_bot.domain.session import AnswerRef
from tests.agent.loop_world import MIA, OMAR, THREAD, World, calls, says
from tests.agent.test_turns import at_work, transcript


async def test_what_was_asked_for_before_a_stop_does_not_run_after_it(world: World) -> None:
    world.provider.replies = [calls(("slow", {})), calls(("change", {}))]
    async with at_work(world) as runner:
        await runner.receive(world.message("look"))
        await world.tools.entered.wait()
        await runner.receive(world.message("and scale checkout to 0"))
        await runner.receive(world.message("stop", kind="stop"))
        await world.settled()
    assert world.tools.ran == []
    assert world.texts == ["Stopped. Nothing was changed. 1 waiting message(s) before the stop are dropped too."]


async def test_what_another_person_asked_survives_a_stop(world: World) -> None:
    world.provider.replies = [calls(("slow", {})), says("For Omar.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("look"))
        await world.tools.entered.wait()
        await runner.receive(world.message("and for me?", OMAR))
        await runner.receive(world.message("stop", kind="stop"))
        await world.settled(turns=2)
    assert world.texts[-1] == "For Omar."


async def test_a_stop_that_comes_too_late_does_not_stop_the_next_persons_turn(world: World) -> None:
    world.provider.replies = [says("For Mia."), says("For Omar.")]
    world.stage.pen.clear()
    async with at_work(world) as runner:
        await runner.receive(world.message("hi"))
        await world.stage.writing.wait()
        await runner.receive(world.message("and me?", OMAR))
        await runner.receive(world.message("", kind="stop"))
        await world.until(next(iter(runner._journals.values())).stop_asked.is_set)
        world.stage.pen.set()
        await world.settled(turns=2)
    assert world.texts == ["For Mia.", "For Omar."]


async def test_a_bug_while_resolving_the_speaker_is_an_answer_not_silence(world: World) -> None:
    world.resolver.broken = True
    async with at_work(world) as runner:
        await runner.receive(world.message("hi"))
        await world.settled()
    assert "Something went wrong" in world.texts[0]


async def test_a_bug_while_showing_the_answer_shows_it_again(world: World) -> None:
    world.stage.crashes = 2
    world.provider.replies = [says("Shown.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("hi"))
        await world.settled()
    assert world.texts == ["Shown."]


async def test_a_bug_in_one_calls_plan_is_that_calls_result(world: World) -> None:
    world.provider.replies = [calls(("crash-early", {}), ("look", {"what": "x"})), says("Half of it.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("hi"))
        await world.settled()
    assert world.texts == ["Half of it."]
    assert world.tools.ran == [("look", "x")]


async def test_a_process_that_ends_with_its_sessions_says_so_in_the_thread(world: World) -> None:
    world.provider.replies = [calls(("slow", {}))]
    runner = world.runner(last_words=5.0)
    await runner.receive(world.message("look"))
    await world.tools.entered.wait()
    await runner.receive(world.message("another person waits", OMAR))
    await runner.stop(grace=0.01)
    assert world.texts == ["I am being restarted and could not finish. Ask again in a moment."]


async def test_a_change_that_may_have_happened_is_named_when_the_heir_may_not_go_on(world: World) -> None:
    gate = asyncio.Event()

    class Stuck(type(world.tools)):
        async def call(self, planned: Any, identity: Any, context: Any) -> Any:
            gate.set()
            await asyncio.Event().wait()

    world.tools = Stuck()
    world.provider.replies = [calls(("change", {}))]
    first = world.runner()
    await first.receive(world.message("change it"))
    await asyncio.wait_for(gate.wait(), 5)
    await first.stop(grace=0)
    world.resolver.groups[MIA] = ("other",)
    async with at_work(world):
        await world.settled()
    assert "permissions changed" in world.texts[0]
    assert "change (may or may not have happened)" in world.texts[0]
    results = [m.payload for m in await transcript(world) if isinstance(m.payload, ToolCallResponse)]
    assert [result.changed for result in results] == [True]


async def test_what_the_model_had_said_when_its_time_ran_out_stays(world: World) -> None:
    said = asyncio.Event()

    class Slow(type(world.provider)):
        async def stream(self, system: Any, messages: Any, tools: Any) -> Any:
            async for event in super().stream(system, messages, tools):
                yield event
                said.set()
                await asyncio.Event().wait()

    world.provider = Slow([says("Finding one.")])
    world.rules = replace(world.rules, deadline=0.2)
    async with at_work(world) as runner:
        await runner.receive(world.message("look"))
        await world.settled()
    assert world.texts[0].startswith("Finding")
    assert "longer than" in world.texts[0]


async def test_a_message_that_was_deleted_and_posted_again_is_on_record(world: World) -> None:
    """The record of an answer may go back and forth; every step of it counts."""
    world.provider.replies = [says("x")]
    seen: list[tuple[str, ...]] = []
    opening = world.stage.open

    def twice(showing: Any) -> Any:
        emit = opening(showing)

        async def recording(event: Any) -> None:
            for posted in ((), ("1.1",), (), ("2.2",)):
                await showing.record(AnswerRef(showing.turn_id, opening=not posted, posted=posted))
                session = await world.store.find(THREAD)
                assert session is not None
                assert session.answer is not None
                seen.append(session.answer.posted)
            await emit(event)

        return recording

    world.stage.open = twice  # type: ignore[method-assign]
    async with at_work(world) as runner:
        await runner.receive(world.message("hi"))
        await world.settled()
    assert seen[:4] == [(), ("1.1",), (), ("2.2",)]


@pytest.mark.parametrize("text", ["", "stop"])
async def test_a_stop_right_behind_its_question_stops_it(world: World, text: str) -> None:
    world.provider.replies = [says("never")]
    await world.store.receive(world.message("hi"))
    await world.store.receive(world.message(text, kind="stop"))
    async with at_work(world):
        await world.settled()
    assert world.texts == ["Stopped. Nothing was changed."]
    assert world.provider.asked == []


class StoreThatIsSlow:
    """A store whose `receive` takes so long that something else happens meanwhile."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.meanwhile: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def receive(self, *given: Any) -> Any:
        receipt = await self._store.receive(*given)
        await self.meanwhile(grace=0)
        return receipt


async def test_a_claim_made_while_the_runner_shuts_down_is_given_back(world: World) -> None:
    store = StoreThatIsSlow(world.store)
    runner = world.runner(store=store)
    store.meanwhile = runner.stop
    receipt = await runner.receive(world.message("hi"))
    assert receipt.lease is not None
    assert list(await world.store.unfinished()) == [receipt.session_id]
