"""Everything breaks while people ask: each gets one answer, nothing is lost, nothing runs twice."""

import os
import random
import sys
from pathlib import Path

import pytest

from tests.chaos.storm import HTTP, SOCKET_MODE, Report, fresh_database, storm

TRANSPORTS = [SOCKET_MODE, HTTP]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_every_question_gets_one_answer_and_no_change_runs_twice(transport: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(10**6)))
    sys.stdout.write(f"seed {seed}\n")
    report = await storm(Report(seed, transport, 20), fresh_database(), tmp_path)
    sys.stdout.write("\n".join(report.lines()))
    assert not report.faults, "\n".join(report.lines())
    assert report.counts.started > 2


@pytest.mark.timeout(200)
@pytest.mark.parametrize("after", [False, True], ids=["before its commit", "after its commit"])
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_event_is_not_lost_with_the_process_that_was_receiving_it(
    transport: str, after: bool, tmp_path: Path
) -> None:
    death: dict[str, object] = {"how": "receive", "step": 1, "after": after}
    report = await storm(Report(1, transport, 2), fresh_database(), tmp_path, death)
    assert not report.faults, "\n".join(report.lines())
    assert report.counts.killed_at_a_step >= 1
