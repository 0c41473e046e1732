"""Finding, listing, deleting, wake-ups, and what is left to do."""

from __future__ import annotations

import asyncio
import math
from contextlib import aclosing

import pytest

from kubeai_bot.domain.session import TurnRef
from kubeai_bot.domain.storage import Claim, SessionChange
from kubeai_bot.errors import SessionNotFound, StoreError

# --- find, list, delete ---


async def test_a_session_is_found_by_its_thread(backend, make):
    thread = make.thread()
    session_id = await make.session(backend.store, thread)
    assert await backend.second_store().find(thread) == (await backend.store.load(session_id)).session
    assert await backend.store.find(make.thread()) is None


async def test_the_list_shows_the_last_modified_first(backend, make):
    store = backend.store
    threads = [make.thread() for _ in range(3)]
    ids = []
    for thread in threads:
        ids.append(await make.session(store, thread))
        await backend.advance(1)
    await store.receive(make.incoming(threads[0]))
    page = await store.list()
    assert [session.id for session in page.sessions] == [ids[0], ids[2], ids[1]]
    assert page.cursor is None
    assert page.sessions[0] == (await store.load(ids[0])).session


@pytest.mark.parametrize("apart", [0, 1])
@pytest.mark.parametrize("limit", [1, 3, 7, 8])
async def test_pages_hold_every_session_once(backend, make, apart, limit):
    store = backend.store
    ids = set()
    for _ in range(7):
        ids.add(await make.session(store))
        await backend.advance(apart)
    seen, cursor = [], None
    for _ in range(math.ceil(7 / limit)):
        page = await store.list(limit, cursor)
        assert len(page.sessions) <= limit
        seen += [session.id for session in page.sessions]
        cursor = page.cursor
        if cursor is None:
            break
    assert cursor is None
    assert len(seen) == 7
    assert set(seen) == ids


async def test_a_session_deleted_between_two_pages_does_not_move_the_rest(backend, make):
    store = backend.store
    for _ in range(4):
        await make.session(store)
        await backend.advance(1)
    expected = [session.id for session in (await store.list()).sessions]
    page = await store.list(2)
    await store.delete(expected[1])
    assert [session.id for session in (await store.list(2, page.cursor)).sessions] == expected[2:]


async def test_an_empty_store_has_one_empty_page(store):
    page = await store.list()
    assert (page.sessions, page.cursor) == ((), None)


@pytest.mark.parametrize("cursor", ["", "~", "nonsense", "2026-13-01T00:00:00+00:00~x"])
async def test_a_made_up_cursor_is_refused(store, make, cursor):
    await make.session(store)
    with pytest.raises(StoreError):
        await store.list(1, cursor)


async def test_deleting_removes_all_that_hangs_on_a_session(backend, make):
    store = backend.store
    thread = make.thread()
    receipt = await store.receive(make.incoming(thread), Claim("a", 30))
    await store.append(receipt.lease, 0, "one", [make.message()])
    other = await make.session(store)
    assert await store.delete(receipt.session_id) is True
    assert await backend.second_store().delete(receipt.session_id) is False
    with pytest.raises(SessionNotFound):
        await store.load(receipt.session_id)
    assert await store.find(thread) is None
    assert [session.id for session in (await store.list()).sessions] == [other]
    assert await store.unfinished() == [other]


async def test_a_thread_whose_session_was_deleted_starts_anew_with_nothing(store, make):
    thread = make.thread()
    receipt = await store.receive(make.incoming(thread), Claim("a", 30))
    await store.append(receipt.lease, 0, "one", [make.message()])
    await store.delete(receipt.session_id)
    assert (await store.receive(make.incoming(thread, opens=False))).session_id is None
    again = await store.receive(make.incoming(thread), Claim("a", 30))
    assert again.session_id != receipt.session_id
    assert again.tail.messages == ()
    assert len(again.tail.inbox) == 1
    assert await store.append(again.lease, 0, "one", [make.message(), make.message()]) == 2


# --- unfinished ---


async def test_an_unread_inbox_is_work_unless_somebody_holds_the_session(backend, make):
    store = backend.store
    lease = await make.held(store, ttl=30)
    idle = await make.held(store, ttl=30)
    await store.append(idle, 0, make.step(), consume=[item.id for item in (await store.load(idle.session_id)).inbox])
    assert await store.unfinished() == []
    await backend.advance(31)
    assert await backend.second_store().unfinished() == [lease.session_id]


async def test_an_open_turn_is_work_once_its_holder_is_gone(backend, make):
    store = backend.store
    lease = await make.held(store, ttl=30)
    inbox = (await store.load(lease.session_id)).inbox
    turn = TurnRef("t1", make.as_mia, inbox[0].incoming.ts, make.noon)
    await store.append(lease, 0, make.step(), [make.message()], [inbox[0].id], SessionChange(turn=turn))
    assert await store.unfinished() == []
    await store.release(lease)
    assert await store.unfinished() == [lease.session_id]
    successor = await store.lease(lease.session_id, "b", 30)
    await store.append(successor, 1, make.step(), change=SessionChange(turn=None))
    await store.release(successor)
    assert await store.unfinished() == []


# --- wake-ups ---


async def next_of(subscription) -> str:
    return await asyncio.wait_for(anext(subscription), 5)


async def test_every_subscriber_on_every_replica_hears_of_what_was_received(backend, make):
    async with (
        aclosing(backend.store.wakeups()) as one,
        aclosing(backend.store.wakeups()) as two,
        aclosing(backend.second_store().wakeups()) as three,
    ):
        session_id = await make.session(backend.store)
        assert [await next_of(each) for each in (one, two, three)] == [session_id] * 3


async def test_a_subscription_counts_from_its_call_not_from_the_first_wait(backend, make):
    subscription = backend.store.wakeups()
    first = await make.session(backend.store)
    second = await make.session(backend.second_store())
    assert [await next_of(subscription), await next_of(subscription)] == [first, second]
    await subscription.aclose()


async def test_a_waiting_subscriber_is_woken(store, make):
    async with aclosing(store.wakeups()) as subscription:
        waiting = asyncio.create_task(next_of(subscription))
        await asyncio.sleep(0)
        assert await make.session(store) == await waiting


async def test_closing_ends_a_waiting_subscriber_and_the_store_works_on(store, make):
    subscription = store.wakeups()

    async def hear_all() -> list[str]:
        return [session_id async for session_id in subscription]

    waiting = asyncio.create_task(hear_all())
    await asyncio.sleep(0)
    await subscription.aclose()
    assert await asyncio.wait_for(waiting, 5) == []
    await make.session(store)
    with pytest.raises(StopAsyncIteration):
        await next_of(subscription)
    await subscription.aclose()


async def test_a_cancelled_waiter_misses_nothing(store, make):
    async with aclosing(store.wakeups()) as subscription:
        waiting = asyncio.create_task(next_of(subscription))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        session_id = await make.session(store)
        assert await next_of(subscription) == session_id


async def test_a_subscriber_that_does_not_listen_never_holds_up_the_store(store, make):
    async with aclosing(store.wakeups()):
        thread = make.thread()
        for _ in range(1100):  # more than are kept for it
            await store.receive(make.incoming(thread))
    assert await store.unfinished() == [(await store.find(thread)).id]


async def test_repeats_and_ignored_events_wake_nobody(store, make):
    async with aclosing(store.wakeups()) as subscription:
        incoming = make.incoming()
        first = (await store.receive(incoming)).session_id
        await store.receive(incoming)
        await store.receive(make.incoming(opens=False))
        second = await make.session(store)
        assert [await next_of(subscription), await next_of(subscription)] == [first, second]
