"""The folder of one session: `journal-N.jsonl`, which is the truth, and `head.json`, which sums its beginning up.

A head only saves reading: one that is missing, damaged or of another journal is left aside. Everything here works on
the disk and blocks. Raises StoreError for damage, OSError.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from kubeai_bot.domain.message import Json, StoredMessage
from kubeai_bot.domain.session import Feedback, ThreadRef, TurnRecord
from kubeai_bot.domain.storage import KeptResult
from kubeai_bot.errors import StoreError
from kubeai_bot.stores.codec import decode_feedback, decode_message, decode_turn
from kubeai_bot.stores.codec_parts import decode_thread
from kubeai_bot.stores.codec_results import decode_result, encode_result
from kubeai_bot.stores.filesystem.disk import (
    make_folder,
    make_private,
    opened,
    read_file,
    replace_file,
    sync_folder,
    write_new,
)
from kubeai_bot.stores.filesystem.journal_file import (
    append_line,
    backward,
    cut_torn_end,
    from_line,
    scan,
    to_line,
)
from kubeai_bot.stores.filesystem.record import Position, Record, Summary, merge_turn

_log = structlog.get_logger(__name__)

_ID = re.compile(r"[0-9a-f]{8,64}")
_JOURNAL = re.compile(r"journal-(\d{6,12})\.jsonl")
_HANDLE = re.compile(r"r-[0-9a-f]{4,32}")
_DELETED = ".deleted-"
_NEW = ".new-"


def is_id(name: str) -> bool:
    """Whether this may be a session's id, and with that a folder's name."""
    return _ID.fullmatch(name) is not None


def is_leftover(name: str) -> bool:
    """Whether this is the name of a folder that a crash left half made or half deleted."""
    return name.startswith((_DELETED, _NEW))


def clear_away(path: Path) -> None:
    """Remove a folder as far as that is possible, and never what a symbolic link in its place points to."""
    if path.is_symlink():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, ignore_errors=True)


@dataclass(slots=True)
class Opened:
    """A session as its folder has it. `keys` are those of the events that its head does not cover: the store's own
    list of event keys may lack them."""

    record: Record
    keys: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Whole:
    """What a record leaves out: the messages, turns and opinions of a session."""

    messages: list[StoredMessage] = field(default_factory=list[StoredMessage])
    turns: dict[str, TurnRecord] = field(default_factory=dict[str, TurnRecord])
    feedback: dict[tuple[str, str], Feedback] = field(default_factory=dict[tuple[str, str], Feedback])
    results: tuple[KeptResult, ...] = ()


class SessionFolder:
    """Raises ValueError for a name that is not a session's id: nothing else ever becomes part of a path."""

    def __init__(self, root: Path, session_id: str) -> None:
        if not is_id(session_id):
            raise ValueError("this is not a session's id")
        self._root = root
        self._id = session_id
        self._path = root / session_id

    def journal(self, number: int) -> Path:
        return self._path / f"journal-{number:06}.jsonl"

    @property
    def _head(self) -> Path:
        return self._path / "head.json"

    # --- making and removing ---

    def create(self, commits: Iterable[Json]) -> Position:
        """The folder with a journal of these commits, whole or not at all."""
        data = b"".join(map(to_line, commits))
        made = self._root / f"{_NEW}{self._id}"
        try:
            make_folder(made)
            write_new(made / self.journal(1).name, data)
            sync_folder(made)
            made.rename(self._path)
        except OSError:
            shutil.rmtree(made, ignore_errors=True)
            raise
        try:
            sync_folder(self._root)
        except OSError:
            shutil.rmtree(self._path, ignore_errors=True)
            raise
        return Position(1, len(data), 0)

    def remove(self) -> None:
        """Gone under its name at once; its bytes follow, at the latest when the store is next opened."""
        doomed = self._root / f"{_DELETED}{self._id}"
        with suppress(FileNotFoundError):
            self._path.rename(doomed)
        sync_folder(self._root)
        clear_away(doomed)

    # --- reading ---

    def exists(self) -> bool:
        return self._path.exists()

    def thread(self) -> ThreadRef | None:
        """The thread of a session that cannot be read otherwise, where it can still be told."""
        for path in () if self._path.is_symlink() else (self._head, self.journal(1)):
            with suppress(OSError, StoreError, KeyError, TypeError), opened(path, os.O_RDONLY) as fd:
                with os.fdopen(os.dup(fd), "rb") as file:
                    commit = from_line(file.readline().removesuffix(b"\n"))
                if commit is not None:
                    return decode_thread(commit["session"]["thread"])
        return None

    def open(self, *, repair: bool) -> Opened:
        """The session as of its last whole commit. With `repair` what a crash left behind is cleared away."""
        if self._path.is_symlink() or not self._path.is_dir():
            raise StoreError(f"{self._path}: not a folder (symbolic links are not followed here)")
        number, leftovers = self._journals()
        if repair:
            self._tidy(number, leftovers)
        summary, start = self._read_head(number)
        path = self.journal(number)
        scanned = scan(path, start)
        if scanned.torn and repair:
            cut_torn_end(path, scanned)
        keys: list[str] = []
        for commit in scanned.commits:
            summary.fold(commit)
            keys += [key for _, incoming in commit.get("in", ()) for key in incoming["keys"]]
        record = summary.to_record(Position(number, scanned.length, start))
        if record.session.id != self._id:
            raise StoreError(f"{path}: this is the journal of session {record.session.id}")
        return Opened(record, keys)

    def _journals(self) -> tuple[int, list[Path]]:
        """The number of the journal that counts, and files that do not."""
        fd = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            names = os.listdir(fd)  # noqa: PTH208 - the folder that was opened, not one that took its name
        finally:
            os.close(fd)
        numbers = sorted(int(match[1]) for name in names if (match := _JOURNAL.fullmatch(name)))
        if not numbers:
            raise StoreError(f"{self._path}: there is no journal in this folder")
        unfinished = [self._path / name for name in names if name.startswith(".") and name.endswith(".new")]
        return numbers[-1], [*map(self.journal, numbers[:-1]), *unfinished]

    def _tidy(self, number: int, leftovers: Iterable[Path]) -> None:
        for path in (self._path, self.journal(number), self._head):
            with suppress(FileNotFoundError):
                make_private(path)
        for path in leftovers:
            with suppress(OSError):
                path.unlink()

    def _read_head(self, number: int) -> tuple[Summary, int]:
        """What the head sums up and the length of the journal that it covers."""
        try:
            head = from_line(read_file(self._head).removesuffix(b"\n"))
            if head is not None and head["journal"] == number:
                return Summary.from_head(head), int(head["length"])
        except FileNotFoundError:
            return Summary(), 0
        except (OSError, KeyError, TypeError, ValueError) as error:
            _log.warning("head.unreadable", file=str(self._head), reason=str(error))
            return Summary(), 0
        _log.warning("head.left_aside", file=str(self._head))
        return Summary(), 0

    def messages(self, record: Record, after: int) -> tuple[StoredMessage, ...]:
        """The messages with seq > after; reads no more of the journal than the end that holds them."""
        wanted = record.session.last_seq
        newest_first: list[StoredMessage] = []
        if after < wanted:
            for commit in backward(self.journal(record.position.number), record.position.length):
                found = [each for each in _messages(commit) if each.seq > after]
                if found and found[-1].seq != wanted:
                    break
                newest_first += reversed(found)
                wanted -= len(found)
                if wanted == after:
                    break
        if wanted > after:
            path = self.journal(record.position.number)
            raise StoreError(f"{path}: message {wanted} is missing: restore the file from a backup")
        return tuple(reversed(newest_first))

    def whole(self, record: Record, *, messages: bool = True) -> Whole:
        """Reads the whole journal; without `messages` those are left out."""
        whole = Whole()
        for commit in scan(self.journal(record.position.number)).commits:
            if messages:
                whole.messages += _messages(commit)
            for turn in map(decode_turn, commit.get("turns", ())):
                merge_turn(whole.turns, turn)
            for each in map(decode_feedback, commit.get("feedback", ())):
                whole.feedback[each.turn_id, each.user_id] = each
        if messages:
            whole.results = self.results()
        return whole

    def size(self, record: Record) -> int:
        """Bytes of its files."""
        kept = sum(path.stat().st_size for path in self._results())
        try:
            head = self._head.stat().st_size
        except FileNotFoundError:
            head = 0
        return record.position.length + head + kept

    # --- results that are kept beside the journal, a file each ---

    def keep_result(self, result: KeptResult) -> None:
        """The same handle again changes nothing."""
        path = self._result(result.handle)
        if not path.exists():
            replace_file(path, to_line(encode_result(result)))

    def result(self, handle: str) -> KeptResult | None:
        if not _HANDLE.fullmatch(handle):
            return None
        try:
            return _result_from(read_file(self._result(handle)))
        except FileNotFoundError:
            return None

    def results(self) -> tuple[KeptResult, ...]:
        return tuple(_result_from(read_file(path)) for path in sorted(self._results()))

    def _result(self, handle: str) -> Path:
        """Raises ValueError for a name that is no handle: nothing else ever becomes part of a path."""
        if not _HANDLE.fullmatch(handle):
            raise ValueError("this is not a result's handle")
        return self._path / f"result-{handle}.json"

    def _results(self) -> list[Path]:
        return list(self._path.glob("result-r-*.json"))

    # --- writing ---

    def append(self, position: Position, line: bytes) -> Position:
        length = append_line(self.journal(position.number), position.length, line)
        return Position(position.number, length, position.covered)

    def rewrite(self, position: Position, commits: Iterable[Json]) -> Position:
        """Begin a new journal with these commits, in the place of the one that stands."""
        data = b"".join(map(to_line, commits))
        number = position.number + 1
        new = self.journal(number)
        temporary = new.with_name(f".{new.name}.new")
        write_new(temporary, data)
        try:
            temporary.rename(new)  # from here on it is the journal, whatever happens
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        try:
            sync_folder(self._path)
            self.journal(position.number).unlink()
        except OSError as error:
            _log.warning("journal.old_one_left", folder=str(self._path), reason=error.strerror)
        return Position(number, len(data), 0)

    def write_head(self, head: Json) -> None:
        replace_file(self._head, to_line(head))


def _result_from(data: bytes) -> KeptResult:
    record = from_line(data.removesuffix(b"\n"))
    if record is None:
        raise StoreError("a kept result is damaged: delete its session, or restore the file from a backup")
    return decode_result(record)


def _messages(commit: Json) -> list[StoredMessage]:
    messages: list[Any] = commit.get("messages", [])
    return [StoredMessage(seq, decode_message(each)) for seq, each in enumerate(messages, commit.get("seq", 0))]
