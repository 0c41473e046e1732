"""Probes: alive while the process answers, ready only while every part works. And what stands beside them."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_metrics

from kubeai_bot.slack.listener import Listener
from kubeai_bot.web.health import Check, Readiness, health_routes
from kubeai_bot.web.metrics import metrics_routes


def saying(works: bool) -> Check:
    async def check() -> bool:
        return works

    return check


async def hangs() -> bool:
    await asyncio.Event().wait()
    return True


async def get(routes: Any, path: str, **headers: str) -> tuple[int, str, str]:
    listener = Listener(routes, "127.0.0.1", 0)
    await listener.start()
    try:
        url = f"http://127.0.0.1:{listener.port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
            return response.status, response.headers["Content-Type"], await response.text()
    finally:
        await listener.stop()


async def ask(routes: Any, path: str) -> tuple[int, Mapping[str, Any]]:
    status, _, text = await get(routes, path)
    return status, json.loads(text)


@pytest.mark.parametrize(("slack", "status"), [(True, 200), (False, 503)])
async def test_readiness_names_the_parts(slack: bool, status: int) -> None:
    told: dict[str, bool] = {}
    readiness = Readiness({"store": saying(True), "slack": saying(slack)}, told.__setitem__)
    assert await ask(health_routes(readiness, "1.2.3"), "/readyz") == (
        status,
        {"status": "ok" if slack else "not ready", "parts": {"store": True, "slack": slack}, "mcp": {}},
    )
    assert told == {"store": True, "slack": slack}


async def test_a_check_that_hangs_is_named_and_not_ready_but_alive() -> None:
    routes = health_routes(Readiness({"store": hangs, "slack": saying(True)}, timeout=0.05), "1.2.3")
    status, body = await ask(routes, "/readyz")
    assert (status, body["parts"]) == (503, {"store": False, "slack": True})
    assert await ask(routes, "/healthz") == (200, {"status": "ok"})


async def test_an_mcp_server_that_is_away_is_named_and_does_not_count() -> None:
    routes = health_routes(Readiness({"slack": saying(True)}), "1.2.3", lambda: {"runbooks": False})
    status, body = await ask(routes, "/readyz")
    assert (status, body["mcp"]) == (200, {"runbooks": False})


async def test_the_version_is_told() -> None:
    assert await ask(health_routes(Readiness({}), "1.2.3"), "/version") == (
        200,
        {"name": "kubeai-bot", "version": "1.2.3"},
    )


async def test_an_unknown_path_is_not_repeated_to_whoever_sent_it() -> None:
    status, _, text = await get(health_routes(Readiness({}), "1.2.3"), "/xoxb-not-to-be-repeated?token=nor-this")
    assert status == 404
    assert "repeated" not in text
    assert "nor-this" not in text


async def test_metrics_are_served_in_the_format_that_is_asked_for_after_the_gauges_were_refreshed() -> None:
    registry = CollectorRegistry()
    Counter("asked", "How often.", registry=registry).inc(3)
    fresh = Gauge("fresh", "Whether it was refreshed.", registry=registry)

    async def refresh() -> None:
        fresh.set(1)

    routes = metrics_routes(registry, refresh)
    _, kind, text = await get(routes, "/metrics")
    assert kind.startswith("text/plain")
    families = {family.name: family for family in plain_metrics(text)}
    assert families["asked"].samples[0].value == 3
    assert families["fresh"].samples[0].value == 1
    _, kind, text = await get(routes, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert {family.name for family in open_metrics(text)} == {"asked", "fresh"}
