"""`/healthz` and `/readyz` for Kubernetes probes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

READY_SECONDS = 2.0
"""How long the readiness checks may take; a probe's own default limit is one second more."""

Ready = Callable[[], Awaitable[Mapping[str, bool]]]


def health_routes(ready: Ready, timeout: float = READY_SECONDS) -> list[web.RouteDef]:
    """`/healthz` says 200 while the process answers at all; `/readyz` 200 only if every part that `ready` names works,
    else 503. The body names the parts, nothing more."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        try:
            parts = dict(await asyncio.wait_for(ready(), timeout))
        except TimeoutError:
            parts = {"in_time": False}
        status = 200 if all(parts.values()) else 503
        return web.json_response({"status": "ok" if status == 200 else "not ready", "parts": parts}, status=status)

    return [web.get("/healthz", healthz), web.get("/readyz", readyz)]
