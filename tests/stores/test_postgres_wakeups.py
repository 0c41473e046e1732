"""Hearing of what other replicas receive: straight, after a lost connection, and behind a pooler."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from kubeai_bot.domain.storage import Claim
from tests.stores.postgres_driver import open_pooled, open_straight


@pytest.fixture
async def backend():
    async with open_straight() as opened:
        yield opened


async def next_of(subscription, seconds: float = 5) -> str:
    return await asyncio.wait_for(anext(subscription), seconds)


async def test_a_lost_listener_hears_again_and_misses_nothing(backend, make):
    async with aclosing(backend.second_store().wakeups()) as subscription:
        for _ in range(3):
            await backend.admin.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query LIKE 'LISTEN %'"
            )
            session_id = await make.session(backend.store)
            assert await next_of(subscription) == session_id


async def test_what_anybody_else_notifies_is_ignored(backend, make):
    """Not even the number of an item that is yet to come hides that item."""
    last = await backend.admin.execute("SELECT nextval(pg_get_serial_sequence('kubeai_bot.inbox', 'id'))")
    ((item,),) = await last.fetchall()
    ahead = [f"{item + number} elsewhere" for number in range(1, 20)]
    async with aclosing(backend.store.wakeups()) as subscription:
        for payload in ("", "x", "nonsense here", "99999999999999999999999 y z", "1", "9" * 5000, *ahead):
            await backend.admin.execute("SELECT pg_notify('kubeai_bot', %s)", (payload,))
        session_id = await make.session(backend.second_store())
        heard = [await next_of(subscription)]
        while heard[-1] != session_id:
            heard.append(await next_of(subscription))
        assert set(heard) <= {session_id, "elsewhere", ""}


async def test_a_message_for_a_session_that_is_held_elsewhere_reaches_the_holder(backend, make):
    thread = make.thread()
    receipt = await backend.store.receive(make.incoming(thread), Claim("a", 30))
    async with aclosing(backend.store.wakeups()) as subscription:
        stop = make.incoming(thread, kind="stop")
        assert (await backend.second_store().receive(stop, Claim("b", 30))).lease is None
        assert await next_of(subscription) == receipt.session_id


async def test_behind_a_pooler_wakeups_come_within_little_more_than_a_second(make):
    async with open_pooled() as backend, aclosing(backend.second_store().wakeups()) as subscription:
        for _ in range(3):
            session_id = await make.session(backend.store)
            async with asyncio.timeout(5):  # a second, and what a busy machine adds
                assert await next_of(subscription) == session_id


async def test_a_receipt_with_the_lease_is_told_in_its_own_process(backend, make):
    async with aclosing(backend.store.wakeups()) as subscription:
        receipt = await backend.store.receive(make.incoming(), Claim("a", 30))
        assert await next_of(subscription) == receipt.session_id
