"""Retention: what goes when, and what is never touched."""

from __future__ import annotations

import asyncio

import pytest

from kubeai_bot.domain.session import TurnRef
from kubeai_bot.domain.storage import Claim, Pruned, Receipt, Retention, SessionChange
from kubeai_bot.errors import SequenceConflict


async def idle_session(store, make, messages: int = 1, thread=None) -> str:
    """A session with some messages and nothing left to do."""
    receipt = await store.receive(make.incoming(thread), Claim("a", 30))
    consume = [item.id for item in receipt.tail.inbox]
    texts = [make.message(f"{n}") for n in range(1, messages + 1)]
    await store.append(receipt.lease, 0, make.step(), texts, consume)
    await store.release(receipt.lease)
    return receipt.session_id


async def sessions_apart(backend, make, count: int, seconds: float = 100) -> list[str]:
    """Idle sessions, each last active so many seconds after the one before; the last one just now."""
    ids = []
    for number in range(count):
        if number:
            await backend.advance(seconds)
        ids.append(await idle_session(backend.store, make))
    return ids


async def all_ids(store) -> set[str]:
    return {session.id for session in (await store.list(1000)).sessions}


async def test_without_limits_nothing_ever_goes(backend, make):
    ids = await sessions_apart(backend, make, 2)
    await backend.advance(10 * 365 * 24 * 3600)
    assert await backend.store.prune(Retention()) == Pruned()
    assert await all_ids(backend.store) == set(ids)


async def test_sessions_expire_some_time_after_their_last_activity(backend, make):
    old, recent, new = await sessions_apart(backend, make, 3)
    assert await backend.store.prune(Retention(ttl=150)) == Pruned(expired=(old,))
    assert await all_ids(backend.second_store()) == {recent, new}
    assert await backend.store.prune(Retention(ttl=150)) == Pruned()


async def test_activity_postpones_expiry(backend, make):
    store, thread = backend.store, make.thread()
    session_id = await idle_session(store, make, thread=thread)
    await backend.advance(100)
    receipt = await store.receive(make.incoming(thread), Claim("a", 30))
    await store.append(receipt.lease, 1, make.step(), consume=[item.id for item in receipt.tail.inbox])
    await store.release(receipt.lease)
    await backend.advance(100)
    assert await store.prune(Retention(ttl=150)) == Pruned()
    assert await all_ids(store) == {session_id}


async def test_what_is_older_than_all_is_kept_leaves_nothing_behind(backend, make):
    store, thread = backend.store, make.thread()
    session_id = await idle_session(store, make, thread=thread)
    await backend.advance(100)
    recent = await idle_session(store, make)
    assert await store.prune(Retention(keep=50)) == Pruned(removed=(session_id,))
    assert await all_ids(store) == {recent}
    assert await store.receive(make.incoming(thread, opens=False)) == Receipt(None)


async def test_the_oldest_go_for_good_the_old_expire_the_rest_stays(backend, make):
    oldest, old, new = await sessions_apart(backend, make, 3)
    pruned = await backend.store.prune(Retention(ttl=50, keep=150))
    assert pruned == Pruned(expired=(old,), removed=(oldest,))
    assert await all_ids(backend.store) == {new}


async def test_of_too_many_sessions_the_longest_untouched_expire(backend, make):
    ids = await sessions_apart(backend, make, 5)
    pruned = await backend.store.prune(Retention(max_sessions=3))
    assert (set(pruned.expired), pruned.removed, pruned.trimmed) == (set(ids[:2]), (), 0)
    assert await all_ids(backend.store) == set(ids[2:])


async def test_a_session_counts_as_one_of_the_many_also_where_it_cannot_go(backend, make):
    busy = await backend.store.lease((await sessions_apart(backend, make, 1))[0], "a", 10_000)
    await backend.advance(100)
    ids = await sessions_apart(backend, make, 3)
    assert (await backend.store.prune(Retention(max_sessions=2))).expired == (ids[0],)
    assert await all_ids(backend.store) == {busy.session_id, *ids[1:]}


# --- what is never touched ---


