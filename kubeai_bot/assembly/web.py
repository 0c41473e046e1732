"""What the bot serves beside Slack's events: probes, metrics, its version."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from aiohttp import web

from kubeai_bot.assembly.telemetry import VERSION, Telemetry
from kubeai_bot.domain.message import Json
from kubeai_bot.errors import StoreError
from kubeai_bot.interfaces import SessionStore
from kubeai_bot.telemetry.clusters import MeasuredCluster
from kubeai_bot.telemetry.mcp import connected
from kubeai_bot.web.health import Readiness, health_routes
from kubeai_bot.web.metrics import metrics_routes


def web_routes(
    slack_connected: Callable[[], Awaitable[bool]],
    store: SessionStore,
    can_write: Callable[[], Awaitable[bool]],
    clusters: Mapping[str, MeasuredCluster],
    mcp_status: Callable[[], Json],
    telemetry: Telemetry,
) -> list[web.RouteDef]:
    """Ready means: Slack is connected, the store answers and takes writes, and in one cluster at least the bot's own
    credentials are good."""

    async def store_works() -> bool:
        try:
            await store.unfinished()
        except StoreError:
            return False
        return await can_write()

    async def any_credentials() -> bool:
        good = await asyncio.gather(*(cluster.has_credentials() for cluster in clusters.values()))
        return any(good) or not good

    telemetry.mcp(mcp_status)
    checks = {"slack": slack_connected, "store": store_works, "credentials": any_credentials}
    readiness = Readiness(checks, telemetry.ready)
    routes: Iterable[list[web.RouteDef]] = (
        health_routes(readiness, VERSION, lambda: connected(mcp_status())),
        metrics_routes(telemetry.registry, readiness.ask),
    )
    return [route for some in routes for route in some]
