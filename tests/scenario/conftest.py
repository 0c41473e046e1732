"""The core with a scripted model, between the simulated Slack and nothing else: over both transports."""

from collections.abc import AsyncIterator

import pytest

from kubeai_bot.playground.workspace.server import Workspace
from tests.scenario.asking_shop import Shop


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=[False, True], ids=["socket mode", "signed http"])
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    async with Workspace() as workspace:
        yield Shop(workspace, request.param)
        workspace.assert_no_problems()
