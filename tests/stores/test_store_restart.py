"""What lasts: everything survives the end of the process, also by a crash. Sessions in memory skip these tests."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kubeai_bot.domain.session import AgentState, TurnRef, Usage
from kubeai_bot.domain.storage import Claim, Receipt, Retention, SessionChange
from kubeai_bot.errors import LeaseLost, SequenceConflict


async def busy_session(backend, make, thread=None):
    """A session in the middle of a turn, its holder's lease, and a dump of it."""
    store = backend.store
    receipt = await store.receive(make.incoming(thread), Claim("a", 30))
    consume = [item.id for item in receipt.tail.inbox]
    turn = TurnRef("t1", make.as_mia, "1", make.noon)
    change = SessionChange(
        agent_state=AgentState.RUNNING, turn=turn, metadata={"a": ["\x00\ud800"]}, add_usage=Usage(3, 2, 1)
    )
    await store.append(receipt.lease, 0, "one", [make.message("1"), make.message("2\x00\ud800")], consume, change)
    await store.record_feedback(receipt.session_id, "t1", "U0OMAR", "negative", "why?")
    await store.receive(make.incoming(receipt.tail.session.thread, "and now?", opens=False))
    return receipt.lease, await store.dump(receipt.session_id)


async def test_all_that_there_is_of_a_session_survives(backend, make):
    _, dump = await busy_session(backend, make)
    other = await make.session(backend.store)
    usage = await backend.store.usage()
    listed = await backend.store.list()
    await backend.restart()
    assert await backend.store.dump(dump.session.id) == dump
    assert await backend.second_store().find(dump.session.thread) == dump.session
    assert await backend.store.list() == listed
    after = await backend.store.usage()
    assert replace(after, bytes=0) == replace(usage, bytes=0)
    assert [item.incoming.text for item in (await backend.store.load(other)).inbox] == ["help me"]


async def test_a_session_is_taken_over_where_its_holder_died(backend, make):
    lease, dump = await busy_session(backend, make)
    await backend.restart()
    await backend.advance(31)
    assert await backend.store.unfinished() == [lease.session_id]
    successor = await backend.store.lease(lease.session_id, "b", 30)
    assert successor.epoch > lease.epoch
    with pytest.raises(LeaseLost):
        await backend.store.append(lease, 2, "two", [make.message()])
    ids = [item.id for item in dump.inbox]
    assert await backend.store.append(successor, 2, "two", [make.message()], ids, SessionChange(turn=None)) == 3
    await backend.store.release(successor)
    await backend.restart()
    assert await backend.store.unfinished() == []
    assert (await backend.store.dump(lease.session_id)).turns[0].ended


async def test_epochs_go_on_growing(backend, make):
    lease = await make.held(backend.store)
    await backend.restart()
    await backend.advance(31)
    second = await backend.store.lease(lease.session_id, "a", 30)
    await backend.restart()
    await backend.advance(31)
    third = await backend.store.lease(lease.session_id, "a", 30)
    assert lease.epoch < second.epoch < third.epoch


async def test_the_newest_step_is_recognised_by_a_successor(backend, make):
    lease, _ = await busy_session(backend, make)
    await backend.restart()
    await backend.advance(31)
    successor = await backend.store.lease(lease.session_id, "b", 30)
    before = await backend.store.dump(lease.session_id)
    assert await backend.store.append(successor, 0, "one", [make.message("1"), make.message("2")]) == 2
    with pytest.raises(SequenceConflict):
        await backend.store.append(successor, 0, "other", [make.message("1")])
    assert await backend.store.dump(lease.session_id) == before


async def test_events_are_still_known(backend, make):
    incoming = make.incoming()
    session_id = (await backend.store.receive(incoming)).session_id
    deleted = make.incoming()
    await backend.store.delete((await backend.store.receive(deleted)).session_id)
    await backend.restart()
    assert await backend.store.receive(incoming) == Receipt(session_id, repeated=True)
    assert await backend.store.receive(deleted) == Receipt(None, repeated=True)


async def test_inbox_ids_go_on_growing(backend, make):
    thread = make.thread()
    session_id = await make.session(backend.store, thread)
    lease = await backend.store.lease(session_id, "a", 30)
    first = (await backend.store.load(session_id)).inbox[0].id
    await backend.store.append(lease, 0, make.step(), consume=[first])
    await backend.restart()
    await backend.store.receive(make.incoming(thread))
    assert (await backend.store.load(session_id)).inbox[0].id > first


async def test_what_was_forgotten_deleted_removed_or_trimmed_stays_away(backend, make):
    store = backend.store

    async def idle() -> str:
        receipt = await store.receive(make.incoming(), Claim("a", 30))
        consume = [item.id for item in receipt.tail.inbox]
        await store.append(receipt.lease, 0, make.step(), [make.message(f"{n}") for n in range(5)], consume)
        await store.release(receipt.lease)
        return receipt.session_id

    forgotten, deleted, removed = await idle(), await idle(), await idle()
    await store.forget(await store.lease(forgotten, "a", 30))
    await store.delete(deleted)
    await backend.advance(100)
    assert (await store.prune(Retention(keep=50))).removed == (removed,)
    trimmed = await idle()
    assert (await store.prune(Retention(max_messages=2))).trimmed == 3
    await backend.restart()
    assert [session.id for session in (await backend.store.list()).sessions] == [trimmed]
    tail = await backend.store.load(trimmed)
    assert ([stored.seq for stored in tail.messages], tail.after, tail.session.start_seq) == ([4, 5], 3, 4)


async def test_an_expired_session_is_still_remembered(backend, make):
    store, thread = backend.store, make.thread()
    receipt = await store.receive(make.incoming(thread), Claim("a", 30))
    await store.append(receipt.lease, 0, make.step(), consume=[item.id for item in receipt.tail.inbox])
    await store.release(receipt.lease)
    await backend.advance(100)
    await store.prune(Retention(ttl=50))
    await backend.restart()
    again = await backend.store.receive(make.incoming(thread, opens=False))
    assert again.created
    await backend.restart()
    assert (await backend.store.find(thread)).follows_expired


async def test_what_was_restored_survives(backend, make):
    _, dump = await busy_session(backend, make)
    await backend.store.delete(dump.session.id)
    await backend.store.restore(dump)
    restored = await backend.store.dump(dump.session.id)
    await backend.restart()
    assert await backend.store.dump(dump.session.id) == restored


async def test_whatever_was_acknowledged_at_once_on_many_sessions_is_there(backend, make):
    threads = [make.thread() for _ in range(8)]

    async def talk(thread) -> str:
        receipt = await backend.store.receive(make.incoming(thread), Claim("a", 30))
        for number in range(5):
            await backend.store.append(receipt.lease, number, make.step(), [make.message(f"{number}")])
        return receipt.session_id

    ids = await asyncio.gather(*(talk(thread) for thread in threads))
    await backend.restart()
    for session_id in ids:
        tail = await backend.store.load(session_id)
        assert [stored.message.payload.text for stored in tail.messages] == ["0", "1", "2", "3", "4"]
        assert len(tail.inbox) == 1
