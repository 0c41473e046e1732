"""An append-only file of commits: one JSON line each, `["crc32 in hex",{…}]`, valid only where the checksum is right.

A commit counts once its line is synced. What stands after the last valid line is a commit that nobody was told of,
cut short by a crash or a full disk. A line that is wrong with another line after it is damage.
"""

from __future__ import annotations

import os
from binascii import crc32
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from kubeai_bot.domain.message import Json
from kubeai_bot.errors import StoreError
from kubeai_bot.stores.codec import dumps, loads
from kubeai_bot.stores.filesystem.disk import opened, write_at

_log = structlog.get_logger(__name__)

_CHUNK = 64 * 1024


def to_line(commit: Json) -> bytes:
    """Raises TypeError for what JSON cannot hold."""
    body = dumps(commit).encode("ascii")
    return b'["%08x",%b]\n' % (crc32(body), body)


def from_line(line: bytes) -> dict[str, Any] | None:
    """The commit in a line (without its line break), None where the line is not whole."""
    body = line[12:-1]
    if line[:2] != b'["' or line[10:12] != b'",' or line[-1:] != b"]" or line[2:10] != b"%08x" % crc32(body):
        return None
    commit = loads(body)
    return commit if isinstance(commit, dict) else None


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a journal holds from some offset on. `length` in bytes up to the end of the last valid line; `torn` so
    many bytes after it."""

    commits: tuple[dict[str, Any], ...]
    length: int
    torn: int


def scan(path: Path, start: int = 0) -> Scanned:
    """All commits from byte `start` on. Raises StoreError for damage, OSError."""
    commits: list[dict[str, Any]] = []
    length = start
    with opened(path, os.O_RDONLY) as fd:
        size = os.fstat(fd).st_size
        if size < start:
            raise StoreError(f"{path}: {start - size} bytes at its end are missing")
        for line in _lines(fd, start) if size > start else ():
            commit = from_line(line[:-1]) if line.endswith(b"\n") else None
            if commit is None:
                if length + len(line) < size:
                    raise damaged(path, length)
                break
            commits.append(commit)
            length += len(line)
    return Scanned(tuple(commits), length, max(size - length, 0))


def damaged(path: Path, offset: int) -> StoreError:
    with opened(path, os.O_RDONLY) as fd:
        number = 1 + sum(1 for _ in _lines_up_to(fd, offset))
    return StoreError(f"{path}: line {number} is damaged: restore the file from a backup, or delete this session")


def _lines(fd: int, start: int = 0) -> Iterator[bytes]:
    with os.fdopen(os.dup(fd), "rb") as file:
        file.seek(start)
        yield from file


def _lines_up_to(fd: int, offset: int) -> Iterator[bytes]:
    for line in _lines(fd):
        offset -= len(line)
        if offset < 0:
            return
        yield line


def append_line(path: Path, length: int, line: bytes) -> int:
    """Write and sync a line at `length`, where the last commit ends; returns where this one ends.

    What an earlier, failed write has left after `length` goes first; where this one fails it is taken back. Raises
    OSError, and StoreError where the file is shorter than `length`.
    """
    with opened(path, os.O_WRONLY) as fd:
        size = os.fstat(fd).st_size
        if size < length:
            raise StoreError(f"{path}: {length - size} bytes at its end are missing")
        if size > length:
            os.ftruncate(fd, length)
        try:
            write_at(fd, line, length)
            os.fsync(fd)
        except OSError:
            _take_back(fd, path, length)
            raise
    return length + len(line)


def _take_back(fd: int, path: Path, length: int) -> None:
    try:
        os.ftruncate(fd, length)
    except OSError as error:
        # The next append does it; after a crash the rest is either torn, or a whole commit that is then simply there.
        _log.warning("journal.not_truncated", file=str(path), reason=error.strerror)


def cut_torn_end(path: Path, scanned: Scanned) -> None:
    """Remove a torn last line for good. Raises OSError."""
    with opened(path, os.O_WRONLY) as fd:
        os.ftruncate(fd, scanned.length)
        os.fsync(fd)
    _log.warning("journal.torn_end_cut", file=str(path), bytes=scanned.torn, kept=scanned.length)


def backward(path: Path, end: int) -> Iterator[dict[str, Any]]:
    """The commits before byte `end`, the newest first; reads no further than it is asked to. Raises StoreError for
    damage, OSError."""
    with opened(path, os.O_RDONLY) as fd:
        for offset, line in _lines_backward(fd, end):
            commit = from_line(line)
            if commit is None:
                raise damaged(path, offset)
            yield commit


def _lines_backward(fd: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Lines without their breaks and where they begin, the last first."""
    carry, position, size = b"", end, _CHUNK
    while position > 0:
        start = max(0, position - size)
        carry = os.pread(fd, position - start, start) + carry
        position = start
        head, *lines = carry.split(b"\n")
        # A long line is read in steps that double, so that joining them costs no more than its length.
        size = _CHUNK if lines else size * 2
        offset = start + len(carry)
        for line in reversed(lines):
            offset -= len(line)
            if line:
                yield offset, line
            offset -= 1
        carry = head
    if carry:
        yield 0, carry
