"""Making and changing the tables: by one of many, safely beside other releases."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine

from kubeai_bot.audit.chain import Chain
from kubeai_bot.domain.audit import AuditEntry, Trim
from kubeai_bot.domain.storage import KeptResult
from kubeai_bot.errors import ConfigError
from kubeai_bot.stores.postgres.dsn import parse_dsn
from kubeai_bot.stores.postgres.migrate import TABLES
from kubeai_bot.stores.postgres.opening import SCHEMA, open_postgres
from kubeai_bot.stores.postgres.tables import METADATA
from tests.stores.conftest import AS_MIA, NOON
from tests.stores.postgres_proxy import proxy_before
from tests.stores.postgres_server import new_database
from tests.stores.test_store_dump import content, full_session
from tests.waiting import until

OPEN = """
import asyncio, sys
from kubeai_bot.stores.postgres.opening import open_postgres
async def main():
    async with open_postgres(sys.argv[1]) as store:
        await store.ping()
asyncio.run(main())
"""


@pytest.fixture
def database() -> str:
    return new_database()


@pytest.fixture
async def admin(database):
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        yield connection


async def test_a_start_whose_connection_is_taken_away_begins_again(database, admin):
    """As when an operator ends connections: here that of a replica that waits for another one's migration."""
    take_away = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND (query LIKE '%%pg_try_advisory%%' OR query IN ('COMMIT', 'ROLLBACK'))"
        " AND pid <> %s"
    )
    async with await psycopg.AsyncConnection.connect(database) as other:
        lock = "SELECT pg_advisory_xact_lock(hashtextextended('kubeai-bot migrations ' || %s, 0))"
        await other.execute(lock, (SCHEMA,))  # another replica makes the tables

        async def opening():
            async with open_postgres(database) as store:
                await store.ping()

        async def taken_away():
            return (await (await admin.execute(take_away, (other.info.backend_pid,))).fetchone())[0]

        task = asyncio.create_task(opening())
        await until(taken_away, 30)
        await other.rollback()
        await asyncio.wait_for(task, 30)


@pytest.mark.parametrize("doomed", [1, 2])
async def test_a_start_of_which_a_connection_is_cut_while_it_is_made_begins_again(database, doomed):
    async with open_postgres(database):
        pass  # the tables are there
    async with proxy_before(database) as (proxy, url):
        proxy.doomed = doomed
        async with open_postgres(url) as store:
            await store.ping()
        assert proxy.connections > doomed


async def test_of_three_processes_that_start_at_once_one_makes_the_tables(database):
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", OPEN, database),
            cwd=Path(__file__).parents[2],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        for _ in range(3)
    ]
    outputs = [(await asyncio.wait_for(each.communicate(), 50))[0].decode() for each in started]
    assert [each.returncode for each in started] == [0, 0, 0], outputs
    assert sum("database migrated" in output for output in outputs) == 1


async def test_a_migration_that_died_half_way_leaves_nothing_and_is_made_by_the_next(database, admin):
    await admin.execute(f"CREATE SCHEMA {SCHEMA}")
    await admin.execute(f"CREATE TABLE {SCHEMA}.feedback (mine text)")
    with pytest.raises(ConfigError, match="DATABASE_SCHEMA"):
        async with open_postgres(database):
            pass
    cursor = await admin.execute("SELECT count(*) FROM pg_class WHERE relnamespace = %s::regnamespace", (SCHEMA,))
    assert (await cursor.fetchone())[0] == 1
    await admin.execute(f"DROP TABLE {SCHEMA}.feedback")
    async with open_postgres(database) as store:
        await store.ping()


async def test_the_tables_are_those_that_the_code_reads(database):
    async with open_postgres(database):
        pass
    engine = create_async_engine("postgresql+psycopg://", connect_args=parse_dsn(database).parameters)
    async with engine.connect() as connection:
        await connection.exec_driver_sql(f"SET search_path TO {SCHEMA}")
        differences = await connection.run_sync(lambda c: compare_metadata(MigrationContext.configure(c), METADATA))
    await engine.dispose()
    assert [each for each in differences if "alembic_version" not in str(each)] == []


@pytest.mark.parametrize("schema", ["public", "Odd %s \"schema\" 'name' {x}"])
async def test_any_schema_will_do(database, make, schema):
    async with open_postgres(database, schema=schema) as store:
        subscription = store.wakeups()
        session_id = await make.session(store)
        assert await asyncio.wait_for(anext(subscription), 5) == session_id
        assert (await store.usage()).sessions == 1
    async with open_postgres(database, schema=schema) as again:
        assert await again.unfinished() == [session_id]


