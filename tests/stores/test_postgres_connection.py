"""What becomes of a store whose connections, server or disk fail, and what it says."""

from __future__ import annotations

import asyncio
import time

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from kubeai_bot.domain.storage import Claim, Known
from kubeai_bot.errors import ConfigError, LeaseLost, StoreError
from kubeai_bot.stores.postgres.dsn import parse_dsn
from kubeai_bot.stores.postgres.engine import Limits
from kubeai_bot.stores.postgres.opening import open_postgres
from tests.stores.postgres_driver import open_straight
from tests.stores.postgres_proxy import proxy_before
from tests.stores.postgres_server import Server, free_port
from tests.waiting import until


@pytest.fixture
async def backend():
    async with open_straight() as opened:
        yield opened


async def backends_of(admin: psycopg.AsyncConnection) -> list[int]:
    """The server processes of the stores in this database."""
    cursor = await admin.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'kubeai-bot'"
    )
    return [pid for (pid,) in await cursor.fetchall()]


async def terminate_all(admin: psycopg.AsyncConnection) -> None:
    for pid in await backends_of(admin):
        await admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


async def is_blocked(admin: psycopg.AsyncConnection) -> bool:
    cursor = await admin.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return await cursor.fetchone() != (0,)


# --- addresses ---


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://mia:pw@db:6432/shop?sslmode=disable", {"host": "db", "port": "6432", "sslmode": "disable"}),
        ("postgresql+psycopg://mia:p%40ss@db/shop", {"password": "p@ss", "dbname": "shop"}),
        ("postgresql://mia@/shop?host=/var/run/postgresql", {"host": "/var/run/postgresql", "dbname": "shop"}),
        ("postgres://mia@[::1]:5432/shop", {"host": "::1"}),
        ("host=db user=mia password='a b' dbname=shop", {"password": "a b", "host": "db"}),
        ("postgres://h1:1,h2:2/shop", {"host": "h1,h2", "port": "1,2", "target_session_attrs": "read-write"}),
        ("postgres://h1,h2/shop?target_session_attrs=any", {"target_session_attrs": "any"}),
        ("postgres://db/shop?options=-c%20work_mem%3D1MB&connect_timeout=9", {"connect_timeout": "9"}),
    ],
)
def test_every_form_of_address_that_libpq_knows_is_read(url, expected):
    parameters = parse_dsn(url).parameters
    assert {name: parameters[name] for name in expected} == expected


@pytest.mark.parametrize("url", ["mysql://mia:s3cr3t@db/shop", "postgres://mia:s3cr3t@db:port/shop?x", "s3cr3t"])
def test_an_address_that_cannot_be_read_is_refused_without_repeating_it(url):
    with pytest.raises(ConfigError) as refused:
        parse_dsn(url)
    assert "s3cr3t" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert "DATABASE_URL" in str(refused.value)


async def test_the_password_stands_in_no_error_and_no_description(backend, make):
    dsn = parse_dsn("postgres://mia:s3cr3t@db/shop")
    assert "s3cr3t" not in repr(dsn)
    assert "s3cr3t" not in dsn.place
    with pytest.raises(StoreError) as failed:
        async with open_postgres(f"postgres://mia:s3cr3t@127.0.0.1:{free_port()}/s3cr3t?connect_timeout=2"):
            pass
    assert "mia:" not in str(failed.value)
    assert "password" not in repr(backend.store)


async def test_a_server_that_is_not_there_is_named(make):
    port = free_port()
    with pytest.raises(StoreError, match=f"'shop' at 127.0.0.1:{port}: no connection"):
        async with open_postgres(f"postgres://mia@127.0.0.1:{port}/shop"):
            pass


async def test_a_database_that_is_not_there_is_named(backend):
    with pytest.raises(StoreError, match="'nothing_here'"):
        async with open_postgres(psycopg.conninfo.make_conninfo(backend.url, dbname="nothing_here")):
            pass


async def test_a_socket_and_several_hosts_lead_to_the_server_too(backend, make):
    parameters = conninfo_to_dict(backend.url)
    port = parameters.pop("port")
    url = f"postgres://{parameters['user']}@127.0.0.1:{free_port()},127.0.0.1:{port}/{parameters['dbname']}"
    async with open_postgres(url) as store:
        await make.session(store)


