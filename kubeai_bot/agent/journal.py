"""One runner's hold on one session: its lease, its copy of the history, and every write to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace

from kubeai_bot.domain.message import Message, StoredMessage
from kubeai_bot.domain.session import AnswerRef, InboxItem, Session
from kubeai_bot.domain.storage import Keep, KeptResult, Lease, SessionChange, Tail
from kubeai_bot.errors import LeaseLost
from kubeai_bot.interfaces import SessionStore

MARGIN = 2.0
"""Seconds that must remain of the lease after an outside effect's own time limit."""


FILL = 0.9
"""Share of what then is left that an effect may take: the rest is for the renewal itself."""


@dataclass(frozen=True, slots=True)
class Term:
    """How long a lease is taken for, in seconds, and the clock that measures what is left of it. `showing` is what has
    to be left of it when something is posted or changed in Slack."""

    ttl: float = 60.0
    showing: float = 12.0
    monotonic: Callable[[], float] = time.monotonic


class Journal:
    """All writes of a turn go through here, one at a time, each fenced by the lease and the expected sequence."""

    def __init__(self, store: SessionStore, lease: Lease, tail: Tail, term: Term) -> None:
        self.session: Session = tail.session
        self.inbox: tuple[InboxItem, ...] = tail.inbox
        self.nudged = asyncio.Event()
        self.stop_asked = asyncio.Event()
        self.given_back = False
        self.forgotten = False
        self._history = [stored for stored in tail.messages if stored.seq >= tail.session.start_seq]
        self._store = store
        self._lease = lease
        self._term = term
        self._lock = asyncio.Lock()
        self._records = 0
        self._ending = False
        self._note_stop()

    @property
    def lease(self) -> Lease:
        return self._lease

    @property
    def history(self) -> Sequence[StoredMessage]:
        """The newest messages since the last `clear`, oldest first. Not a copy: read it, don't keep it."""
        return self._history

    @property
    def is_cut(self) -> bool:
        """Whether the session has older messages than `history`."""
        return bool(self._history) and self._history[0].seq > self.session.start_seq

    async def append(
        self,
        step_id: str,
        messages: Sequence[Message] = (),
        consume: Iterable[int] = (),
        change: SessionChange | None = None,
    ) -> None:
        """Put one step on record. Raises LeaseLost, SequenceConflict: somebody else goes on with the session."""
        async with self._lock:
            read = tuple(consume)
            await self._store.append(self._lease, self.session.last_seq, step_id, messages, read, change)
            self._take_in(messages, read, change)

    async def close(self, step_id: str, consume: Iterable[int], change: SessionChange) -> bool:
        """Put the last step of a turn on record and give the lease back with it, unless something unread waits;
        whether it was given back. Raises as `append`."""
        async with self._lock:
            read = tuple(consume)
            self.given_back = await self._store.close(
                self._lease, self.session.last_seq, step_id, consume=read, change=change
            )
            self._take_in((), read, change)
            return self.given_back

    async def record_answer(self, answer: AnswerRef) -> None:
        """RecordAnswer of the seams: before and after everything that is posted. Raises LeaseLost."""
        self._records += 1
        step = f"{answer.turn_id}:answer:{self._lease.epoch}:{self._records}"
        await self.append(step, change=SessionChange(answer=answer))

    async def keep_result(self, result: KeptResult) -> None:
        """Keep a large result with the session. Raises LeaseLost."""
        await self._store.keep_result(self._lease, result)

    async def refresh(self) -> None:
        """Read the inbox again: what arrived meanwhile, a wish to stop among it."""
        self.nudged.clear()
        async with self._lock:
            tail = await self._store.load(self.session.id, after=self.session.last_seq)
            self.inbox = tail.inbox
            self._note_stop()

    async def keep(self) -> None:
        """Renew the lease until cancelled. Raises LeaseLost."""
        while True:
            await asyncio.sleep(self._term.ttl / 3)
            await self._renew()

    @property
    def longest(self) -> float:
        """Seconds that an outside effect may take at most to fit into a lease that was just renewed."""
        return max(self._term.ttl - MARGIN, 0.0) * FILL

    async def hold(self, seconds: float) -> float:
        """Make sure that an outside effect which takes up to `seconds` ends within the lease; the moment (of the
        holder's monotonic clock) before which it must have begun. Raises LeaseLost."""
        if self._remaining() < seconds + MARGIN:
            await self._renew()
        if self._remaining() < seconds + MARGIN:
            raise LeaseLost(f"an effect of {seconds:g} s does not fit into a lease of {self._term.ttl:g} s")
        return self._lease.monotonic_until - seconds - MARGIN

    def may_show_until(self) -> float:
        """The moment of the holder's monotonic clock before which a call that shows the turn must begin."""
        return self._lease.monotonic_until - self._term.showing

    async def forget(self) -> bool:
        """Delete the session, unless something unread waits in its inbox. Raises LeaseLost."""
        async with self._lock:
            self.forgotten = await self._store.forget(self._lease)
            return self.forgotten

    @property
    def process_ends(self) -> bool:
        """Whether the turn was interrupted because this process ends and nobody can take it over."""
        return self._ending

    def interrupt(self) -> None:
        """End the running turn now: the process ends, and its sessions with it."""
        self._ending = True
        self.stop_asked.set()

    async def _renew(self) -> None:
        self._lease = await self._store.renew(self._lease, self._term.ttl)

    def _remaining(self) -> float:
        return self._lease.monotonic_until - self._term.monotonic()

    def _take_in(self, messages: Sequence[Message], read: Sequence[int], change: SessionChange | None) -> None:
        """The same change to the copy here."""
        before = self.session.last_seq
        if change is not None and not isinstance(change.start_seq, Keep):
            self._history.clear()
        self._history += [StoredMessage(before + n, message) for n, message in enumerate(messages, 1)]
        self.inbox = tuple(item for item in self.inbox if item.id not in read)
        self.session = replace(_changed(self.session, change), last_seq=before + len(messages))
        self._note_stop()

    def _note_stop(self) -> None:
        if self._ending or any(item.incoming.kind == "stop" for item in self.inbox):
            self.stop_asked.set()
        else:
            self.stop_asked.clear()


def _changed(session: Session, change: SessionChange | None) -> Session:
    if change is None:
        return session
    names = (field.name for field in fields(change) if field.name != "add_usage")
    given = {name: getattr(change, name) for name in names if not isinstance(getattr(change, name), Keep)}
    return replace(session, **given, usage=session.usage + change.add_usage)
