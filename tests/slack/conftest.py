from collections.abc import AsyncIterator

import pytest

from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.slack.calls import PacedCalls
from kubeai_bot.slack.client import Bot, slack_client, who_am_i
from tests.slack.scene import Clock, Scene


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def workspace(clock: Clock) -> AsyncIterator[Workspace]:
    async with Workspace(clock=clock, redelivery_delays=(0.2, 0.2, 0.2)) as workspace:
        yield workspace


@pytest.fixture
async def calls(workspace: Workspace) -> AsyncIterator[PacedCalls]:
    async with slack_client(workspace.bot_token, workspace.api_url) as client:
        yield PacedCalls(client)


@pytest.fixture
async def bot(calls: PacedCalls) -> Bot:
    return await who_am_i(calls.client)


@pytest.fixture
def scene(workspace: Workspace, calls: PacedCalls, bot: Bot, clock: Clock) -> Scene:
    return Scene(workspace, calls, bot, clock)
