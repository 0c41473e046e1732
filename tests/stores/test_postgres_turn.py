"""What a turn costs, and that replicas racing for one session lose nothing."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from statistics import median

import pytest

from kubeai_bot.domain.session import AgentState, AnswerRef, TurnRef
from kubeai_bot.domain.storage import Claim, Known, SessionChange
from kubeai_bot.errors import StoreError
from kubeai_bot.stores.postgres.opening import SCHEMA, open_postgres
from kubeai_bot.stores.postgres.packing import pack, unpack
from tests.stores.postgres_driver import open_straight
from tests.stores.postgres_proxy import proxy_before

WORKER = """
import asyncio, itertools, json, sys
from kubeai_bot.domain.session import Incoming, ThreadRef
from kubeai_bot.domain.storage import Claim
from kubeai_bot.stores.postgres.opening import open_postgres
from tests.stores.conftest import MIA, NOON, Make

async def turn(store, name, number):
    thread = ThreadRef("T0SHOP", "C0ONCALL", "1.000001")
    incoming = Incoming((f"{name}-{number}",), thread, MIA, "message", "hi", f"{name}.{number}", True, NOON)
    receipt = await store.receive(incoming, Claim(name, 30))
    lease, tail = receipt.lease, receipt.tail
    if lease is None:
        return
    make = Make()
    for step in itertools.count():
        turn_id = f"{name}-{number}-{step}"
        calls = [make.message(item.incoming.ts, turn_id=turn_id) for item in tail.inbox]
        answers = [make.message("result of " + item.incoming.ts, turn_id=turn_id) for item in tail.inbox]
        seq = await store.append(lease, tail.session.last_seq, f"{turn_id}-1", calls)
        ids = [item.id for item in tail.inbox]
        if await store.close(lease, seq, f"{turn_id}-2", answers, ids):
            return
        tail = await store.load(lease.session_id, after=seq)

async def main():
    async with open_postgres(sys.argv[1]) as store:
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(int(sys.argv[3])):
            await turn(store, sys.argv[2], number)
    print("done", flush=True)
