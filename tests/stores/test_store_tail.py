"""The tail: what is left out because it is known, what is cut off because it is old, and where the rest begins."""

from __future__ import annotations

import pytest

from kubeai_bot.domain.storage import Claim, Known, Retention, SessionChange


async def long_session(store, make, messages: int = 5):
    """Thread and id of a session with that many messages, nothing unread, and no lease."""
    thread = make.thread()
    receipt = await store.receive(make.incoming(thread), Claim("a", 30))
    consume = [item.id for item in receipt.tail.inbox]
    texts = [make.message(f"{n}") for n in range(1, messages + 1)]
    await store.append(receipt.lease, 0, make.step(), texts, consume)
    await store.release(receipt.lease)
    return thread, receipt.session_id


def shape(tail):
    numbers = [stored.seq for stored in tail.messages]
    assert [stored.message.payload.text for stored in tail.messages] == [f"{n}" for n in numbers]
    assert numbers == list(range(tail.after + 1, tail.session.last_seq + 1))
    return tail.after, numbers


CUTS = [
    (None, None, 0, [1, 2, 3, 4, 5]),
    (0, None, 0, [1, 2, 3, 4, 5]),
    (2, None, 2, [3, 4, 5]),
    (5, None, 5, []),
    (None, 2, 3, [4, 5]),
    (None, 5, 0, [1, 2, 3, 4, 5]),
    (None, 99, 0, [1, 2, 3, 4, 5]),
    (None, 0, 5, []),
    (2, 2, 3, [4, 5]),
    (2, 3, 2, [3, 4, 5]),
    (4, 3, 4, [5]),
    (5, 3, 5, []),
]


@pytest.mark.parametrize(("known", "newest", "after", "expected"), CUTS)
async def test_a_claim_brings_what_is_new_and_at_most_the_newest(store, make, known, newest, after, expected):
    thread, session_id = await long_session(store, make)
    known = None if known is None else Known(session_id, known)
    receipt = await store.receive(make.incoming(thread), Claim("b", 30, known, newest))
    assert shape(receipt.tail) == (after, expected)
    assert receipt.tail.session.last_seq == 5
    assert len(receipt.tail.inbox) == 1


@pytest.mark.parametrize(("known", "newest", "after", "expected"), CUTS)
async def test_load_brings_the_same(store, make, known, newest, after, expected):
    _, session_id = await long_session(store, make)
    assert shape(await store.load(session_id, known or 0, newest)) == (after, expected)


async def test_loading_after_a_number_beyond_the_last_gives_nothing(store, make):
    _, session_id = await long_session(store, make)
    assert shape(await store.load(session_id, after=9)) == (5, [])


async def test_who_knows_more_than_there_is_gets_everything(store, make):
    thread, session_id = await long_session(store, make)
    receipt = await store.receive(make.incoming(thread), Claim("b", 30, Known(session_id, 6)))
    assert shape(receipt.tail) == (0, [1, 2, 3, 4, 5])


async def test_who_knows_another_session_of_that_thread_gets_everything(store, make):
    thread, session_id = await long_session(store, make, 3)
    await store.delete(session_id)
    receipt = await store.receive(make.incoming(thread), Claim("a", 30, Known(session_id, 3)))
    assert shape(receipt.tail) == (0, [])
    await store.append(receipt.lease, 0, make.step(), [make.message(f"{n}") for n in range(1, 5)])
    await store.release(receipt.lease)
    again = await store.receive(make.incoming(thread), Claim("b", 30, Known(session_id, 3), newest=3))
    assert shape(again.tail) == (1, [2, 3, 4])


async def test_a_new_session_follows_nothing(store, make):
    receipt = await store.receive(make.incoming(), Claim("a", 30, Known("some other", 7), newest=3))
    assert shape(receipt.tail) == (0, [])


async def test_a_claim_that_is_not_granted_brings_nothing(store, make):
    thread, session_id = await long_session(store, make)
    assert await store.lease(session_id, "a", 30) is not None
    receipt = await store.receive(make.incoming(thread), Claim("b", 30, Known(session_id, 2), newest=3))
    assert (receipt.lease, receipt.tail) == (None, None)


async def test_a_cleared_session_still_has_its_earlier_messages(store, make):
    _, session_id = await long_session(store, make)
    lease = await store.lease(session_id, "a", 30)
    await store.append(lease, 5, make.step(), change=SessionChange(start_seq=6))
    assert shape(await store.load(session_id)) == (0, [1, 2, 3, 4, 5])


@pytest.mark.parametrize(
    ("known", "newest", "after", "expected"),
    [
        (None, None, 3, [4, 5]),
        (1, None, 3, [4, 5]),
        (3, None, 3, [4, 5]),
        (4, None, 4, [5]),
        (5, None, 5, []),
        (None, 1, 4, [5]),
        (None, 9, 3, [4, 5]),
    ],
)
async def test_what_was_trimmed_is_not_there_and_the_tail_says_so(store, make, known, newest, after, expected):
    thread, session_id = await long_session(store, make)
    assert (await store.prune(Retention(max_messages=2))).trimmed == 3
    assert shape(await store.load(session_id, known or 0, newest)) == (after, expected)
    known = None if known is None else Known(session_id, known)
    receipt = await store.receive(make.incoming(thread), Claim("b", 30, known, newest))
    assert shape(receipt.tail) == (after, expected)
