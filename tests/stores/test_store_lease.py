"""Leases: one holder, expiry by the store's clock, fencing."""

from __future__ import annotations

import asyncio

import pytest

from kubeai_bot.domain.storage import SessionChange
from kubeai_bot.errors import LeaseLost, SessionNotFound


async def test_a_lease_has_one_holder(backend, make):
    session_id = await make.session(backend.store)
    assert (await backend.store.lease(session_id, "a", 30)).owner == "a"
    assert await backend.second_store().lease(session_id, "b", 30) is None


async def test_of_simultaneous_askers_one_gets_the_lease(backend, make):
    session_id = await make.session(backend.store)
    stores = [backend.store, backend.second_store()] * 4
    leases = await asyncio.gather(*(each.lease(session_id, f"r{n}", 30) for n, each in enumerate(stores)))
    assert sum(lease is not None for lease in leases) == 1


async def test_leases_of_different_sessions_do_not_meet(store, make):
    first, second = await make.held(store, "a"), await make.held(store, "b")
    assert await store.append(first, 0, "s", [make.message()]) == 1
    assert await store.append(second, 0, "s", [make.message()]) == 1


async def test_an_expired_lease_can_be_taken_and_its_epoch_grows(backend, make):
    first = await make.held(backend.store, ttl=30)
    await backend.advance(29)
    assert await backend.second_store().lease(first.session_id, "b", 30) is None
    await backend.advance(2)
    second = await backend.second_store().lease(first.session_id, "b", 30)
    assert second.epoch > first.epoch


async def test_a_lease_says_when_it_ends_on_both_clocks(backend, make):
    lease = await make.held(backend.store, ttl=30)
    renewed = await backend.store.renew(lease, 90)
    assert renewed.expires_at - lease.expires_at == pytest.approx(60, abs=5)
    assert renewed.monotonic_until - lease.monotonic_until == pytest.approx(60, abs=5)
    assert (renewed.session_id, renewed.epoch, renewed.owner) == (lease.session_id, lease.epoch, "a")


async def test_renewing_keeps_others_out_for_longer(backend, make):
    lease = await make.held(backend.store, ttl=30)
    await backend.advance(20)
    renewed = await backend.store.renew(lease, 30)
    await backend.advance(20)
    assert await backend.second_store().lease(lease.session_id, "b", 30) is None
    assert await backend.store.append(renewed, 0, make.step(), [make.message()]) == 1


async def test_a_lease_from_before_its_renewal_still_writes(backend, make):
    lease = await make.held(backend.store, ttl=30)
    await backend.store.renew(lease, 60)
    await backend.advance(45)
    assert await backend.store.append(lease, 0, make.step(), [make.message()]) == 1


async def test_an_owner_that_takes_its_lease_again_fences_out_its_earlier_task(store, make):
    first = await make.held(store, "a")
    second = await store.lease(first.session_id, "a", 30)
    assert second.epoch > first.epoch
    with pytest.raises(LeaseLost):
        await store.append(first, 0, make.step(), [make.message()])
    assert await store.append(second, 0, make.step(), [make.message()]) == 1


async def test_a_released_lease_is_free_at_once(backend, make):
    lease = await make.held(backend.store, "a")
    await backend.store.release(lease)
    taken = await backend.second_store().lease(lease.session_id, "b", 30)
    assert taken.epoch > lease.epoch
    with pytest.raises(LeaseLost):
        await backend.store.append(lease, 0, make.step(), [make.message()])


# --- the holder that lost it ---


@pytest.fixture
async def paused(backend, make):
    """A holder that was paused past its lease, and the one that took over."""
    old = await make.held(backend.store, "a", ttl=30)
    await backend.advance(31)
    new = await backend.second_store().lease(old.session_id, "b", 30)
    return old, new


async def test_a_paused_holder_can_write_nothing_after_a_takeover(backend, make, paused):
    old, new = paused
    before = await backend.store.load(old.session_id)
    with pytest.raises(LeaseLost):
        await backend.store.append(old, 0, make.step(), [make.message()], [1], SessionChange(name="lost"))
    assert await backend.store.load(old.session_id) == before
    assert await backend.second_store().append(new, 0, make.step(), [make.message()]) == 1


async def test_a_paused_holder_cannot_renew(backend, paused):
    old, new = paused
    with pytest.raises(LeaseLost):
        await backend.store.renew(old, 30)
    assert (await backend.second_store().renew(new, 30)).epoch == new.epoch


async def test_a_paused_holder_releases_nothing(backend, make, paused):
    old, new = paused
    await backend.store.release(old)
    assert await backend.store.lease(new.session_id, "c", 30) is None
    assert await backend.second_store().append(new, 0, make.step(), [make.message()]) == 1


async def test_expiry_alone_fences_though_nobody_has_taken_over(backend, make):
    lease = await make.held(backend.store, ttl=30)
    await backend.advance(31)
    with pytest.raises(LeaseLost):
        await backend.store.append(lease, 0, make.step(), [make.message()])
    with pytest.raises(LeaseLost):
        await backend.store.renew(lease, 30)
    await backend.store.release(lease)
    assert (await backend.store.load(lease.session_id)).messages == ()


async def test_the_lease_of_a_deleted_session_is_lost(store, make):
    lease = await make.held(store)
    await store.delete(lease.session_id)
    with pytest.raises(LeaseLost):
        await store.append(lease, 0, make.step(), [make.message()])
    with pytest.raises(LeaseLost):
        await store.renew(lease, 30)
    await store.release(lease)


async def test_nothing_leases_or_loads_a_session_that_is_not_there(store):
    with pytest.raises(SessionNotFound):
        await store.lease("none", "a", 30)
    with pytest.raises(SessionNotFound):
        await store.load("none")
