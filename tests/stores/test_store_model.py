"""Random interleavings of receive, lease, append, expiry, crash and deletion against a tiny model."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from kubeai_bot.domain.session import TurnRef
from kubeai_bot.domain.storage import Claim, SessionChange
from kubeai_bot.errors import LeaseLost, SequenceConflict, SessionNotFound

TTL = 30.0


@dataclass
class Expected:
    """What the model knows of one session."""

    id: str
    texts: list[str] = field(default_factory=list)
    inbox: list[str] = field(default_factory=list)
    steps: dict[str, int] = field(default_factory=dict)
    open_turn: bool = False
    epoch: int = 0
    owner: str | None = None
    until: float = 0.0


class StoreMachine(RuleBasedStateMachine):
    """`leases` holds every lease ever granted, live or not, with the session's thread number."""

    leases = Bundle("leases")
    threads = st.integers(0, 2)
    owners = st.sampled_from(["a", "b"])
    replicas = st.integers(0, 1)

    def __init__(self, open_backend, make) -> None:
        super().__init__()
        self.make = make
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.backend = self.runner.run(self.stack.enter_async_context(open_backend()))
        self.handles = [self.backend.store, self.backend.second_store()]
        self.refs = [make.thread() for _ in range(3)]
        self.sessions: dict[int, Expected] = {}
        self.seen: set[str] = set()
        self.now = 0.0
        self.count = 0

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()

    def live(self, session: Expected) -> bool:
        return session.owner is not None and session.until > self.now

    def grant(self, session: Expected, owner: str, lease) -> None:
        assert lease.epoch > session.epoch
        assert (lease.session_id, lease.owner) == (session.id, owner)
        session.epoch, session.owner, session.until = lease.epoch, owner, self.now + TTL

    @rule(
        target=leases,
        thread=threads,
        key=st.integers(0, 40),
        opens=st.booleans(),
        owner=owners | st.none(),
        replica=replicas,
    )
    def receive(self, thread, key, opens, owner, replica):
        keys = (f"event-{key}", f"message-{key // 2}")
        incoming = self.make.incoming(self.refs[thread], f"text {key}", opens=opens, keys=keys)
        claim = Claim(owner, TTL) if owner else None
        receipt = self.runner.run(self.handles[replica].receive(incoming, claim))
        session = self.sessions.get(thread)
        if self.seen & set(keys):
            assert receipt.repeated
            assert receipt.lease is None
            return multiple()
        if session is None and not opens:
            assert receipt.session_id is None
            return multiple()
        assert receipt.created is (session is None)
        session = self.sessions.setdefault(thread, Expected(receipt.session_id))
        assert receipt.session_id == session.id
        self.seen.update(keys)
        session.inbox.append(incoming.text)
        assert (receipt.lease is not None) is (claim is not None and not self.live(session))
        if receipt.lease is None:
            return multiple()
        self.grant(session, owner, receipt.lease)
        assert [item.incoming.text for item in receipt.tail.inbox] == session.inbox
        return (thread, receipt.lease)

    @rule(target=leases, thread=threads, owner=owners, replica=replicas)
    def lease(self, thread, owner, replica):
        session = self.sessions.get(thread)
        if session is None:
            return multiple()
        lease = self.runner.run(self.handles[replica].lease(session.id, owner, TTL))
        assert (lease is None) is (self.live(session) and session.owner != owner)
        if lease is None:
            return multiple()
        self.grant(session, owner, lease)
        return (thread, lease)

    def holds(self, thread, lease) -> bool:
        session = self.sessions.get(thread)
        return (
            session is not None
            and session.id == lease.session_id
            and session.epoch == lease.epoch
            and self.live(session)
        )

    @rule(
        held=leases,
        step=st.integers(0, 6),
        size=st.integers(0, 3),
        off=st.sampled_from([0, 0, 0, 1, -1]),
        replica=replicas,
    )
    def append(self, held, step, size, off, replica):
        thread, lease = held
        session = self.sessions.get(thread)
        step_id = f"step-{step}"
        expected_seq = (len(session.texts) if session else 0) + off
        self.count += 1
        texts = [f"{self.count}.{n}" for n in range(size)]
        tail = None if session is None else self.runner.run(self.backend.store.load(session.id))
        consumed = [item.id for item in tail.inbox[:1]] if tail else []
        turn = TurnRef("t1", None, "1", self.make.noon) if size % 2 else None
        work = self.handles[replica].append(
            lease,
            expected_seq,
            step_id,
            [self.make.message(text) for text in texts],
            consumed,
            SessionChange(turn=turn),
        )
        if not self.holds(thread, lease):
            return self.refuses(LeaseLost, work)
        if step_id in session.steps:
            assert self.runner.run(work) == session.steps[step_id]
            return None
        if off:
            return self.refuses(SequenceConflict, work)
        assert self.runner.run(work) == len(session.texts) + size
        session.texts += texts
        session.steps[step_id] = len(session.texts)
        session.inbox = session.inbox[1:]
        session.open_turn = turn is not None
        return None

    def refuses(self, error, work) -> None:
        try:
            self.runner.run(work)
        except error:
            return
        raise AssertionError(f"{error.__name__} was expected")

    @rule(held=leases, replica=replicas)
    def renew(self, held, replica):
        thread, lease = held
        work = self.handles[replica].renew(lease, TTL)
        if not self.holds(thread, lease):
            return self.refuses(LeaseLost, work)
        assert self.runner.run(work).epoch == lease.epoch
        self.sessions[thread].until = self.now + TTL
        return None

    @rule(held=consumes(leases), replica=replicas)
    def release(self, held, replica):
        thread, lease = held
        holds = self.holds(thread, lease)
        self.runner.run(self.handles[replica].release(lease))
        if holds:
            self.sessions[thread].owner = None

    @rule(seconds=st.sampled_from([10.0, 31.0]))
    def time_passes(self, seconds):
        self.runner.run(self.backend.advance(seconds))
        self.now += seconds

    @rule(thread=threads, replica=replicas)
    def delete(self, thread, replica):
        session = self.sessions.pop(thread, None)
        if session is not None:
            assert self.runner.run(self.handles[replica].delete(session.id)) is True
            self.refuses(SessionNotFound, self.handles[replica].load(session.id))

    @invariant()
    def every_session_is_as_expected(self):
        self.runner.run(self.check())

    async def check(self) -> None:
        store = self.handles[1]
        assert {each.id for each in (await store.list()).sessions} == {each.id for each in self.sessions.values()}
        for session in self.sessions.values():
            tail = await store.load(session.id)
            assert [stored.message.payload.text for stored in tail.messages] == session.texts
            assert [stored.seq for stored in tail.messages] == list(range(1, len(session.texts) + 1))
            assert tail.session.last_seq == len(session.texts)
            assert [item.incoming.text for item in tail.inbox] == session.inbox
        waiting = {each.id for each in self.sessions.values() if not self.live(each) and (each.inbox or each.open_turn)}
        assert set(await store.unfinished()) == waiting


def test_any_interleaving_behaves_like_the_model(open_backend, make):
    run_state_machine_as_test(
        lambda: StoreMachine(open_backend, make),
        settings=settings(max_examples=60, stateful_step_count=40, deadline=None),
    )
