"""A runner may die between any two steps; another one finishes its turn, and nothing happens twice."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from kubeai_bot.domain.approval import Preview
from kubeai_bot.domain.event import TurnEvent
from kubeai_bot.domain.identity import Identity
from kubeai_bot.domain.message import StoredMessage, ToolCallResponse
from kubeai_bot.domain.session import AgentState
from kubeai_bot.domain.tool import CallContext, PlannedCall, ToolResult, ToolSpec
from kubeai_bot.interfaces import Emit, ModelEvent, Showing
from tests.agent.loop_world import MIA, THREAD, ScriptedProvider, World, calls, says
from tests.scenario.mortal_store import Death

MOST_STEPS = 60


class MortalStore:
    """The store as a dying runner sees it."""

    def __init__(self, store: Any, death: Death) -> None:
        self._store, self._death = store, death

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name in ("wakeups", "unfinished", "find"):
            return method
        return lambda *given, **named: self._death.around(method(*given, **named))


class MortalTools:
    def __init__(self, tools: Any, death: Death) -> None:
        self._tools, self._death = tools, death

    def specs(self, identity: Identity) -> Sequence[ToolSpec]:
        return self._tools.specs(identity)

    async def plan(self, call: Any, identity: Identity) -> PlannedCall:
        return await self._tools.plan(call, identity)

    async def preview(self, planned: PlannedCall, identity: Identity, context: CallContext) -> Preview:
        return await self._death.around(self._tools.preview(planned, identity, context))

    async def call(self, planned: PlannedCall, identity: Identity, context: CallContext) -> ToolResult:
        return await self._death.around(self._tools.call(planned, identity, context))


class MortalStage:
    def __init__(self, stage: Any, death: Death) -> None:
        self._stage, self._death = stage, death

    def open(self, showing: Showing) -> Emit:
        emit = self._stage.open(showing)

        async def mortal(event: TurnEvent) -> None:
            await self._death.around(emit(event))

        return mortal


class RuleProvider(ScriptedProvider):
    """Answers by rule from the transcript, so that it does not matter which runner asks: looks, changes, answers."""

    async def stream(
        self, system: str, messages: Sequence[StoredMessage], tools: Sequence[ToolSpec]
    ) -> AsyncGenerator[ModelEvent, None]:
        results = [m.message.payload for m in messages if isinstance(m.message.payload, ToolCallResponse)]
        if not results:
            self.replies = [calls(("look", {"what": "a"}), ("look", {"what": "b"}))]
        elif len(results) == 2:
            self.replies = [calls(("change", {"what": "replicas"}), ("look", {"what": "after"}))]
        else:
            self.replies = [says("Changed." if results[2].ok else "It may have been changed: look.")]
        async for event in super().stream(system, messages, tools):
            yield event


async def _first_life(world: World, death: Death) -> tuple[bool, Any]:
    """Run the turn until death or its end; whether the runner died, and what is left of it."""
    parts = replace(world.parts(), tools=MortalTools(world.tools, death))
    runner = world.runner(store=MortalStore(world.store, death), stage=MortalStage(world.stage, death), parts=parts)
    received = asyncio.create_task(runner.receive(world.message("scale it")))
    dead = asyncio.create_task(death.dead.wait())
    settled = asyncio.create_task(world.settled())
    await asyncio.wait({dead, settled}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    died = dead.done()
    death.dead.set()  # from here on whatever is left of it hangs
    for task in (received, dead, settled):
        task.cancel()
    await asyncio.gather(received, dead, settled, return_exceptions=True)
    return died, runner


@pytest.mark.parametrize("after_effect", [False, True], ids=["before its effect", "its answer lost"])
async def test_a_turn_abandoned_at_any_step_is_finished_once_by_another_runner(after_effect: bool) -> None:
    deaths = 0
    for step in range(1, MOST_STEPS):
        world = World(provider=RuleProvider())
        death = Death(step, after_effect)
        died, remains = await _first_life(world, death)
        deaths += died
        session = await world.store.find(THREAD)
        if session is None:
            death.buried.set()
            await remains.stop(grace=0)
            # It died before the event was on record: Slack, not acked, delivers again.
            assert step == 1
            assert not after_effect
            continue
        world.clock.now += 61
        heir = world.runner()
        work = asyncio.create_task(heir.run())
        await world.settled()
        await heir.stop(grace=1)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

        death.buried.set()
        await remains.stop(grace=0)

        finals = [ended for endings in world.stage.answers.values() for ended in endings]
        assert len({ended.answer for ended in finals}) == 1, f"step {step}"
        writes = [ran for ran in world.tools.ran if ran[0] == "change"]
        assert len(writes) <= 1, f"step {step}: the write ran {len(writes)} times"
        if not writes:
            assert finals[0].answer == "It may have been changed: look.", f"step {step}"
        session = await world.store.find(THREAD)
        assert session is not None
        assert session.agent_state is AgentState.DONE
        tail = await world.store.load(session.id)
        assert not tail.inbox
        assert [m.seq for m in tail.messages] == list(range(1, len(tail.messages) + 1))
        if not died:
            break
    else:
        pytest.fail("the turn has more steps than this test kills it at")
    assert deaths > 12, "too few steps were tried for this test to mean anything"


async def test_a_holder_that_was_paused_past_its_lease_writes_nothing_more(world: World) -> None:
    world.provider.replies = [calls(("slow", {})), says("From the heir."), says("never")]
    runner = world.runner()
    await runner.receive(world.message("look"))
    await world.tools.entered.wait()
    world.clock.now += 61
    session = await world.store.find(THREAD)
    assert session is not None
    heir_lease = await world.store.lease(session.id, "heir", 60)
    assert heir_lease is not None
    before = (await world.store.load(session.id)).session.last_seq
    world.tools.gate.set()
    await world.until(lambda: not runner.busy)
    assert (await world.store.load(session.id)).session.last_seq == before
    assert world.texts == []


async def test_rights_withdrawn_before_the_takeover_end_the_turn(world: World) -> None:
    world.provider.replies = [calls(("slow", {}))]
    first = world.runner()
    await first.receive(world.message("look"))
    await world.tools.entered.wait()
    await first.stop(grace=0)
    world.resolver.revoked.add(MIA)
    heir = world.runner()
    work = asyncio.create_task(heir.run())
    await world.settled()
    await heir.stop()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert world.texts == ["You are not mapped. Ask the platform team."]
    assert world.tools.ran == []


async def test_a_runner_that_shuts_down_hands_its_turn_over_at_once(world: World) -> None:
    world.provider = RuleProvider()
    world.provider.replies = []
    first = world.runner()
    world.tools.gate.clear()
    await first.receive(world.message("scale it"))
    await first.stop(grace=0)
    heir = world.runner()
    work = asyncio.create_task(heir.run())
    await world.settled()
    await heir.stop()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert len(world.texts) == 1
