"""A Slack app without Bolt: acks every envelope, with what `react` says, and calls the Web API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from kubeai_bot.playground.workspace.server import Workspace

React = Callable[["SmallApp", dict[str, Any]], Awaitable[dict[str, Any] | None]]


class SmallApp:
    """`payloads` are those that came, in order. `silent`: envelopes are not acked."""

    def __init__(self, api: AsyncWebClient, react: React | None) -> None:
        self.api = api
        self.payloads: list[dict[str, Any]] = []
        self.silent = False
        self._react = react

    async def call_anyway(self, method: str, arguments: dict[str, Any]) -> None:
        """A call that Slack may refuse."""
        with suppress(SlackApiError):
            await self.api.api_call(method, json=arguments)

    async def serve(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in socket:
            envelope = frame.json()
            if "envelope_id" not in envelope or self.silent:
                continue
            self.payloads.append(envelope["payload"])
            answer = await self._react(self, envelope["payload"]) if self._react else None
            ack = {"envelope_id": envelope["envelope_id"], **({"payload": answer} if answer else {})}
            await socket.send_json(ack)


@asynccontextmanager
async def small_app(workspace: Workspace, react: React | None = None) -> AsyncIterator[SmallApp]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as session:
        api = AsyncWebClient(workspace.bot_token, base_url=workspace.api_url, session=session)
        opened = await AsyncWebClient(workspace.app_token, base_url=workspace.api_url, session=session).api_call(
            "apps.connections.open"
        )
        async with session.ws_connect(opened["url"]) as socket:
            app = SmallApp(api, react)
            serving = asyncio.create_task(app.serve(socket))
            yield app
            await socket.close()
            await asyncio.wait_for(serving, 5)
