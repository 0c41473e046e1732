"""What a store holds, in all and about one person."""

from __future__ import annotations

from kubeai_bot.domain.message import Source
from kubeai_bot.domain.session import TurnRef, Usage
from kubeai_bot.domain.storage import AboutPerson, Claim, SessionChange, StoreUsage


async def talk(store, make, opener, *writers) -> str:
    """A session that `opener` opened, with one message of each of `writers` and an answer to each."""
    receipt = await store.receive(make.incoming(speaker=opener), Claim("a", 30))
    consume = [item.id for item in receipt.tail.inbox]
    messages = [
        each
        for writer in writers
        for each in (make.message("hi", source=Source.USER, speaker=writer), make.message("hello"))
    ]
    turn = TurnRef("t1", None, "1", make.noon)
    change = SessionChange(turn=turn, add_usage=Usage(10, 2, 1))
    await store.append(receipt.lease, 0, make.step(), messages, consume, change)
    await store.append(receipt.lease, len(messages), make.step(), change=SessionChange(turn=None))
    await store.release(receipt.lease)
    return receipt.session_id


async def test_an_empty_store_holds_nothing(store):
    usage = await store.usage()
    assert usage == StoreUsage(sessions=0, messages=0, unread=0, bytes=usage.bytes)
    assert await store.about("U0MIA") == AboutPerson()


async def test_usage_counts_everything(backend, make):
    store = backend.store
    first = await talk(store, make, make.mia, make.mia, make.omar)
    await backend.advance(60)
    await talk(store, make, make.omar)
    unread = await make.session(store)
    usage = await backend.second_store().usage()
    assert (usage.sessions, usage.messages, usage.unread) == (3, 4, 1)
    assert usage.tokens == Usage(20, 4, 2)
    assert usage.oldest == (await store.load(first)).session.created_at
    assert usage.bytes > 0
    for session_id in (first, unread):
        await store.delete(session_id)
    usage = await store.usage()
    assert (usage.sessions, usage.messages, usage.unread, usage.tokens) == (1, 0, 0, Usage(10, 2, 1))


async def test_usage_grows_with_what_is_said(store, make):
    lease = await make.held(store)
    before = (await store.usage()).bytes
    await store.append(lease, 0, make.step(), [make.message("0123456789abcdef" * 65536, metadata={"n": 1})])
    assert (await store.usage()).bytes > before


async def test_about_a_person_counts_what_they_opened_wrote_and_judged(backend, make):
    store = backend.store
    theirs = await talk(store, make, make.mia, make.mia, make.omar, make.mia)
    await backend.advance(60)
    others = await talk(store, make, make.omar, make.omar, make.mia)
    silent = await talk(store, make, make.mia, make.omar)
    await talk(store, make, make.omar, make.omar)
    await store.record_feedback(theirs, "t1", "U0MIA", "positive")
    await store.record_feedback(others, "t1", "U0MIA", "negative")
    await store.record_feedback(silent, "t1", "U0OMAR", "negative")
    since = (await store.load(theirs)).session.created_at
    assert await backend.second_store().about("U0MIA") == AboutPerson(3, 3, 2, since)
    await store.delete(theirs)
    about = await store.about("U0MIA")
    assert (about.sessions, about.messages, about.feedback) == (2, 1, 1)
    assert about.since > since


async def test_about_a_stranger_there_is_nothing(store, make):
    await talk(store, make, make.mia, make.mia)
    assert await store.about("U0SAM") == AboutPerson()
    assert await store.about("%") == AboutPerson()


async def test_the_list_can_be_of_one_person(backend, make):
    store = backend.store
    mias, omars = [], []
    for number in range(5):
        mias.append(await talk(store, make, make.mia, make.omar))
        omars.append(await talk(store, make, make.omar, make.mia))
        await backend.advance(1 if number % 2 else 0)
    assert {session.id for session in (await store.list(of_user="U0MIA")).sessions} == set(mias)
    assert (await store.list(of_user="U0SAM")).sessions == ()
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        page = await backend.second_store().list(2, cursor, "U0OMAR")
        seen += [session.id for session in page.sessions]
        cursor, pages = page.cursor, pages + 1
    assert (len(seen), set(seen), pages) == (5, set(omars), 3)
