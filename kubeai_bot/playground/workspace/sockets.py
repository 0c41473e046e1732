"""Socket Mode: `/link` WebSockets of the app, envelopes out, acks in, disconnects on purpose."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import time
import uuid

from aiohttp import WSMsgType, web

from kubeai_bot.playground.workspace.changes import ConnectionsChanged
from kubeai_bot.playground.workspace.courier import Retry
from kubeai_bot.playground.workspace.journal import Attempt, Delivery
from kubeai_bot.playground.workspace.people import APP_ID
from kubeai_bot.playground.workspace.state import State
from kubeai_bot.playground.workspace.wire import Json

MAX_CONNECTIONS = 10
"""Open sockets an app may have; one more is turned away with `too_many_websockets`."""

CONNECTION_SECONDS = 18_060
"""`approximate_connection_time` of the hello frame."""

FIRST_SOCKET_SECONDS = 30.0
"""How long an attempt waits for any socket to be open before it counts as failed."""

_PONG_SECONDS = 30.0


class Sockets:
    """The app's open sockets. Each envelope goes to one of them, chosen at random, as Slack does."""

    name = "socket_mode"

    def __init__(self, state: State) -> None:
        self._state = state
        self._numbers = itertools.count(1)
        self._open: dict[int, web.WebSocketResponse] = {}
        self._acks: dict[str, asyncio.Future[Json | None]] = {}
        self._opened = asyncio.Event()

    @property
    def count(self) -> int:
        return len(self._open)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serves one socket until either side closes it. The ticket of its address works once."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._state.socket_tickets:
            return web.Response(status=403, text="this address was used before, or never given out")
        self._state.socket_tickets.discard(ticket)
        socket = web.WebSocketResponse(heartbeat=_PONG_SECONDS)
        await socket.prepare(request)
        if len(self._open) >= MAX_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        number = next(self._numbers)
        self._open[number] = socket
        try:
            await socket.send_json(self._hello())
            self._opened.set()
            self._state.publish(ConnectionsChanged(len(self._open)))
            await self._receive(socket)
        finally:
            self._forget(number)
        return socket

    async def send(self, delivery: Delivery, retry: Retry | None, timeout: float) -> tuple[Attempt, Json | None]:
        """Sends one envelope and waits for its ack. `replica` of the attempt is the socket's number."""
        number = retry.number if retry else 0
        started = time.monotonic()

        def ended(outcome: str, replica: str) -> Attempt:
            return Attempt(number, replica, outcome, None, time.monotonic() - started)

        if not await self._some_socket():
            return ended("connection_failed", ""), None
        chosen = secrets.choice(list(self._open))
        envelope_id = str(uuid.uuid4()) if retry else delivery.envelope_id
        ack = self._acks[envelope_id] = asyncio.get_running_loop().create_future()
        try:
            await self._open[chosen].send_json(_envelope(delivery, envelope_id, retry))
            response = await asyncio.wait_for(ack, timeout)
        except TimeoutError:
            return ended("timeout", str(chosen)), None
        except ConnectionError:
            return ended("connection_failed", str(chosen)), None
        return ended("acked", str(chosen)), response

    async def disconnect(self, reason: str) -> None:
        """Asks every socket to reconnect, as Slack does every few hours, and sends nothing more over it."""
        for number, socket in list(self._open.items()):
            self._forget(number)
            await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "simulator"}})

    async def cut(self) -> None:
        """Closes every socket without a word."""
        for socket in list(self._open.values()):
            await socket.close()

    async def _some_socket(self) -> bool:
        try:
            async with asyncio.timeout(FIRST_SOCKET_SECONDS):
                await self._opened.wait()
        except TimeoutError:
            return False
        return True

    async def _receive(self, socket: web.WebSocketResponse) -> None:
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                continue
            try:
                answer = json.loads(frame.data)
            except json.JSONDecodeError:
                answer = None
            if isinstance(answer, dict):
                self._ack(answer)
            else:
                self._state.problem("Socket Mode: a frame that is not a JSON object")

    def _ack(self, answer: Json) -> None:
        ack = self._acks.get(answer.get("envelope_id", ""))
        if ack is None:
            self._state.problem(f"Socket Mode: an ack for an unknown envelope: {answer.get('envelope_id')}")
        elif not ack.done():
            ack.set_result(answer.get("payload"))

    def _forget(self, number: int) -> None:
        if self._open.pop(number, None) is not None:
            self._state.publish(ConnectionsChanged(len(self._open)))
        if not self._open:
            self._opened.clear()

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._open),
            "debug_info": {
                "host": "simulator",
                "build_number": 1,
                "approximate_connection_time": CONNECTION_SECONDS,
            },
            "connection_info": {"app_id": APP_ID},
        }


def _envelope(delivery: Delivery, envelope_id: str, retry: Retry | None) -> Json:
    envelope: Json = {
        "envelope_id": envelope_id,
        "type": delivery.kind,
        "payload": delivery.payload,
        "accepts_response_payload": delivery.kind != "events_api",
    }
    if delivery.kind == "events_api":
        envelope |= {"retry_attempt": retry.number if retry else 0, "retry_reason": retry.reason if retry else ""}
    return envelope
