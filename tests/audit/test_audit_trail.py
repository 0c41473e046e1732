"""The audit trail: chained, written to every place, and every way of tampering with it found."""

from __future__ import annotations

import asyncio
import io
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kubeai_bot.audit.chain import Chain, Record, compare, line_of, mac, sealed, verify
from kubeai_bot.audit.lines import FileLines, StreamLines, read_lines
from kubeai_bot.audit.trail import Trail
from kubeai_bot.domain.audit import AuditEntry, Trim
from kubeai_bot.domain.identity import Speaker
from kubeai_bot.domain.policy import Act
from kubeai_bot.errors import AuditFailed, ConfigError

KEY = b"a key of the tests, long enough for this"


def entry(number: int = 0) -> AuditEntry:
    return AuditEntry(
        "call",
        datetime(2026, 11, 21, 10, number % 60, tzinfo=UTC),
        "s1",
        f"t{number}",
        Speaker("T0SHOP", "U0MIA"),
        "mia@shop.example (devs)",
        tool="scale",
        effect="write",
        verdict="approved",
        outcome="ok",
        cluster="demo",
        objects=("deployments.apps shop/web",),
        acts=(Act("demo", "patch", "apps", "deployments", namespace="shop", name="web"),),
        arguments_digest="0" * 64,
        seconds=0.25,
    )


def chain_of(count: int, process: str = "bot-1") -> list[Record]:
    chain = Chain(KEY, process)
    return [json.loads(line_of(chain.link(entry(number)))) for number in range(count)]


def test_a_chain_that_nobody_touched_is_whole():
    assert verify(KEY, chain_of(20)) == []
    both = [*chain_of(5, "a"), *chain_of(7, "b")]
    random.Random(7).shuffle(both)
    assert verify(KEY, both) == []


@pytest.mark.parametrize("field", ["outcome", "at", "identity", "objects", "speaker", "number", "before", "process"])
def test_an_edited_record_is_found(field):
    records = chain_of(6)
    records[3][field] = 99 if field == "number" else "somebody else"
    assert verify(KEY, records)


def test_an_added_field_is_found():
    records = chain_of(3)
    records[1]["reason"] = "it was all agreed"
    assert [fault.number for fault in verify(KEY, records)] == [2]


def test_a_tail_that_was_computed_anew_without_the_key_is_found():
    records = chain_of(8)
    records[4]["outcome"] = "failed"
    for index in range(4, 8):
        records[index]["before"] = records[index - 1]["hmac"]
        records[index]["hmac"] = mac(b"another key, because nobody has the right one", records[index])
    assert {fault.number for fault in verify(KEY, records)} >= {5, 6, 7, 8}


def test_a_record_left_out_twice_or_in_another_place_is_found():
    records = chain_of(6)
    assert verify(KEY, records[:2] + records[3:])
    assert verify(KEY, [*records, records[2]])
    assert verify(KEY, records[1:])
    assert verify(KEY, records[1:], None) == []


def test_a_beginning_that_retention_deleted_is_proved_by_a_seal():
    records = chain_of(6)
    trim = sealed(KEY, Trim("bot-1", 2, records[1]["hmac"]))
    assert verify(KEY, records[2:], [trim]) == []
    assert verify(KEY, [], [trim]) == []
    assert [fault.number for fault in verify(KEY, records[3:], [trim])] == [4], "more was deleted than retention did"
    assert verify(KEY, records[2:], [replace(trim, hmac=records[0]["hmac"])])
    forged = sealed(b"another key, because nobody has the right one", Trim("bot-1", 3, records[2]["hmac"]))
    assert "seal is broken" in str(verify(KEY, records[3:], [forged])[0])


def test_a_chain_that_retention_deleted_wholly_is_not_missed():
    records = chain_of(3)
    trim = sealed(KEY, Trim("bot-1", 3, records[2]["hmac"]))
    assert compare([], records, [trim]) == []
    assert compare([], chain_of(4), [trim])


