"""The filesystem store under many hands at once, and under callers that give up."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeai_bot.domain.storage import Claim, Retention
from kubeai_bot.errors import LeaseLost, SequenceConflict, SessionNotFound, StoreError
from kubeai_bot.stores.filesystem.opening import open_filesystem
from tests.stores.filesystem_driver import fast_folder


@pytest.fixture
def root() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kubeai-sessions-", dir=fast_folder()) as name:
        yield Path(name) / "sessions"


@pytest.fixture
async def store(root):
    async with open_filesystem(root) as opened:
        yield opened


async def test_sixty_four_events_in_a_new_thread_open_one_session(store, make):
    thread = make.thread()
    receipts = await asyncio.gather(*(store.receive(make.incoming(thread), Claim("a", 30)) for _ in range(64)))
    assert len({receipt.session_id for receipt in receipts}) == 1
    assert sum(receipt.created for receipt in receipts) == 1
    assert sum(receipt.lease is not None for receipt in receipts) == 1
    inbox = (await store.load(receipts[0].session_id)).inbox
    assert len(inbox) == 64
    assert [item.id for item in inbox] == sorted(item.id for item in inbox)


async def test_an_event_delivered_sixty_four_times_at_once_is_taken_once(store, make):
    incoming = make.incoming()
    receipts = await asyncio.gather(*(store.receive(incoming) for _ in range(64)))
    assert sum(not receipt.repeated for receipt in receipts) == 1
    assert len((await store.load(receipts[0].session_id)).inbox) == 1


async def test_one_shared_key_is_enough_to_be_taken_once_whatever_else_differs(store, make):
    events = [make.incoming(keys=("shared", f"own-{n}")) for n in range(32)]
    receipts = await asyncio.gather(*map(store.receive, events))
    assert sum(receipt.created for receipt in receipts) == 1
    assert sum(receipt.repeated for receipt in receipts) == 31
    assert (await store.usage()).sessions == 1


async def test_of_many_appends_at_one_place_one_wins(store, make):
    lease = await make.held(store)
    results = await asyncio.gather(
        *(store.append(lease, 0, f"step-{n}", [make.message(f"{n}")]) for n in range(64)), return_exceptions=True
    )
    assert [result for result in results if result == 1] == [1]
    assert sum(isinstance(result, SequenceConflict) for result in results) == 63
    assert len((await store.load(lease.session_id)).messages) == 1


async def test_of_many_claimants_one_gets_the_lease(store, make):
    session_id = await make.session(store)
    leases = await asyncio.gather(*(store.lease(session_id, f"{n}", 30) for n in range(64)))
    assert sum(lease is not None for lease in leases) == 1


async def test_deleting_beside_receiving_leaves_one_whole_session_or_none(root, make):
    thread = make.thread()
    async with open_filesystem(root) as store:
        for _ in range(20):
            session_id = await make.session(store, thread)
            receipts = await asyncio.gather(
                store.receive(make.incoming(thread, opens=False)),
                store.delete(session_id),
                store.receive(make.incoming(thread)),
                store.delete(session_id),
            )
            assert sum(map(bool, (receipts[1], receipts[3]))) == 1
            found = await store.find(thread)
            assert found is None or (await store.load(found.id)).inbox
            if found is not None:
                await store.delete(found.id)
        assert (await store.usage()).sessions == 0
    assert len(list(root.iterdir())) == 3


async def test_pruning_beside_work_never_takes_a_session_that_has_work(store, make):
    threads = [make.thread() for _ in range(16)]

    async def talk(thread) -> int:
        """How many of its events reached it and were worked off."""
        done = 0
        for number in range(10):
            receipt = await store.receive(make.incoming(thread), Claim(f"{number}", 60))
            assert receipt.lease is not None
            read = [item.id for item in receipt.tail.inbox]
            last_seq = receipt.tail.session.last_seq
            await store.append(receipt.lease, last_seq, make.step(), [make.message("x")], read)
            await store.release(receipt.lease)
            done += len(read)
        return done

    async def prune() -> int:
        gone = 0
        for _ in range(20):
            gone += len((await store.prune(Retention(ttl=0, max_sessions=1))).expired)
        return gone

    *done, gone = await asyncio.gather(*map(talk, threads), prune())
    assert done == [10] * 16
    assert gone > 0


async def test_a_cancelled_append_has_happened_wholly_or_not_at_all(root, make):
    seed = random.randrange(1_000_000)
    print("seed", seed)  # noqa: T201 - shown where the test fails
    chance = random.Random(seed)
    async with open_filesystem(root) as store:
        lease = await make.held(store, ttl=600)
        seq, cancelled = 0, 0
        for number in range(150):
            step, messages = make.step(), [make.message(f"{number}"), make.message("x" * chance.choice([1, 100_000]))]
            call = asyncio.create_task(store.append(lease, seq, step, messages))
            for _ in range(chance.randrange(12)):
                await asyncio.sleep(0)
            cancelled += call.cancel()
            await asyncio.wait([call])
            tail = await store.load(lease.session_id)
            assert tail.session.last_seq in {seq, seq + 2}
            assert len(tail.messages) == tail.session.last_seq
            seq = await store.append(lease, seq, step, messages)  # done now, or recognised
            assert seq == 2 * number + 2
        assert cancelled > 50
        before = await store.dump(lease.session_id)
    async with open_filesystem(root) as store:
        assert await store.dump(lease.session_id) == before
        texts = [each.message.payload.text for each in before.messages]
        assert texts[::2] == [f"{number}" for number in range(150)]


async def test_a_cancelled_receive_is_finished_and_its_repeat_recognised(root, make):
    async with open_filesystem(root) as store:
        events = [make.incoming() for _ in range(40)]
        calls = [asyncio.create_task(store.receive(event, Claim("a", 30))) for event in events]
        for number, call in enumerate(calls):
            for _ in range(number % 5):
                await asyncio.sleep(0)
            call.cancel()
        await asyncio.wait(calls)
        receipts = await asyncio.gather(*map(store.receive, events))
        assert len({receipt.session_id for receipt in receipts}) == 40
        usage = await store.usage()
        assert (usage.sessions, usage.unread) == (40, 40)
    async with open_filesystem(root) as store:
        assert (await store.usage()).unread == 40


async def test_closing_waits_for_what_runs_and_refuses_what_comes_later(root, make):
    async with open_filesystem(root) as store:
        lease = await make.held(store)
        call = asyncio.create_task(store.append(lease, 0, "one", [make.message("x" * 1_000_000)]))
        await asyncio.sleep(0)
    assert await call == 1
    for late in (store.append(lease, 1, "two"), store.receive(make.incoming()), store.load(lease.session_id)):
        with pytest.raises(StoreError, match="is closed"):
            await late
    async with open_filesystem(root) as store:
        assert len((await store.load(lease.session_id)).messages) == 1


async def test_a_holder_that_is_overtaken_writes_nothing_more(store, make):
    lease = await make.held(store, ttl=0)
    appends = [store.append(lease, 0, "late", [make.message()]) for _ in range(8)]
    results = await asyncio.gather(store.lease(lease.session_id, "b", 30), *appends, return_exceptions=True)
    assert all(isinstance(result, LeaseLost) for result in results[1:])
    assert (await store.load(lease.session_id)).messages == ()


async def test_forgetting_beside_an_event_never_loses_the_event(store, make):
    for _ in range(20):
        thread = make.thread()
        receipt = await store.receive(make.incoming(thread), Claim("a", 30))
        await store.append(receipt.lease, 0, "one", consume=[item.id for item in receipt.tail.inbox])
        forgotten, late = await asyncio.gather(store.forget(receipt.lease), store.receive(make.incoming(thread)))
        assert forgotten is late.created
        assert len((await store.load(late.session_id)).inbox) == 1
        if forgotten:
            with pytest.raises(SessionNotFound):
                await store.load(receipt.session_id)


async def test_an_event_beside_the_last_step_of_a_hold_is_seen_by_the_holder_or_by_the_next(store, make):
    for _ in range(20):
        thread = make.thread()
        receipt = await store.receive(make.incoming(thread), Claim("a", 30))
        read = [item.id for item in receipt.tail.inbox]
        closing = store.close(receipt.lease, 0, "one", [make.message()], read)
        given_back, late = await asyncio.gather(closing, store.receive(make.incoming(thread), Claim("b", 30)))
        assert given_back is (late.lease is not None)
        assert len((await store.load(late.session_id)).inbox) == 1
        if given_back:
            with pytest.raises(LeaseLost):
                await store.append(receipt.lease, 1, "two", [make.message()])
        else:
            assert await store.append(receipt.lease, 1, "two", [make.message()]) == 2
