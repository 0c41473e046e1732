"""The session store goes away in the middle of a turn, and comes back."""

import asyncio
from dataclasses import dataclass
from typing import Any

from kubeai_bot.agent.drive import STORE_AWAY
from kubeai_bot.domain.event import Notice
from kubeai_bot.errors import StoreError
from tests.agent.loop_world import THREAD, World, says
from tests.agent.test_turns import at_work


@dataclass
class Going:
    """A store that can be away."""

    store: Any
    away: bool = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)
        if name == "wakeups":
            return method

        async def call(*given: Any, **named: Any) -> Any:
            if self.away:
                raise StoreError("database at db.example: no connection")
            return await method(*given, **named)

        return call


async def test_the_thread_is_told_and_the_answer_comes_once_the_store_is_back(world: World) -> None:
    gate, asked = asyncio.Event(), asyncio.Event()

    async def slow(_: object) -> Any:
        asked.set()
        await gate.wait()
        return says("late")

    world.provider.replies = [slow, says("All is well.")]
    going = Going(world.store)
    async with at_work(world, store=going) as runner:
        await runner.receive(world.message("how are you?"))
        await world.until(asked.is_set)
        going.away = True
        gate.set()
        await world.until(lambda: not runner.busy)
        assert Notice(STORE_AWAY) in world.stage.events
        assert not world.texts
        world.clock.now += 61
        going.away = False
        await world.settled()
    assert world.texts == ["All is well."]
    assert world.stage.events.count(Notice(STORE_AWAY)) == 1
    assert await world.store.find(THREAD) is not None
