"""A running shop, and who talks to it."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cluster_client import Requests, client_of

from kubeai_bot.playground.cluster.scenario import Scenario
from kubeai_bot.playground.cluster.server import ADMIN_TOKEN, BOT_TOKEN, DemoCluster


@pytest.fixture
async def shop() -> AsyncGenerator[DemoCluster]:
    async with DemoCluster(Scenario.build()) as cluster:
        yield cluster


@pytest.fixture
async def shop_admin(shop: DemoCluster) -> AsyncGenerator[Requests]:
    async with client_of(shop, ADMIN_TOKEN) as client:
        yield Requests(client)


@pytest.fixture
async def shop_bot(shop: DemoCluster) -> AsyncGenerator[Requests]:
    async with client_of(shop, BOT_TOKEN) as client:
        yield Requests(client)