asyncio.run(main())
"""


@pytest.fixture
async def backend():
    async with open_straight() as opened:
        yield opened


def a_turn(make) -> tuple[list, SessionChange]:
    """Four messages as the benchmark has them (call 300 B, result 4 KB, answer 1 KB), and the change of the record."""
    digits = "".join(str(n * n) for n in range(2000))
    messages = [make.message("why?"), *(make.message(digits[:size]) for size in (300, 4000, 1000))]
    turn = TurnRef(f"t{make.step()}", make.as_mia, "1790000000.000001", make.noon)
    answer = AnswerRef("t1", posted=("1790000001.000100",), final=True)
    return messages, SessionChange(agent_state=AgentState.DONE, turn=turn, answer=answer, last_identity=make.as_mia)


async def test_a_batched_turn_takes_two_round_trips_once_its_statements_are_prepared(backend, make):
    thread, trips = make.thread(), []
    async with proxy_before(backend.url) as (proxy, url), open_postgres(url) as store:
        known = None
        await proxy.quiet()  # the listener has connected
        for number in range(12):
            before = proxy.round_trips
            receipt = await store.receive(make.incoming(thread), Claim("a", 30, known))
            messages, change = a_turn(make)
            consume = [item.id for item in receipt.tail.inbox]
            seq = receipt.tail.session.last_seq
            assert await store.close(receipt.lease, seq, f"s{number}", messages, consume, change)
            known = Known(receipt.session_id, seq + 4)
            trips.append(proxy.round_trips - before)
    assert trips[4:] == [2] * 8, trips
    assert max(trips) <= 4, trips
    assert (await backend.store.load(receipt.session_id)).session.last_seq == 48


async def written(admin) -> int:
    cursor = await admin.execute("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")
    return (await cursor.fetchone())[0]


async def test_the_log_of_a_turn_stays_below_8_kb_whatever_the_length_of_the_history(backend, make):
    per_turn = []
    for length in (10, 2000):
        thread = make.thread()
        receipt = await backend.store.receive(make.incoming(thread), Claim("a", 300))
        seq = await backend.store.append(receipt.lease, 0, "fill", [make.message("x" * 100)] * length)
        turns = []
        for number in range(41):
            before = await written(backend.admin)
            messages, change = a_turn(make)
            seq = await backend.store.append(receipt.lease, seq, f"s{number}", messages, (), change)
            await backend.store.receive(make.incoming(thread))
            turns.append(await written(backend.admin) - before)
        per_turn.append(median(turns))  # now and then one touches a new page, or the server writes of its own accord
    assert max(per_turn) < 8000, per_turn
    assert max(per_turn) < 1.1 * min(per_turn), per_turn


async def test_no_statement_that_runs_for_a_turn_reads_a_whole_table(backend, make):
    admin = backend.admin
    await backend.stack.aclose()  # its stores have read the empty tables whole, and would tell it in the middle
    await admin.execute(
        f"""
        INSERT INTO {SCHEMA}.sessions (id, team_id, channel_id, thread_ts, is_dm, slack_user_id, created_at,
            modified_at, modified_hour, name)
        SELECT 'id' || n, 'T', 'C', n, false, 'U' || n, now(), now(), 0, '' FROM generate_series(1, 20000) n;
        INSERT INTO {SCHEMA}.messages (session, seq, body)
        SELECT number, n, 'x' FROM {SCHEMA}.sessions, generate_series(1, 3) n;
        INSERT INTO {SCHEMA}.event_keys
        SELECT 'key' || n, n, 0, now() + interval '1 day' FROM generate_series(1, 20000) n;
        INSERT INTO {SCHEMA}.inbox (session, body) SELECT number, 'x' FROM {SCHEMA}.sessions LIMIT 2000;
        INSERT INTO {SCHEMA}.turns SELECT number, 't', NULL, now(), now(), true FROM {SCHEMA}.sessions;
        ANALYZE {SCHEMA}.sessions, {SCHEMA}.messages, {SCHEMA}.event_keys, {SCHEMA}.inbox, {SCHEMA}.turns;
        """  # noqa: S608
    )

    async def whole_reads() -> dict[str, int]:
        """A connection tells its statistics when it has ended at the latest."""
        await admin.execute(
            "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        await admin.execute("SELECT pg_stat_clear_snapshot()")
        cursor = await admin.execute(
            "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE schemaname = %s", (SCHEMA,)
        )
        return dict(await cursor.fetchall())

    before = await whole_reads()
    async with open_postgres(backend.url) as other:
        thread = make.thread()
        for number in range(15):  # beyond the five custom plans of a function's statement
            receipt = await other.receive(make.incoming(thread), Claim("a", 30))
            messages, change = a_turn(make)
            ids = [item.id for item in receipt.tail.inbox]
            seq = await other.append(receipt.lease, receipt.tail.session.last_seq, f"s{number}", messages, ids, change)
            await other.renew(receipt.lease, 30)
            await other.load(receipt.session_id, newest=5)
            assert await other.find(thread) is not None
            await other.receive(make.incoming(make.thread(), opens=False))
            await other.record_feedback(receipt.session_id, "t1", "U", "positive")
            await other.close(receipt.lease, seq, f"c{number}")
    after = await whole_reads()
    read = {name: after[name] - before[name] for name in after if after[name] > before[name]}
    assert set(read) <= {"expired_threads", "compatibility", "feedback"}, read  # these have next to no rows


async def test_two_processes_that_race_for_one_session_lose_tear_and_complain_of_nothing(backend, make):
    turns = 60
    workers = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", WORKER, backend.url, name, str(turns)),
            cwd=Path(__file__).parents[2],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for name in ("one", "two")
    ]
    for each in workers:
        while b"ready" not in (line := await asyncio.wait_for(each.stdout.readline(), 30)):
            assert line, await each.stderr.read()
    outputs = await asyncio.wait_for(asyncio.gather(*(each.communicate(b"\n") for each in workers)), 50)
    assert [each.returncode for each in workers] == [0, 0], outputs
    (session,) = (await backend.store.list()).sessions
    tail = await backend.store.load(session.id)
    texts = [stored.message.payload.text for stored in tail.messages]
    asked = [f"{name}.{number}" for name in ("one", "two") for number in range(turns)]
    assert tail.inbox == ()
    assert sorted(text for text in texts if not text.startswith("result")) == sorted(asked)
    assert sorted(text for text in texts if text.startswith("result")) == sorted(f"result of {each}" for each in asked)
    by_turn = [stored.message.turn_id for stored in tail.messages]
    assert [now for now, before in zip(by_turn, [None, *by_turn], strict=False) if now != before] == list(
        dict.fromkeys(by_turn)
    )


# --- packed records ---


@pytest.mark.parametrize("value", [{}, {"text": "\x00\ud800" * 999}, ["ä", 1, 2.5, None], {"v": 1, "type": "text"}])
def test_a_packed_record_comes_back(value):
    assert unpack(pack(value)) == value


PACKED = "0123144c258678831ee8642343ac819591a9545b0b00"


def test_the_packed_form_stays_what_it_was():
    """Written by the first release; whoever changes the dictionary loses everybody's history."""
    record = {"v": 1, "type": "text", "turn_id": "t1", "source": "user", "at": "2026-11-21", "payload": {"text": "hi"}}
    assert unpack(bytes.fromhex(PACKED)) == record
    assert len(pack(record)) < len(json.dumps(record)) / 2


@pytest.mark.parametrize(("packed", "says"), [(b"\x02abc", "newer version"), (b"\x01abc", "damaged"), (b"", "newer")])
def test_what_cannot_be_unpacked_is_an_error_of_the_store(packed, says):
    with pytest.raises(StoreError, match=says):
        unpack(packed)
