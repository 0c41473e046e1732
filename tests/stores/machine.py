"""All that can be done to a store, with expiry, crashes and two handles, checked against a tiny model."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import hypothesis.strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
)

from kubeai_bot.domain.session import TurnRef
from kubeai_bot.domain.storage import KEEP, Claim, Known, Pruned, Retention, SessionChange
from kubeai_bot.errors import LeaseLost, SequenceConflict, SessionNotFound
from tests.stores.expected import Expected

TTL = 30.0

# No sum of the steps in which time passes (10, 31) comes close to these ages.
OLD, GONE = 45.0, 95.0


class StoreMachine(RuleBasedStateMachine):
    """`leases` holds every lease ever granted, live or not, with the session's thread number; whoever drops one
    without releasing it has crashed."""

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
        self.remembered: dict[int, float] = {}
        """Threads of expired sessions, with the time of their last activity."""
        self.seen: set[str] = set()
        self.now = 0.0
        self.count = 0

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()

    def refuses(self, error, work) -> None:
        try:
            self.runner.run(work)
        except error:
            return
        raise AssertionError(f"{error.__name__} was expected")

    # --- receiving ---

    @rule(
        target=leases,
        thread=threads,
        key=st.integers(0, 40),
        opens=st.booleans(),
        wish=st.none()
        | st.tuples(owners, st.none() | st.tuples(st.booleans(), st.integers(0, 8)), st.none() | st.integers(0, 4)),
        replica=replicas,
    )
    def receive(self, thread, key, opens, wish, replica):
        """`wish`: owner, what the claimant knows (whether of this session, and up to which number), newest."""
        keys = (f"event-{key}", f"message-{key // 2}")
        incoming = self.make.incoming(self.refs[thread], f"text {key}", opens=opens, keys=keys)
        session = self.sessions.get(thread)
        owner, knows, newest = wish or ("", None, None)
        is_own, seq = knows or (False, 0)
        known = Known(session.id if session and is_own else "another", seq) if knows else None
        claim = Claim(owner, TTL, known, newest) if wish else None
        receipt = self.runner.run(self.handles[replica].receive(incoming, claim))
        if self.seen & set(keys):
            assert receipt.repeated
            assert (receipt.lease, receipt.tail) == (None, None)
            return multiple()
        if session is None and not opens and thread not in self.remembered:
            assert (receipt.session_id, receipt.repeated, receipt.created) == (None, False, False)
            return multiple()
        assert receipt.created is (session is None)
        if session is None:
            follows = self.remembered.pop(thread, None) is not None
            session = self.sessions[thread] = Expected(receipt.session_id, follows_expired=follows)
        assert receipt.session_id == session.id
        self.seen.update(keys)
        session.inbox.append(incoming.text)
        session.touched = self.now
        assert (receipt.lease is not None) is (wish is not None and not session.live(self.now))
        if receipt.lease is None:
            assert receipt.tail is None
            return multiple()
        self.granted(session, owner, receipt.lease)
        is_right = known is not None and known.session_id == session.id and seq <= len(session.texts)
        session.check_tail(receipt.tail, seq if is_right else 0, newest)
        return (thread, receipt.lease)

    # --- leases ---

    def granted(self, session: Expected, owner: str, lease) -> None:
        assert (lease.session_id, lease.owner) == (session.id, owner)
        assert lease.epoch > session.newest_epoch
        assert lease.epoch not in session.epochs
        session.epochs.add(lease.epoch)
        session.newest_epoch = session.lease = lease.epoch
        session.owner, session.until = owner, self.now + TTL

    def holds(self, thread, lease) -> bool:
        session = self.sessions.get(thread)
        return (
            session is not None
            and (session.id, session.lease) == (lease.session_id, lease.epoch)
            and session.live(self.now)
        )

    @rule(target=leases, thread=threads, owner=owners, replica=replicas)
    def lease(self, thread, owner, replica):
        session = self.sessions.get(thread)
        if session is None:
            return multiple()
        lease = self.runner.run(self.handles[replica].lease(session.id, owner, TTL))
        assert (lease is None) is (session.live(self.now) and session.owner != owner)
        if lease is None:
            return multiple()
        self.granted(session, owner, lease)
        return (thread, lease)

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
            self.sessions[thread].lease = None

    # --- writing ---

    @rule(
        held=leases,
        size=st.integers(0, 3),
        off=st.sampled_from([0, 0, 0, 1, -1]),
        turn=st.sampled_from([KEEP, None, "t1", "t2", "t3"]),
        clears=st.booleans(),
        replica=replicas,
    )
    def append(self, held, size, off, turn, clears, replica):
        thread, lease = held
        session = self.sessions.get(thread)
        expected_seq = (len(session.texts) if session else 0) + off
        self.count += 1
        step_id, texts = f"step-{self.count}", [f"{self.count}.{n}" for n in range(size)]
        consumed = self.runner.run(self.backend.store.load(session.id)).inbox[:1] if session else ()
        reference = TurnRef(turn, None, "1", self.make.noon) if isinstance(turn, str) else turn
        change = SessionChange(turn=reference, start_seq=expected_seq + 1 if clears else KEEP)
        messages = [self.make.message(text) for text in texts]
        ids = [item.id for item in consumed]
        work = self.handles[replica].append(lease, expected_seq, step_id, messages, ids, change)
        if not self.holds(thread, lease):
            return self.refuses(LeaseLost, work)
        if off:
            return self.refuses(SequenceConflict, work)
        assert self.runner.run(work) == expected_seq + size
        session.texts += texts
        session.inbox = session.inbox[1:]
        session.touched = self.now
        if clears:
            session.start_seq = expected_seq + 1
        if turn is not KEEP:
            session.turn_changes(turn)
        session.last_step = step_id, expected_seq, len(session.texts)
        return None

    @rule(held=leases, replica=replicas)
    def repeat_the_newest_step(self, held, replica):
        thread, lease = held
        session = self.sessions.get(thread)
        if session is None or session.last_step is None:
            return None
        step_id, expected_seq, result = session.last_step
        change = SessionChange(name="again", turn=None)
        work = self.handles[replica].append(lease, expected_seq, step_id, [self.make.message("again")], (), change)
        if not self.holds(thread, lease):
            return self.refuses(LeaseLost, work)
        assert self.runner.run(work) == result
        return None

    @rule(
        thread=threads,
        turn=st.sampled_from(["t1", "t2"]),
        user=st.sampled_from(["U0MIA", "U0OMAR"]),
        kind=st.sampled_from(["positive", "negative"]),
        replica=replicas,
    )
    def judge(self, thread, turn, user, kind, replica):
        session = self.sessions.get(thread)
        session_id = session.id if session else "none"
        recorded = self.runner.run(self.handles[replica].record_feedback(session_id, turn, user, kind))
        assert recorded is (session is not None and turn in session.turns)
        if recorded:
            session.opinions[turn, user] = kind

    # --- the life of the data ---

    @rule(held=leases, replica=replicas)
    def forget(self, held, replica):
        thread, lease = held
        work = self.handles[replica].forget(lease)
        if not self.holds(thread, lease):
            return self.refuses(LeaseLost, work)
        forgotten = self.runner.run(work)
        assert forgotten is (self.sessions[thread].inbox == [])
        if forgotten:
            self.gone(thread)
        return None

    @rule(thread=threads, replica=replicas)
    def delete(self, thread, replica):
        if thread in self.sessions:
            assert self.runner.run(self.handles[replica].delete(self.sessions[thread].id)) is True
            self.gone(thread)

    def gone(self, thread: int) -> None:
        session_id = self.sessions.pop(thread).id
        self.refuses(SessionNotFound, self.handles[0].load(session_id))
        self.refuses(SessionNotFound, self.handles[1].dump(session_id))

    @rule(thread=threads, deletes=st.booleans(), replica=replicas)
    def restore(self, thread, deletes, replica):
        session = self.sessions.get(thread)
        if session is None:
            return
        store = self.handles[replica]
        dump = self.runner.run(store.dump(session.id))
        if deletes:
            assert self.runner.run(store.delete(session.id)) is True
            session.lease, session.newest_epoch, session.last_step = None, -1, None
        assert self.runner.run(self.handles[1 - replica].restore(dump)) is deletes

    @rule(
        retention=st.builds(
            Retention,
            ttl=st.sampled_from([None, OLD]),
            keep=st.sampled_from([None, GONE]),
            max_sessions=st.sampled_from([None, None, 0, 1, 2]),
            max_messages=st.sampled_from([None, 0, 2]),
        ),
        replica=replicas,
        dry_run=st.booleans(),
    )
    def prune(self, retention, replica, dry_run):
        store = self.handles[replica]
        listed = [session.id for session in self.runner.run(store.list()).sessions]
        numbers = {session.id: thread for thread, session in self.sessions.items()}
        expired, removed, trimmed = set(), set(), 0
        for rank, session_id in enumerate(listed, start=1):
            thread = numbers[session_id]
            session = self.sessions[thread]
            if not session.idle(self.now):
                continue
            age = self.now - session.touched
            if retention.keep is not None and age > retention.keep:
                removed.add(session_id)
            elif (retention.ttl is not None and age > retention.ttl) or (
                retention.max_sessions is not None and rank > retention.max_sessions
            ):
                expired.add(session_id)
            elif retention.max_messages is not None:
                judged = session if not dry_run else replace(session)
                trimmed += judged.trim(retention.max_messages)
        pruned = self.runner.run(store.prune(retention, dry_run=dry_run))
        assert (set(pruned.expired), set(pruned.removed)) == (expired, removed)
        assert pruned == Pruned(pruned.expired, pruned.removed, trimmed)
        if dry_run:
            return
        for session_id in removed | expired:
            thread = numbers[session_id]
            touched = self.sessions[thread].touched
            self.gone(thread)
            if session_id in expired:
                self.remembered[thread] = touched
        if retention.keep is not None:
            self.remembered = {
                thread: touched for thread, touched in self.remembered.items() if self.now - touched <= retention.keep
            }

    # --- time and crashes ---

    @rule(seconds=st.sampled_from([10.0, 31.0]))
    def time_passes(self, seconds):
        self.runner.run(self.backend.advance(seconds))
        self.now += seconds

    @precondition(lambda self: self.backend.lasting)
    @rule()
    def crash(self):
        """All handles end; by the time that somebody is back, every lease has run out."""
        self.runner.run(self.backend.restart())
        self.handles = [self.backend.store, self.backend.second_store()]
        self.time_passes(31.0)

    @invariant()
    def every_session_is_as_expected(self):
        self.runner.run(self.check())

    async def check(self) -> None:
        store = self.handles[1]
        assert {each.id for each in (await store.list()).sessions} == {each.id for each in self.sessions.values()}
        for session in self.sessions.values():
            session.check_tail(await store.load(session.id))
            session.check_dump(await store.dump(session.id))
        waiting = {session.id for session in self.sessions.values() if session.unfinished(self.now)}
        assert set(await store.unfinished()) == waiting
