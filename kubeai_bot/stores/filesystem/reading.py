"""Reading a root: every session's record, whatever a crash left behind, and what is broken, each on its own."""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from kubeai_bot.errors import StoreError
from kubeai_bot.stores.filesystem.disk import advice
from kubeai_bot.stores.filesystem.event_log import EventFile
from kubeai_bot.stores.filesystem.folder import SessionFolder, clear_away, is_id, is_leftover
from kubeai_bot.stores.filesystem.shelf import Contents

_log = structlog.get_logger(__name__)


def read_root(root: Path, *, repair: bool) -> Contents:
    """What the root holds; with `repair` whatever a crash left half done is cleared away. Blocks. Raises OSError."""
    events_file = EventFile(root / "events.jsonl")
    contents = Contents(root, events_file.read(), events_file)
    with os.scandir(root) as entries:
        names = sorted(entry.name for entry in entries)
    for name in names:
        if is_id(name):
            _read_session(contents, name, repair=repair)
        elif is_leftover(name) and repair:
            clear_away(root / name)
    for thread in contents.threads:
        contents.events.unmark(thread)  # a session that follows an expired one has used the mark up
    if repair:
        events_file.rewrite(contents.events.all())
        contents.events.unwritten.clear()
    return contents


def _read_session(contents: Contents, session_id: str, *, repair: bool) -> None:
    folder = contents.folder(session_id)
    try:
        found = folder.open(repair=repair)
    except StoreError as error:
        _set_aside(contents, folder, session_id, str(error))
        return
    except FileNotFoundError as error:
        if folder.exists():  # else its bot has just deleted it
            _set_aside(contents, folder, session_id, f"{error.filename}: {advice(error)}")
        return
    except OSError as error:
        _set_aside(contents, folder, session_id, f"{error.filename or contents.root / session_id}: {advice(error)}")
        return
    record = found.record
    contents.events.add(found.keys, session_id, record.session.modified_at.timestamp())
    rival = contents.threads.get(record.session.thread)
    contents.add(record)
    if rival is not None:
        older, newer = sorted((contents.records[rival], record), key=lambda each: each.session.modified_at)
        contents.threads[record.session.thread] = newer.session.id
        _log.warning("store.two_sessions_of_a_thread", used=newer.session.id, unused=older.session.id)


def _set_aside(contents: Contents, folder: SessionFolder, session_id: str, reason: str) -> None:
    _log.error("store.session_unavailable", session_id=session_id, reason=reason)
    contents.broken[session_id] = reason
    thread = folder.thread()
    if thread is not None:
        contents.broken_threads[thread] = session_id
