"""The last filter on what is logged."""

from __future__ import annotations

import io
import json
import logging
import random
import time

import pytest
import structlog

from kubeai_bot.logs import configure_logging
from tests.redaction.canaries import canaries, leaked


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_that_slip_into_a_log_message_are_markers_in_what_is_written(form: str, stream: io.StringIO) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    configure_logging("INFO", form, (), stream)  # type: ignore[arg-type]
    texts = [canary for canary in canaries(seed, 500) if isinstance(canary.carrier, str) and "\n" not in canary.carrier]
    assert texts
    for canary in texts:
        structlog.get_logger("kubeai_bot.agent").warning("it failed", error=canary.carrier)
        logging.getLogger("some.library").error("it failed: %s", canary.carrier)
    found = [(canary.kind, canary.where, piece) for canary in texts if (piece := leaked(canary, stream.getvalue()))]
    assert not found
    if form == "json":
        assert all(json.loads(line)["level"] in ("warning", "error") for line in stream.getvalue().splitlines())


def test_an_ordinary_line_stays_as_it_is_and_costs_little(stream: io.StringIO) -> None:
    configure_logging("INFO", "json", (), stream)
    log = structlog.get_logger("kubeai_bot.agent.calls")
    said = {"tool": "get_logs", "session": "81caf6670866c3409a607edc", "turn": "81caf667-20", "user": "U0MIA"}
    began = time.process_time()
    for _ in range(200):
        log.info("tool call", effect="read", outcome="ok", seconds=0.12, **said)
    assert (time.process_time() - began) / 200 < 0.005
    assert all(json.loads(line).items() >= said.items() for line in stream.getvalue().splitlines())
    assert "<redacted:" not in stream.getvalue()
