"""What can be said of all sessions from memory alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from kubeai_bot.domain.session import Session, Usage
from kubeai_bot.domain.storage import AboutPerson, SessionPage, StoreUsage
from kubeai_bot.stores.filesystem.record import Record
from kubeai_bot.stores.json_values import copy_json
from kubeai_bot.stores.paging import cursor_of, parse_cursor, place_of


def copy_session(record: Record) -> Session:
    session = record.session
    return replace(
        session,
        mcp_status=copy_json(session.mcp_status),
        metadata=copy_json(session.metadata),
        approval=copy_json(session.approval),
    )


def page_of(records: Iterable[Record], limit: int, cursor: str | None, of_user: str | None) -> SessionPage:
    """Raises StoreError for a cursor that no store gave out."""
    if limit < 1:
        raise ValueError("limit must be at least 1")
    before = None if cursor is None else parse_cursor(cursor)
    theirs = (each for each in records if of_user is None or each.session.slack_user_id == of_user)
    older = (each for each in theirs if before is None or place_of(each.session) < before)
    newest_first = sorted(older, key=lambda each: place_of(each.session), reverse=True)
    page = tuple(map(copy_session, newest_first[:limit]))
    return SessionPage(page, cursor_of(page[-1]) if len(newest_first) > limit else None)


def usage_of(records: Collection[Record], size: int) -> StoreUsage:
    return StoreUsage(
        sessions=len(records),
        messages=sum(each.messages() for each in records),
        unread=sum(len(each.inbox) for each in records),
        bytes=size,
        tokens=sum((each.session.usage for each in records), Usage()),
        oldest=min((each.session.created_at for each in records), default=None),
    )


def about(records: Collection[Record], user_id: str) -> AboutPerson:
    theirs = [each for each in records if each.session.slack_user_id == user_id or each.speakers[user_id]]
    return AboutPerson(
        sessions=len(theirs),
        messages=sum(each.speakers[user_id] for each in theirs),
        feedback=sum(author == user_id for each in records for _, author in each.opinions),
        since=min((each.session.created_at for each in theirs), default=None),
    )