@pytest.mark.parametrize("retention", [Retention(ttl=50), Retention(keep=50), Retention(max_sessions=0)], ids=str)
async def test_a_session_with_work_in_it_is_left_alone_until_it_is_done(backend, make, retention):
    store = backend.store
    unread = (await store.receive(make.incoming())).session_id
    turning = await store.lease(await idle_session(store, make), "a", 30)
    turn = TurnRef("t1", None, "1", make.noon)
    await store.append(turning, 1, make.step(), change=SessionChange(turn=turn))
    await store.release(turning)
    leased = await store.lease(await idle_session(store, make), "a", 10_000)
    idle = await idle_session(store, make)
    await backend.advance(100)
    pruned = await store.prune(retention)
    assert pruned.expired + pruned.removed == (idle,)
    assert await all_ids(store) == {unread, turning.session_id, leased.session_id}
    assert await store.append(leased, 1, make.step(), [make.message()]) == 2
    await store.release(leased)
    await backend.advance(100)
    pruned = await store.prune(retention)
    assert pruned.expired + pruned.removed == (leased.session_id,)


async def test_a_lease_that_has_expired_protects_nothing(backend, make):
    lease = await backend.store.lease(await idle_session(backend.store, make), "a", 30)
    await backend.advance(100)
    assert (await backend.store.prune(Retention(ttl=50))).expired == (lease.session_id,)


async def test_messages_of_a_session_that_is_held_are_not_trimmed(store, make):
    lease = await store.lease(await idle_session(store, make, 5), "a", 30)
    assert await store.prune(Retention(max_messages=2)) == Pruned()
    assert len((await store.load(lease.session_id)).messages) == 5


# --- trimming ---


async def test_of_too_many_messages_the_oldest_go(store, make):
    long, short = await idle_session(store, make, 5), await idle_session(store, make, 2)
    assert await store.prune(Retention(max_messages=2)) == Pruned(trimmed=3)
    tail = await store.load(long)
    assert [(stored.seq, stored.message.payload.text) for stored in tail.messages] == [(4, "4"), (5, "5")]
    assert (tail.session.start_seq, tail.session.last_seq, tail.after) == (4, 5, 3)
    assert (await store.load(short)).session.start_seq == 1
    assert await store.prune(Retention(max_messages=2)) == Pruned()
    assert (await store.usage()).messages == 4


async def test_a_trimmed_session_goes_on_where_it_was(store, make):
    session_id = await idle_session(store, make, 5)
    await store.prune(Retention(max_messages=2))
    lease = await store.lease(session_id, "a", 30)
    with pytest.raises(SequenceConflict):
        await store.append(lease, 2, make.step(), [make.message()])
    assert await store.append(lease, 5, make.step(), [make.message("6")]) == 6
    assert [stored.seq for stored in (await store.load(session_id)).messages] == [4, 5, 6]
    await store.release(lease)
    assert await store.prune(Retention(max_messages=1)) == Pruned(trimmed=2)
    assert [stored.seq for stored in (await store.load(session_id)).messages] == [6]


async def test_trimming_never_moves_a_cleared_history_back(store, make):
    lease = await store.lease(await idle_session(store, make, 5), "a", 30)
    await store.append(lease, 5, make.step(), change=SessionChange(start_seq=5))
    await store.release(lease)
    assert await store.prune(Retention(max_messages=4)) == Pruned(trimmed=1)
    tail = await store.load(lease.session_id)
    assert tail.session.start_seq == 5
    assert [stored.seq for stored in tail.messages] == [2, 3, 4, 5]


async def test_trimming_is_no_activity(backend, make):
    session_id = await idle_session(backend.store, make, 5)
    await backend.advance(100)
    before = (await backend.store.load(session_id)).session.modified_at
    await backend.store.prune(Retention(max_messages=2))
    assert (await backend.store.load(session_id)).session.modified_at == before


async def test_a_step_is_still_recognised_after_its_messages_were_trimmed(store, make):
    lease = await store.lease(await idle_session(store, make), "a", 30)
    await store.append(lease, 1, "one", [make.message()] * 3)
    await store.release(lease)
    assert (await store.prune(Retention(max_messages=1))).trimmed == 3
    again = await store.lease(lease.session_id, "a", 30)
    assert await store.append(again, 1, "one", [make.message()] * 3) == 4
    assert len((await store.load(lease.session_id)).messages) == 1


