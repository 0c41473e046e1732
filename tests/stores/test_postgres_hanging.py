"""A database that takes connections and says nothing: how long anybody waits for it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Awaitable

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from kubeai_bot.errors import StoreError
from kubeai_bot.playground.world import WorldOptions, open_world
from kubeai_bot.stores.postgres.engine import Limits
from kubeai_bot.stores.postgres.opening import open_postgres
from kubeai_bot.stores.postgres.store import PostgresStore
from tests.stores.postgres_driver import open_straight
from tests.stores.postgres_proxy import proxy_before

SLACK = 8
"""Seconds for a busy machine: less than the 10 s that a statement has by itself."""


@pytest.fixture
async def backend():
    async with open_straight() as opened:
        yield opened


async def seconds_of(waiting: Awaitable[object]) -> float:
    clock = asyncio.get_running_loop().time
    began = clock()
    await waiting
    return clock() - began


async def fails(statement: Awaitable[object], words: str) -> None:
    with pytest.raises(StoreError, match=words):
        await statement


async def test_a_statement_is_given_up_a_second_after_its_time_and_works_again_once_the_database_does(backend, make):
    lease = await make.held(backend.store)
    limits = Limits(statement_timeout=0.5)
    async with proxy_before(backend.url) as (proxy, url), open_postgres(url, limits=limits) as store:
        await store.ping()
        proxy.hang()
        appending = store.append(lease, 0, "s1", [make.message()])
        assert await seconds_of(fails(appending, "no answer in time")) < 1.5 + SLACK
        proxy.go_on()
        assert await store.append(lease, 0, "s1", [make.message()]) == 1


async def test_a_transaction_is_given_up_a_second_after_its_time(backend, make):
    session_id = await make.session(backend.store)
    limits = Limits(statement_timeout=0.5)
    async with proxy_before(backend.url) as (proxy, url), open_postgres(url, limits=limits) as store:
        await store.ping()
        async with store._database.transaction() as connection:  # its own methods wait for a minute
            await connection.exec_driver_sql("SELECT 1")
        proxy.hang()

        async def ask() -> None:
            async with store._database.transaction() as connection:
                await connection.exec_driver_sql("SELECT 1")

        assert await seconds_of(fails(ask(), "no answer in time")) < 1.5 + SLACK
        proxy.go_on()
        assert await store.delete(session_id)


async def test_a_connection_that_cannot_be_made_is_not_tried_three_times(backend):
    async with (
        proxy_before(make_conninfo(backend.url, connect_timeout="4")) as (proxy, url),
        open_postgres(url) as store,
    ):
        await store.ping()
        proxy.hang()
        proxy.cut()
        assert await seconds_of(fails(store.ping(), "no connection")) < 4 + 3.9, "less than two tries take"
        proxy.go_on()
        await store.ping()


async def test_a_store_that_is_closed_waits_for_nothing_and_neither_does_who_still_uses_it(backend, make):
    """As at SIGTERM, with statements under way that nobody has cancelled, and with leases to give back after it."""
    lease, clock = await make.held(backend.store), asyncio.get_running_loop().time
    async with proxy_before(backend.url) as (proxy, url):
        async with open_postgres(url) as store:
            await asyncio.gather(store.ping(), store.ping())  # two connections
            await proxy.quiet()
            proxy.hang()
            before = proxy.round_trips
            gone = "no connection|closed"
            appending = asyncio.create_task(fails(store.append(lease, 0, "s1", [make.message()]), gone))
            listing = asyncio.create_task(fails(store.list(), gone))
            await proxy.asked(before + 2)
            began = clock()
        await asyncio.gather(appending, listing)
        await fails(store.release(lease), "closed")
        assert clock() - began < SLACK


async def test_a_store_that_is_closed_in_the_middle_of_statements_ends_them_and_never_the_process(backend):
    """What the driver's C code works with must not be freed under it: 40 closings at moments of any kind."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    rng = random.Random(seed)
    for _ in range(40):
        async with open_postgres(backend.url) as store:
            asking = [asyncio.create_task(fails(pinging(store), "no connection|closed")) for _ in range(8)]
            for _ in range(rng.randrange(20, 60)):
                await asyncio.sleep(0)
            await store._database.aclose()
            async with asyncio.timeout(30):
                await asyncio.gather(*asking)


async def pinging(store: PostgresStore) -> None:
    while True:
        await store.ping()


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize("asked", [False, True])
async def test_a_bot_ends_within_its_grace_period_while_the_database_hangs(backend, asked):
    """The whole program, at rest and in the middle of a turn; docs/operations.md asks for 30 seconds."""
    async with proxy_before(backend.url) as (proxy, url):
        way = conninfo_to_dict(url)
        address = f"postgresql://{way['user']}@{way['host']}:{way['port']}/{way['dbname']}?sslmode=disable"
        database = {"SESSION_TYPE": "postgres", "DATABASE_URL": address}
        async with open_world(WorldOptions(environment=database, pace=0.3)) as world:
            inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "kubeai_bot.cli", "run"), env={**inherited, **world.environment}
            )
            try:
                await world.workspace.wait_for(lambda w: w.connections, timeout=40, what="the bot's socket")
                if asked:
                    ts = await world.workspace.say("U0MIA", "Why is checkout failing?")
                    await world.workspace.wait_for(lambda w: w.messages("D0MIA", ts)[1:], timeout=20, what="an answer")
                proxy.hang()
                process.terminate()
                assert await seconds_of(process.wait()) < 30
                assert process.returncode == 0
            finally:
                if process.returncode is None:
                    process.send_signal(signal.SIGKILL)
                    await process.wait()
