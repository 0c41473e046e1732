"""Sessions out of a store into a file, and from a file into a store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TextIO

from kubeai_bot.errors import SessionNotFound, StoreError
from kubeai_bot.interfaces import SessionStore
from kubeai_bot.stores.session_file import check_header, dump_line, header_line, parse_dump

PAGE = 200

_FAILURES = 5
"""So many sessions in a row that the store cannot take mean that it is the store that fails."""


async def all_ids(store: SessionStore) -> list[str]:
    """Every session's id once, last modified first. Sessions that move to the front while the list is read are found
    when it is read again."""
    ids: dict[str, None] = {}
    before = -1
    while len(ids) > before:
        before, cursor = len(ids), ""
        while cursor is not None:
            page = await store.list(PAGE, cursor or None)
            ids.update((session.id, None) for session in page.sessions)
            cursor = page.cursor
    return list(ids)


@dataclass(slots=True)
class Exported:
    """How many sessions were written, and the ids that have no session."""

    written: int = 0
    missing: list[str] = field(default_factory=list[str])


async def export_sessions(store: SessionStore, ids: Sequence[str], out: TextIO, step: Callable[[], None]) -> Exported:
    """Write the header and a line for each session, one at a time; `step` is called after each."""
    exported = Exported()
    out.write(header_line() + "\n")
    for session_id in ids:
        try:
            dump = await store.dump(session_id)
        except SessionNotFound:
            exported.missing.append(session_id)
        else:
            out.write(dump_line(dump) + "\n")
            exported.written += 1
        step()
    out.flush()
    return exported


@dataclass(slots=True)
class Imported:
    """`present`: ids that the store had already, by themselves or by their thread. `faults`: line numbers from 1 with
    what is wrong there; `stopped` that the rest of the file was not read."""

    restored: int = 0
    present: list[str] = field(default_factory=list[str])
    faults: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    stopped: bool = False


async def import_sessions(store: SessionStore, lines: Iterable[bytes], step: Callable[[int], None]) -> Imported:
    """Restore every session of an export; `step` is called after each line with its bytes."""
    imported, failures, number = Imported(), 0, 0
    for number, line in enumerate(lines, start=1):
        if number == 1:
            if fault := _fault_of_header(line):
                imported.faults.append((1, fault))
                imported.stopped = True
                return imported
        elif line.strip():
            failures = failures + 1 if await _import_line(store, number, line, imported) else 0
        step(len(line))
        if failures == _FAILURES:
            imported.stopped = True
            return imported
    if number == 0:
        imported.faults.append((1, "the file is empty"))
    return imported


def _fault_of_header(line: bytes) -> str | None:
    try:
        check_header(line)
    except StoreError as error:
        return str(error)
    return None


async def _import_line(store: SessionStore, number: int, line: bytes, imported: Imported) -> bool:
    """Restore one session; whether the store failed at it, though the line is good."""
    try:
        dump = parse_dump(line)
    except StoreError as error:
        imported.faults.append((number, str(error)))
        return False
    try:
        is_new = await store.restore(dump)
    except StoreError as error:
        imported.faults.append((number, str(error)))
        return True
    if is_new:
        imported.restored += 1
    else:
        imported.present.append(dump.session.id)
    return False
