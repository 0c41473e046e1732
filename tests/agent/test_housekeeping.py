"""What outlives its retention is deleted while the bot runs, in as many steps as it takes."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

from kubeai_bot.agent.housekeeping import keep_house
from kubeai_bot.domain.storage import Pruned, Retention
from kubeai_bot.errors import StoreError
from kubeai_bot.interfaces import SessionStore


@dataclass
class Pruning:
    """A store that only prunes; what it says, the last word again and again."""

    words: list[Pruned | StoreError]
    retentions: list[Retention] = field(default_factory=list)

    async def prune(self, retention: Retention, limit: int = 500, **_: Any) -> Pruned:
        self.retentions.append(retention)
        await asyncio.sleep(0)
        word = self.words.pop(0) if len(self.words) > 1 else self.words[0]
        if isinstance(word, StoreError):
            raise word
        return word


async def looked_after(store: Pruning, every: float, times: int) -> None:
    """Keep house until the store was asked so often, and a moment longer."""
    work = asyncio.create_task(keep_house(cast("SessionStore", store), Retention(ttl=60.0), every))
    async with asyncio.timeout(30):
        while len(store.retentions) < times:  # noqa: ASYNC110 - the store has no event of its own
            await asyncio.sleep(0.001)
    for _ in range(50):
        await asyncio.sleep(0)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def test_a_store_that_has_more_is_asked_again_at_once() -> None:
    store = Pruning([Pruned(expired=("a",), more=True), Pruned(removed=("b",), more=True), Pruned()])
    await looked_after(store, 3600.0, 3)
    assert store.retentions == [Retention(ttl=60.0)] * 3


async def test_while_another_replica_prunes_the_store_is_left_in_peace() -> None:
    store = Pruning([Pruned(more=True)])
    await looked_after(store, 3600.0, 1)
    assert len(store.retentions) == 1


async def test_a_store_that_fails_is_tried_again() -> None:
    store = Pruning([StoreError("away"), Pruned()])
    await looked_after(store, 0.001, 2)
    assert len(store.retentions) >= 2
