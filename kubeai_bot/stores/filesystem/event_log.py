"""What the store remembers beside its sessions: event keys for a day, and threads whose session has expired.

They live in memory and in one journal at the root, `events.jsonl`. Keys need no write of their own before an event is
acknowledged: they stand in its session's journal too, and only what no longer stands there must be here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from kubeai_bot.domain.message import Json
from kubeai_bot.domain.session import ThreadRef
from kubeai_bot.errors import StoreError
from kubeai_bot.stores.codec_parts import decode_thread, decode_time, encode_thread, encode_time
from kubeai_bot.stores.event_keys import KEPT, LIFE
from kubeai_bot.stores.filesystem.disk import read_file, replace_file
from kubeai_bot.stores.filesystem.journal_file import append_line, from_line, to_line

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Mark:
    """An expired session's last activity and its end."""

    modified_at: datetime
    expired_at: datetime


class EventLog:
    """`unwritten` are changes that the journal does not have yet, in order."""

    def __init__(self) -> None:
        self._keys: OrderedDict[str, tuple[float, str]] = OrderedDict()  # about the oldest first
        self._marks: dict[ThreadRef, Mark] = {}
        self.unwritten: list[Json] = []

    # --- event keys ---

    def session_of(self, keys: Iterable[str], now: float) -> str | None:
        """The session that took an event under any of these keys within the last day."""
        found = (self._keys.get(key) for key in keys)
        return next((session_id for until, session_id in filter(None, found) if until > now), None)

    def add(self, keys: Sequence[str], session_id: str, now: float) -> None:
        """Remember these for a day, and forget those whose day is over."""
        if keys:
            self._note({"keys": list(keys), "session": session_id, "until": now + LIFE})
        self._forget_keys(now)

    def _forget_keys(self, now: float) -> None:
        while self._keys:
            until, _ = next(iter(self._keys.values()))
            if until > now and len(self._keys) <= KEPT:
                return
            self._keys.popitem(last=False)

    # --- expired threads ---

    def is_expired(self, thread: ThreadRef) -> bool:
        return thread in self._marks

    def expire(self, thread: ThreadRef, mark: Mark) -> None:
        times = {"modified_at": encode_time(mark.modified_at), "expired_at": encode_time(mark.expired_at)}
        self._note({"expired": encode_thread(thread), **times})

    def unmark(self, thread: ThreadRef) -> None:
        """Forget that this thread's session has expired."""
        if thread in self._marks:
            self._note({"unmarked": encode_thread(thread)})

    def clean(self, now: float, is_forgotten: Callable[[Mark], bool]) -> None:
        """Forget keys whose day is over, and expired threads whose time is."""
        self._forget_keys(now)
        for thread in [thread for thread, mark in self._marks.items() if is_forgotten(mark)]:
            self.unmark(thread)

    # --- as commits ---

    def _note(self, commit: Json) -> None:
        self.apply(commit)
        self.unwritten.append(commit)

    def apply(self, commit: Json) -> None:
        if "keys" in commit:
            taken: tuple[float, str] = commit["until"], commit["session"]
            self._keys.update((key, taken) for key in commit["keys"])
        elif "expired" in commit:
            mark = Mark(decode_time(commit["modified_at"]), decode_time(commit["expired_at"]))
            self._marks[decode_thread(commit["expired"])] = mark
        elif "unmarked" in commit:
            self._marks.pop(decode_thread(commit["unmarked"]), None)

    def all(self) -> list[Json]:
        """Everything as commits, for a journal that begins anew."""
        by_event: dict[tuple[float, str], list[str]] = {}
        for key, taken in self._keys.items():
            by_event.setdefault(taken, []).append(key)
        commits: list[Json] = [
            {"keys": keys, "session": session_id, "until": until} for (until, session_id), keys in by_event.items()
        ]
        for thread, mark in self._marks.items():
            times = {"modified_at": encode_time(mark.modified_at), "expired_at": encode_time(mark.expired_at)}
            commits.append({"expired": encode_thread(thread), **times})
        return commits


class EventFile:
    """The journal of an EventLog. Its methods block; raises OSError and StoreError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._length = 0
        self.compacted_length = 0

    @property
    def is_long(self) -> bool:
        """Whether it is worth beginning it anew."""
        return self._length > 2 * self.compacted_length + 4_000_000

    def read(self) -> EventLog:
        """What a crash or damage leaves unreadable is skipped: the sessions do not hang on it."""
        log = EventLog()
        try:
            data = read_file(self._path)
        except FileNotFoundError:
            return log
        bad = 0
        for line in data.splitlines():
            commit = from_line(line)
            try:
                if commit is None:
                    bad += 1
                    continue
                log.apply(commit)
            except (KeyError, TypeError, ValueError, StoreError):
                bad += 1
        if bad:
            _log.warning("events.lines_skipped", file=str(self._path), lines=bad)
        return log

    def rewrite(self, commits: Iterable[Json]) -> None:
        """Replace it by these commits."""
        data = b"".join(map(to_line, commits))
        replace_file(self._path, data)
        self._length = self.compacted_length = len(data)

    def append(self, commits: Sequence[Json]) -> None:
        if commits:
            self._length = append_line(self._path, self._length, b"".join(map(to_line, commits)))

    def size(self) -> int:
        return self._length
