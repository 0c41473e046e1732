"""A page on a workspace without a bot, and a page on the whole world."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from kubeai_bot.playground.page.bot_program import BotProgram
from kubeai_bot.playground.page.detail import Details
from kubeai_bot.playground.page.hub import Hub
from kubeai_bot.playground.page.inspector import Inspector
from kubeai_bot.playground.page.running import Playground, open_playground
from kubeai_bot.playground.page.server import PageServer, Shown
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.playground.world import WorldOptions


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    async with Workspace(ack_seconds=0.5) as workspace:
        yield workspace


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
async def page(workspace: Workspace, hub: Hub) -> AsyncIterator[PageServer]:
    """A page on `workspace`; there is no bot that it could start."""

    @asynccontextmanager
    async def no_bot():
        raise OSError("there is no bot in this test")
        yield

    details = Details([workspace.bot_token, workspace.app_token])
    shown = Shown(workspace, {"edges": [], "transport": "Socket Mode", "suggested": []}, {"U0MIA": "a developer"})
    async with PageServer(shown, hub, Inspector(hub.publish, details), BotProgram(no_bot, hub.publish), 0) as server:
        yield server


@pytest.fixture
async def playground() -> AsyncIterator[Playground]:
    """Everything, with the bot running."""
    async with open_playground(WorldOptions(), 0) as playground:
        await playground.bot.start()
        yield playground