async def test_two_schemas_of_one_database_do_not_meet(database, make):
    async with open_postgres(database, schema="one") as one, open_postgres(database, schema="two") as two:
        incoming = make.incoming()
        first, second = await one.receive(incoming), await two.receive(incoming)
        assert not second.repeated
        assert await one.unfinished() == [first.session_id]
        assert await two.unfinished() == [second.session_id]


async def test_tables_of_a_later_release_that_are_compatible_are_worked_with(database, admin, make):
    thread = make.thread()
    async with open_postgres(database) as store:
        kept = await make.session(store, thread)
        for _ in range(5):  # often enough to be prepared
            assert await store.find(thread) is not None
        await admin.execute(f"UPDATE {SCHEMA}.compatibility SET tables = {TABLES + 1}")  # noqa: S608
        await admin.execute(f"ALTER TABLE {SCHEMA}.sessions ADD COLUMN later text NOT NULL DEFAULT 'x'")
        await admin.execute(f"ALTER TABLE {SCHEMA}.messages ADD COLUMN later integer")
        await admin.execute(f"ALTER TABLE {SCHEMA}.sessions ALTER COLUMN name TYPE varchar(200)")
        # a replica that runs already, and one that starts now
        assert await store.find(thread) is not None
        assert await store.unfinished() == [kept]
        lease = await store.lease(kept, "a", 30)
        assert await store.append(lease, 0, make.step(), [make.message()]) == 1
    async with open_postgres(database) as store:
        assert len((await store.load(kept)).messages) == 1
        await make.session(store)


async def test_tables_that_only_later_code_knows_are_refused(database, admin):
    async with open_postgres(database):
        pass
    await admin.execute(f"UPDATE {SCHEMA}.compatibility SET tables = {TABLES + 2}, oldest_code = {TABLES + 1}")  # noqa: S608
    with pytest.raises(ConfigError, match="newer kubeai-bot"):
        async with open_postgres(database):
            pass


async def test_a_user_that_may_not_make_tables_is_told_so_and_works_where_they_are_made(database, admin, make):
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    role = f"{name}_user"
    await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'pw'")
    try:
        restricted = psycopg.conninfo.make_conninfo(database, user=role, password="pw")
        with pytest.raises(ConfigError, match="permission denied"):
            async with open_postgres(restricted):
                pass
        async with open_postgres(database):
            pass
        await admin.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {role}")
        await admin.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {SCHEMA} TO {role}")
        async with open_postgres(restricted, migration_url=database) as store:
            await make.session(store)
    finally:
        await admin.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


async def test_tables_of_the_first_release_are_upgraded_with_a_turn_open_in_them(database, admin, make):
    """What later migrations have added is taken away again: what is left is exactly what the first one made."""
    async with open_postgres(database) as store:
        session_id = await full_session(store, make)
        before = content(await store.dump(session_id))
    await admin.execute(f"SET search_path TO {SCHEMA}")
    await admin.execute("DROP TABLE results, audit, audit_trims")
    await admin.execute("UPDATE compatibility SET tables = 1")
    await admin.execute("UPDATE alembic_version SET version_num = '0001'")
    async with open_postgres(database) as store:
        assert content(await store.dump(session_id)) == before
        lease = await store.lease(session_id, "a", 30)
        await store.keep_result(lease, KeptResult("r-12345678", "t", "text", AS_MIA, NOON))
        assert await store.kept_result(session_id, "r-12345678") is not None
    row = await (await admin.execute("SELECT tables, oldest_code FROM compatibility")).fetchone()
    assert row == (TABLES, 1)  # the release before may go on beside this one


async def test_what_was_deleted_before_there_were_seals_is_not_taken_for_tampering(database, admin):
    chain = Chain(b"a key of the tests, long enough for this", "a")
    written = [chain.link(AuditEntry("call", NOON, "s", f"t{n}", None, "mia")) for n in range(5)]
    async with open_postgres(database) as store:
        await store.audit.write(written)
    await admin.execute(f"SET search_path TO {SCHEMA}")
    await admin.execute("DELETE FROM audit WHERE number <= 2")  # as the release before did
    await admin.execute("DROP TABLE audit_trims")
    await admin.execute("UPDATE compatibility SET tables = 3")
    await admin.execute("UPDATE alembic_version SET version_num = '0003'")
    async with open_postgres(database) as store:
        assert await store.audit.trims() == [Trim("a", 2, written[1]["hmac"])]
