"""One aiohttp server for whatever routes the bot offers."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from kubeai_bot.errors import ConfigError

MAX_BODY = 1024 * 1024
"""Bytes of a request; Slack's events are far smaller."""

SHUTDOWN_SECONDS = 5.0


class Listener:
    """Serves `routes` on host and port between `start` and `stop`."""

    def __init__(self, routes: Iterable[web.RouteDef], host: str, port: int) -> None:
        self._routes = tuple(routes)
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port that is really listened on; differs from the wanted one where that was 0."""
        addresses = self._runner.addresses if self._runner is not None else []
        return int(addresses[0][1]) if addresses else self._port

    async def start(self) -> None:
        """Raises ConfigError where the address cannot be listened on."""
        application = web.Application(client_max_size=MAX_BODY)
        application.add_routes(self._routes)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as error:
            await runner.cleanup()
            raise ConfigError(
                [f"LISTEN_ADDRESS {self._host}:{self._port}: {error.strerror or error}. Choose another one."]
            ) from error
        self._runner = runner

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