# --- limits and dry runs ---


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
async def test_one_call_takes_at_most_so_many_and_says_whether_there_is_more(backend, make, limit):
    store = backend.store
    ids = await sessions_apart(backend, make, 5)
    long = await idle_session(store, make, 9)
    await backend.advance(100)
    retention, gone, trimmed, calls, more = Retention(ttl=150, keep=350, max_messages=3), [], 0, 0, True
    while more:
        pruned = await store.prune(retention, limit)
        touched = len(pruned.expired) + len(pruned.removed) + (pruned.trimmed > 0)
        assert touched == min(limit, 5 - calls * limit)
        gone += [*pruned.expired, *pruned.removed]
        trimmed, calls, more = trimmed + pruned.trimmed, calls + 1, pruned.more
        assert more or calls * limit >= 5
    assert sorted(gone) == sorted(ids[:4])
    assert trimmed == 6
    assert await all_ids(store) == {ids[4], long}


async def test_a_dry_run_says_what_would_be_done_and_does_nothing(backend, make):
    store = backend.store
    ids = await sessions_apart(backend, make, 3)
    long = await idle_session(store, make, 9)
    before = [await store.dump(session_id) for session_id in (*ids, long)]
    retention = Retention(ttl=50, keep=150, max_messages=3)
    expected = Pruned(expired=(ids[1],), removed=(ids[0],), trimmed=6)
    assert await store.prune(retention, dry_run=True) == expected
    assert await store.prune(retention, dry_run=True) == expected
    assert [await store.dump(session_id) for session_id in (*ids, long)] == before
    assert await store.prune(retention) == expected
    assert await all_ids(store) == {ids[2], long}


async def test_a_dry_run_has_limits_too(backend, make):
    await sessions_apart(backend, make, 4)
    await backend.advance(100)
    pruned = await backend.store.prune(Retention(ttl=50), 3, dry_run=True)
    assert (len(pruned.expired), pruned.more) == (3, True)


async def test_a_limit_below_one_is_refused(store):
    with pytest.raises(ValueError, match="limit"):
        await store.prune(Retention(ttl=1), 0)


async def test_replicas_that_prune_at_the_same_time_do_each_session_once(backend, make):
    ids = await sessions_apart(backend, make, 6, seconds=1)
    await backend.advance(100)
    stores = [backend.store, backend.second_store()] * 2
    results = await asyncio.gather(*(each.prune(Retention(ttl=50)) for each in stores))
    expired = [session_id for pruned in results for session_id in pruned.expired]
    while any(pruned.more for pruned in results):  # one that found others at work may say so
        results = [await backend.store.prune(Retention(ttl=50))]
        expired += [session_id for pruned in results for session_id in pruned.expired]
    assert sorted(expired) == sorted(ids)
    assert await all_ids(backend.store) == set()


async def test_of_an_expiry_and_a_message_at_the_same_moment_the_message_is_not_lost(backend, make):
    thread = make.thread()
    session_id = await idle_session(backend.store, make, thread=thread)
    await backend.advance(100)
    pruned, receipt = await asyncio.gather(
        backend.store.prune(Retention(ttl=50)), backend.second_store().receive(make.incoming(thread, opens=False))
    )
    session = await backend.store.find(thread)
    assert session.id == receipt.session_id
    assert len((await backend.store.load(session.id)).inbox) == 1
    assert (session.id == session_id) is (pruned.expired == ())
    assert session.follows_expired is (session.id != session_id)


async def test_a_retention_that_reaches_back_beyond_the_calendar_deletes_nothing(backend, make):
    session_id = await idle_session(backend.store, make)
    assert (await backend.store.prune(Retention(ttl=100))).expired == ()
    for seconds in (3_000 * 365 * 86_400.0, 1e15):
        assert await backend.store.prune(Retention(ttl=seconds, keep=seconds)) == Pruned()
    assert await all_ids(backend.store) == {session_id}
