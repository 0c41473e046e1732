"""Receiving: what opens a session, what is taken, what is a repeat."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import get_args

import pytest

from kubeai_bot.domain.session import AgentState, InboxKind
from kubeai_bot.domain.storage import Claim, Receipt


async def test_a_mention_opens_a_session_with_its_message_unread(store, make):
    incoming = make.incoming(text="  why does\ncheckout   fail? ")
    receipt = await store.receive(incoming)
    assert receipt.created
    assert not receipt.repeated
    assert receipt.lease is None
    assert receipt.tail is None
    tail = await store.load(receipt.session_id)
    session = tail.session
    assert [item.incoming for item in tail.inbox] == [incoming]
    assert tail.inbox[0].session_id == session.id == receipt.session_id
    assert tail.messages == ()
    assert (session.name, session.thread) == ("why does checkout fail?", incoming.thread)
    assert (session.slack_user_id, session.provider, session.model) == ("U0MIA", "", "")
    assert (session.agent_state, session.turn, session.start_seq, session.last_seq) == (AgentState.IDLE, None, 1, 0)
    assert session.created_at == session.modified_at
    assert session.created_at.tzinfo is not None


async def test_whether_a_thread_is_direct_is_kept_and_does_not_make_it_another_thread(store, make):
    thread = replace(make.thread(), is_dm=True)
    session_id = await make.session(store, thread)
    assert (await store.load(session_id)).session.thread.is_dm
    again = await store.receive(make.incoming(replace(thread, is_dm=False)))
    assert again.session_id == session_id


async def test_a_follow_up_goes_to_the_session_of_its_thread(store, make):
    thread = make.thread()
    first = await store.receive(make.incoming(thread, "first"))
    second = await store.receive(make.incoming(thread, "second", opens=False, speaker=make.omar))
    assert (second.session_id, second.created) == (first.session_id, False)
    tail = await store.load(first.session_id)
    assert [item.incoming.text for item in tail.inbox] == ["first", "second"]
    assert tail.session.slack_user_id == "U0MIA"
    assert tail.session.name == "first"


@pytest.mark.parametrize("kind", get_args(InboxKind))
async def test_an_unknown_thread_stays_unknown_to_what_may_not_open_it(store, make, kind):
    incoming = make.incoming(kind=kind, opens=False)
    assert await store.receive(incoming, Claim("a", 30)) == Receipt(None)
    assert await store.find(incoming.thread) is None
    assert await store.unfinished() == []


async def test_a_message_that_was_ignored_may_come_again_as_the_mention_that_it_is(store, make):
    ignored = make.incoming(opens=False)
    await store.receive(ignored)
    receipt = await store.receive(replace(ignored, opens=True))
    assert receipt.created
    assert not receipt.repeated


@pytest.mark.parametrize("keys", [("Ev1", "C/1"), ("Ev1",), ("C/1", "Ev7"), ("Ev9", "C/1")])
async def test_any_known_key_makes_an_event_a_repeat(store, make, keys):
    thread = make.thread()
    first = await store.receive(make.incoming(thread, keys=("Ev1", "C/1")))
    again = await store.receive(make.incoming(thread, keys=keys), Claim("a", 30))
    assert again == Receipt(first.session_id, repeated=True)
    assert len((await store.load(first.session_id)).inbox) == 1


async def test_a_repeat_records_nothing_not_even_its_unknown_keys(store, make):
    thread = make.thread()
    session_id = (await store.receive(make.incoming(thread, keys=("Ev1", "C/1")))).session_id
    await store.receive(make.incoming(thread, keys=("Ev2", "C/1")))
    assert not (await store.receive(make.incoming(thread, keys=("Ev2", "C/2")))).repeated
    assert len((await store.load(session_id)).inbox) == 2


async def test_keys_are_known_across_threads_and_replicas(backend, make):
    await backend.store.receive(make.incoming(keys=("Ev1",)))
    other = make.incoming(keys=("Ev1",))
    assert (await backend.second_store().receive(other)).repeated
    assert await backend.store.find(other.thread) is None


async def test_event_keys_outlive_their_session_by_up_to_a_day(backend, make):
    store = backend.store
    incoming = make.incoming()
    session_id = (await store.receive(incoming)).session_id
    await store.delete(session_id)
    await backend.advance(23 * 3600)
    assert await store.receive(incoming) == Receipt(None, repeated=True)
    await backend.advance(2 * 3600)
    again = await store.receive(incoming)
    assert again.created
    assert again.session_id != session_id


async def test_of_simultaneous_deliveries_of_one_event_one_is_recorded(backend, make):
    incoming = make.incoming()
    stores = [backend.store, backend.second_store()] * 4
    receipts = await asyncio.gather(*(each.receive(incoming, Claim(f"r{n}", 30)) for n, each in enumerate(stores)))
    assert sorted(receipt.repeated for receipt in receipts) == [False] + [True] * 7
    assert len({receipt.session_id for receipt in receipts}) == 1
    assert sum(receipt.lease is not None for receipt in receipts) == 1
    assert len((await backend.store.load(receipts[0].session_id)).inbox) == 1


async def test_simultaneous_first_messages_of_one_thread_share_one_session(backend, make):
    thread = make.thread()
    stores = [backend.store, backend.second_store()] * 4
    receipts = await asyncio.gather(*(each.receive(make.incoming(thread)) for each in stores))
    assert len({receipt.session_id for receipt in receipts}) == 1
    assert sum(receipt.created for receipt in receipts) == 1
    assert len((await backend.store.load(receipts[0].session_id)).inbox) == 8


async def test_inbox_ids_grow_in_order_of_arrival_over_all_sessions(store, make):
    first, second = make.thread(), make.thread()
    for thread in (first, second, first, second):
        await store.receive(make.incoming(thread))
    inboxes = [(await store.load((await store.find(thread)).id)).inbox for thread in (first, second)]
    ids = [[item.id for item in inbox] for inbox in inboxes]
    assert ids[0][0] < ids[1][0] < ids[0][1] < ids[1][1]


# --- the claim ---


async def test_a_claim_gives_the_lease_and_the_tail_at_once(store, make):
    incoming = make.incoming()
    receipt = await store.receive(incoming, Claim("a", 30))
    assert (receipt.lease.session_id, receipt.lease.owner) == (receipt.session_id, "a")
    assert [item.incoming for item in receipt.tail.inbox] == [incoming]
    assert receipt.tail == await store.load(receipt.session_id)
    assert await store.append(receipt.lease, 0, make.step(), [make.message()]) == 1


@pytest.mark.parametrize("claimant", ["a", "b"])
async def test_a_claim_never_takes_a_live_lease_not_even_its_owners_own(backend, make, claimant):
    store = backend.store
    thread = make.thread()
    receipt = await store.receive(make.incoming(thread), Claim("a", 30))
    steering = await backend.second_store().receive(make.incoming(thread), Claim(claimant, 30))
    assert steering == Receipt(receipt.session_id)
    assert await store.append(receipt.lease, 0, make.step(), [make.message()]) == 1


async def test_a_claim_takes_an_expired_lease(backend, make):
    thread = make.thread()
    receipt = await backend.store.receive(make.incoming(thread), Claim("a", 30))
    await backend.advance(31)
    later = await backend.second_store().receive(make.incoming(thread), Claim("b", 30))
    assert later.lease.epoch > receipt.lease.epoch
    assert later.tail.session.id == receipt.session_id
