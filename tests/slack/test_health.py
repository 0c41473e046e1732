"""Probes: alive while the process answers, ready only while every part works."""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from kubeai_bot.slack.listener import Listener
from kubeai_bot.web.health import health_routes


async def ask(ready: Any, path: str, timeout: float = 2.0) -> tuple[int, Mapping[str, Any]]:
    listener = Listener(health_routes(ready, timeout), "127.0.0.1", 0)
    await listener.start()
    try:
        url = f"http://127.0.0.1:{listener.port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status, await response.json()
    finally:
        await listener.stop()


@pytest.mark.parametrize(("slack", "status"), [(True, 200), (False, 503)])
async def test_readiness_names_the_parts(slack: bool, status: int) -> None:
    async def ready() -> dict[str, bool]:
        return {"store": True, "slack": slack}

    assert await ask(ready, "/readyz") == (
        status,
        {"status": "ok" if slack else "not ready", "parts": {"store": True, "slack": slack}},
    )


async def test_a_check_that_hangs_is_not_ready_but_alive() -> None:
    async def ready() -> dict[str, bool]:
        await asyncio.Event().wait()
        return {}

    assert (await ask(ready, "/readyz", timeout=0.05))[0] == 503
    assert await ask(ready, "/healthz") == (200, {"status": "ok"})
