"""Sessions that were moved to another store, are to be forgotten, or get a message, at awkward moments."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from kubeai_bot.agent.journal import Term
from kubeai_bot.agent.runner import Pace
from kubeai_bot.agent.words import FORGOTTEN
from kubeai_bot.domain.session import Incoming
from kubeai_bot.domain.storage import Claim, Lease, Receipt
from kubeai_bot.errors import StoreError
from kubeai_bot.stores.memory import MemoryStore
from tests.agent.loop_world import THREAD, World, says
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


@dataclass
class Noting:
    """A store that notes of which session each claimant says that it still holds the messages."""

    store: Any
    known: list[str | None] = field(default_factory=list)

    async def receive(self, incoming: Incoming, claim: Claim | None = None) -> Receipt:
        self.known.append(claim.known.session_id if claim is not None and claim.known is not None else None)
        return await self.store.receive(incoming, claim)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


async def test_what_a_forgotten_thread_held_stays_in_no_cache(world: World) -> None:
    world.provider.replies = [says("A secret."), says("Another secret.")]
    noting = Noting(world.store)
    async with at_work(world, store=noting) as runner:

        async def ask(incoming: Incoming) -> None:
            before = len(world.texts)
            await runner.receive(incoming)
            await world.until(lambda: len(world.texts) > before and not runner.busy)

        await ask(world.message("hi"))
        session = await world.store.find(THREAD)
        assert session is not None
        await ask(world.message("forget this thread", kind="forget"))
        await ask(world.message("hi"))
        assert noting.known == [None, session.id, None]
        session = await world.store.find(THREAD)
        assert session is not None
        assert await runner.forget(session.id)
        await ask(world.message("help", kind="help"))
        assert noting.known[3:] == [None]


@dataclass
class Busy:
    """A store in which something arrives at the moment when a hold ends."""

    store: Any
    arriving: list[Incoming]

    async def close(self, *given: Any, **named: Any) -> bool:
        closed = await self.store.close(*given, **named)
        if self.arriving:
            await self.store.receive(self.arriving.pop())
        return closed

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


async def test_a_message_that_comes_with_the_end_of_a_turn_leaves_nothing_hanging(world: World) -> None:
    world.provider.replies = [says("One."), says("Two."), says("Three.")]
    busy = Busy(world.store, [world.message("and then?"), world.message("and now?")])
    async with at_work(world, store=busy) as runner:
        await runner.receive(world.message("hi"))
        await world.until(lambda: len(world.texts) == 3)
        await world.until(lambda: not runner.busy)
    assert world.texts == ["One.", "Two.", "Three."]


@dataclass
class SlowToRelease:
    """A store that takes its time to give a lease back."""

    store: Any
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def release(self, lease: Lease) -> None:
        self.asked.set()
        await self.go_on.wait()
        await self.store.release(lease)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


async def test_a_message_that_comes_while_a_lease_is_given_back_is_answered_at_once(world: World) -> None:
    world.provider.replies = [says("Here I am.")]
    slow = SlowToRelease(world.store)
    pace = Pace(Term(ttl=60.0, monotonic=world.clock), poll=60.0, inbox_poll=0.05)
    async with at_work(world, store=slow, pace=pace) as runner:
        await world.store.receive(world.message("", kind="stop"))  # as another replica does: taken by a wake-up
        await slow.asked.wait()
        assert (await runner.receive(world.message("hi"))).lease is None
        slow.go_on.set()
        await world.until(lambda: world.texts == ["Here I am."])


@dataclass
class Failing:
    """A store that fails at the next calls of these methods, once each."""

    store: Any
    methods: set[str]

    def __getattr__(self, name: str) -> Any:
        if name not in self.methods:
            return getattr(self.store, name)
        self.methods.remove(name)

        async def fails(*given: Any, **named: Any) -> Any:
            raise StoreError("the store is away for a moment")

        return fails


async def test_a_session_that_could_not_be_read_is_taken_again_without_waiting_for_its_lease_to_expire(
    world: World,
) -> None:
    world.provider.replies = [says("Here I am.")]
    await world.store.receive(world.message("hi"))
    failing = Failing(world.store, {"load"})
    async with at_work(world, store=failing):
        await world.until(lambda: world.texts == ["Here I am."])
    assert not failing.methods


async def test_a_session_that_could_not_be_forgotten_is_free_again(world: World) -> None:
    world.provider.replies = [says("Here I am.")]
    failing = Failing(world.store, {"forget"})
    async with at_work(world, store=failing) as runner:
        await runner.receive(world.message("hi"))
        await world.settled()
        await world.until(lambda: not runner.busy)
        session = await world.store.find(THREAD)
        assert session is not None
        with pytest.raises(StoreError):
            await runner.forget(session.id)
        assert await runner.forget(session.id)
