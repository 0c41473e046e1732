"""`/healthz`, `/readyz` and `/version`, for Kubernetes probes and people."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

READY_SECONDS = 2.0
"""How long one readiness check may take; a probe's own limit is to be more."""

Check = Callable[[], Awaitable[bool]]


class Readiness:
    """Whether this replica can serve: `checks` by part, side by side; one that hangs has failed. `told` hears of each
    outcome."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        told: Callable[[str, bool], None] = lambda _part, _works: None,
        timeout: float = READY_SECONDS,
    ) -> None:
        self._checks = checks
        self._told = told
        self._timeout = timeout

    async def ask(self) -> dict[str, bool]:
        works = await asyncio.gather(*(self._one(check) for check in self._checks.values()))
        parts = dict(zip(self._checks, works, strict=True))
        for part, each in parts.items():
            self._told(part, each)
        return parts

    async def _one(self, check: Check) -> bool:
        try:
            return await asyncio.wait_for(check(), self._timeout)
        except TimeoutError:
            return False


def health_routes(
    readiness: Readiness, version: str, mcp: Callable[[], Mapping[str, bool]] = dict[str, bool]
) -> list[web.RouteDef]:
    """`/healthz` says 200 while the process answers at all; `/readyz` 200 only if every part works, else 503. Its body
    names the parts, and beside them the MCP servers, without which the bot still answers. Nothing more is told."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        parts = await readiness.ask()
        ready = all(parts.values())
        body = {"status": "ok" if ready else "not ready", "parts": parts, "mcp": dict(mcp())}
        return web.json_response(body, status=200 if ready else 503)

    async def versions(_: web.Request) -> web.Response:
        return web.json_response({"name": "kubeai-bot", "version": version})

    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/version", versions)]