async def test_a_server_that_falls_silent_after_the_login_is_given_up_at_the_start():
    given_up = asyncio.Event()

    async def silent_after_login(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        startup = await reader.readexactly(int.from_bytes(await reader.readexactly(4)) - 4)
        if startup.startswith((80877102).to_bytes(4)):  # a request to cancel
            given_up.set()
        else:
            writer.write(b"R\0\0\0\x08\0\0\0\0" + b"K\0\0\0\x0c\0\0\0\x01\0\0\0\x01" + b"Z\0\0\0\x05I")
            await given_up.wait()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(silent_after_login, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    try:
        url = f"postgres://mia@127.0.0.1:{port}/shop?sslmode=disable&gssencmode=disable"
        async with asyncio.timeout(20):
            with pytest.raises(StoreError, match="no answer in time"):
                async with open_postgres(url, limits=Limits(statement_timeout=0.2)):
                    pass
        assert given_up.is_set()
    finally:
        server.close()


# --- connections that go away ---


async def test_connections_that_were_terminated_between_statements_are_not_noticed(backend, make):
    store, lease = backend.store, await make.held(backend.store)
    seq = 0
    for _ in range(3):
        await asyncio.gather(*(store.ping() for _ in range(4)))
        await terminate_all(backend.admin)
        seq = await store.append(lease, seq, make.step(), [make.message()])
        await store.load(lease.session_id)
        assert len((await store.list()).sessions) == 1
    assert seq == 3


async def test_a_statement_whose_connection_is_terminated_runs_again(backend, make):
    store, lease = backend.store, await make.held(backend.store)
    async with backend.admin.transaction():
        await backend.admin.execute("SELECT FROM kubeai_bot.sessions FOR UPDATE")
        writing = asyncio.create_task(store.append(lease, 0, make.step(), [make.message()]))
        async with await psycopg.AsyncConnection.connect(backend.url, autocommit=True) as other:
            await until(lambda: is_blocked(other), 20)
            await terminate_all(other)
    assert await writing == 1
    assert len((await store.load(lease.session_id)).messages) == 1


async def test_an_append_whose_commit_was_not_acknowledged_is_not_done_twice(backend, make):
    async with proxy_before(backend.url) as (proxy, url), open_postgres(url) as store:
        lease = await make.held(store)
        proxy.cut_after = step = make.step()
        assert await store.append(lease, 0, step, [make.message()]) == 1
        assert proxy.cuts == 1
    assert len((await backend.store.load(lease.session_id)).messages) == 1


async def test_a_closing_step_whose_commit_was_not_acknowledged_is_known_to_have_closed(backend, make):
    async with proxy_before(backend.url) as (proxy, url), open_postgres(url) as store:
        receipt = await store.receive(make.incoming(), Claim("a", 30))
        consume = [item.id for item in receipt.tail.inbox]
        proxy.cut_after = step = make.step()
        assert await store.close(receipt.lease, 0, step, [make.message()], consume) is True
        assert proxy.cuts == 1
    assert await backend.store.lease(receipt.session_id, "b", 30) is not None
    assert len((await backend.store.load(receipt.session_id)).messages) == 1


@pytest.mark.parametrize("first", [True, False])
async def test_an_event_whose_commit_was_not_acknowledged_is_received_once_and_not_as_a_repeat(backend, make, first):
    thread = make.thread()
    if not first:
        await make.session(backend.store, thread)
    async with proxy_before(backend.url) as (proxy, url), open_postgres(url) as store:
        await store.ping()
        incoming = make.incoming(thread)
        proxy.cut_after = incoming.keys[0]
        receipt = await store.receive(incoming, Claim("a", 30))
        assert proxy.cuts == 1
        assert (receipt.repeated, receipt.created) == (False, first)
        assert [item.incoming for item in receipt.tail.inbox][-1] == incoming
        assert len(receipt.tail.inbox) == (1 if first else 2)
        assert await store.append(receipt.lease, 0, make.step(), [make.message()]) == 1
        assert (await store.receive(incoming)).repeated


async def test_a_server_that_restarts_costs_errors_while_it_is_away_and_nothing_after(make):
    server = Server()
    try:
        server.start()
        async with open_postgres(server.url("postgres")) as store:
            lease = await make.held(store)
            await asyncio.to_thread(server.stop)
            with pytest.raises(StoreError, match="no connection"):
                await store.append(lease, 0, "s1", [make.message()])
            with pytest.raises(StoreError):
                await store.ping()
            await asyncio.to_thread(server.start)
            assert await store.append(lease, 0, "s1", [make.message()]) == 1
            subscription = store.wakeups()
            session_id = await make.session(store)
            assert await asyncio.wait_for(anext(subscription), 5) == session_id
    finally:
        server.remove()


# --- a database that is slow, full or busy ---


async def test_a_statement_that_takes_too_long_is_cancelled_on_the_server_and_said_so(backend, make):
    lease = await make.held(backend.store)
    async with open_postgres(backend.url, limits=Limits(statement_timeout=0.3)) as store:
        async with backend.admin.transaction():
            await backend.admin.execute("SELECT FROM kubeai_bot.sessions FOR UPDATE")
            with pytest.raises(StoreError, match="no answer in time"):
                await store.append(lease, 0, "s1", [make.message()])
            assert not await is_blocked(backend.admin)
        assert await store.append(lease, 0, "s1", [make.message()]) == 1


async def test_a_pool_without_a_free_connection_says_so_and_recovers(backend, make):
    limits = Limits(pool_size=1, pool_timeout=0.2, statement_timeout=5)
    lease = await make.held(backend.store)
    async with open_postgres(backend.url, limits=limits) as store:
        async with backend.admin.transaction():
            await backend.admin.execute("SELECT FROM kubeai_bot.sessions FOR UPDATE")
            writing = asyncio.create_task(store.append(lease, 0, "s1", [make.message()]))
            async with await psycopg.AsyncConnection.connect(backend.url, autocommit=True) as other:
                await until(lambda: is_blocked(other), 20)
            with pytest.raises(StoreError, match="connections of the pool are in use"):
                await store.load(lease.session_id)
        assert await writing == 1
        assert len((await store.load(lease.session_id)).messages) == 1


async def test_nobody_is_kept_waiting_by_those_who_come_again_and_again(backend, make):
    ids = [await make.session(backend.store) for _ in range(40)]
    loads = [0] * len(ids)
    enough = asyncio.Event()

    async def keep_loading(store, number):
        while not enough.is_set():
            await store.load(ids[number])
            loads[number] += 1
            if sum(loads) >= 20 * len(ids):
                enough.set()

    async with open_postgres(backend.url, limits=Limits(pool_size=2)) as store, asyncio.timeout(50):
        await asyncio.gather(*(keep_loading(store, number) for number in range(len(ids))))
    assert max(loads) - min(loads) <= 3, loads


async def test_cancelled_callers_leave_pool_and_data_whole(backend, make):
    lease = await make.held(backend.store)
    async with open_postgres(backend.url, limits=Limits(pool_size=2, pool_timeout=2)) as store:
        for _ in range(5):
            async with backend.admin.transaction():
                await backend.admin.execute("SELECT FROM kubeai_bot.sessions FOR UPDATE")
                writing = [asyncio.create_task(store.append(lease, 0, f"s{n}", [make.message()])) for n in range(4)]
                async with await psycopg.AsyncConnection.connect(backend.url, autocommit=True) as other:
                    await until(lambda: is_blocked(other), 20)
                for each in writing:
                    each.cancel()
                outcomes = await asyncio.gather(*writing, return_exceptions=True)
                assert all(isinstance(each, asyncio.CancelledError) for each in outcomes)
        assert (await store.load(lease.session_id)).messages == ()
        await asyncio.gather(*(store.ping() for _ in range(8)))
        assert await store.append(lease, 0, "last", [make.message()]) == 1


async def test_a_full_disk_is_called_that_writes_nothing_and_passes(backend, make):
    lease = await make.held(backend.store)
    await backend.admin.execute(
        """
        CREATE FUNCTION kubeai_bot.full() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END$$;
        """
    )
    await backend.admin.execute(
        "CREATE TRIGGER full_disk BEFORE INSERT ON kubeai_bot.messages EXECUTE FUNCTION kubeai_bot.full()"
    )
    try:
        with pytest.raises(StoreError, match="disk is full"):
            await backend.store.append(lease, 0, "s1", [make.message("a secret")])
    finally:
        await backend.admin.execute("DROP FUNCTION kubeai_bot.full() CASCADE")
    assert await backend.store.append(lease, 0, "s1", [make.message()]) == 1


async def test_a_lease_never_seems_longer_to_its_holder_than_it_is(backend, make):
    """The holder's clock is read before the request is sent, however long the answer takes."""
    session_id = await make.session(backend.store)
    before = time.monotonic()
    async with backend.admin.transaction():
        await backend.admin.execute("SELECT FROM kubeai_bot.sessions FOR UPDATE")
        taking = asyncio.create_task(backend.store.lease(session_id, "a", 30))
        async with await psycopg.AsyncConnection.connect(backend.url, autocommit=True) as other:
            await until(lambda: is_blocked(other), 20)
        await asyncio.sleep(0.2)
    lease = await taking
    cursor = await backend.admin.execute("SELECT extract(epoch FROM clock_timestamp())")
    (now,) = await cursor.fetchone()
    assert before + 30 <= lease.monotonic_until
    assert lease.monotonic_until - time.monotonic() <= lease.expires_at - float(now)


async def test_a_known_tail_is_not_sent_again(backend, make):
    receipt = await backend.store.receive(make.incoming(thread := make.thread()), Claim("a", 30))
    seq = await backend.store.append(receipt.lease, 0, make.step(), [make.message()] * 3)
    await backend.store.release(receipt.lease)
    with pytest.raises(LeaseLost):
        await backend.store.append(receipt.lease, seq, make.step())
    again = await backend.store.receive(make.incoming(thread), Claim("b", 30, Known(receipt.session_id, seq)))
    assert again.tail.messages == ()
    assert again.tail.after == seq
