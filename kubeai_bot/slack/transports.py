"""Two ways from Slack to the same app: a WebSocket that we open, or HTTP requests that Slack signs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import aiohttp
import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError

from kubeai_bot.errors import ConfigError
from kubeai_bot.slack.calls import code_of
from kubeai_bot.slack.client import sdk_logger
from kubeai_bot.slack.listener import Listener

log = structlog.get_logger(__name__)

EVENTS_PATH = "/slack/events"

_TRANSIENT = frozenset({"", "ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"})

_REFUSED = (
    "SLACK_APP_TOKEN: Slack refuses it for Socket Mode ({code}). It must be an app-level token (xapp-…) with the scope"
    " connections:write, and Socket Mode must be on in the app's settings."
)


class HttpTransport:
    """Slack's requests at `/slack/events`, and the health routes, on one address."""

    def __init__(self, app: AsyncApp, host: str, port: int, health: Iterable[web.RouteDef] = ()) -> None:
        self._app = app
        self._listener = Listener([web.post(EVENTS_PATH, self._events), *health], host, port)

    @property
    def port(self) -> int:
        return self._listener.port

    async def start(self) -> None:
        """Raises ConfigError where the address cannot be listened on."""
        await self._listener.start()
        log.info("listening for Slack", path=EVENTS_PATH, port=self.port)

    async def stop(self) -> None:
        """Take no more requests; those in hand are finished."""
        await self._listener.stop()

    async def connected(self) -> bool:
        return True

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """What cannot be Slack's is turned away before Bolt parses it; Bolt verifies the signature of the rest."""
        if not request.headers.get("X-Slack-Request-Timestamp", "").isdigit():
            return web.json_response({"error": "invalid request"}, status=401)
        try:
            body = (await request.read()).decode()
            # The SDK annotates headers as a dict; a multi-dict works as well (its own adapter passes one).
            bolt_request = AsyncBoltRequest(body=body, query=request.query_string, headers=dict(request.headers))
        except ValueError:
            return web.json_response({"error": "invalid request"}, status=400)
        return await to_aiohttp_response(await self._app.async_dispatch(bolt_request))


class SocketTransport:
    """A Socket Mode connection, kept up by the SDK and watched by us; optionally the health routes on an address."""

    def __init__(
        self,
        app: AsyncApp,
        app_token: str,
        listener: Listener | None = None,
        ping_interval: float = 10.0,
    ) -> None:
        self._app = app
        self._app_token = app_token
        self._listener = listener
        self._ping_interval = ping_interval
        self._handler: AsyncSocketModeHandler | None = None
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when the connection is being opened: `connected` tells when it stands.

        Raises ConfigError where Slack refuses the app-level token, or the address cannot be listened on.
        """
        url = await self._url()
        handler = AsyncSocketModeHandler(
            self._app, self._app_token, logger=sdk_logger(), ping_interval=self._ping_interval
        )
        handler.client.wss_uri = url
        self._handler = handler
        self._watching = asyncio.create_task(self._watch(handler))
        if self._listener is not None:
            await self._listener.start()

    async def stop(self) -> None:
        """Close the connection first, so that Slack sends what comes now to somebody else."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        if self._handler is not None:
            client = self._handler.client
            await self._handler.close_async()
            parts = (client.message_processor, client.message_receiver, client.current_session_monitor)
            await asyncio.gather(*(part for part in parts if part is not None), return_exceptions=True)
            self._handler = None
        if self._listener is not None:
            await self._listener.stop()

    async def connected(self) -> bool:
        return self._handler is not None and await self._handler.client.is_connected()

    async def _url(self) -> str | None:
        """The first WebSocket address, which proves the token; None while Slack cannot be reached."""
        try:
            answer = await self._app.client.apps_connections_open(app_token=self._app_token)
        except SlackApiError as error:
            code = code_of(error)
            if code not in _TRANSIENT:
                raise ConfigError([_REFUSED.format(code=code)]) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("Slack does not answer yet, still trying", error=type(error).__name__)
        else:
            return str(answer["url"])
        return None

    async def _watch(self, handler: AsyncSocketModeHandler) -> None:
        """Connect (the SDK tries until it works), then tell when the connection goes and comes."""
        await handler.connect_async()
        was_connected: bool | None = None
        while True:
            is_connected = await handler.client.is_connected()
            if is_connected != was_connected:
                (log.info if is_connected else log.warning)("Socket Mode", connected=is_connected)
            was_connected = is_connected
            await asyncio.sleep(self._ping_interval)
