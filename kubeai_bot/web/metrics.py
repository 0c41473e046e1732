"""`/metrics` for Prometheus, in its own format or in OpenMetrics, as it asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.aiohttp import make_aiohttp_handler


def metrics_routes(registry: CollectorRegistry, refresh: Callable[[], Awaitable[object]]) -> list[web.RouteDef]:
    """What stands in `registry`; `refresh` (bounded) is awaited before, for gauges that have to be asked for."""
    rendered = make_aiohttp_handler(registry)

    async def metrics(request: web.Request) -> web.StreamResponse:
        await refresh()
        return await rendered(request)

    return [web.get("/metrics", metrics)]