def test_a_cut_tail_is_found_against_the_other_place():
    records = chain_of(10)
    assert verify(KEY, records[:7]) == []
    (fault,) = compare(records[:7], records)
    assert "its tail was cut" in str(fault)
    assert compare([], records)
    assert compare(records, records[:7]) == []
    assert compare(records, records) == []


def test_a_tail_exchanged_for_another_is_found_against_the_other_place():
    records, other = chain_of(5), chain_of(5)
    other[4] = Chain(KEY, "bot-1").link(entry(99)) | {"number": 5}
    assert any(fault.number == 5 for fault in compare(other, records))


class Place:
    name = "a place"

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.away = False

    async def write(self, records: Sequence[Record]) -> None:
        if self.away:
            raise AuditFailed("away")
        self.records += records


async def test_what_a_place_missed_while_it_was_away_is_written_when_it_is_back():
    one, other = Place(), Place()
    trail = Trail(Chain(KEY, "p"), [one, other])
    await trail.record(entry(1))
    other.away = True
    await trail.record(entry(2))
    assert len(other.records) == 1
    other.away = False
    await trail.record(entry(3))
    assert one.records == other.records
    assert verify(KEY, other.records) == []


async def test_an_entry_that_no_place_takes_is_refused_and_still_written_later():
    place = Place()
    place.away = True
    trail = Trail(Chain(KEY, "p"), [place])
    with pytest.raises(AuditFailed):
        await trail.record(entry(1))
    place.away = False
    await trail.flush()
    assert verify(KEY, place.records) == []
    assert len(place.records) == 1


async def test_entries_that_come_together_are_chained_one_after_the_other():
    place = Place()
    trail = Trail(Chain(KEY, "p"), [place])
    await asyncio.gather(*(trail.record(entry(number)) for number in range(50)))
    assert [record["number"] for record in place.records] == list(range(1, 51))
    assert verify(KEY, place.records) == []


async def test_a_file_is_appended_to_and_read_back_also_after_rotation(tmp_path: Path):
    path = tmp_path / "audit.jsonl"
    trail = Trail(Chain(KEY, "p"), [FileLines(path)])
    await trail.record(entry(1))
    path.rename(tmp_path / "audit.jsonl.1")
    await trail.record(entry(2))
    assert path.stat().st_mode & 0o777 == 0o600
    both = [*read_lines(tmp_path / "audit.jsonl.1"), *read_lines(path)]
    assert verify(KEY, both) == []
    assert len(both) == 2


def test_a_file_that_cannot_be_written_is_refused_at_start(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"AUDIT_FILE: .* cannot be written"):
        FileLines(tmp_path / "none" / "audit.jsonl").check()


async def test_a_file_that_cannot_be_written_later_fails_the_entry(tmp_path: Path):
    folder = tmp_path / "gone"
    folder.mkdir()
    trail = Trail(Chain(KEY, "p"), [FileLines(folder / "audit.jsonl")])
    folder.rmdir()
    with pytest.raises(AuditFailed):
        await trail.record(entry(1))


async def test_records_on_standard_output_are_found_between_other_lines(tmp_path: Path):
    stream = io.StringIO()
    trail = Trail(Chain(KEY, "p"), [StreamLines(stream)])
    await trail.record(entry(1))
    await trail.record(entry(2))
    saved = tmp_path / "log"
    lines = stream.getvalue().splitlines()
    saved.write_text(f'start\n2026-11-21T10:00:00Z stdout F {lines[0]}\n{{}}\n{{"v":1}}\nnoise {lines[1]}\n')
    assert verify(KEY, read_lines(saved)) == []
    assert len(list(read_lines(saved))) == 2


async def test_a_closed_stream_is_a_failure_that_is_named():
    stream = io.StringIO()
    stream.close()
    with pytest.raises(AuditFailed):
        await StreamLines(stream).write(chain_of(1))
