"""Hearing of what other replicas have received: by LISTEN where the server can be reached directly, by looking into the
inbox once a second behind a pooler, and now and then in any case, since a notification may be lost."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from typing import Any

import psycopg
import structlog
from psycopg.sql import SQL, Identifier

from kubeai_bot.errors import StoreError
from kubeai_bot.stores.postgres.engine import Database
from kubeai_bot.stores.postgres.rows import from_column
from kubeai_bot.stores.postgres.statements import statements_for
from kubeai_bot.stores.wakeups import Subscription, Wakeups

POLL = 1.0
"""Seconds between two looks into the inbox while nothing is heard otherwise."""

POLL_BESIDE_LISTEN = 10.0
_BACK_OFF_LIMIT = 15.0
_REMEMBERED = 10_000
_ITEM = re.compile("[0-9]{1,19}")

_log = structlog.get_logger(__name__)


class Bell:
    """Tells the subscribers of this process of each inbox item once, by whichever way it is heard of first. An item is
    known by its number and its session: one that somebody made up hides none."""

    def __init__(self) -> None:
        self._wakeups = Wakeups()
        self._told: OrderedDict[tuple[int, str], None] = OrderedDict()

    def subscribe(self) -> Subscription:
        return self._wakeups.subscribe()

    def ring(self, item: int | None, session_id: str) -> None:
        """`item` None or 0: not known, told in any case."""
        if not item or self.remember(item, session_id):
            self._wakeups.tell(session_id)

    def remember(self, item: int, session_id: str) -> bool:
        """Whether it was new."""
        if (item, session_id) in self._told:
            return False
        self._told[item, session_id] = None
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return True


class Listener:
    """Rings the bell for what is received anywhere, until its `run` is cancelled. `listens` False: polls only."""

    def __init__(self, database: Database, bell: Bell, *, listens: bool) -> None:
        self._database = database
        self._bell = bell
        self._listens = listens
        self._unread = statements_for(database.schema).unread
        self._hears = False
        self._look_now = asyncio.Event()

    async def begin(self) -> None:
        """What lies in the inbox already is no news."""
        for item, session_id in await self._database.fetch(self._unread, {}, repeatable=True):
            self._bell.remember(item, from_column(session_id))

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._poll())
            if self._listens:
                tasks.create_task(self._listen())

    async def _poll(self) -> None:
        failing = False
        while True:
            try:
                async with asyncio.timeout(POLL_BESIDE_LISTEN if self._hears else POLL):
                    await self._look_now.wait()
            except TimeoutError:
                pass
            self._look_now.clear()
            try:
                rows = await self._database.fetch(self._unread, {}, repeatable=True)
            except StoreError as error:
                if not failing:
                    _log.warning("inbox not read", error=str(error))
                failing = True
                continue
            failing = False
            for item, session_id in reversed(rows):
                self._bell.ring(item, from_column(session_id))

    async def _listen(self) -> None:
        pause = 0.1
        while True:
            try:
                async with await self._connect() as connection:
                    await connection.execute(SQL("LISTEN {}").format(Identifier(self._database.schema)))
                    self._hears, pause = True, 0.1
                    self._look_now.set()  # for what was received while nobody listened
                    async for notice in connection.notifies():
                        item, _, session_id = notice.payload.partition(" ")
                        if _ITEM.fullmatch(item):  # anybody in the database may notify
                            self._bell.ring(int(item), from_column(session_id))
            except (psycopg.Error, OSError) as error:
                _log.warning("database no longer heard: looking into the inbox instead", error=type(error).__name__)
            finally:
                self._hears = False
                self._look_now.set()
            await asyncio.sleep(pause)
            pause = min(pause * 2, _BACK_OFF_LIMIT)

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(**self._database.dsn.parameters, autocommit=True)
