"""Dumps: a session whole, out of one store and into another or the same."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from kubeai_bot.domain.message import StoredMessage
from kubeai_bot.domain.session import AgentState, AnswerRef, TurnRef, Usage
from kubeai_bot.domain.storage import Claim, Dump, Receipt, Retention, SessionChange
from kubeai_bot.errors import LeaseLost, SessionNotFound, StoreError
from tests.stores import strategies
from tests.stores.backend import MemoryBackend


async def full_session(store, make, thread=None) -> str:
    """A session with something of everything in it, an open turn and unread words among it."""
    thread = thread or make.thread()
    receipt = await store.receive(make.incoming(thread), Claim("a", 30))
    consume = [item.id for item in receipt.tail.inbox]
    turn = TurnRef("t1", make.as_mia, "1790000000.000001", make.noon)
    change = SessionChange(
        agent_state=AgentState.RUNNING,
        turn=turn,
        answer=AnswerRef("t1", opening=True, posted=("1.5",)),
        last_identity=make.as_mia,
        mcp_status={"prometheus": {"state": "ready"}},
        start_seq=2,
        name="checkout fails \x00\ud800",
        approval={"call": "c1"},
        provider="openai",
        model="gpt-x",
        metadata={"origin": "alert"},
        add_usage=Usage(100, 20, 60),
    )
    messages = [make.message(f"{n}\x00\ud800", speaker=make.mia, metadata={"n": [n, None]}) for n in range(4)]
    await store.append(receipt.lease, 0, "one", messages, consume, change)
    await store.append(receipt.lease, 4, "two", change=SessionChange(turn=None))
    await store.append(receipt.lease, 4, "three", change=SessionChange(turn=replace(turn, turn_id="t2")))
    await store.record_feedback(receipt.session_id, "t1", "U0MIA", "negative", "no")
    for text in ("and now?", "stop"):
        await store.receive(make.incoming(thread, text, speaker=make.omar))
    return receipt.session_id


def content(dump: Dump) -> Dump:
    """The dump without what the store alone decides: ids of inbox items, the order of records that have none."""
    return replace(
        dump,
        inbox=tuple(replace(item, id=0) for item in dump.inbox),
        turns=tuple(sorted(dump.turns, key=lambda turn: turn.turn_id)),
        feedback=tuple(sorted(dump.feedback, key=lambda each: (each.turn_id, each.user_id))),
    )


async def test_a_dump_holds_all_that_there_is_of_a_session(store, make):
    session_id = await full_session(store, make)
    dump, tail = await store.dump(session_id), await store.load(session_id)
    assert (dump.session, dump.messages, dump.inbox) == (tail.session, tail.messages, tail.inbox)
    assert [item.incoming.text for item in dump.inbox] == ["and now?", "stop"]
    assert [(turn.turn_id, turn.user_id, turn.ended) for turn in content(dump).turns] == [
        ("t1", "U0MIA", True),
        ("t2", "U0MIA", False),
    ]
    assert [(each.turn_id, each.kind, each.reason) for each in dump.feedback] == [("t1", "negative", "no")]


async def test_there_is_no_dump_of_a_session_that_is_not_there(store):
    with pytest.raises(SessionNotFound):
        await store.dump("none")


async def test_a_session_from_another_store_is_restored_as_it_was(backend, make):
    other = MemoryBackend().store
    dump = await other.dump(await full_session(other, make))
    assert await backend.store.restore(dump) is True
    restored = await backend.second_store().dump(dump.session.id)
    assert content(restored) == content(dump)
    assert await backend.store.find(dump.session.thread) == dump.session


@given(strategies.sessions, st.lists(strategies.messages, max_size=8))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_whatever_there_can_be_in_a_session_is_restored(open_backend, make, drawn, messages):
    session = replace(
        drawn,
        id=secrets.token_hex(12),
        thread=make.thread(),
        slack_user_id="U0MIA",
        provider="openai",
        model="gpt-x",
        start_seq=1,
        last_seq=len(messages),
    )
    numbered = tuple(StoredMessage(seq, message) for seq, message in enumerate(messages, start=1))
    dump = Dump(session, numbered, (), (), ())

    async def there_and_back() -> None:
        async with open_backend() as backend:
            assert await backend.store.restore(dump)
            assert await backend.second_store().dump(session.id) == dump

    asyncio.run(there_and_back())


@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "..", ".", "", "a/b", "a\x00b", "x" * 5000, "ä\ud800"])
async def test_an_id_that_no_store_gave_is_refused_or_kept_like_any_other(backend, make, name):
    dump = await (other := MemoryBackend().store).dump(await full_session(other, make))
    odd = replace(dump, session=replace(dump.session, id=name), inbox=())
    try:
        assert await backend.store.restore(odd) is True
    except StoreError:
        assert (await backend.store.list()).sessions == ()
    else:
        assert (await backend.store.dump(name)).session == odd.session
        assert await backend.store.delete(name) is True
    for work in (backend.store.load, backend.store.dump):
        with pytest.raises(SessionNotFound):
            await work(name)
    assert await backend.store.delete(name) is False
    assert await backend.store.record_feedback(name, "t1", "U0MIA", "positive") is False


async def test_a_restored_session_is_work_again(backend, make):
    store = backend.store
    session_id = await full_session(store, make)
    dump = await store.dump(session_id)
    await store.delete(session_id)
    await store.restore(dump)
    assert await store.unfinished() == [session_id]
    lease = await backend.second_store().lease(session_id, "b", 30)
    tail = await store.load(session_id)
    ids = [item.id for item in tail.inbox]
    assert ids == sorted(set(ids))
    assert await store.append(lease, 4, make.step(), [make.message()], ids, SessionChange(turn=None)) == 5
    await store.release(lease)
    assert await store.unfinished() == []
    assert all(turn.ended for turn in (await store.dump(session_id)).turns)


async def test_a_lease_from_before_is_not_valid_for_what_was_restored(store, make):
    session_id = await full_session(store, make)
    old = await store.lease(session_id, "a", 3600)
    dump = await store.dump(session_id)
    await store.delete(session_id)
    await store.restore(dump)
    with pytest.raises(LeaseLost):
        await store.append(old, 4, make.step(), [make.message()])
    new = await store.lease(session_id, "b", 30)
    assert new is not None
    for work in (store.append(old, 4, make.step(), [make.message()]), store.renew(old, 30), store.forget(old)):
        with pytest.raises(LeaseLost):
            await work
    await store.release(old)
    assert await store.append(new, 4, make.step(), [make.message()]) == 5


async def test_new_inbox_ids_follow_all_that_the_store_has_given(backend, make):
    dump = await (other := MemoryBackend().store).dump(await full_session(other, make))
    first = await make.session(backend.store)
    await backend.store.restore(dump)
    last = await make.session(backend.store)
    ids = [item.id for each in (first, dump.session.id, last) for item in (await backend.store.load(each)).inbox]
    assert len(ids) == 4
    assert ids == sorted(set(ids))


async def test_unread_events_of_a_restored_session_are_known_when_they_come_again(backend, make):
    dump = await (other := MemoryBackend().store).dump(await full_session(other, make))
    await backend.store.restore(dump)
    again = await backend.second_store().receive(dump.inbox[0].incoming)
    assert again == Receipt(dump.session.id, repeated=True)
    assert len((await backend.store.load(dump.session.id)).inbox) == 2


async def test_a_session_whose_id_or_thread_is_taken_is_not_restored(store, make):
    session_id = await full_session(store, make)
    before = await store.dump(session_id)
    assert await store.restore(before) is False
    elsewhere = replace(before, session=replace(before.session, thread=make.thread()))
    assert await store.restore(elsewhere) is False
    another = replace(before, session=replace(before.session, id="another"))
    assert await store.restore(another) is False
    assert await store.dump(session_id) == before
    assert [session.id for session in (await store.list()).sessions] == [session_id]


async def test_a_trimmed_history_is_restored_with_its_numbers(store, make):
    receipt = await store.receive(make.incoming(), Claim("a", 30))
    consume = [item.id for item in receipt.tail.inbox]
    await store.append(receipt.lease, 0, make.step(), [make.message(f"{n}") for n in range(1, 6)], consume)
    await store.release(receipt.lease)
    await store.prune(Retention(max_messages=2))
    dump = await store.dump(receipt.session_id)
    assert [stored.seq for stored in dump.messages] == [4, 5]
    await store.delete(receipt.session_id)
    await store.restore(dump)
    tail = await store.load(receipt.session_id)
    assert (tail.messages, tail.after, tail.session.last_seq) == (dump.messages, 3, 5)
    lease = await store.lease(receipt.session_id, "a", 30)
    assert await store.append(lease, 5, make.step(), [make.message()]) == 6


async def test_a_restored_session_keeps_its_times_and_its_place_in_the_list(backend, make):
    other = MemoryBackend().store
    dump = await other.dump(await full_session(other, make))
    old = replace(dump.session, created_at=make.noon - timedelta(days=900), modified_at=make.noon - timedelta(days=800))
    await make.session(backend.store)
    await backend.store.restore(replace(dump, session=old))
    listed = (await backend.store.list()).sessions
    assert listed[-1] == old
    assert (await backend.store.usage()).oldest == old.created_at


async def test_restoring_ends_the_memory_of_an_expired_session(backend, make):
    store, thread = backend.store, make.thread()
    receipt = await store.receive(make.incoming(thread), Claim("a", 30))
    await store.append(receipt.lease, 0, make.step(), consume=[item.id for item in receipt.tail.inbox])
    await store.release(receipt.lease)
    dump = await store.dump(receipt.session_id)
    await backend.advance(100)
    await store.prune(Retention(ttl=50))
    assert await store.restore(dump)
    assert (await store.receive(make.incoming(thread))).session_id == receipt.session_id
    await store.delete(receipt.session_id)
    assert await store.receive(make.incoming(thread, opens=False)) == Receipt(None)
