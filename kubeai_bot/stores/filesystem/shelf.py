"""All sessions of a root: their records in memory beside their folders on disk, changed together or not at all."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from kubeai_bot.domain.message import Json, StoredMessage
from kubeai_bot.domain.session import ThreadRef
from kubeai_bot.domain.storage import Dump, Tail
from kubeai_bot.errors import SessionNotFound, StoreError
from kubeai_bot.stores.codec import encode_feedback, encode_message, encode_session, encode_turn
from kubeai_bot.stores.filesystem.event_log import EventFile, EventLog, Mark
from kubeai_bot.stores.filesystem.folder import SessionFolder, Whole
from kubeai_bot.stores.filesystem.journal_file import to_line
from kubeai_bot.stores.filesystem.record import Position, Record, head_of, inbox_entries, speakers_of
from kubeai_bot.stores.filesystem.views import copy_session
from kubeai_bot.stores.filesystem.worker import DiskWorker, NameLocks

_log = structlog.get_logger(__name__)

HEAD_EVERY = 64 * 1024
"""Bytes of a journal after which its head is written anew: so much is read at most when the store is opened."""


def thread_name(thread: ThreadRef) -> str:
    """What a thread is called among the names to lock."""
    return f"thread {thread.team_id}/{thread.channel_id}/{thread.thread_ts}"


@dataclass(slots=True)
class Contents:
    """What a root holds. `broken` says of a session that cannot be read why; `broken_threads` whose they are."""

    root: Path
    events: EventLog
    events_file: EventFile
    records: dict[str, Record] = field(default_factory=dict[str, Record])
    threads: dict[ThreadRef, str] = field(default_factory=dict[ThreadRef, str])
    broken: dict[str, str] = field(default_factory=dict[str, str])
    broken_threads: dict[ThreadRef, str] = field(default_factory=dict[ThreadRef, str])

    def find(self, session_id: str) -> Record:
        """Raises SessionNotFound, and StoreError for one that cannot be read."""
        record = self.records.get(session_id)
        if record is not None:
            return record
        if session_id in self.broken:
            raise StoreError(self.broken[session_id])
        raise SessionNotFound(f"no session {session_id}")

    def at(self, thread: ThreadRef) -> Record | None:
        """The session of a thread. Raises StoreError where it cannot be read."""
        session_id = self.threads.get(thread)
        if session_id is not None:
            return self.records[session_id]
        if thread in self.broken_threads:
            raise StoreError(self.broken[self.broken_threads[thread]])
        return None

    def add(self, record: Record) -> None:
        self.records[record.session.id] = record
        self.threads[record.session.thread] = record.session.id

    def drop(self, record: Record) -> None:
        record.gone = True
        self.records.pop(record.session.id, None)
        if self.threads.get(record.session.thread) == record.session.id:
            del self.threads[record.session.thread]

    def folder(self, session_id: str) -> SessionFolder:
        return SessionFolder(self.root, session_id)


class Shelf:
    """Every method that takes a record is called with its lock held, and changes it only once the disk has it."""

    def __init__(self, contents: Contents, worker: DiskWorker, clock: Callable[[], float], generation: int) -> None:
        self.contents = contents
        self.clock = clock
        self.names = NameLocks()
        # Numbers that no earlier opening of this root has given out; larger ones, should its count be lost.
        waiting = (item_id for record in contents.records.values() for item_id in record.inbox)
        self.inbox_ids = itertools.count(max(generation << 32, max(waiting, default=0)) + 1)
        self.epochs = itertools.count((generation << 32) + 1)
        self._worker = worker
        self._events_lock = asyncio.Lock()

    def at(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    # --- writing ---

    async def write(self, record: Record, commit: Callable[[], Json]) -> None:
        """Add a commit to the journal. Raises StoreError with nothing changed."""
        folder = self.contents.folder(record.session.id)
        position = record.position
        record.position = await self._worker.on_disk(lambda: folder.append(position, to_line(commit())))

    async def create(self, record: Record, whole: Whole) -> None:
        """A new session with all that hangs on it."""
        folder = self.contents.folder(record.session.id)

        def create() -> Position:
            position = folder.create(_as_commits(record, whole))
            for result in whole.results:
                folder.keep_result(result)
            return position

        record.position = await self._worker.on_disk(create)
        self.contents.add(record)

    async def trim(self, record: Record, first_seq: int) -> int:
        """Delete the messages before `first_seq`; how many there were."""
        folder = self.contents.folder(record.session.id)
        trimmed = replace(
            record,
            session=replace(record.session, start_seq=max(record.session.start_seq, first_seq)),
            first_seq=first_seq,
        )

        def rewrite() -> Whole:
            whole = folder.whole(record)
            whole.messages = [each for each in whole.messages if each.seq >= first_seq]
            trimmed.position = folder.rewrite(record.position, _as_commits(trimmed, whole))
            return whole

        whole = await self._worker.on_disk(rewrite)
        count = first_seq - record.first_seq
        record.position, record.session, record.first_seq = trimmed.position, trimmed.session, first_seq
        record.speakers = speakers_of(each.message for each in whole.messages)
        await self.sum_up(record, at_least=1)
        return count

    async def remove(self, record: Record) -> None:
        """Delete the session; the event log is written first, since the session's journal no longer vouches for it."""
        await self.write_events()
        folder = self.contents.folder(record.session.id)
        try:
            await self._worker.on_disk(folder.remove)
        except StoreError:
            if not await self._worker.on_disk(folder.exists):
                self.contents.drop(record)
            raise
        self.contents.drop(record)

    async def remove_broken(self, session_id: str) -> None:
        await self._worker.on_disk(self.contents.folder(session_id).remove)
        self.contents.broken.pop(session_id, None)
        for thread in [each for each, owner in self.contents.broken_threads.items() if owner == session_id]:
            del self.contents.broken_threads[thread]

    async def expire(self, record: Record, mark: Mark) -> None:
        """Delete the session, but remember its thread."""
        thread = record.session.thread
        self.contents.events.expire(thread, mark)
        try:
            await self.remove(record)
        except StoreError:
            if not record.gone:
                self.contents.events.unmark(thread)
            raise

    async def sum_up(self, record: Record, at_least: int = HEAD_EVERY) -> None:
        """Write the head anew where it lags `at_least` so many bytes behind. It only saves reading: trouble is
        logged."""
        position = record.position
        if position.length - position.covered < at_least:
            return
        head, folder = head_of(record), self.contents.folder(record.session.id)
        try:
            await self.write_events()
            await self._worker.on_disk(lambda: folder.write_head(head))
        except StoreError as error:
            _log.warning("head.not_written", session_id=record.session.id, reason=str(error))
        else:
            record.position = replace(position, covered=position.length)

    # --- events ---

    async def write_events(self, *, anew: bool = False) -> None:
        """Write what the event log has not on disk yet; `anew` leaves nothing there that it has forgotten."""
        events, file = self.contents.events, self.contents.events_file
        if not events.unwritten and not anew:
            return
        async with self._events_lock:
            unwritten = tuple(events.unwritten)
            if anew or file.is_long:
                everything = events.all()
                await self._worker.on_disk(lambda: file.rewrite(everything))
            else:
                await self._worker.on_disk(lambda: file.append(unwritten))
            del events.unwritten[: len(unwritten)]

    # --- reading ---

    async def tail(self, record: Record, after: int, newest: int | None) -> Tail:
        cut = record.cut(after, newest)
        messages: tuple[StoredMessage, ...] = ()
        if cut < record.session.last_seq:
            folder = self.contents.folder(record.session.id)
            messages = await self._worker.on_disk(lambda: folder.messages(record, cut))
        return tail_of(record, messages, cut)

    async def whole(self, record: Record, *, messages: bool = True) -> Whole:
        folder = self.contents.folder(record.session.id)
        return await self._worker.on_disk(lambda: folder.whole(record, messages=messages))

    async def size(self) -> int:
        """Bytes of all files."""
        return await self._worker.on_disk(lambda: size_of(self.contents))


