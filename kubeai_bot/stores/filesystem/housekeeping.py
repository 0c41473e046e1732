"""The life of the data in a root: delete, dump, restore, prune, and what is said of all of it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from kubeai_bot.domain.session import InboxItem
from kubeai_bot.domain.storage import Dump, Pruned, Retention, StoreUsage
from kubeai_bot.errors import StoreError
from kubeai_bot.stores.filesystem import views
from kubeai_bot.stores.filesystem.event_log import Mark
from kubeai_bot.stores.filesystem.folder import Whole, is_id
from kubeai_bot.stores.filesystem.record import Position, Record, speakers_of
from kubeai_bot.stores.filesystem.shelf import Shelf, dump_of, thread_name
from kubeai_bot.stores.filesystem.worker import DiskWorker
from kubeai_bot.stores.retention import is_forgotten, plan_prune


class Housekeeping:
    """What a FilesystemStore does beside working on turns."""

    def __init__(self, shelf: Shelf, worker: DiskWorker) -> None:
        self._shelf = shelf
        self._contents = shelf.contents
        self._worker = worker

    async def delete(self, session_id: str) -> bool:
        return await self._worker.whole(self._delete(session_id))

    async def _delete(self, session_id: str) -> bool:
        if session_id in self._contents.broken:
            await self._shelf.remove_broken(session_id)
            return True
        record = self._contents.records.get(session_id)
        if record is None:
            return False
        async with record.lock:
            if record.gone:
                return False
            await self._shelf.remove(record)
            return True

    async def dump(self, session_id: str) -> Dump:
        return await self._worker.whole(self._dump(session_id))

    async def _dump(self, session_id: str) -> Dump:
        record = self._contents.find(session_id)
        async with record.lock:
            self._contents.find(session_id)
            return dump_of(record, await self._shelf.whole(record))

    async def restore(self, dump: Dump) -> bool:
        return await self._worker.whole(self._restore(dump))

    async def _restore(self, dump: Dump) -> bool:
        session, now = dump.session, self._shelf.clock()
        async with self._shelf.names.holding([thread_name(session.thread), session.id]):
            taken = session.id in self._contents.records or session.id in self._contents.broken
            if taken or self._contents.at(session.thread) is not None:
                return False
            _check(dump)
            items = [InboxItem(next(self._shelf.inbox_ids), session.id, each.incoming) for each in dump.inbox]
            turns = {each.turn_id: each for each in dump.turns}
            record = Record(
                replace(session),
                Position(1, 0, 0),
                {item.id: item for item in items},
                first_seq=session.last_seq - len(dump.messages) + 1,
                speakers=speakers_of(each.message for each in dump.messages),
                opinions={(each.turn_id, each.user_id) for each in dump.feedback},
                turn=None if session.turn is None else turns.get(session.turn.turn_id),
            )
            feedback = {(each.turn_id, each.user_id): each for each in dump.feedback}
            await self._shelf.create(record, Whole(list(dump.messages), turns, feedback, dump.results))
            record.session = views.copy_session(record)
            for item in items:
                self._contents.events.add(item.incoming.keys, session.id, now)
            self._contents.events.unmark(session.thread)
            await self._shelf.sum_up(record)
            return True

    async def prune(self, retention: Retention, limit: int, *, dry_run: bool) -> Pruned:
        if limit < 1:
            raise ValueError("limit must be at least 1")
        now, at = self._shelf.clock(), self._shelf.at()
        plan = plan_prune((each.candidate(now) for each in self._contents.records.values()), retention, at, limit)
        if dry_run:
            return plan.pruned
        removed = [each for each in plan.remove if await self._while_idle(each, self._shelf.remove)]
        expired = [each for each in plan.expire if await self._while_idle(each, self._expire)]
        trimmed = [await self._worker.whole(self._trim(each, count)) for each, count in plan.trim]
        if not plan.more:
            self._contents.events.clean(
                now, lambda mark: is_forgotten(mark.modified_at, mark.expired_at, retention, at)
            )
            await self._worker.whole(self._shelf.write_events(anew=True))
        return Pruned(tuple(expired), tuple(removed), sum(trimmed), plan.more)

    async def _while_idle(self, session_id: str, act: Callable[[Record], Coroutine[Any, Any, None]]) -> bool:
        """Do it unless work has come for the session since the plan was made; whether it was done."""

        async def attempt() -> bool:
            record = self._contents.records.get(session_id)
            if record is None:
                return False
            async with record.lock:
                if record.gone or not record.is_idle(self._shelf.clock()):
                    return False
                await act(record)
                return True

        return await self._worker.whole(attempt())

    async def _expire(self, record: Record) -> None:
        await self._shelf.expire(record, Mark(record.session.modified_at, self._shelf.at()))

    async def _trim(self, session_id: str, count: int) -> int:
        record = self._contents.records.get(session_id)
        if record is None:
            return 0
        async with record.lock:
            if record.gone or not record.is_idle(self._shelf.clock()):
                return 0
            return await self._shelf.trim(record, record.first_seq + count)

    async def usage(self) -> StoreUsage:
        size = await self._worker.whole(self._shelf.size())
        return views.usage_of(tuple(self._contents.records.values()), size)


def _check(dump: Dump) -> None:
    """Raises StoreError for a dump that no store gave out."""
    if not is_id(dump.session.id):
        raise StoreError("the id of the session to restore is not one: it must be 8 to 64 hexadecimal digits")
    first = dump.session.last_seq - len(dump.messages) + 1
    if [each.seq for each in dump.messages] != list(range(first, dump.session.last_seq + 1)) or first < 1:
        raise StoreError(f"messages of session {dump.session.id} are missing in what is to be restored")
