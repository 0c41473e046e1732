"""Random interleavings of all that a store can do behave like a tiny model."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.stores.machine import StoreMachine

EXAMPLES = {"memory": 40}
"""The other backends take a while for each."""


def run(open_backend, make, examples: int) -> None:
    run_state_machine_as_test(
        lambda: StoreMachine(open_backend, make),
        settings=settings(max_examples=examples, stateful_step_count=40, deadline=None),
    )


def test_any_interleaving_behaves_like_the_model(request, open_backend, make):
    run(open_backend, make, EXAMPLES.get(request.node.callspec.params["open_backend"], 6))


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_very_many_interleavings_behave_like_the_model(request, open_backend, make):
    run(open_backend, make, 25 * EXAMPLES.get(request.node.callspec.params["open_backend"], 6))
