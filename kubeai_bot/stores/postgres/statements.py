"""The SQL of the hot path, for psycopg: one statement each. Everything in it that is PostgreSQL's own dialect stands
here, in listening.py and in the scripts of the migrations."""

from __future__ import annotations

from typing import Any, NamedTuple

from psycopg.sql import Identifier

from kubeai_bot.stores.postgres.rows import COLUMNS


class Statements(NamedTuple):
    """Texts with named parameters, for the tables of one schema."""

    receive: str
    append: str
    load: str
    lease: str
    renew: str
    release: str
    find: str
    unfinished: str
    unread: str
    feedback: str
    keep_result: str
    kept_result: str


def statements_for(schema: str) -> Statements:
    names = {
        "schema": Identifier(schema).as_string().replace("%", "%%"),
        "columns": ", ".join(COLUMNS),
        "of_session": ", ".join(f"(r.session).{name}" for name in COLUMNS),
    }
    return Statements(*(text.format(**names) for text in _TEXTS))


def columns_of(row: tuple[Any, ...], before: int) -> tuple[Any, ...]:
    """The session's columns in a row where `before` others stand first."""
    return row[before : before + len(COLUMNS)]


_RECEIVE = """
SELECT r.outcome, r.item, r.granted, r.messages, r.inbox_ids, r.inbox_bodies,
       (r.session).lease_owner, (r.session).epoch, (r.session).lease_expires_at, {of_session}
FROM {schema}.receive_1(
    %(keys)s, %(attempt)s, %(team)s, %(channel)s, %(thread)s, %(is_dm)s, %(opens)s, %(id)s, %(user)s, %(name)s,
    %(body)b, %(owner)s, %(ttl)s, %(known_id)s, %(known_seq)s, %(newest)s
) r
"""

_APPEND = """
SELECT outcome, last_seq, released
FROM {schema}.append_1(
    %(id)s, %(epoch)s, %(expected)s, %(step)s, %(bodies)s, %(speakers)s, %(consume)s, %(agent_state)s, %(turn)s,
    %(turn_id)s, %(turn_user)s, %(answer)s, %(last_identity)s, %(mcp_status)s, %(metadata)s, %(approval)s,
    %(start_seq)s, %(name)s, %(provider)s, %(model)s, %(input)s, %(output)s, %(cached)s,
    %(release)s
)
"""

# One statement, one snapshot.
_LOAD = """
SELECT ARRAY(
           SELECT m.body FROM {schema}.messages m
           WHERE m.session = s.number AND m.seq > greatest(%(after)s, s.last_seq - %(newest)s) ORDER BY m.seq
       ),
       ARRAY(SELECT i.id FROM {schema}.inbox i WHERE i.session = s.number ORDER BY i.id),
       ARRAY(SELECT i.body FROM {schema}.inbox i WHERE i.session = s.number ORDER BY i.id),
       {columns}
FROM {schema}.sessions s WHERE s.id = %(id)s
"""

# The comparison is made again after waiting for a row that somebody else was changing.
_LEASE = """
WITH taken AS (
    UPDATE {schema}.sessions s
    SET epoch = s.epoch + 1, lease_owner = %(owner)s,
        lease_expires_at = clock_timestamp() + make_interval(secs => %(ttl)s)
    WHERE s.id = %(id)s AND (s.lease_expires_at <= clock_timestamp() OR s.lease_owner = %(owner)s)
    RETURNING s.lease_owner, s.epoch, s.lease_expires_at
)
SELECT EXISTS (SELECT FROM {schema}.sessions s WHERE s.id = %(id)s), taken.* FROM (SELECT) one LEFT JOIN taken ON true
"""

_RENEW = """
UPDATE {schema}.sessions s SET lease_expires_at = clock_timestamp() + make_interval(secs => %(ttl)s)
WHERE s.id = %(id)s AND s.epoch = %(epoch)s AND s.lease_expires_at > clock_timestamp()
RETURNING s.lease_owner, s.epoch, s.lease_expires_at
"""

_RELEASE = """
UPDATE {schema}.sessions s SET lease_expires_at = 'epoch' WHERE s.id = %(id)s AND s.epoch = %(epoch)s
RETURNING 1
"""

_FIND = """
SELECT {columns} FROM {schema}.sessions s
WHERE s.team_id = %(team)s AND s.channel_id = %(channel)s AND s.thread_ts = %(thread)s
"""

_UNFINISHED = """
SELECT s.id FROM {schema}.sessions s
WHERE s.number IN (
    SELECT i.session FROM {schema}.inbox i UNION SELECT t.session FROM {schema}.turns t WHERE NOT t.ended
) AND s.lease_expires_at <= clock_timestamp()
ORDER BY s.modified_at, s.id
"""

_UNREAD = """
SELECT i.id, s.id FROM {schema}.inbox i JOIN {schema}.sessions s ON s.number = i.session ORDER BY i.id DESC LIMIT 1000
"""

_FEEDBACK = """
INSERT INTO {schema}.feedback AS f (session, turn_id, user_id, kind, reason, created_at, updated_at)
SELECT t.session, t.turn_id, %(user)s, %(kind)s, %(reason)s, now(), now()
FROM {schema}.turns t JOIN {schema}.sessions s ON s.number = t.session
WHERE s.id = %(id)s AND t.turn_id = %(turn)s
ON CONFLICT (session, turn_id, user_id) DO UPDATE
    SET kind = excluded.kind, reason = excluded.reason, updated_at = excluded.updated_at
RETURNING 1
"""

_KEEP_RESULT = """
WITH held AS (
    SELECT s.number FROM {schema}.sessions s
    WHERE s.id = %(id)s AND s.epoch = %(epoch)s AND s.lease_expires_at > clock_timestamp() FOR SHARE
), kept AS (
    INSERT INTO {schema}.results (session, handle, body) SELECT number, %(handle)s, %(body)b FROM held
    ON CONFLICT DO NOTHING
)
SELECT number FROM held
"""

_KEPT_RESULT = """
SELECT r.body FROM {schema}.results r JOIN {schema}.sessions s ON s.number = r.session
WHERE s.id = %(id)s AND r.handle = %(handle)s
"""

_TEXTS = (
    _RECEIVE,
    _APPEND,
    _LOAD,
    _LEASE,
    _RENEW,
    _RELEASE,
    _FIND,
    _UNFINISHED,
    _UNREAD,
    _FEEDBACK,
    _KEEP_RESULT,
    _KEPT_RESULT,
)
