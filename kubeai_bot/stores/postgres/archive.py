"""The life of the data: listing, moving and deleting sessions. Off the hot path, in SQLAlchemy's own language."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, insert, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from kubeai_bot.domain.message import StoredMessage
from kubeai_bot.domain.session import Feedback, InboxItem, Session, TurnRecord, Usage
from kubeai_bot.domain.storage import AboutPerson, Dump, KeptResult, Lease, Pruned, Retention, SessionPage, StoreUsage
from kubeai_bot.errors import LeaseLost, SessionNotFound
from kubeai_bot.stores.codec import decode_incoming, decode_message, encode_incoming
from kubeai_bot.stores.codec_results import decode_result, encode_result
from kubeai_bot.stores.paging import cursor_of, parse_cursor
from kubeai_bot.stores.postgres.engine import Database
from kubeai_bot.stores.postgres.packing import pack, unpack
from kubeai_bot.stores.postgres.pruning import prune_batches
from kubeai_bot.stores.postgres.rows import (
    COLUMNS,
    from_column,
    hour_of,
    message_body,
    message_speaker,
    row_of,
    session_from,
    to_column,
    utc,
)
from kubeai_bot.stores.postgres.tables import (
    EVENT_KEYS,
    EXPIRED_THREADS,
    FEEDBACK,
    INBOX,
    MESSAGES,
    METADATA,
    RESULTS,
    SESSIONS,
    TURNS,
)

_LONG = 60.0
"""Seconds for a statement that goes over much of the store."""

_session_columns = [SESSIONS.c[name] for name in COLUMNS]


_PLACE = SESSIONS.c.modified_hour, SESSIONS.c.modified_at, SESSIONS.c.id
"""The hour has the index and leaves little to sort."""


class Archive:
    """The part of the store that the CLI, housekeeping and people's questions about themselves use."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, limit: int = 50, cursor: str | None = None, of_user: str | None = None) -> SessionPage:
        """As in the interface. Raises StoreError for a cursor that this store did not give out."""
        if limit < 1:
            raise ValueError("limit must be at least 1")
        query: Select[Any] = select(*_session_columns)
        query = query.order_by(*(each.desc() for each in _PLACE)).limit(limit + 1)
        if cursor is not None:
            query = query.where(tuple_(*_PLACE) < _position(cursor))
        if of_user is not None:
            query = query.where(SESSIONS.c.slack_user_id == to_column(of_user))
        async with self._database.transaction(_LONG) as connection:
            rows = (await connection.execute(query)).all()
        sessions = tuple(session_from(row) for row in rows[:limit])
        return SessionPage(sessions, cursor_of(sessions[-1]) if len(rows) > limit else None)

    async def delete(self, session_id: str) -> bool:
        async with self._database.transaction(_LONG) as connection:
            gone = await connection.execute(delete(SESSIONS).where(SESSIONS.c.id == to_column(session_id)))
            return gone.rowcount > 0

    async def forget(self, lease: Lease) -> bool:
        async with self._database.transaction(_LONG) as connection:
            # Locked first and asked afterwards: whatever arrives meanwhile waits for the lock or is seen.
            held = select(SESSIONS.c.number).where(
                SESSIONS.c.id == to_column(lease.session_id),
                SESSIONS.c.epoch == lease.epoch,
                SESSIONS.c.lease_expires_at > func.clock_timestamp(),
            )
            number = (await connection.execute(held.with_for_update())).scalar_one_or_none()
            if number is None:
                raise LeaseLost(f"{lease.owner} no longer holds session {lease.session_id} (epoch {lease.epoch})")
            if (await connection.execute(select(exists().where(INBOX.c.session == number)))).scalar_one():
                return False
            await connection.execute(delete(SESSIONS).where(SESSIONS.c.number == number))
            return True

    async def dump(self, session_id: str) -> Dump:
        async with self._database.transaction(_LONG) as connection:
            await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            query = select(SESSIONS.c.number, *_session_columns).where(SESSIONS.c.id == to_column(session_id))
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                raise SessionNotFound(f"no session {session_id}")
            number, session = row[0], session_from(row[1:])
            return Dump(
                session,
                await _messages(connection, number),
                await _inbox(connection, number, session.id),
                await _turns(connection, number),
                await _feedback(connection, number),
                await _results(connection, number),
            )

    async def restore(self, dump: Dump) -> bool:
        async with self._database.transaction(_LONG) as connection:
            # The mark is locked before the session, as by an event that arrives: otherwise the two could deadlock.
            mark = _is_thread_of(dump.session)
            await connection.execute(select(EXPIRED_THREADS.c.expired_at).where(mark).with_for_update())
            # A lease of the session that was there before must not fit: epochs start beyond all earlier ones.
            row = {**row_of(dump.session), "epoch": time.time_ns() // 1_000_000}
            opened = upsert(SESSIONS).values(row).on_conflict_do_nothing().returning(SESSIONS.c.number)
            number = (await connection.execute(opened)).scalar_one_or_none()
            if number is None:
                return False
            await connection.execute(delete(EXPIRED_THREADS).where(mark))
            for table, rows in _rows_of(dump, number).items():
                if rows:
                    await connection.execute(insert(METADATA.tables[table]), rows)
            await _remember_keys(connection, dump, number)
            return True

    async def prune(self, retention: Retention, limit: int = 500, *, dry_run: bool = False) -> Pruned:
        """As in the interface. While another replica prunes, nothing is done."""
        if limit < 1:
            raise ValueError("limit must be at least 1")
        return await prune_batches(self._database, retention, limit, dry_run=dry_run)

    async def usage(self) -> StoreUsage:
        size = func.coalesce(func.sum(func.pg_total_relation_size(text("c.oid"))), 0)
        tables = text("pg_class c WHERE c.relnamespace = to_regnamespace(quote_ident(:schema)) AND c.relkind = 'r'")
        tokens = [func.coalesce(func.sum(SESSIONS.c[f"{name}_tokens"]), 0) for name in ("input", "output", "cached")]
        async with self._database.transaction(_LONG) as connection:
            counts = select(func.count(), func.min(SESSIONS.c.created_at), *tokens).select_from(SESSIONS)
            sessions, oldest, *sums = tuple((await connection.execute(counts)).one())
            messages = (await connection.execute(select(func.count()).select_from(MESSAGES))).scalar_one()
            unread = (await connection.execute(select(func.count()).select_from(INBOX))).scalar_one()
            query = select(size).select_from(tables)
            used = (await connection.execute(query, {"schema": self._database.schema})).scalar_one()
        total = Usage(*(int(each) for each in sums))
        return StoreUsage(sessions, messages, unread, int(used), total, None if oldest is None else utc(oldest))

    async def about(self, user_id: str) -> AboutPerson:
        user = to_column(user_id)
        written = select(MESSAGES.c.session).where(MESSAGES.c.speaker == user)
        theirs = or_(SESSIONS.c.slack_user_id == user, SESSIONS.c.number.in_(written))
        async with self._database.transaction(_LONG) as connection:
            counts = select(func.count(), func.min(SESSIONS.c.created_at)).select_from(SESSIONS).where(theirs)
            sessions, since = (await connection.execute(counts)).one()
            counted = select(func.count()).select_from(MESSAGES).where(MESSAGES.c.speaker == user)
            messages = (await connection.execute(counted)).scalar_one()
            given = select(func.count()).select_from(FEEDBACK).where(FEEDBACK.c.user_id == user)
            feedback = (await connection.execute(given)).scalar_one()
        return AboutPerson(sessions, messages, feedback, None if since is None else utc(since))


# --- from rows ---


async def _messages(connection: AsyncConnection, number: int) -> tuple[StoredMessage, ...]:
    query = select(MESSAGES.c.seq, MESSAGES.c.body).where(MESSAGES.c.session == number).order_by(MESSAGES.c.seq)
    rows = (await connection.execute(query)).all()
    return tuple(StoredMessage(row.seq, decode_message(unpack(row.body))) for row in rows)


async def _inbox(connection: AsyncConnection, number: int, session_id: str) -> tuple[InboxItem, ...]:
    query = select(INBOX.c.id, INBOX.c.body).where(INBOX.c.session == number).order_by(INBOX.c.id)
    rows = (await connection.execute(query)).all()
    return tuple(InboxItem(row.id, session_id, decode_incoming(unpack(row.body))) for row in rows)


async def _results(connection: AsyncConnection, number: int) -> tuple[KeptResult, ...]:
    query = select(RESULTS.c.body).where(RESULTS.c.session == number).order_by(RESULTS.c.handle)
    return tuple(decode_result(unpack(row.body)) for row in (await connection.execute(query)).all())


async def _turns(connection: AsyncConnection, number: int) -> tuple[TurnRecord, ...]:
    query = select(TURNS).where(TURNS.c.session == number).order_by(TURNS.c.created_at, TURNS.c.turn_id)
    rows = (await connection.execute(query)).all()
    return tuple(
        TurnRecord(
            from_column(row.turn_id),
            None if row.user_id is None else from_column(row.user_id),
            utc(row.created_at),
            utc(row.updated_at),
            row.ended,
        )
        for row in rows
    )


async def _feedback(connection: AsyncConnection, number: int) -> tuple[Feedback, ...]:
    query = select(FEEDBACK).where(FEEDBACK.c.session == number)
    rows = (await connection.execute(query.order_by(FEEDBACK.c.created_at, FEEDBACK.c.user_id))).all()
    return tuple(
        Feedback(
            from_column(row.turn_id),
            from_column(row.user_id),
            row.kind,
            from_column(row.reason),
            utc(row.created_at),
            utc(row.updated_at),
        )
        for row in rows
    )


# --- into rows ---


def _position(cursor: str) -> ColumnElement[Any]:
    modified_at, session_id = parse_cursor(cursor)
    return tuple_(hour_of(modified_at), modified_at, to_column(session_id))


def _is_thread_of(session: Session) -> ColumnElement[bool]:
    row = row_of(session)
    return and_(*(EXPIRED_THREADS.c[name] == row[name] for name in ("team_id", "channel_id", "thread_ts")))


def _rows_of(dump: Dump, number: int) -> dict[str, list[dict[str, Any]]]:
    """Rows by table."""
    return {
        "messages": [
            {
                "session": number,
                "seq": stored.seq,
                "speaker": message_speaker(stored.message),
                "body": message_body(stored.message),
            }
            for stored in dump.messages
        ],
        "inbox": [{"session": number, "body": pack(encode_incoming(item.incoming))} for item in dump.inbox],
        "turns": [
            {
                "session": number,
                "turn_id": to_column(turn.turn_id),
                "user_id": None if turn.user_id is None else to_column(turn.user_id),
                "created_at": turn.created_at,
                "updated_at": turn.updated_at,
                "ended": turn.ended,
            }
            for turn in dump.turns
        ],
        "feedback": [
            {
                "session": number,
                "turn_id": to_column(each.turn_id),
                "user_id": to_column(each.user_id),
                "kind": each.kind,
                "reason": to_column(each.reason),
                "created_at": each.created_at,
                "updated_at": each.updated_at,
            }
            for each in dump.feedback
        ],
        "results": [
            {"session": number, "handle": to_column(each.handle), "body": pack(encode_result(each))}
            for each in dump.results
        ],
    }


async def _remember_keys(connection: AsyncConnection, dump: Dump, number: int) -> None:
    keys = sorted({to_column(key) for item in dump.inbox for key in item.incoming.keys})
    if not keys:
        return
    until = datetime.now(UTC) + timedelta(days=1)
    values = [{"key": key, "session": number, "attempt": 0, "expires_at": until} for key in keys]
    added = upsert(EVENT_KEYS)
    renewed = {name: added.excluded[name] for name in ("session", "attempt", "expires_at")}
    await connection.execute(added.on_conflict_do_update(index_elements=["key"], set_=renewed), values)
