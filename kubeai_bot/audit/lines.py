"""The audit trail as JSON lines: appended to a file, or on standard output."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from kubeai_bot.audit.chain import Record, line_of
from kubeai_bot.errors import AuditFailed, ConfigError


class FileLines:
    """A file that is only ever appended to; every record is on disk when `write` returns. Mode 0600."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        return str(self._path)

    def check(self) -> None:
        """Raises ConfigError where the file cannot be appended to."""
        try:
            os.close(self._open())
        except OSError as error:
            raise ConfigError([f"AUDIT_FILE: {self._path} cannot be written: {error.strerror or error}."]) from error

    async def write(self, records: Sequence[Record]) -> None:
        text = "".join(map(line_of, records)).encode()
        try:
            await asyncio.to_thread(self._append, text)
        except OSError as error:
            raise AuditFailed(f"{self._path}: {error.strerror or error}") from error

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _append(self, text: bytes) -> None:
        """Opened anew each time, so that a log rotation by renaming is followed."""
        file = self._open()
        try:
            size = os.fstat(file).st_size
            view = memoryview(text)
            try:
                while view:
                    view = view[os.write(file, view) :]
            except OSError:
                os.ftruncate(file, size)  # no half line, and no record twice when it is tried again
                raise
            os.fsync(file)
        finally:
            os.close(file)


class StreamLines:
    """Standard output, which a cluster's log collection keeps; the log itself goes to standard error."""

    name = "standard output"

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout

    async def write(self, records: Sequence[Record]) -> None:
        try:
            await asyncio.to_thread(self._write, "".join(map(line_of, records)))
        except (OSError, ValueError) as error:  # ValueError: closed
            raise AuditFailed(f"standard output: {error}") from error

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file, or of a saved log in which they stand between other lines. Raises OSError."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            start = line.find('{"v":')
            if start < 0:
                continue
            try:
                record = json.loads(line[start:])
            except ValueError:
                continue
            if isinstance(record, dict) and {"process", "number", "hmac"} <= record.keys():
                yield record
