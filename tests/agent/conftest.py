import pytest

from tests.agent.loop_world import World


@pytest.fixture
def world() -> World:
    return World()
