"""Everything breaks while people ask: each gets one answer, nothing is lost, nothing runs twice."""

import os
import random
import sys
from pathlib import Path

import pytest

from tests.chaos.storm import fresh_database, storm


@pytest.mark.timeout(400)
@pytest.mark.parametrize("transport", ["Socket Mode", "signed HTTP"])
async def test_every_question_gets_one_answer_and_no_change_runs_twice(transport: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(10**6)))
    sys.stdout.write(f"seed {seed}\n")
    report = await storm(20, seed, fresh_database(), tmp_path, http=transport == "signed HTTP")
    sys.stdout.write("\n".join(report.lines()))
    assert not report.faults, "\n".join(report.lines())
    assert report.counts.started > 2
