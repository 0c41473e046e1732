"""Real deletion of what has outlived its time: in small transactions, by one replica at a time, never a session that
somebody works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kubeai_bot.domain.storage import Pruned, Retention
from kubeai_bot.stores.postgres.engine import Database
from kubeai_bot.stores.postgres.rows import from_column, hour_of
from kubeai_bot.stores.postgres.tables import EVENT_KEYS, EXPIRED_THREADS, INBOX, MESSAGES, SESSIONS
from kubeai_bot.stores.retention import EXPIRED_KEPT

_BATCH = 50
"""Sessions in one transaction."""

_TIMEOUT = 60.0
_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('kubeai-bot pruning ' || :schema, 0))")


_PLACE = SESSIONS.c.modified_hour, SESSIONS.c.modified_at, SESSIONS.c.id
"""The hour has the index and leaves little to sort."""


@dataclass
class _Done:
    expired: list[str] = field(default_factory=list[str])
    removed: list[str] = field(default_factory=list[str])
    trimmed: int = 0
    sessions: int = 0

    def result(self, *, more: bool) -> Pruned:
        return Pruned(tuple(self.expired), tuple(self.removed), self.trimmed, more)


@dataclass(frozen=True)
class _Limits:
    """A retention at one moment: what was modified before `keep` goes, before `ttl` or `crowd` it expires."""

    now: datetime
    keep: datetime | None
    ttl: datetime | None
    crowd: tuple[datetime, str] | None
    max_messages: int | None

    def fate(self, row: Any) -> str:
        if self.keep is not None and row.modified_at < self.keep:
            return "remove"
        if self.ttl is not None and row.modified_at < self.ttl:
            return "expire"
        if self.crowd is not None and (row.modified_at, row.id) < self.crowd:
            return "expire"
        return "trim"

    def chosen(self) -> ColumnElement[bool] | None:
        """Sessions for which anything is to be done, if at all; None: there can be none."""
        s = SESSIONS.c
        rules = [_is_before(each) for each in (self.keep, self.ttl) if each is not None]
        if self.crowd is not None:
            moment, session_id = self.crowd
            rules.append(tuple_(*_PLACE) < tuple_(hour_of(moment), moment, session_id))
        if self.max_messages is not None:
            surplus = exists().where(MESSAGES.c.session == s.number, MESSAGES.c.seq == s.last_seq - self.max_messages)
            rules.append(and_(s.last_seq > self.max_messages, surplus))
        return or_(*rules) if rules else None


def _is_before(moment: datetime) -> ColumnElement[bool]:
    return and_(SESSIONS.c.modified_hour <= hour_of(moment), SESSIONS.c.modified_at < moment)


async def prune_batches(database: Database, retention: Retention, limit: int, *, dry_run: bool) -> Pruned:
    """At most `limit` sessions, the longest untouched first."""
    done, more = _Done(), True
    while more and done.sessions < limit:
        size = limit - done.sessions if dry_run else min(_BATCH, limit - done.sessions)
        async with database.transaction(_TIMEOUT) as connection:
            if not dry_run and not (await connection.execute(_LOCK, {"schema": database.schema})).scalar_one():
                return done.result(more=True)
            limits = await _limits(connection, retention)
            rows = await _rows(connection, limits, size + 1, locked=not dry_run)
            more = len(rows) > size
            if not dry_run:
                await _act(connection, limits, rows[:size])
                await _clean(connection, retention, limits.now)
            _note(done, limits, rows[:size])
    return done.result(more=more)


async def _limits(connection: AsyncConnection, retention: Retention) -> _Limits:
    now: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
    crowd = None
    if retention.max_sessions is not None:
        query = select(SESSIONS.c.modified_at, SESSIONS.c.id).order_by(*(each.desc() for each in _PLACE))
        # The last one that may stay; where none may, everything until now.
        kept = query.offset(retention.max_sessions - 1).limit(1) if retention.max_sessions > 0 else None
        row = None if kept is None else (await connection.execute(kept)).one_or_none()
        crowd = (now + timedelta(days=1), "") if kept is None else None if row is None else (row[0], row[1])
    return _Limits(now, _before(now, retention.keep), _before(now, retention.ttl), crowd, retention.max_messages)


def _before(now: datetime, seconds: float | None) -> datetime | None:
    """None: nothing is that old, with a span that reaches back beyond the calendar too."""
    try:
        return None if seconds is None else now - timedelta(seconds=seconds)
    except OverflowError:
        return None


async def _rows(connection: AsyncConnection, limits: _Limits, size: int, *, locked: bool) -> Sequence[Any]:
    chosen = limits.chosen()
    if chosen is None:
        return []
    s = SESSIONS.c
    first = select(func.min(MESSAGES.c.seq)).where(MESSAGES.c.session == s.number).scalar_subquery()
    surplus = func.greatest(s.last_seq - (limits.max_messages or 0) - (first - 1), 0).label("surplus")
    thread = s.team_id, s.channel_id, s.thread_ts
    query = select(s.number, s.id, s.modified_at, s.last_seq, *thread, surplus).where(
        chosen,
        s.lease_expires_at <= func.clock_timestamp(),
        s.turn == "null",
        ~exists().where(INBOX.c.session == s.number),
    )
    query = query.order_by(*_PLACE).limit(size)
    # An event that arrives moves modified_at and so is noticed when the row has been locked. Those whose row is being
    # changed at this moment are not idle: left out.
    rows = await connection.execute(query.with_for_update(of=SESSIONS, skip_locked=True) if locked else query)
    return rows.all()


async def _act(connection: AsyncConnection, limits: _Limits, rows: Sequence[Any]) -> None:
    gone = [row.number for row in rows if limits.fate(row) != "trim"]
    marks = [
        {
            **{name: getattr(row, name) for name in ("team_id", "channel_id", "thread_ts", "modified_at")},
            "expired_at": limits.now,
        }
        for row in rows
        if limits.fate(row) == "expire"
    ]
    if gone:
        await connection.execute(delete(SESSIONS).where(SESSIONS.c.number.in_(gone)))
    if marks:
        await connection.execute(insert(EXPIRED_THREADS), marks)
    for row in (row for row in rows if limits.fate(row) == "trim"):
        start = row.last_seq - (limits.max_messages or 0) + 1
        await connection.execute(delete(MESSAGES).where(MESSAGES.c.session == row.number, MESSAGES.c.seq < start))
        moved = update(SESSIONS).where(SESSIONS.c.number == row.number, SESSIONS.c.start_seq < start)
        await connection.execute(moved.values(start_seq=start))


async def _clean(connection: AsyncConnection, retention: Retention, now: datetime) -> None:
    """Memories of expired threads, and event keys that are no longer looked at."""
    keep = _before(now, retention.keep)
    if retention.keep is None:
        forgotten = EXPIRED_THREADS.c.expired_at < now - EXPIRED_KEPT
        await connection.execute(delete(EXPIRED_THREADS).where(forgotten))
    elif keep is not None:
        await connection.execute(delete(EXPIRED_THREADS).where(EXPIRED_THREADS.c.modified_at < keep))
    # Keys that an arriving event is about to use anew are left to it.
    old = select(EVENT_KEYS.c.key).where(EVENT_KEYS.c.expires_at < now).with_for_update(skip_locked=True).limit(10_000)
    await connection.execute(delete(EVENT_KEYS).where(EVENT_KEYS.c.key.in_(old)))


def _note(done: _Done, limits: _Limits, rows: Sequence[Any]) -> None:
    for row in rows:
        fate = limits.fate(row)
        if fate == "trim":
            done.trimmed += row.surplus
        else:
            (done.removed if fate == "remove" else done.expired).append(from_column(row.id))
    done.sessions += len(rows)
