"""Turns on record, and what people thought of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kubeai_bot.domain.session import Feedback, TurnRecord, TurnRef
from kubeai_bot.domain.storage import SessionChange

SOON = timedelta(seconds=5)


async def open_turn(store, make, lease, turn_id: str = "t1", identity=None) -> TurnRef:
    turn = TurnRef(turn_id, identity, "1790000000.000001", make.noon)
    last_seq = (await store.load(lease.session_id)).session.last_seq
    await store.append(lease, last_seq, make.step(), change=SessionChange(turn=turn))
    return turn


async def turns_of(store, session_id: str) -> dict[str, TurnRecord]:
    return {turn.turn_id: turn for turn in (await store.dump(session_id)).turns}


async def test_opening_a_turn_puts_it_on_record(store, make):
    lease = await make.held(store)
    assert await turns_of(store, lease.session_id) == {}
    await open_turn(store, make, lease, "t1", make.as_mia)
    session = (await store.load(lease.session_id)).session
    (turn,) = (await turns_of(store, lease.session_id)).values()
    assert (turn.turn_id, turn.user_id, turn.ended) == ("t1", "U0MIA", False)
    assert turn.created_at == turn.updated_at
    assert timedelta(0) <= turn.created_at - session.created_at < SOON


async def test_the_turn_of_somebody_who_was_refused_names_nobody(store, make):
    lease = await make.held(store)
    await open_turn(store, make, lease)
    assert (await turns_of(store, lease.session_id))["t1"].user_id is None


async def test_ending_a_turn_is_on_record_with_its_time(backend, make):
    store = backend.store
    lease = await make.held(store, ttl=3600)
    await open_turn(store, make, lease)
    await backend.advance(60)
    await store.append(lease, 0, make.step(), change=SessionChange(turn=None))
    turn = (await turns_of(store, lease.session_id))["t1"]
    assert turn.ended
    assert timedelta(seconds=55) < turn.updated_at - turn.created_at < timedelta(seconds=65)


async def test_a_change_of_the_open_turn_moves_its_time_and_other_steps_do_not(backend, make):
    store = backend.store
    lease = await make.held(store, ttl=3600)
    turn = await open_turn(store, make, lease)
    await backend.advance(60)
    await store.append(lease, 0, make.step(), [make.message()], change=SessionChange(name="else"))
    record = (await turns_of(store, lease.session_id))["t1"]
    assert record.created_at == record.updated_at
    await store.append(lease, 1, make.step(), change=SessionChange(turn=replace(turn, stopping=True)))
    record = (await turns_of(store, lease.session_id))["t1"]
    assert not record.ended
    assert timedelta(seconds=55) < record.updated_at - record.created_at < timedelta(seconds=65)


async def test_every_turn_of_a_session_stays_on_record(store, make):
    lease = await make.held(store)
    for number in range(3):
        await open_turn(store, make, lease, f"t{number}", make.as_mia)
        await store.append(lease, 0, make.step(), change=SessionChange(turn=None))
    await open_turn(store, make, lease, "last")
    turns = await turns_of(store, lease.session_id)
    assert {name: turn.ended for name, turn in turns.items()} == {"t0": True, "t1": True, "t2": True, "last": False}


async def test_a_turn_that_another_one_follows_has_ended(store, make):
    lease = await make.held(store)
    await open_turn(store, make, lease, "one")
    await open_turn(store, make, lease, "two")
    turns = await turns_of(store, lease.session_id)
    assert {name: turn.ended for name, turn in turns.items()} == {"one": True, "two": False}


async def test_ending_no_turn_is_no_error(store, make):
    lease = await make.held(store)
    assert await store.append(lease, 0, make.step(), change=SessionChange(turn=None)) == 0
    assert await turns_of(store, lease.session_id) == {}


# --- feedback ---


async def feedback_of(store, session_id: str) -> dict[tuple[str, str], Feedback]:
    return {(each.turn_id, each.user_id): each for each in (await store.dump(session_id)).feedback}


@pytest.mark.parametrize(("kind", "reason"), [("positive", ""), ("negative", "wrong pod\x00\ud800")])
async def test_an_opinion_is_on_record_without_any_lease(backend, make, kind, reason):
    store = backend.store
    lease = await make.held(store)
    await open_turn(store, make, lease, "t1", make.as_mia)
    assert await backend.second_store().record_feedback(lease.session_id, "t1", "U0OMAR", kind, reason) is True
    (opinion,) = (await store.dump(lease.session_id)).feedback
    assert (opinion.turn_id, opinion.user_id, opinion.kind, opinion.reason) == ("t1", "U0OMAR", kind, reason)
    assert opinion.created_at == opinion.updated_at


async def test_an_opinion_replaces_the_same_persons_earlier_one(backend, make):
    store = backend.store
    lease = await make.held(store, ttl=3600)
    await open_turn(store, make, lease)
    assert await store.record_feedback(lease.session_id, "t1", "U0MIA", "positive", "good")
    assert await store.record_feedback(lease.session_id, "t1", "U0OMAR", "positive")
    await backend.advance(60)
    assert await store.record_feedback(lease.session_id, "t1", "U0MIA", "negative")
    opinions = await feedback_of(store, lease.session_id)
    assert {key: each.kind for key, each in opinions.items()} == {
        ("t1", "U0MIA"): "negative",
        ("t1", "U0OMAR"): "positive",
    }
    changed = opinions["t1", "U0MIA"]
    assert changed.reason == ""
    assert timedelta(seconds=55) < changed.updated_at - changed.created_at < timedelta(seconds=65)


async def test_a_turn_that_ended_long_ago_can_still_be_judged(store, make):
    lease = await make.held(store)
    await open_turn(store, make, lease, "one")
    await open_turn(store, make, lease, "two")
    await store.append(lease, 0, make.step(), change=SessionChange(turn=None))
    await store.release(lease)
    assert await store.record_feedback(lease.session_id, "one", "U0MIA", "negative")


async def test_there_is_no_opinion_of_a_turn_that_is_not_there(store, make):
    lease = await make.held(store)
    await open_turn(store, make, lease)
    assert await store.record_feedback(lease.session_id, "t2", "U0MIA", "positive") is False
    assert await store.record_feedback("none", "t1", "U0MIA", "positive") is False
    assert (await store.dump(lease.session_id)).feedback == ()


async def test_turns_and_opinions_go_with_their_session(store, make):
    thread = make.thread()
    lease = await store.lease(await make.session(store, thread), "a", 30)
    await open_turn(store, make, lease)
    await store.record_feedback(lease.session_id, "t1", "U0MIA", "positive")
    await store.delete(lease.session_id)
    assert await store.record_feedback(lease.session_id, "t1", "U0MIA", "positive") is False
    dump = await store.dump(await make.session(store, thread))
    assert (dump.turns, dump.feedback) == ((), ())
