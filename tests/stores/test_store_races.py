"""Two replicas at work on the same sessions at the same moment: nothing lost, nothing twice, nothing torn."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from kubeai_bot.domain.storage import Claim, Known
from kubeai_bot.errors import LeaseLost, SequenceConflict
from kubeai_bot.interfaces import SessionStore

LIMIT = 30.0
"""Seconds that a race may take."""


@dataclass
class Worker:
    """A replica that answers whatever is unread, four messages a turn, and checks what it knows against the store."""

    name: str
    store: SessionStore
    make: object
    answered: list[str] = field(default_factory=list)
    history: dict[str, list[str]] = field(default_factory=dict)

    async def deliver(self, incoming) -> None:
        known = self.history.get(incoming.thread.thread_ts)
        session = await self.store.find(incoming.thread)
        held = Known(session.id, len(known)) if session and known is not None else None
        receipt = await self.store.receive(incoming, Claim(self.name, 60, held))
        if receipt.lease is not None:
            await self.work(receipt.lease, receipt.tail)

    async def take(self, session_id: str) -> None:
        lease = await self.store.lease(session_id, f"{self.name}-again", 60)
        if lease is not None:
            await self.work(lease, await self.store.load(session_id))

    async def work(self, lease, tail) -> None:
        thread = tail.session.thread.thread_ts
        before = self.history.get(thread, [])[: tail.after]
        texts = before + [stored.message.payload.text for stored in tail.messages]
        assert len(texts) == tail.session.last_seq
        for item in tail.inbox:
            asked = item.incoming.text
            added = [f"{asked}/{part}" for part in ("user", "call", "result", "answer")]
            messages = [self.make.message(text) for text in added]
            await self.store.append(lease, len(texts), f"{asked}:{lease.epoch}", messages, [item.id])
            texts += added
            self.answered.append(asked)
        self.history[thread] = texts
        await self.store.release(lease)


async def settle(workers, expected: int) -> None:
    """Let the workers take what is left over until everything is answered."""
    async with asyncio.timeout(LIMIT):
        while sum(len(worker.answered) for worker in workers) < expected:
            waiting = await workers[0].store.unfinished()
            await asyncio.gather(*(worker.take(session_id) for worker in workers for session_id in waiting))


def assert_whole(texts: list[str]) -> None:
    """Turns of four messages each, none torn by another."""
    turns = [texts[n : n + 4] for n in range(0, len(texts), 4)]
    for turn in turns:
        asked = turn[0].split("/")[0]
        assert turn == [f"{asked}/{part}" for part in ("user", "call", "result", "answer")]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_event_delivered_to_random_replicas_up_to_three_times_is_answered_once(backend, make, seed):
    dice = random.Random(seed)
    workers = [Worker("a", backend.store, make), Worker("b", backend.second_store(), make)]
    threads = [make.thread() for _ in range(3)]
    events = [make.incoming(dice.choice(threads), f"question {n}") for n in range(40)]
    deliveries = [event for event in events for _ in range(dice.randint(1, 3))]
    dice.shuffle(deliveries)
    async with asyncio.timeout(LIMIT):
        for start in range(0, len(deliveries), 8):
            await asyncio.gather(*(dice.choice(workers).deliver(event) for event in deliveries[start : start + 8]))
    await settle(workers, len(events))
    assert Counter(workers[0].answered + workers[1].answered) == Counter(event.text for event in events)
    stored = []
    for session in (await backend.store.list()).sessions:
        tail = await backend.store.load(session.id)
        assert tail.inbox == ()
        texts = [each.message.payload.text for each in tail.messages]
        assert_whole(texts)
        stored += texts
    assert Counter(text for text in stored if text.endswith("/answer")) == Counter(
        f"{event.text}/answer" for event in events
    )


async def test_two_workers_on_one_session_lose_nothing_that_was_acknowledged(backend, make):
    session_id = await make.session(backend.store)
    acknowledged: list[str] = []

    async def worker(name: str, store: SessionStore) -> None:
        done = 0
        while done < 25:
            lease = await store.lease(session_id, name, 60)
            if lease is None:
                await asyncio.sleep(0)
                continue
            last_seq = (await store.load(session_id, newest=0)).session.last_seq
            added = [f"{name}{done}/{part}" for part in ("user", "call", "result", "answer")]
            await store.append(lease, last_seq, f"{name}{done}", [make.message(text) for text in added])
            acknowledged.extend(added)
            await store.release(lease)
            done += 1

    async with asyncio.timeout(LIMIT):
        await asyncio.gather(worker("a", backend.store), worker("b", backend.second_store()))
    texts = [each.message.payload.text for each in (await backend.store.load(session_id)).messages]
    assert len(texts) == 200
    assert Counter(texts) == Counter(acknowledged)
    assert_whole(texts)


async def test_writers_that_steal_the_lease_from_each_other_write_each_step_whole_or_not_at_all(backend, make):
    session_id = await make.session(backend.store)
    acknowledged: list[str] = []

    async def thief(number: int, store: SessionStore) -> None:
        for turn in range(10):
            lease = await store.lease(session_id, "same owner", 60)  # its own lease may be taken again: the thief's way
            added = [f"{number}.{turn}/{part}" for part in ("user", "call", "result", "answer")]
            try:
                last_seq = (await store.load(session_id, newest=0)).session.last_seq
                await store.append(lease, last_seq, f"{number}.{turn}", [make.message(text) for text in added])
            except (LeaseLost, SequenceConflict):
                continue
            acknowledged.extend(added)

    async with asyncio.timeout(LIMIT):
        stores = [backend.store, backend.second_store()] * 2
        await asyncio.gather(*(thief(number, store) for number, store in enumerate(stores)))
    texts = [each.message.payload.text for each in (await backend.store.load(session_id)).messages]
    assert Counter(texts) == Counter(acknowledged)
    assert_whole(texts)
