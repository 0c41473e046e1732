"""What only the memory store promises: bounds, and the clocks it is given."""

from __future__ import annotations

import asyncio
import gc

import pytest

from kubeai_bot.domain.session import TurnRef
from kubeai_bot.domain.storage import Claim, SessionChange
from kubeai_bot.stores import event_keys, wakeups
from kubeai_bot.stores.event_keys import EventKeys
from kubeai_bot.stores.memory import MemoryStore
from kubeai_bot.stores.wakeups import Wakeups


class Clocks:
    seconds = 0.0

    def time(self) -> float:
        return 1_790_000_000.0 + self.seconds

    def monotonic(self) -> float:
        return 500.0 + self.seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def bounded(clocks: Clocks, max_sessions: int) -> MemoryStore:
    return MemoryStore(clocks.time, clocks.monotonic, max_sessions)


async def finish(store: MemoryStore, session_id: str, make) -> None:
    lease = await store.lease(session_id, "a", 30)
    tail = await store.load(session_id)
    await store.append(lease, tail.session.last_seq, make.step(), consume=[item.id for item in tail.inbox])
    await store.release(lease)


async def test_lease_times_come_from_the_clocks_that_were_given(clocks, make):
    store = MemoryStore(clocks.time, clocks.monotonic)
    clocks.seconds = 7.0
    lease = await make.held(store, ttl=30)
    assert (lease.expires_at, lease.monotonic_until, lease.epoch) == (1_790_000_037.0, 537.0, 1)


async def test_a_full_store_forgets_the_idle_session_that_was_modified_longest_ago(clocks, make):
    store = bounded(clocks, 3)
    threads = [make.thread() for _ in range(4)]
    ids = []
    for thread in threads[:3]:
        ids.append(await make.session(store, thread))
        await finish(store, ids[-1], make)
        clocks.seconds += 1
    await store.receive(make.incoming(threads[0]))
    await finish(store, ids[0], make)
    newest = await make.session(store, threads[3])
    assert {session.id for session in (await store.list()).sessions} == {ids[0], ids[2], newest}
    assert await store.find(threads[1]) is None
    assert (await store.receive(make.incoming(threads[1]))).created


async def test_a_full_store_never_forgets_a_session_with_work_in_it(clocks, make):
    store = bounded(clocks, 1)
    unread = await make.session(store)
    leased = (await store.receive(make.incoming(), Claim("a", 30))).session_id
    turning = await store.lease(await make.session(store), "a", 30)
    inbox = (await store.load(turning.session_id)).inbox
    turn = TurnRef("t1", None, "1", make.noon)
    await store.append(turning, 0, "s", consume=[inbox[0].id], change=SessionChange(turn=turn))
    await store.release(turning)
    newest = await make.session(store)
    assert {session.id for session in (await store.list()).sessions} == {unread, leased, turning.session_id, newest}


async def test_events_of_a_forgotten_session_are_still_known(clocks, make):
    store = bounded(clocks, 1)
    incoming = make.incoming()
    await finish(store, (await store.receive(incoming)).session_id, make)
    await make.session(store)
    assert (await store.receive(incoming)).repeated


def test_event_keys_are_bounded():
    keys = EventKeys()
    for number in range(event_keys.KEPT + 10):
        keys.add([str(number)], "s", now=0.0)
    assert keys.session_of(["9"], now=0.0) is None
    assert keys.session_of(["10"], now=0.0) == "s"
    assert keys.session_of(["10"], now=event_keys.LIFE) is None


def test_a_key_that_is_added_again_holds_up_no_older_one():
    keys = EventKeys()
    keys.add(["restored"], "s", now=0.0)
    keys.add(["old"], "s", now=1.0)
    keys.add(["restored"], "s", now=10.0)
    assert keys.session_of(["old"], now=event_keys.LIFE + 5) is None
    assert keys.session_of(["restored"], now=event_keys.LIFE + 5) == "s"


async def test_a_busy_subscriber_keeps_the_first_wakeups_and_misses_the_rest():
    bell = Wakeups()
    subscription = bell.subscribe()
    for number in range(wakeups.KEPT + 10):
        bell.tell(str(number))
    heard = [await asyncio.wait_for(anext(subscription), 5) for _ in range(wakeups.KEPT)]
    assert heard == [str(number) for number in range(wakeups.KEPT)]
    bell.tell("later")
    assert await asyncio.wait_for(anext(subscription), 5) == "later"


async def test_closing_ends_every_waiter_of_a_subscription():
    subscription = Wakeups().subscribe()
    waiting = [asyncio.ensure_future(anext(subscription)) for _ in range(3)]
    await asyncio.sleep(0)
    await subscription.aclose()
    outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)
    assert [type(each) for each in outcomes] == [StopAsyncIteration] * 3


async def test_a_subscription_that_was_dropped_is_not_kept_alive(make):
    store = MemoryStore()
    store.wakeups()
    gc.collect()
    assert len(store._wakeups._subscriptions) == 0


async def test_a_store_with_the_real_clocks_works(make):
    store = MemoryStore()
    lease = await make.held(store)
    assert await store.append(lease, 0, make.step(), [make.message()]) == 1
