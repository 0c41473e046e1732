"""Finds sessions that have work and takes them, one lease each. Any number of runners may share one store."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import structlog

from kubeai_bot.agent.cache import NEWEST, SessionCache
from kubeai_bot.agent.drive import Drive
from kubeai_bot.agent.journal import Journal, Term
from kubeai_bot.agent.opening import TurnOpener
from kubeai_bot.agent.parts import TurnParts, TurnRules
from kubeai_bot.agent.words import Words
from kubeai_bot.domain.session import Incoming
from kubeai_bot.domain.storage import Claim, Lease, Receipt, Tail
from kubeai_bot.errors import SessionNotFound, StoreError
from kubeai_bot.interfaces import Hook, SessionStore, Stage

log = structlog.get_logger(__name__)


HAND_OVER = 5.0
"""Seconds at shutdown for giving leases back; where that fails they expire."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Times in seconds: the lease's term, and how often to look for work that no wake-up told of."""

    term: Term = Term()
    poll: float = 5.0
    inbox_poll: float = 2.0
    last_words: float = 0.0
    """At shutdown, how long interrupted turns may take to say so; 0 where another replica can take them over."""
    cached_sessions: int = 256
    write_timeout: float = 45.0
    """How long one change in a cluster may take; with a margin it has to fit into the lease's term."""


class Runner:
    """One replica's worker."""

    def __init__(
        self,
        store: SessionStore,
        stage: Stage,
        parts: TurnParts,
        rules: TurnRules,
        pace: Pace,
        hooks: tuple[Hook, ...] = (),
    ) -> None:
        self._store = store
        self._pace = pace
        self._redaction = parts.redaction
        opener = TurnOpener(parts, Words(store, parts, rules), rules)
        self._draining = asyncio.Event()
        self._drive = Drive(stage, opener, parts, rules, hooks, pace.inbox_poll, self._draining)
        self._cache = SessionCache(pace.cached_sessions)
        self._name = secrets.token_hex(4)
        self._journals: dict[str, Journal] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._accepting = True

    @property
    def busy(self) -> int:
        """How many sessions this replica works on."""
        return len(self._tasks)

    async def receive(self, incoming: Incoming) -> Receipt:
        """Put an event on record, without the secrets that somebody pasted; where nobody works on its session, begin at
        once. Raises StoreError."""
        thread = incoming.thread
        redactor = self._redaction.for_session(thread.team_id, thread.channel_id, thread.thread_ts)
        incoming = replace(incoming, text=redactor.text(incoming.text).text)
        claim = None
        if self._accepting:
            claim = Claim(self._owner(), self._pace.term.ttl, self._cache.known(incoming.thread), NEWEST)
        receipt = await self._store.receive(incoming, claim)
        if receipt.session_id is not None and receipt.lease is not None and receipt.tail is not None:
            if self._accepting:
                self._start(receipt.session_id, (receipt.lease, receipt.tail))
            else:  # shutting down since the claim was made: another replica need not wait for it to expire
                await self._release(receipt.lease)
        return receipt

    async def forget(self, session_id: str) -> bool:
        """Delete a session that nobody works on and in which nothing waits; whether it did. Raises StoreError."""
        lease = await self._store.lease(session_id, self._owner(), self._pace.term.ttl)
        if lease is None:
            return False
        forgotten = False
        try:
            forgotten = await self._store.forget(lease)
        finally:
            if not forgotten:
                await self._release(lease)
        if forgotten:
            self._cache.forget(session_id)
        return forgotten

    async def run(self) -> None:
        """Work until cancelled: wake-ups at once, and a look around every `poll` seconds for what they missed."""
        wakeups = self._store.wakeups()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(wakeups))
            group.create_task(self._look_around())

    async def stop(self, grace: float = 10.0) -> None:
        """Take no more work, let running turns end within `grace` seconds, then hand the rest over.

        Where the store ends with the process there is nobody to hand over to: those turns then end with a word.
        """
        self._accepting = False
        self._draining.set()
        running = list(self._tasks.values())
        if running:
            await asyncio.wait(running, timeout=grace)
        if self._pace.last_words and any(not task.done() for task in running):
            for journal in self._journals.values():
                journal.interrupt()
            await asyncio.wait(running, timeout=self._pace.last_words)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=HAND_OVER)  # a store that hangs must not hold up the end

    async def _listen(self, wakeups: AsyncIterator[str]) -> None:
        async for session_id in wakeups:
            self._wake(session_id)

    async def _look_around(self) -> None:
        while True:
            try:
                for session_id in await self._store.unfinished():
                    self._wake(session_id)
            except StoreError as error:
                log.warning("session store not reachable", error=str(error))
            await asyncio.sleep(self._pace.poll)

    def _wake(self, session_id: str) -> None:
        journal = self._journals.get(session_id)
        if journal is not None:
            journal.nudged.set()
        elif session_id not in self._tasks:
            self._start(session_id, None)

    def _start(self, session_id: str, claimed: tuple[Lease, Tail] | None) -> None:
        if not self._accepting:
            return
        key = claimed[0].owner if claimed else session_id
        task = asyncio.create_task(self._take(session_id, claimed), name=f"session {session_id}")
        self._tasks[key] = task
        task.add_done_callback(lambda ended: self._ended(key, ended))

    def _ended(self, key: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is task:  # it may have begun anew under the same key
            del self._tasks[key]

    async def _take(self, session_id: str, claimed: tuple[Lease, Tail] | None) -> None:
        try:
            journal = await self._open(session_id, claimed)
        except StoreError as error:
            log.warning("session not taken", session=session_id, error=str(error))
            return
        if journal is None:
            return
        self._journals[session_id] = journal
        try:
            await self._drive.run(journal)
            if journal.forgotten:
                self._cache.forget(session_id)
            else:
                self._cache.keep(journal.session, journal.history)
        except StoreError as error:
            log.warning("session handed over", session=session_id, error=f"{type(error).__name__}: {error}")
        finally:
            if not journal.given_back:
                await asyncio.shield(self._release(journal.lease))
            if self._journals.get(session_id) is journal:
                del self._journals[session_id]
        if journal.nudged.is_set():
            self._start(session_id, None)

    async def _open(self, session_id: str, claimed: tuple[Lease, Tail] | None) -> Journal | None:
        lease, tail = claimed or (None, None)
        if lease is None:
            try:
                lease = await self._store.lease(session_id, self._owner(), self._pace.term.ttl)
            except SessionNotFound:
                return None
            if lease is None:
                return None
        whole = self._cache.complete(tail) if tail else None
        try:
            whole = whole or await self._store.load(session_id, newest=NEWEST)
        except StoreError:
            await self._release(lease)
            raise
        return Journal(self._store, lease, whole, self._pace.term)

    async def _release(self, lease: Lease) -> None:
        try:
            await self._store.release(lease)
        except StoreError as error:
            log.warning("lease not released, it will expire", error=str(error))

    def _owner(self) -> str:
        """A name of its own for each lease, so that an abandoned task of this process is fenced out too."""
        return f"{self._name}-{secrets.token_hex(4)}"
