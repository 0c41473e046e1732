"""What a replica remembers of sessions is used when the store confirms it, and never otherwise."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kubeai_bot.agent.cache import NEWEST, SessionCache
from kubeai_bot.domain.message import Message, Source, StoredMessage, Text
from kubeai_bot.domain.session import Session, ThreadRef
from kubeai_bot.domain.storage import Known, Tail
from tests.agent.loop_world import MIA, OMAR, THREAD, World, says
from tests.agent.test_turns import at_work

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def session(number: int = 1, last_seq: int = 0, **fields: Any) -> Session:
    thread = ThreadRef("T0SHOP", "C0ONCALL", f"{number}.000100")
    return Session(f"s{number}", "", thread, MIA.user_id, "", "", NOON, NOON, last_seq=last_seq, **fields)


def messages(first: int, last: int, text: str = "hello") -> tuple[StoredMessage, ...]:
    said = Message("t", Source.MODEL, Text(text), None, NOON)
    return tuple(StoredMessage(seq, said) for seq in range(first, last + 1))


def seqs(tail: Tail | None) -> list[int]:
    assert tail is not None
    return [stored.seq for stored in tail.messages]


def test_what_the_store_left_out_is_put_back() -> None:
    cache = SessionCache(10)
    cache.keep(session(last_seq=3), messages(1, 3))
    assert cache.known(session().thread) == Known("s1", 3)
    whole = cache.complete(Tail(session(last_seq=5), messages(4, 5), (), after=3))
    assert seqs(whole) == [1, 2, 3, 4, 5]
    assert whole is not None
    assert whole.after == 0


def test_a_tail_that_the_store_gave_whole_is_taken_as_it_is() -> None:
    cache = SessionCache(10)
    cache.keep(session(last_seq=3), messages(1, 3))
    assert seqs(cache.complete(Tail(session(last_seq=5), messages(1, 5), ()))) == [1, 2, 3, 4, 5]


def test_a_tail_whose_front_has_left_the_cache_must_be_read_again() -> None:
    assert SessionCache(10).complete(Tail(session(last_seq=5), messages(4, 5), (), after=3)) is None


def test_a_tail_that_was_cut_at_its_limit_is_taken_as_it_is() -> None:
    newest = Tail(session(last_seq=5000), messages(5001 - NEWEST, 5000), (), after=5000 - NEWEST)
    assert SessionCache(10).complete(newest) is newest


def test_a_tail_that_begins_where_the_visible_history_begins_is_whole() -> None:
    trimmed = Tail(session(last_seq=5, start_seq=4), messages(4, 5), (), after=3)
    assert SessionCache(10).complete(trimmed) is trimmed


def test_a_thread_that_has_another_session_by_now_gets_nothing_of_the_old_one() -> None:
    cache = SessionCache(10)
    cache.keep(session(1, last_seq=3), messages(1, 3, "old"))
    other = Session("s9", "", session(1).thread, MIA.user_id, "", "", NOON, NOON, last_seq=4)
    assert cache.complete(Tail(other, messages(4, 4), (), after=3)) is None


def test_the_longest_unused_session_leaves_first() -> None:
    cache = SessionCache(2)
    for number in (1, 2):
        cache.keep(session(number, last_seq=1), messages(1, 1))
    cache.keep(session(1, last_seq=2), messages(1, 2))
    cache.keep(session(3, last_seq=1), messages(1, 1))
    assert [bool(cache.known(session(number).thread)) for number in (1, 2, 3)] == [True, False, True]


def test_large_sessions_do_not_take_more_than_their_share_of_memory() -> None:
    cache = SessionCache(100, largest=50_000)
    for number in range(1, 9):
        cache.keep(session(number, last_seq=1), messages(1, 1, "x" * 9_000))
    assert sum(bool(cache.known(session(number).thread)) for number in range(1, 9)) == 5
    cache.keep(session(9, last_seq=1), messages(1, 1, "x" * 60_000))
    assert cache.known(session(9).thread) is None
    assert cache.known(session(8).thread) is not None


def test_a_cache_of_no_sessions_keeps_none() -> None:
    cache = SessionCache(0)
    cache.keep(session(last_seq=1), messages(1, 1))
    assert cache.known(session().thread) is None


@dataclass
class Reading:
    """A store that notes how many messages each tail brought."""

    store: Any
    brought: list[int] = field(default_factory=list)

    async def receive(self, *given: Any) -> Any:
        receipt = await self.store.receive(*given)
        if receipt.tail is not None:
            self.brought.append(len(receipt.tail.messages))
        return receipt

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


async def test_a_second_turn_on_one_replica_reads_only_what_is_new_and_sees_everything(world: World) -> None:
    world.provider.replies = [says("Hello."), says("Hello again."), says("And again.")]
    reading = Reading(world.store)
    async with at_work(world, store=reading) as runner, at_work(world) as other:
        await runner.receive(world.message("hi"))
        await world.settled()
        await world.until(lambda: not runner.busy)
        await other.receive(world.message("hi from elsewhere", OMAR))
        await world.settled(2)
        await world.until(lambda: not (runner.busy or other.busy))
        await runner.receive(world.message("and now?"))
        await world.settled(3)
    assert reading.brought == [0, 2]
    texts = [stored.message.payload.text for stored in world.provider.asked[2][1]]
    assert texts[:3] == ["hi", "Hello.", "hi from elsewhere"]
    assert await world.store.find(THREAD) is not None
