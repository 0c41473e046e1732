"""Appending: one commit, in sequence, once per step."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace
from datetime import timedelta

import pytest

from kubeai_bot.domain.session import AgentState, AnswerRef, TurnRef, Usage
from kubeai_bot.domain.storage import SessionChange
from kubeai_bot.errors import LeaseLost, SequenceConflict


async def test_messages_are_numbered_from_one_without_gaps(store, make):
    lease = await make.held(store)
    messages = [make.message(f"{n}") for n in range(5)]
    assert await store.append(lease, 0, make.step(), messages[:2]) == 2
    assert await store.append(lease, 2, make.step()) == 2
    assert await store.append(lease, 2, make.step(), messages[2:]) == 5
    tail = await store.load(lease.session_id)
    assert [stored.seq for stored in tail.messages] == [1, 2, 3, 4, 5]
    assert [stored.message for stored in tail.messages] == messages
    assert tail.session.last_seq == 5


@pytest.mark.parametrize("expected_seq", [0, 1, 3])
async def test_a_writer_that_is_wrong_about_the_last_number_writes_nothing(store, make, expected_seq):
    lease = await make.held(store)
    await store.append(lease, 0, make.step(), [make.message(), make.message()])
    before = await store.load(lease.session_id)
    with pytest.raises(SequenceConflict):
        await store.append(
            lease, expected_seq, make.step(), [make.message()], [before.inbox[0].id], SessionChange(name="no")
        )
    assert await store.load(lease.session_id) == before


async def test_repeating_the_newest_step_changes_nothing_and_gives_the_first_result(store, make):
    lease = await make.held(store)
    change = SessionChange(add_usage=Usage(10, 2, 1))
    assert await store.append(lease, 0, "one", [make.message("1")]) == 1
    item = (await store.load(lease.session_id)).inbox[0]
    assert await store.append(lease, 1, "two", [make.message("2"), make.message("3")], [item.id], change) == 3
    before = await store.load(lease.session_id)
    for _ in range(3):
        assert await store.append(lease, 1, "two", [make.message("2"), make.message("3")], [item.id], change) == 3
    assert await store.load(lease.session_id) == before


async def test_a_step_that_wrote_no_message_is_recognised_too(store, make):
    lease = await make.held(store)
    change = SessionChange(add_usage=Usage(10, 2, 1))
    assert await store.append(lease, 0, "one", change=change) == 0
    assert await store.append(lease, 0, "one", change=change) == 0
    assert (await store.load(lease.session_id)).session.usage == Usage(10, 2, 1)


async def test_a_step_is_still_recognised_after_something_else_was_received(store, make):
    thread = make.thread()
    lease = await store.lease(await make.session(store, thread), "a", 30)
    assert await store.append(lease, 0, "one", [make.message("1")]) == 1
    await store.receive(make.incoming(thread))
    assert await store.append(lease, 0, "one", [make.message("1")]) == 1
    assert len((await store.load(lease.session_id)).messages) == 1


async def test_repeating_a_step_without_the_lease_is_refused(backend, make):
    lease = await make.held(backend.store, "a", ttl=30)
    await backend.store.append(lease, 0, "one", [make.message("1")])
    await backend.advance(31)
    with pytest.raises(LeaseLost):
        await backend.store.append(lease, 0, "one", [make.message("1")])


async def test_a_successor_that_repeats_its_predecessors_step_is_recognised(backend, make):
    old = await make.held(backend.store, "a", ttl=30)
    await backend.store.append(old, 0, "t1/1", [make.message()])
    await backend.advance(31)
    new = await backend.second_store().lease(old.session_id, "b", 30)
    assert await backend.second_store().append(new, 0, "t1/1", [make.message()]) == 1
    assert len((await backend.store.load(old.session_id)).messages) == 1


async def test_a_step_that_failed_may_be_tried_again_under_its_id(store, make):
    lease = await make.held(store)
    with pytest.raises(SequenceConflict):
        await store.append(lease, 4, "one", [make.message()])
    assert await store.append(lease, 0, "one", [make.message()]) == 1


async def test_step_ids_belong_to_one_session(store, make):
    first, second = await make.held(store), await make.held(store)
    assert await store.append(first, 0, "one", [make.message(), make.message()]) == 2
    assert await store.append(second, 0, "one", [make.message()]) == 1


async def test_of_two_appends_at_the_same_place_one_wins(backend, make):
    lease = await make.held(backend.store)
    stores = [backend.store, backend.second_store()] * 3
    outcomes = await asyncio.gather(
        *(each.append(lease, 0, f"s{n}", [make.message(f"{n}")] * 2) for n, each in enumerate(stores)),
        return_exceptions=True,
    )
    assert [each for each in outcomes if isinstance(each, int)] == [2]
    assert sum(isinstance(each, SequenceConflict) for each in outcomes) == 5
    assert len((await backend.store.load(lease.session_id)).messages) == 2


async def test_of_two_deliveries_of_one_step_one_is_written(backend, make):
    lease = await make.held(backend.store)
    stores = [backend.store, backend.second_store()] * 3
    outcomes = await asyncio.gather(*(each.append(lease, 0, "same", [make.message()]) for each in stores))
    assert outcomes == [1] * 6
    assert len((await backend.store.load(lease.session_id)).messages) == 1


async def test_of_an_append_and_a_takeover_at_the_same_moment_the_history_stays_whole(backend, make):
    lease = await make.held(backend.store, "a")
    taken, written = await asyncio.gather(
        backend.second_store().lease(lease.session_id, "a", 30),
        backend.store.append(lease, 0, make.step(), [make.message()]),
        return_exceptions=True,
    )
    assert isinstance(written, LeaseLost) or written == 1
    messages = (await backend.store.load(lease.session_id)).messages
    assert len(messages) == (0 if isinstance(written, LeaseLost) else 1)
    assert await backend.second_store().append(taken, len(messages), make.step(), [make.message()]) == len(messages) + 1


# --- inbox ---


async def test_unread_items_stay_in_order_of_arrival_until_an_append_consumes_them(store, make):
    thread = make.thread()
    session_id = await make.session(store, thread, "1")
    await store.receive(make.incoming(thread, "2"))
    await store.receive(make.incoming(thread, "3"))
    lease = await store.lease(session_id, "a", 30)
    first, second, third = (await store.load(session_id)).inbox
    await store.append(lease, 0, make.step(), [make.message()], consume=[first.id, third.id])
    tail = await store.load(session_id)
    assert [item.incoming.text for item in tail.inbox] == ["2"]
    assert tail.inbox == (second,)


async def test_ids_that_are_not_in_this_sessions_inbox_are_ignored(store, make):
    other = await make.session(store)
    foreign = (await store.load(other)).inbox[0].id
    lease = await make.held(store)
    own = (await store.load(lease.session_id)).inbox[0].id
    assert await store.append(lease, 0, make.step(), consume=[foreign, 999_999, own]) == 0
    assert (await store.load(lease.session_id)).inbox == ()
    assert len((await store.load(other)).inbox) == 1


async def test_an_append_that_is_refused_consumes_nothing(store, make):
    lease = await make.held(store)
    item = (await store.load(lease.session_id)).inbox[0]
    with pytest.raises(SequenceConflict):
        await store.append(lease, 8, make.step(), consume=[item.id])
    assert (await store.load(lease.session_id)).inbox == (item,)


# --- the session's record ---


async def test_every_field_of_a_change_is_recorded_and_the_rest_is_kept(store, make):
    lease = await make.held(store)
    change = SessionChange(
        agent_state=AgentState.RUNNING,
        turn=TurnRef("t1", make.as_mia, "1790000000.000001", make.noon, stopping=True),
        answer=AnswerRef("t1", opening=True, posted=("1790000001.000100", "1790000001.000200"), final=True),
        last_identity=make.as_mia,
        mcp_status={"prometheus": {"state": "ready", "tools": 4}},
        start_seq=1,
        name="checkout fails",
        provider="openai",
        model="gpt-x",
        metadata={"origin": "alert"},
        approval={"call": "c1", "by": ["U0OMAR"]},
        add_usage=Usage(100, 20, 60),
    )
    before = (await store.load(lease.session_id)).session
    await store.append(lease, 0, make.step(), change=change)
    session = (await store.load(lease.session_id)).session
    for name in {each.name for each in fields(change)} - {"agent_state", "add_usage"}:
        assert getattr(session, name) == getattr(change, name), name
    assert session.agent_state is AgentState.RUNNING
    assert session.usage == Usage(100, 20, 60)
    await store.append(lease, 0, make.step(), change=SessionChange(add_usage=Usage(1, 2, 3)))
    again = (await store.load(lease.session_id)).session
    assert again == replace(session, usage=Usage(101, 22, 63), modified_at=again.modified_at)
    await store.append(lease, 0, make.step(), change=SessionChange(turn=None, answer=None, last_identity=None))
    cleared = (await store.load(lease.session_id)).session
    assert (cleared.turn, cleared.answer, cleared.last_identity) == (None, None, None)
    assert (cleared.name, cleared.id, cleared.created_at) == ("checkout fails", before.id, before.created_at)


async def test_messages_inbox_and_record_change_in_one_commit(backend, make):
    lease = await make.held(backend.store)
    item = (await backend.store.load(lease.session_id)).inbox[0]

    async def read_until_written() -> None:
        for _ in range(1000):
            tail = await backend.second_store().load(lease.session_id)
            seen = (len(tail.messages), len(tail.inbox), tail.session.last_seq, tail.session.name)
            assert seen in ((0, 1, 0, "help me"), (1, 0, 1, "named"))
            if tail.messages:
                return
            await asyncio.sleep(0)
        pytest.fail("the append never became visible")

    reader = asyncio.create_task(read_until_written())
    await asyncio.sleep(0)
    await backend.store.append(lease, 0, make.step(), [make.message()], [item.id], SessionChange(name="named"))
    await reader


async def test_clearing_moves_the_start_of_the_history_and_keeps_the_rest(store, make):
    lease = await make.held(store)
    await store.append(lease, 0, make.step(), [make.message("1"), make.message("2")])
    await store.append(lease, 2, make.step(), change=SessionChange(start_seq=3, agent_state=AgentState.IDLE))
    assert await store.append(lease, 2, make.step(), [make.message("3")]) == 3
    tail = await store.load(lease.session_id)
    assert tail.session.start_seq == 3
    assert [stored.seq for stored in tail.messages] == [1, 2, 3]


async def test_receiving_and_appending_move_the_time_of_modification(backend, make):
    store = backend.store
    thread = make.thread()
    session_id = await make.session(store, thread)
    lease = await store.lease(session_id, "a", 3600)

    async def age() -> timedelta:
        session = (await store.load(session_id)).session
        return session.modified_at - session.created_at

    assert await age() < timedelta(seconds=5)
    await backend.advance(60)
    assert await age() < timedelta(seconds=5)
    await store.receive(make.incoming(thread))
    assert await age() > timedelta(seconds=55)
    await backend.advance(60)
    await store.append(lease, 0, make.step())
    assert await age() > timedelta(seconds=115)
