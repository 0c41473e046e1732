"""A real Bolt app against the simulator, over Socket Mode and over signed HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from kubeai_bot.playground.workspace.server import Workspace

Json = dict[str, Any]


class Clock:
    """A clock that only moves when told to."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Bot:
    """An app that records what it gets. `bodies` are whole request bodies, `headers` those of the same request."""

    def __init__(self, app: AsyncApp) -> None:
        self.app = app
        self.bodies: list[Json] = []
        self.headers: list[Json] = []
        self._more = asyncio.Condition()

        @app.middleware
        async def record(req: Any, next: Callable[[], Awaitable[Any]]) -> Any:  # noqa: A002 (Bolt looks for this name)
            self.bodies.append(req.body)
            self.headers.append({key: value[0] for key, value in req.headers.items()})
            async with self._more:
                self._more.notify_all()
            return await next()

    def events(self, kind: str) -> list[Json]:
        return [body["event"] for body in self.bodies if body.get("event", {}).get("type") == kind]

    async def seen(self, count: int) -> None:
        """Returns when this many requests have arrived."""
        async with asyncio.timeout(30), self._more:
            await self._more.wait_for(lambda: len(self.bodies) >= count)

    def listen(self, *kinds: str) -> None:
        """Acks these events and does nothing."""
        for kind in kinds:
            self.app.event(kind)(_nothing)


async def _nothing() -> None:
    return None


class Bots:
    """Starts apps against a workspace and stops them at the end of a test."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def client(self, workspace: Workspace, **more: Any) -> AsyncWebClient:
        session = await self._stack.enter_async_context(aiohttp.ClientSession())
        return AsyncWebClient(
            token=more.pop("token", workspace.bot_token), base_url=workspace.api_url, session=session, **more
        )

    async def build(self, workspace: Workspace, **more: Any) -> Bot:
        return Bot(AsyncApp(client=await self.client(workspace), signing_secret=workspace.signing_secret, **more))

    async def socket(self, workspace: Workspace, **more: Any) -> Bot:
        """An app on Socket Mode, connected."""
        bot = await self.build(workspace, **more)
        await self.connect(bot, workspace)
        return bot

    async def connect(self, bot: Bot, workspace: Workspace) -> AsyncSocketModeHandler:
        before = workspace.connections
        handler = AsyncSocketModeHandler(bot.app, workspace.app_token)
        await handler.connect_async()
        self._stack.push_async_callback(handler.close_async)
        await workspace.wait_for(lambda w: w.connections > before, what="a socket")
        return handler

    async def http(self, workspace: Workspace, **more: Any) -> tuple[Bot, str]:
        """An app behind a local HTTP server, and the URL of its events."""
        bot = await self.build(workspace, **more)
        return bot, await self.serve(bot.app.web_app(path="/slack/events"))

    async def serve(self, application: web.Application, path: str = "/slack/events") -> str:
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}{path}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    async with Workspace(redelivery_delays=(3.0, 3.0, 3.0)) as workspace:
        yield workspace


@pytest.fixture
async def bots() -> AsyncIterator[Bots]:
    async with AsyncExitStack() as stack:
        yield Bots(stack)


@pytest.fixture
async def client(workspace: Workspace, bots: Bots) -> AsyncWebClient:
    """The SDK's client with the bot's token."""
    return await bots.client(workspace)


@pytest.fixture(params=["socket_mode", "http"])
async def bot(request: pytest.FixtureRequest, workspace: Workspace, bots: Bots) -> Bot:
    """An app connected over each of the two transports."""
    if request.param == "socket_mode":
        return await bots.socket(workspace)
    bot, workspace.events_url = await bots.http(workspace)
    return bot
