"""Forgetting and expiring: what goes, what is remembered of it, and for how long."""

from __future__ import annotations

import pytest

from kubeai_bot.domain.session import TurnRef
from kubeai_bot.domain.storage import Claim, Receipt, Retention, SessionChange
from kubeai_bot.errors import LeaseLost, SessionNotFound

DAY = 24 * 3600.0


async def idle_session(store, make, thread=None, incoming=None) -> str:
    """A session with one message and nothing left to do."""
    receipt = await store.receive(incoming or make.incoming(thread), Claim("a", 30))
    consume = [item.id for item in receipt.tail.inbox]
    await store.append(receipt.lease, 0, make.step(), [make.message()], consume)
    await store.release(receipt.lease)
    return receipt.session_id


# --- forget ---


async def test_a_session_that_is_held_can_be_forgotten_with_all_that_hangs_on_it(backend, make):
    store, thread = backend.store, make.thread()
    session_id = await idle_session(store, make, thread)
    lease = await store.lease(session_id, "a", 30)
    turn = TurnRef("t1", make.as_mia, "1", make.noon)
    await store.append(lease, 1, make.step(), change=SessionChange(turn=turn))
    assert await store.forget(lease) is True
    for work in (store.load, store.dump):
        with pytest.raises(SessionNotFound):
            await work(session_id)
    assert await backend.second_store().find(thread) is None
    assert (await store.list()).sessions == ()
    assert await store.unfinished() == []


async def test_a_session_with_something_unread_is_not_forgotten(store, make):
    lease = await make.held(store)
    before = await store.load(lease.session_id)
    assert await store.forget(lease) is False
    assert await store.load(lease.session_id) == before
    assert await store.append(lease, 0, make.step(), [make.message()]) == 1


async def test_only_the_holder_can_forget(backend, make):
    store = backend.store
    session_id = await idle_session(store, make)
    old = await store.lease(session_id, "a", 30)
    await backend.advance(31)
    with pytest.raises(LeaseLost):
        await store.forget(old)
    await backend.second_store().lease(session_id, "b", 30)
    with pytest.raises(LeaseLost):
        await store.forget(old)
    assert (await store.load(session_id)).session.last_seq == 1


async def test_after_forgetting_the_lease_is_lost(store, make):
    lease = await store.lease(await idle_session(store, make), "a", 30)
    assert await store.forget(lease)
    with pytest.raises(LeaseLost):
        await store.append(lease, 1, make.step(), [make.message()])
    with pytest.raises(LeaseLost):
        await store.forget(lease)
    await store.release(lease)


@pytest.mark.parametrize("way", ["forget", "delete"])
async def test_a_forgotten_thread_is_silent_until_it_is_opened_anew(store, make, way):
    thread = make.thread()
    session_id = await idle_session(store, make, thread)
    if way == "forget":
        await store.forget(await store.lease(session_id, "a", 30))
    else:
        await store.delete(session_id)
    assert await store.receive(make.incoming(thread, opens=False)) == Receipt(None)
    again = await store.receive(make.incoming(thread), Claim("a", 30))
    assert again.created
    assert again.session_id != session_id
    assert not again.tail.session.follows_expired


async def test_events_of_a_forgotten_session_stay_known_for_a_day(backend, make):
    store, incoming = backend.store, make.incoming()
    session_id = await idle_session(store, make, incoming=incoming)
    await store.forget(await store.lease(session_id, "a", 30))
    await backend.advance(DAY - 600)
    assert await store.receive(incoming) == Receipt(None, repeated=True)
    await backend.advance(1200)
    assert (await store.receive(incoming)).created


# --- expired ---


async def expired_thread(backend, make, retention: Retention | None = None):
    """A thread whose session has expired, and that session's id."""
    thread = make.thread()
    session_id = await idle_session(backend.store, make, thread)
    await backend.advance(100)
    pruned = await backend.store.prune(retention or Retention(ttl=60))
    assert pruned.expired == (session_id,)
    return thread, session_id


@pytest.mark.parametrize("opens", [True, False])
async def test_any_event_in_the_thread_of_an_expired_session_opens_a_new_one_that_says_so(backend, make, opens):
    thread, session_id = await expired_thread(backend, make)
    receipt = await backend.second_store().receive(make.incoming(thread, opens=opens), Claim("a", 30))
    assert receipt.created
    assert receipt.session_id != session_id
    assert receipt.tail.session.follows_expired
    assert receipt.tail.messages == ()
    assert receipt.tail.session.last_seq == 0
    assert (await backend.store.find(thread)).follows_expired


async def test_nothing_of_an_expired_session_can_be_read(backend, make):
    thread, session_id = await expired_thread(backend, make)
    for work in (backend.store.load, backend.store.dump):
        with pytest.raises(SessionNotFound):
            await work(session_id)
    assert await backend.store.find(thread) is None
    assert (await backend.store.list()).sessions == ()
    usage = await backend.store.usage()
    assert (usage.sessions, usage.messages, usage.unread) == (0, 0, 0)


async def test_the_memory_of_an_expired_session_is_used_up_by_its_successor(backend, make):
    thread, _ = await expired_thread(backend, make)
    receipt = await backend.store.receive(make.incoming(thread, opens=False))
    await backend.store.delete(receipt.session_id)
    assert await backend.store.receive(make.incoming(thread, opens=False)) == Receipt(None)


async def test_a_redelivered_event_of_an_expired_session_opens_nothing(backend, make):
    store, incoming = backend.store, make.incoming()
    await idle_session(store, make, incoming=incoming)
    await backend.advance(100)
    await store.prune(Retention(ttl=60))
    assert await store.receive(incoming) == Receipt(None, repeated=True)
    assert await store.find(incoming.thread) is None


async def test_a_session_is_remembered_for_thirty_days_after_it_has_expired(backend, make):
    store = backend.store
    early, _ = await expired_thread(backend, make)
    late, _ = await expired_thread(backend, make)
    await backend.advance(30 * DAY - 150)  # early: 30 days less 50 seconds ago
    await store.prune(Retention(ttl=60))
    assert (await store.receive(make.incoming(early, opens=False))).created
    await backend.advance(300)
    await store.prune(Retention())
    assert await store.receive(make.incoming(late, opens=False)) == Receipt(None)


async def test_an_expired_session_is_remembered_no_longer_than_everything_is_kept(backend, make):
    store = backend.store
    retention = Retention(ttl=60, keep=1000)
    thread, _ = await expired_thread(backend, make, retention)
    other, _ = await expired_thread(backend, make, retention)
    await backend.advance(750)  # the first was last active 950 seconds ago
    await store.prune(retention)
    assert (await store.receive(make.incoming(thread, opens=False))).created
    await backend.advance(200)
    await store.prune(retention)
    assert await store.receive(make.incoming(other, opens=False)) == Receipt(None)
