"""What the audit trail must not do: write a record twice because somebody no longer waited for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from kubeai_bot.audit.chain import Chain, Record, verify
from kubeai_bot.audit.trail import Trail
from tests.audit.test_audit_trail import KEY, entry


class SlowPlace:
    """Writes in a thread of its own, so to speak: what has begun happens, whoever waits for it."""

    name = "a slow place"

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()

    async def write(self, records: Sequence[Record]) -> None:
        self.begun.set()
        await asyncio.shield(asyncio.ensure_future(self._write(records)))

    async def _write(self, records: Sequence[Record]) -> None:
        await self.gate.wait()
        self.records += records


async def test_a_record_whose_writer_is_stopped_stands_once() -> None:
    place = SlowPlace()
    trail = Trail(Chain(KEY, "p"), [place])
    stopped = asyncio.create_task(trail.record(entry(1)))
    await place.begun.wait()
    stopped.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopped
    place.gate.set()
    await trail.record(entry(2))
    assert [record["number"] for record in place.records] == [1, 2]
    assert verify(KEY, place.records) == []
