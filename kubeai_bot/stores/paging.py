"""Where a session stands in a list, and the cursor that says so: last modified first, ids break ties."""

from __future__ import annotations

from datetime import UTC, datetime

from kubeai_bot.domain.session import Session
from kubeai_bot.errors import StoreError

Place = tuple[datetime, str]


def place_of(session: Session) -> Place:
    return session.modified_at, session.id


def cursor_of(session: Session) -> str:
    return f"{session.modified_at.isoformat()}~{session.id}"


def parse_cursor(cursor: str) -> Place:
    """Raises StoreError for a cursor that no store gave out."""
    moment, _, session_id = cursor.partition("~")
    try:
        return datetime.fromisoformat(moment).astimezone(UTC), session_id
    except ValueError as error:
        raise StoreError("this is not a cursor that the store gave out") from error
