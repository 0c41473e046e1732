"""Moments at which two requests to PostgreSQL meet, brought about by a lock that holds the first one up."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from kubeai_bot.domain.storage import Claim, Retention
from kubeai_bot.stores.postgres.opening import open_postgres
from tests.stores.conftest import DRIVERS
from tests.stores.postgres_driver import open_straight
from tests.stores.postgres_proxy import proxy_before
from tests.waiting import until


@pytest.fixture
async def backend():
    async with open_straight() as opened:
        yield opened


@asynccontextmanager
async def until_blocked(backend) -> AsyncIterator[None]:
    """Afterwards one more request waits for a lock than before."""
    async with await psycopg.AsyncConnection.connect(backend.url, autocommit=True) as other:
        before = await _blocked(other)
        yield

        async def one_more() -> bool:
            return await _blocked(other) > before

        await until(one_more, 20)


async def _blocked(admin: psycopg.AsyncConnection) -> int:
    cursor = await admin.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    (count,) = await cursor.fetchone()
    return count


@pytest.mark.parametrize("first", [True, False])
async def test_an_event_is_received_once_where_its_lost_request_is_still_at_work(backend, make, first):
    """The server does not notice a lost connection while it waits: it commits after the repeated request has begun."""
    thread = make.thread()
    if not first:
        await make.session(backend.store, thread)
    lock = "LOCK TABLE kubeai_bot.sessions IN SHARE MODE" if first else "SELECT FROM kubeai_bot.sessions FOR UPDATE"
    async with proxy_before(backend.url) as (proxy, url), open_postgres(url) as store:
        await store.ping()
        async with backend.admin.transaction():
            await backend.admin.execute(lock)
            async with until_blocked(backend):
                receiving = asyncio.create_task(store.receive(make.incoming(thread), Claim("a", 30)))
            async with until_blocked(backend):
                proxy.cut()
        receipt = await receiving
        assert (receipt.repeated, receipt.created) == (False, first)
        assert len(receipt.tail.inbox) == (1 if first else 2)
        assert await store.append(receipt.lease, 0, make.step(), [make.message()]) == 1


async def test_of_two_replies_in_an_expired_thread_neither_is_lost(backend, make):
    """Both find the mark of the expired session; the second waits for the first to use it up."""
    thread = make.thread()
    receipt = await backend.store.receive(make.incoming(thread), Claim("a", 30))
    await backend.store.close(receipt.lease, 0, make.step(), consume=[item.id for item in receipt.tail.inbox])
    assert (await backend.store.prune(Retention(ttl=0))).expired
    replies = [make.incoming(thread, text, opens=False) for text in ("first", "second")]
    async with backend.admin.transaction():
        await backend.admin.execute("LOCK TABLE kubeai_bot.inbox IN SHARE MODE")  # the first has opened the session
        async with until_blocked(backend):
            first = asyncio.create_task(backend.store.receive(replies[0]))
        async with until_blocked(backend):
            second = asyncio.create_task(backend.second_store().receive(replies[1]))
    receipts = [await first, await second]
    assert receipts[0].session_id is not None
    assert receipts[0].session_id == receipts[1].session_id
    tail = await backend.store.load(receipts[0].session_id)
    assert [item.incoming.text for item in tail.inbox] == ["first", "second"]
    assert tail.session.follows_expired


@pytest.mark.parametrize("driver", ["postgres", "postgres behind pgbouncer"])
async def test_events_that_share_some_of_their_keys_are_received_once_each_without_an_error(make, driver):
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    dice = random.Random(seed)
    async with DRIVERS[driver]() as backend:
        stores = [backend.store, backend.second_store()]
        for number in range(10):
            keys = [f"{number}/{letter}" for letter in "abcd"]
            threads = [make.thread(), make.thread()]
            events = [
                make.incoming(dice.choice(threads), keys=tuple(dice.sample(keys, dice.randint(1, 3))))
                for _ in range(12)
            ]
            claims = [Claim(f"r{n}", 30) if dice.random() < 0.5 else None for n in range(len(events))]
            receipts = await asyncio.gather(
                *(dice.choice(stores).receive(event, claim) for event, claim in zip(events, claims, strict=True))
            )
            taken = [event for event, receipt in zip(events, receipts, strict=True) if not receipt.repeated]
            assert taken
            assert max(Counter(key for event in taken for key in event.keys).values()) == 1
