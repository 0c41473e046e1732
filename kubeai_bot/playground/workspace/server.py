"""The workspace simulator: one loopback server that an unmodified Bolt app takes for Slack.

Give the app `SLACK_API_URL = workspace.api_url` and the workspace's tokens; it connects over Socket Mode by itself.
With `workspace.events_url = "http://127.0.0.1:PORT/slack/events"` events come as signed HTTP requests instead.

    async with Workspace() as workspace:
        ts = await workspace.say("U0MIA", "why is checkout down?")
        answer = await workspace.wait_for(lambda w: w.messages("D0MIA", ts)[1:], what="an answer")
        workspace.assert_no_problems()
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self, Unpack

from aiohttp import web

from kubeai_bot.playground.workspace.acting import Acting
from kubeai_bot.playground.workspace.api import Api
from kubeai_bot.playground.workspace.courier import Courier
from kubeai_bot.playground.workspace.faults import ArrangedFault, FaultOptions, Faults, RateLimits
from kubeai_bot.playground.workspace.interacting import Interacting
from kubeai_bot.playground.workspace.journal import Delivery
from kubeai_bot.playground.workspace.side_doors import SideDoors
from kubeai_bot.playground.workspace.signed_http import SignedHttp
from kubeai_bot.playground.workspace.sockets import Sockets
from kubeai_bot.playground.workspace.state import State, loop_time
from kubeai_bot.playground.workspace.watching import Watching

MAX_BODY_BYTES = 64 * 1024 * 1024
_HOST = "127.0.0.1"


class Workspace(Acting, Interacting, Watching):
    """A Slack workspace of its own, with the demo's people and channels, on a loopback port.

    `clock` gives Slack's time in seconds (message timestamps, stream lifetime, triggers, rate limits);
    `redelivery_delays` are real seconds before the first, second and third redelivery of an unacked event;
    `ack_seconds` those in which an interaction or a command must be acked; `rate_limits` switches Slack's tiers on.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = loop_time,
        port: int = 0,
        redelivery_delays: Sequence[float] = (3.0, 60.0, 300.0),
        ack_seconds: float = 3.0,
        rate_limits: bool = False,
    ) -> None:
        state = State(clock)
        super().__init__(state, Courier(state, redelivery_delays, ack_seconds))
        self._port = port
        self._faults = Faults()
        self._api = Api(state, self._faults, RateLimits(clock, enabled=rate_limits))
        self._sockets = Sockets(state)
        self._http: list[SignedHttp] = []
        self._events_url: str | Sequence[str] | None = None
        self._runner: web.AppRunner | None = None
        self._courier.transport = self._sockets

    async def __aenter__(self) -> Self:
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, _HOST, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._state.base_url = f"http://{_HOST}:{self._port}"
        self._state.send = self._courier.send
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._state.send = None
        await self._courier.aclose()
        for http in self._http:
            await http.aclose()
        await self._sockets.cut()
        self._state.feed.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return self._state.base_url

    @property
    def api_url(self) -> str:
        """What the app takes as `SLACK_API_URL`."""
        return f"{self._state.base_url}/api/"

    @property
    def bot_token(self) -> str:
        return self._state.secrets.bot_token

    @property
    def app_token(self) -> str:
        return self._state.secrets.app_token

    @property
    def signing_secret(self) -> str:
        return self._state.secrets.signing_secret

    @property
    def bot_events(self) -> frozenset[str]:
        """The app's event subscriptions; assign fewer to see what a wrong manifest does."""
        return self._state.bot_events

    @bot_events.setter
    def bot_events(self, names: frozenset[str]) -> None:
        self._state.bot_events = names

    @property
    def bot_scopes(self) -> frozenset[str]:
        """The bot token's scopes, as every answer tells them; assign fewer to see what a wrong installation does. (No
        method is refused for want of one.)"""
        return self._state.bot_scopes

    @bot_scopes.setter
    def bot_scopes(self, names: frozenset[str]) -> None:
        self._state.bot_scopes = names

    @property
    def events_url(self) -> str | Sequence[str] | None:
        """Where signed HTTP requests go, one URL or those of several replicas; None: Socket Mode."""
        return self._events_url

    @events_url.setter
    def events_url(self, urls: str | Sequence[str] | None) -> None:
        self._events_url = urls
        if urls is None:
            self._courier.transport = self._sockets
            return
        http = SignedHttp(self.signing_secret, [urls] if isinstance(urls, str) else urls)
        self._http.append(http)
        self._courier.transport = http

    async def verify_events_url(self) -> bool:
        """Slack's `url_verification` handshake with `events_url`: whether every replica answers the challenge."""
        if self._events_url is None:
            raise RuntimeError("set events_url first")
        return await self._http[-1].verify_url(self._state.secrets.verification_token)

    @property
    def connections(self) -> int:
        """Open Socket Mode connections."""
        return self._sockets.count

    async def disconnect_sockets(self, reason: str = "refresh_requested") -> None:
        """Asks every socket to reconnect. `reason` as in Slack: warning, refresh_requested, link_disabled."""
        await self._sockets.disconnect(reason)

    async def cut_sockets(self) -> None:
        """Closes every socket without a word."""
        await self._sockets.cut()

    def redeliver(self, event_id: str, *, reason: str = "timeout") -> Delivery:
        """Delivers an event again on purpose, marked as a retry. Raises `LookupError` for an unknown id."""
        for delivery in self._state.deliveries:
            if delivery.event_id == event_id:
                self._courier.send_again(delivery, reason=reason)
                return delivery
        raise LookupError(f"no event {event_id} was delivered")

    async def settle(self, delivery: Delivery) -> Delivery:
        """Waits until a delivery is acked or given up."""
        return await self._courier.settle(delivery)

    def fault(self, method: str, **how: Unpack[FaultOptions]) -> None:
        """Arranges a failure of the next calls of `method` (`*`: of any): see `FaultOptions`.

        Only `delay` and `drop_response` let the method run; the other kinds answer instead of it.
        """
        self._faults.add(ArrangedFault(method, **how))

    def clear_faults(self) -> None:
        self._faults.clear()

    def _application(self) -> web.Application:
        doors = SideDoors(self._state)
        application = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[self._loopback_only])
        application.add_routes(
            [
                web.get("/link", self._sockets.handle),
                web.route("*", "/api/{method}", self._api.handle),
                web.post("/response/{key}", doors.respond),
                web.post("/upload/v1/{file_id}", doors.upload),
                web.get("/files/{file_id}/{name}", doors.download),
            ]
        )
        return application

    @web.middleware
    async def _loopback_only(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Refuses another machine, another `Host` (DNS rebinding) and pages of another origin."""
        hosts = {f"{name}:{self._port}" for name in (_HOST, "localhost")}
        origin = request.headers.get("Origin")
        foreign = origin is not None and origin.removeprefix("http://") not in hosts
        if request.remote != _HOST or request.host not in hosts or foreign:
            return web.Response(status=403, text="this simulator answers its own machine only")
        return await handler(request)
