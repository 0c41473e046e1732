"""The chain: each record carries the HMAC of itself and of the record before it, one chain for each process.

Without the key nobody can change a record, or leave one out between others, so that it is not found. What a chain
cannot show by itself is that its end was cut off: for that its head is anchored in a second place (the stream beside
the database, and the other way round). Its beginning may be deleted by retention alone, which leaves a sealed word on
how far it went (`Trim`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from kubeai_bot.domain.audit import AuditEntry, Trim

VERSION = 1
FIRST = ""
"""The HMAC before the first record."""

Record = dict[str, Any]


class Chain:
    """Makes the records of one process. `process` names it; numbers count from 1."""

    def __init__(self, key: bytes, process: str) -> None:
        self._key = key
        self._process = process
        self._number = 0
        self._before = FIRST

    def link(self, entry: AuditEntry) -> Record:
        """The next record. It counts as written from here on."""
        self._number += 1
        record = {
            "v": VERSION,
            "process": self._process,
            "number": self._number,
            **_plain(entry),
            "before": self._before,
        }
        self._before = record["hmac"] = mac(self._key, record)
        return record


def mac(key: bytes, record: Mapping[str, Any]) -> str:
    """HMAC-SHA256 of a record without its own `hmac`, in hex."""
    said = json.dumps(
        {name: value for name, value in record.items() if name != "hmac"},
        sort_keys=True,
        ensure_ascii=True,
        separators=(",", ":"),
    )
    return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()


def sealed(key: bytes, trim: Trim) -> Trim:
    """With the seal that only who has the key can make."""
    return replace(trim, seal=mac(key, {"process": trim.process, "trimmed_to": trim.number, "last": trim.hmac}))


def line_of(record: Mapping[str, Any]) -> str:
    """The record as one line of JSON."""
    return json.dumps(record, ensure_ascii=True, separators=(",", ":")) + "\n"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with a chain, at a record (0: with its end)."""

    process: str
    number: int
    what: str

    def __str__(self) -> str:
        return f"process {self.process}, record {self.number}: {self.what}"


def verify(key: bytes, records: Iterable[Mapping[str, Any]], trims: Iterable[Trim] | None = ()) -> list[Fault]:
    """What is wrong with the chains in `records` (any order, any number of processes), whose beginnings were deleted as
    `trims` say. None: they may begin anywhere, as in a stream that was saved from some day on."""
    by_process = {trim.process: trim for trim in trims or ()}
    faults = [
        Fault(trim.process, trim.number, "its seal is broken: it was not retention that deleted it")
        for trim in by_process.values()
        if trim.seal and not hmac.compare_digest(trim.seal, sealed(key, trim).seal)
    ]
    for process, chain in _by_process(records).items():
        first = None if trims is None else by_process.get(process, Trim(process, 0, FIRST))
        faults += _verify_chain(key, process, chain, first)
    return faults


def compare(
    here: Iterable[Mapping[str, Any]], there: Iterable[Mapping[str, Any]], trims: Iterable[Trim] = ()
) -> list[Fault]:
    """Where `here` ends before `there` does, or says something else: a cut or exchanged tail. `trims`: what retention
    has deleted `here`, perhaps whole chains."""
    faults: list[Fault] = []
    ours, gone = _by_process(here), {trim.process: trim.number for trim in trims}
    for process, anchor in _by_process(there).items():
        own = {int(record["number"]): record for record in ours.get(process, ())}
        last = max([*own, gone.get(process, 0)])
        end = max(int(record["number"]) for record in anchor)
        if last < end:
            faults.append(Fault(process, 0, f"ends at record {last}, but {end} were written: its tail was cut"))
        faults += [
            Fault(process, int(record["number"]), "is not the record that was written")
            for record in anchor
            if int(record["number"]) in own and own[int(record["number"])].get("hmac") != record.get("hmac")
        ]
    return faults


def _verify_chain(key: bytes, process: str, chain: Sequence[Mapping[str, Any]], first: Trim | None) -> list[Fault]:
    faults: list[Fault] = []
    before = first.hmac if first else None
    expected = first.number + 1 if first else int(chain[0]["number"])
    for record in chain:
        number = int(record["number"])
        if number != expected:
            what = f"{number - expected} records before it are missing" if number > expected else "it stands twice"
            faults.append(Fault(process, number, what))
        elif before is not None and record.get("before") != before:
            faults.append(Fault(process, number, "it does not follow from the record before it"))
        if not hmac.compare_digest(str(record.get("hmac")), mac(key, record)):
            faults.append(Fault(process, number, "it was changed after it was written"))
        before, expected = str(record.get("hmac")), number + 1
    return faults


def _by_process(records: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    chains: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        chains.setdefault(str(record.get("process")), []).append(record)
    for chain in chains.values():
        chain.sort(key=lambda record: int(record["number"]))
    return chains


def _plain(entry: AuditEntry) -> Record:
    """The entry as JSON values, what is empty left out."""
    record: Record = {}
    for name, value in asdict(entry).items():
        if value in ("", (), None, {}) or (name == "seconds" and not value):
            continue
        record[name] = value.isoformat() if isinstance(value, datetime) else _listed(value)
    return record


def _listed(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_listed(each) for each in value]
    if isinstance(value, dict):
        return {name: _listed(each) for name, each in value.items() if each not in ("", None)}
    return value
