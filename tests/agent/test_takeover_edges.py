"""A runner may die at any step of the turn that an approval opened: one change at most, never without a record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from kubeai_bot.domain.message import StoredMessage, ToolCall, ToolCallResponse
from kubeai_bot.domain.policy import Mode, Policy
from kubeai_bot.domain.session import AgentState
from kubeai_bot.domain.tool import ToolSpec
from kubeai_bot.interfaces import ModelEvent
from tests.agent.loop_world import MIA, OMAR, THREAD, ScriptedProvider, World, calls, says
from tests.agent.test_approvals import put_up
from tests.agent.test_takeover import MortalStage, MortalStore, MortalTools
from tests.scenario.mortal_store import Death

MOST_STEPS = 60


class MortalAudit:
    def __init__(self, audit: Any, death: Death) -> None:
        self._audit, self._death = audit, death

    async def record(self, entry: Any) -> None:
        await self._death.around(self._audit.record(entry))


class Reporting(ScriptedProvider):
    """Wants the change, and reports it once it has a result that does not wait."""

    async def stream(
        self, system: str, messages: Sequence[StoredMessage], tools: Sequence[ToolSpec]
    ) -> AsyncGenerator[ModelEvent, None]:
        results = [m.message.payload for m in messages if isinstance(m.message.payload, ToolCallResponse)]
        self.replies = [says("Reported.") if results else calls(("change", {"what": "replicas"}))]
        async for event in super().stream(system, messages, tools):
            yield event


async def _click(world: World, death: Death, approval_id: str) -> tuple[bool, Any]:
    parts = world.parts()
    parts = replace(parts, tools=MortalTools(world.tools, death), audit=MortalAudit(world.audit, death))
    runner = world.runner(store=MortalStore(world.store, death), stage=MortalStage(world.stage, death), parts=parts)
    received = asyncio.create_task(runner.receive(world.message(f"approve {approval_id}", OMAR, "decision")))
    dead = asyncio.create_task(death.dead.wait())
    settled = asyncio.create_task(world.settled(2))
    await asyncio.wait({dead, settled}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    died = dead.done()
    death.dead.set()
    for task in (received, dead, settled):
        task.cancel()
    await asyncio.gather(received, dead, settled, return_exceptions=True)
    return died, runner


@pytest.mark.parametrize("after_effect", [False, True], ids=["before its effect", "its answer lost"])
async def test_an_approved_turn_abandoned_at_any_step_makes_one_change_at_most(after_effect: bool) -> None:
    deaths = made = 0
    for step in range(1, MOST_STEPS):
        world = World(provider=Reporting())
        world.rules = replace(world.rules, policy=Policy(Mode.ALLOW))
        world.tools.extras["change"] = {"verify": ToolCall("", "look", {"what": "rollout"})}
        (approval_id,) = await put_up(world)
        death = Death(step, after_effect)
        died, remains = await _click(world, death, approval_id)
        deaths += died
        world.clock.now += 61
        heir = world.runner()
        work = asyncio.create_task(heir.run())
        received = step > 1 or after_effect
        if not received:  # Slack, not acked, delivers again
            await heir.receive(world.message(f"approve {approval_id}", OMAR, "decision"))
        await world.settled(2)
        assert "no longer waits" not in world.texts[-1], f"step {step}"
        await heir.receive(world.message(f"approve {approval_id}", MIA, "decision"))
        await world.settled(3)
        await heir.stop(grace=1)
        work.cancel()
        death.buried.set()
        await asyncio.gather(work, return_exceptions=True)
        await remains.stop(grace=0)

        assert "no longer waits" in world.texts[-1], f"step {step}"
        ran = [what for what in world.tools.ran if what[0] == "change"]
        assert len(ran) <= 1, f"step {step}: it ran {len(ran)} times"
        made += len(ran)
        outcomes = [entry.outcome for entry in world.audit.entries if entry.tool == "change"]
        assert "approved" in outcomes, f"step {step}"
        if ran:
            assert outcomes.index("approved") < outcomes.index("started"), f"step {step}"
            assert {"ok", "unknown"} & set(outcomes), f"step {step}"
            assert outcomes.count("started") == 1, f"step {step}"
            assert set(world.tools.as_whom) == {MIA.user_id}
        else:
            assert "unknown" in outcomes, f"step {step}: neither made nor said to be unknown"
        session = await world.store.find(THREAD)
        assert session is not None
        assert session.agent_state is AgentState.DONE
        assert not session.approval
        settled = {s.id for endings in world.stage.answers.values() for ended in endings for s in ended.settled}
        assert settled == {approval_id}, f"step {step}"
        if not died:
            break
    else:
        pytest.fail("the turn has more steps than this test kills it at")
    assert deaths > 12, "too few steps were tried for this test to mean anything"
    assert made > 8
