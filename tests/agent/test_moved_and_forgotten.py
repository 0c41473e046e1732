"""Sessions that were moved to another store, or are to be forgotten, at awkward moments."""

import asyncio
from dataclasses import dataclass
from typing import Any

from kubeai_bot.agent.words import FORGOTTEN
from kubeai_bot.domain.session import Incoming
from kubeai_bot.domain.storage import Lease
from kubeai_bot.stores.memory import MemoryStore
from tests.agent.loop_world import OMAR, THREAD, World, says
from tests.agent.test_turns import at_work


async def test_a_question_in_a_session_from_another_store_gets_an_answer_of_its_own(world: World) -> None:
    """The other store counts its inbox items from 1 again."""
    world.provider.replies = [says("One."), says("Two."), says("Three."), says("Four.")]
    async with at_work(world) as runner:
        for number in (1, 2):
            await runner.receive(world.message(f"question {number}"))
            await world.settled(number)
    session = await world.store.find(THREAD)
    assert session is not None
    dump = await world.store.dump(session.id)
    world.store = MemoryStore(clock=world.clock, monotonic=world.clock)
    assert await world.store.restore(dump)
    async with at_work(world) as runner:
        for number in (3, 4):
            await runner.receive(world.message(f"question {number}"))
            await world.settled(number)
    assert world.texts == ["One.", "Two.", "Three.", "Four."]
    assert len((await world.store.dump(session.id)).turns) == 4


async def test_stops_with_nothing_to_stop_are_all_read(world: World) -> None:
    async with at_work(world) as runner:
        for _ in range(3):
            await runner.receive(world.message("", kind="stop"))
        await world.until(lambda: not runner.busy)
        session = await world.store.find(THREAD)
        assert session is not None
        assert (await world.store.load(session.id)).inbox == ()


@dataclass
class Interrupting:
    """A store in which something arrives just before a session is forgotten."""

    store: Any
    arriving: Incoming | None

    async def forget(self, lease: Lease) -> bool:
        if self.arriving is not None:
            incoming, self.arriving = self.arriving, None
            await self.store.receive(incoming)
        return await self.store.forget(lease)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


async def test_a_stop_that_comes_too_late_does_not_keep_a_forgotten_thread(world: World) -> None:
    interrupting = Interrupting(world.store, world.message("stop", kind="stop"))
    async with at_work(world, store=interrupting) as runner:
        await runner.receive(world.message("forget this thread", kind="forget"))
        await world.until(lambda: world.texts and not runner.busy)
        assert await world.store.find(THREAD) is None
    assert world.texts == [FORGOTTEN]


async def test_what_a_forgotten_thread_held_stays_in_no_cache(world: World) -> None:
    world.provider.replies = [says("A secret."), says("Another secret.")]
    async with at_work(world) as runner:
        await runner.receive(world.message("hi"))
        await world.settled()
        await world.until(lambda: not runner.busy)
        assert runner.remembers(THREAD)
        await runner.receive(world.message("forget this thread", kind="forget"))
        await world.until(lambda: len(world.texts) == 2 and not runner.busy)
        assert not runner.remembers(THREAD)
        await runner.receive(world.message("hi"))
        await world.settled(3)
        await world.until(lambda: not runner.busy)
        session = await world.store.find(THREAD)
        assert session is not None
        assert await runner.forget(session.id)
        assert not runner.remembers(THREAD)


@dataclass
class SlowToRelease:
    """A store that is asked to give a lease back, and has more to do first."""

    store: Any
    asked: asyncio.Event
    go_on: asyncio.Event

    async def release(self, lease: Lease) -> None:
        self.asked.set()
        await self.go_on.wait()
        await self.store.release(lease)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)
