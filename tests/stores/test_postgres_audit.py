"""The audit trail in the database: added to, read in order, kept when sessions are forgotten, pruned by itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
import pytest

from kubeai_bot.audit.chain import Chain, compare, sealed, verify
from kubeai_bot.audit.trail import Trail
from kubeai_bot.domain.audit import AuditEntry
from kubeai_bot.domain.storage import Claim
from kubeai_bot.errors import AuditFailed
from kubeai_bot.stores.postgres.opening import SCHEMA, open_postgres
from tests.stores.postgres_server import new_database

KEY = b"a key of the tests, long enough for this"


def entry(number: int, at: datetime | None = None) -> AuditEntry:
    return AuditEntry("call", at or datetime.now(UTC), "s", f"t{number}", None, "mia", tool="scale", outcome="ok")


@pytest.fixture
async def opened():
    url = new_database()
    async with open_postgres(url) as store:
        yield url, store


async def records(store) -> list:
    return [row async for row in store.audit.rows()]


async def test_records_are_whole_and_in_order_also_over_many_pages(opened):
    _, store = opened
    trails = [Trail(Chain(KEY, name), [store.audit]) for name in ("a", "b")]
    links = Chain(KEY, "c")
    await store.audit.write([links.link(entry(number)) for number in range(2_500)])
    for number in range(3):
        for trail in trails:
            await trail.record(entry(number))
    found = await records(store)
    assert len(found) == 2_506
    assert verify(KEY, found) == []


async def test_the_same_record_again_changes_nothing(opened):
    _, store = opened
    record = Chain(KEY, "a").link(entry(1))
    await store.audit.write([record])
    await store.audit.write([record])
    assert await records(store) == [record]


async def test_an_edited_row_a_recomputed_tail_and_a_cut_tail_are_found(opened):
    url, store = opened
    chain = Chain(KEY, "a")
    written = [chain.link(entry(number)) for number in range(6)]
    await store.audit.write(written)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as admin:
        await admin.execute(f"SET search_path TO {SCHEMA}")
        edit = 'UPDATE audit SET record = replace(record, $$"ok"$$, $$"failed"$$) WHERE number = 3'
        await admin.execute(edit)
        assert [fault.number for fault in verify(KEY, await records(store))] == [3]
        await admin.execute("DELETE FROM audit WHERE number >= 3")
        forged = Chain(b"not the key, because nobody has it here", "a")
        again = [forged.link(entry(number)) for number in range(6)]
        await store.audit.write(again[2:])
        assert {fault.number for fault in verify(KEY, await records(store))} == {3, 4, 5, 6}
        await admin.execute("DELETE FROM audit WHERE number >= 3")
    left = await records(store)
    assert verify(KEY, left) == []
    assert [str(fault) for fault in compare(left, written)] == [
        "process a, record 0: ends at record 2, but 6 were written: its tail was cut"
    ]


async def test_forgetting_a_session_leaves_the_trail(opened, make):
    _, store = opened
    await store.audit.write([Chain(KEY, "a").link(entry(1))])
    receipt = await store.receive(make.incoming(make.thread()), Claim("a", 30))
    await store.release(receipt.lease)
    assert await store.delete(receipt.session_id)
    assert len(await records(store)) == 1


async def test_old_records_go_by_their_own_retention_and_the_rest_stays_provable(opened):
    _, store = opened
    chain, now = Chain(KEY, "a"), datetime.now(UTC)
    await store.audit.write([chain.link(entry(number, now - timedelta(days=40 - number * 10))) for number in range(5)])
    seal = partial(sealed, KEY)
    assert await store.audit.prune(30, seal) == 1 + 1
    found = await records(store)
    assert len(found) == 3
    assert verify(KEY, found, await store.audit.trims()) == []
    assert [fault.number for fault in verify(KEY, found)] == [3]
    assert await store.audit.prune(30, seal) == 0
    assert await store.audit.prune(5, seal) == 2
    assert verify(KEY, await records(store), await store.audit.trims()) == []
    assert [trim.number for trim in await store.audit.trims()] == [4]


async def test_what_stands_behind_something_newer_is_kept_with_it(opened):
    """A clock was set back: a chain without its middle would look as if somebody had been at it."""
    _, store = opened
    chain, now = Chain(KEY, "a"), datetime.now(UTC)
    ages = (40, 39, 1, 38, 2)
    await store.audit.write([chain.link(entry(n, now - timedelta(days=age))) for n, age in enumerate(ages)])
    assert await store.audit.prune(30, partial(sealed, KEY)) == 2
    assert await store.audit.prune(30, partial(sealed, KEY)) == 0
    assert verify(KEY, await records(store), await store.audit.trims()) == []


async def test_two_replicas_that_prune_at_once_leave_one_right_word(opened):
    url, store = opened
    chains = [Chain(KEY, f"bot-{n}") for n in range(20)]
    old = datetime.now(UTC) - timedelta(days=40)
    await store.audit.write([chain.link(entry(n, old)) for chain in chains for n in range(20)])
    async with open_postgres(url) as other:
        gone = await asyncio.gather(*(each.audit.prune(30, partial(sealed, KEY)) for each in (store, other) * 4))
    assert sum(gone) == 400
    assert verify(KEY, [], await store.audit.trims()) == []
    assert len(await store.audit.trims()) == 20


async def test_a_database_that_is_away_fails_the_entry_and_gets_it_later(opened):
    url, store = opened
    trail = Trail(Chain(KEY, "a"), [store.audit])
    await trail.record(entry(1))
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as admin:
        await admin.execute(f"ALTER TABLE {SCHEMA}.audit RENAME TO away")
        with pytest.raises(AuditFailed):
            await trail.record(entry(2))
        await admin.execute(f"ALTER TABLE {SCHEMA}.away RENAME TO audit")
    await trail.record(entry(3))
    assert [record["number"] for record in await records(store)] == [1, 2, 3]
