"""The tables, as the code reads them. Migrations make them; a test compares the two.

Texts that come from outside stand in `text` columns escaped (rows.py), whole records as JSON text: never `jsonb`,
which refuses NUL and lone surrogates. Times are of the database's clock.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

METADATA = MetaData()


def _text(name: str, default: str | None = None) -> Column[Any]:
    return Column(name, Text, nullable=False, server_default=None if default is None else text(f"'{default}'"))


def _moment(name: str) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=False)


def _session() -> Column[Any]:
    return Column("session", BigInteger, ForeignKey("sessions.number", ondelete="CASCADE"), nullable=False)


def _count(name: str, kind: type[Integer] = BigInteger, default: int = 0) -> Column[Any]:
    return Column(name, kind, nullable=False, server_default=text(str(default)))


SESSIONS = Table(
    "sessions",
    METADATA,
    # What hangs on a session refers to this number: the rows of sessions of one time lie together in the indexes.
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    _text("team_id"),
    _text("channel_id"),
    _text("thread_ts"),
    Column("is_dm", Boolean, nullable=False),
    _text("slack_user_id"),
    _moment("created_at"),
    _moment("modified_at"),
    # Hours since 1970, for the index: one that followed modified_at would have to be written at each step of a session.
    Column("modified_hour", Integer, nullable=False),
    _text("name"),
    _text("provider", ""),
    _text("model", ""),
    _text("agent_state", "idle"),
    _text("turn", "null"),
    _text("answer", "null"),
    _text("last_identity", "null"),
    _text("mcp_status", "{}"),
    _text("metadata", "{}"),
    _text("approval", "{}"),
    _count("start_seq", Integer, 1),
    _count("last_seq", Integer),
    _count("input_tokens"),
    _count("output_tokens"),
    _count("cached_tokens"),
    Column("follows_expired", Boolean, nullable=False, server_default=text("false")),
    # The newest append, to recognise it when it is repeated.
    Column("step_id", Text),
    _count("step_seq", Integer),
    # The lease: `epoch` counts its holders.
    _count("epoch"),
    _text("lease_owner", ""),
    Column("lease_expires_at", DateTime(timezone=True), nullable=False, server_default=text("'epoch'")),
    UniqueConstraint("team_id", "channel_id", "thread_ts"),
)
Index("sessions_by_activity", SESSIONS.c.modified_hour)
Index("sessions_of_user", SESSIONS.c.slack_user_id)

MESSAGES = Table(
    "messages",
    METADATA,
    _session(),
    Column("seq", Integer, nullable=False),
    Column("speaker", Text),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("session", "seq"),
)
Index("messages_of_speaker", MESSAGES.c.speaker, MESSAGES.c.session, postgresql_where=text("speaker IS NOT NULL"))

INBOX = Table(
    "inbox",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _session(),
    Column("body", LargeBinary, nullable=False),
)
Index("inbox_of_session", INBOX.c.session)

EVENT_KEYS = Table(
    "event_keys",
    METADATA,
    Column("key", Text, primary_key=True),
    # Not a foreign key: keys outlive their session.
    Column("session", BigInteger, nullable=False),
    # Which call of `receive` wrote it, so that a call which is repeated knows its own.
    Column("attempt", BigInteger, nullable=False),
    _moment("expires_at"),
)

TURNS = Table(
    "turns",
    METADATA,
    _session(),
    _text("turn_id"),
    Column("user_id", Text),
    _moment("created_at"),
    _moment("updated_at"),
    Column("ended", Boolean, nullable=False, server_default=text("false")),
    PrimaryKeyConstraint("session", "turn_id"),
)
Index("turns_open", TURNS.c.session, postgresql_where=text("NOT ended"))

FEEDBACK = Table(
    "feedback",
    METADATA,
    _session(),
    _text("turn_id"),
    _text("user_id"),
    _text("kind"),
    _text("reason"),
    _moment("created_at"),
    _moment("updated_at"),
    PrimaryKeyConstraint("session", "turn_id", "user_id"),
)
Index("feedback_of_user", FEEDBACK.c.user_id)

RESULTS = Table(
    "results",
    METADATA,
    _session(),
    _text("handle"),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("session", "handle"),
)

AUDIT = Table(
    "audit",
    METADATA,
    # Which process wrote it, and the number in its chain.
    _text("process"),
    Column("number", BigInteger, nullable=False),
    _moment("at"),
    _text("record"),
    PrimaryKeyConstraint("process", "number"),
)
Index("audit_by_time", AUDIT.c.at)

AUDIT_TRIMS = Table(
    "audit_trims",
    METADATA,
    # Of a process: up to which number retention has deleted, the HMAC of that record, and the seal over the three.
    _text("process"),
    Column("number", BigInteger, nullable=False),
    _text("hmac"),
    _text("seal"),
    PrimaryKeyConstraint("process"),
)

EXPIRED_THREADS = Table(
    "expired_threads",
    METADATA,
    _text("team_id"),
    _text("channel_id"),
    _text("thread_ts"),
    _moment("modified_at"),
    _moment("expired_at"),
    PrimaryKeyConstraint("team_id", "channel_id", "thread_ts"),
)

COMPATIBILITY = Table(
    "compatibility",
    METADATA,
    # One row: the number of these tables, and of the oldest code that can work with them.
    Column("tables", Integer, nullable=False, primary_key=True),
    Column("oldest_code", Integer, nullable=False),
)
