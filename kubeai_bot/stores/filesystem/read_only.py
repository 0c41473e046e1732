"""Looking into a session folder beside the bot that works in it."""

# ruff: noqa: ARG002 - the interface names the parameters of what is refused here
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from kubeai_bot.domain.message import Message
from kubeai_bot.domain.session import FeedbackKind, Incoming, Session, ThreadRef
from kubeai_bot.domain.storage import (
    AboutPerson,
    Claim,
    Dump,
    KeptResult,
    Lease,
    Pruned,
    Receipt,
    Retention,
    SessionChange,
    SessionPage,
    StoreUsage,
    Tail,
)
from kubeai_bot.errors import SessionNotFound, StoreError
from kubeai_bot.interfaces import SessionStore
from kubeai_bot.stores.filesystem import views
from kubeai_bot.stores.filesystem.record import Record
from kubeai_bot.stores.filesystem.shelf import Contents, dump_of, size_of, tail_of
from kubeai_bot.stores.filesystem.worker import DiskWorker
from kubeai_bot.stores.paging import place_of


class ReadOnlyFilesystemStore(SessionStore):
    """Lists, finds, counts and describes what was there at the opening; `load` and `dump` read a session as it is by
    then. Everything else raises StoreError. `unfinished` cannot know of leases: it takes every session as free."""

    def __init__(self, contents: Contents, worker: DiskWorker) -> None:
        self._contents = contents
        self._worker = worker

    @property
    def broken(self) -> Mapping[str, str]:
        """Ids of sessions that cannot be read, and why."""
        return dict(self._contents.broken)

    async def load(self, session_id: str, after: int = 0, newest: int | None = None) -> Tail:
        def read() -> Tail:
            record = self._reread(session_id)
            cut = record.cut(after, newest)
            return tail_of(record, self._contents.folder(session_id).messages(record, cut), cut)

        return await self._worker.on_disk(read)

    async def dump(self, session_id: str) -> Dump:
        def read() -> Dump:
            record = self._reread(session_id)
            return dump_of(record, self._contents.folder(session_id).whole(record))

        return await self._worker.on_disk(read)

    async def kept_result(self, session_id: str, handle: str) -> KeptResult | None:
        folder = self._contents.folder(session_id)
        return await self._worker.on_disk(lambda: folder.result(handle))

    def _reread(self, session_id: str) -> Record:
        self._contents.find(session_id)
        folder = self._contents.folder(session_id)
        if not folder.exists():
            raise SessionNotFound(f"no session {session_id}")
        return folder.open(repair=False).record

    async def find(self, thread: ThreadRef) -> Session | None:
        record = self._contents.at(thread)
        return None if record is None else views.copy_session(record)

    async def unfinished(self) -> Sequence[str]:
        waiting = [each.session for each in self._contents.records.values() if each.is_unfinished(0)]
        return [session.id for session in sorted(waiting, key=place_of)]

    async def list(self, limit: int = 50, cursor: str | None = None, of_user: str | None = None) -> SessionPage:
        return views.page_of(self._contents.records.values(), limit, cursor, of_user)

    async def usage(self) -> StoreUsage:
        size = await self._worker.on_disk(lambda: size_of(self._contents))
        return views.usage_of(self._contents.records.values(), size)

    async def about(self, user_id: str) -> AboutPerson:
        return views.about(self._contents.records.values(), user_id)

    # --- what only the owner of the folder may do ---

    async def receive(self, incoming: Incoming, claim: Claim | None = None) -> Receipt:
        self._refuse()

    async def lease(self, session_id: str, owner: str, ttl: float) -> Lease | None:
        self._refuse()

    async def renew(self, lease: Lease, ttl: float) -> Lease:
        self._refuse()

    async def release(self, lease: Lease) -> None:
        self._refuse()

    async def append(
        self,
        lease: Lease,
        expected_seq: int,
        step_id: str,
        messages: Sequence[Message] = (),
        consume: Sequence[int] = (),
        change: SessionChange | None = None,
    ) -> int:
        self._refuse()

    async def close(
        self,
        lease: Lease,
        expected_seq: int,
        step_id: str,
        messages: Sequence[Message] = (),
        consume: Sequence[int] = (),
        change: SessionChange | None = None,
    ) -> bool:
        self._refuse()

    def wakeups(self) -> NoReturn:
        self._refuse()

    async def forget(self, lease: Lease) -> bool:
        self._refuse()

    async def keep_result(self, lease: Lease, result: KeptResult) -> None:
        self._refuse()

    async def record_feedback(
        self, session_id: str, turn_id: str, user_id: str, kind: FeedbackKind, reason: str = ""
    ) -> bool:
        self._refuse()

    async def delete(self, session_id: str) -> bool:
        self._refuse()

    async def restore(self, dump: Dump) -> bool:
        self._refuse()

    async def prune(self, retention: Retention, limit: int = 500, *, dry_run: bool = False) -> Pruned:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise StoreError(
            f"the bot holds {self._contents.root}, so it can only be read: stop the bot first, or ask it in Slack"
        )