def tail_of(record: Record, messages: tuple[StoredMessage, ...], after: int) -> Tail:
    return Tail(copy_session(record), messages, tuple(record.inbox.values()), after)


def dump_of(record: Record, whole: Whole) -> Dump:
    return Dump(
        copy_session(record),
        tuple(whole.messages),
        tuple(record.inbox.values()),
        tuple(whole.turns.values()),
        tuple(whole.feedback.values()),
        whole.results,
    )


def size_of(contents: Contents) -> int:
    """Bytes of all files; blocks. Raises OSError."""
    sizes = (contents.folder(each.session.id).size(each) for each in tuple(contents.records.values()))
    return contents.events_file.size() + sum(sizes)


def _as_commits(record: Record, whole: Whole) -> Iterator[Json]:
    """A journal that holds just this: the record with what hangs on it, then message by message, so that the newest
    can be read without the others."""
    base: dict[str, Any] = {
        "session": encode_session(record.session),
        "in": inbox_entries(record.inbox.values()),
        "first": record.first_seq,
        "turns": [encode_turn(each) for each in whole.turns.values()],
        "feedback": [encode_feedback(each) for each in whole.feedback.values()],
    }
    if record.step is not None:
        base["step"] = list(record.step)
    messages = (
        {"seq": each.seq, "messages": [encode_message(each.message)], "by": speakers_of([each.message])}
        for each in whole.messages
    )
    return itertools.chain([base], messages)
