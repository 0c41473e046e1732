from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.slack.app import build_app
from kubeai_bot.slack.calls import PacedCalls
from kubeai_bot.slack.client import Bot, slack_client, who_am_i
from kubeai_bot.slack.transports import HttpTransport, SocketTransport
from tests.slack.program import Program
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
    async with Workspace(clock=clock, redelivery_delays=(1.5, 0.5, 0.5)) as workspace:
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


@pytest.fixture
def program() -> Program:
    return Program()


@pytest.fixture(params=["socket", "http"])
async def surfaced(
    request: pytest.FixtureRequest,
    workspace: Workspace,
    calls: PacedCalls,
    bot: Bot,
    program: Program,
    clock: Clock,
) -> AsyncIterator[Workspace]:
    """The workspace, with all of the bot's surfaces behind the one transport or the other, and nothing in it at the end
    that Slack would have refused."""
    transport: SocketTransport | HttpTransport

    def now() -> datetime:
        return datetime.fromtimestamp(clock(), UTC)

    if request.param == "socket":
        app = build_app(calls, bot, None, program.receive, program.surfaces(), now)
        transport = SocketTransport(app, workspace.app_token, ping_interval=0.5)
    else:
        app = build_app(calls, bot, workspace.signing_secret, program.receive, program.surfaces(), now)
        transport = HttpTransport(app, "127.0.0.1", 0)
    await transport.start()
    if isinstance(transport, HttpTransport):
        workspace.events_url = f"http://127.0.0.1:{transport.port}/slack/events"
    else:
        await workspace.wait_for(lambda w: w.connections, what="the socket")
    yield workspace
    await transport.stop()
    workspace.assert_no_problems()
