"""Hands envelopes to the app, over Socket Mode or signed HTTP, and tries events again that nobody acked.

Slack's rule (slack.md §1.4): an event without an ack within three seconds comes again, up to three times, about
immediately, after a minute and after five; interactions and commands come once.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from kubeai_bot.playground.workspace.changes import Delivered
from kubeai_bot.playground.workspace.journal import Attempt, Delivery
from kubeai_bot.playground.workspace.state import State
from kubeai_bot.playground.workspace.wire import Json

MAX_RETRIES = 3


class Transport(Protocol):
    """One way to the app. `send` returns how the attempt ended within `timeout` seconds, and the ack's payload."""

    name: str

    async def send(self, delivery: Delivery, retry: Retry | None, timeout: float) -> tuple[Attempt, Json | None]: ...


class Retry:
    """Which try this is (from 1), and why the one before failed."""

    def __init__(self, number: int, reason: str) -> None:
        self.number = number
        self.reason = reason


class Courier:
    """Delivers in the background; `state.deliveries` shows what became of each envelope.

    `redelivery_delays` are seconds without an ack before each further try of an event, `ack_seconds` those in which
    an interaction or a command must be acked, which has no second try.
    """

    def __init__(self, state: State, redelivery_delays: Sequence[float], ack_seconds: float) -> None:
        self._state = state
        self._ack_seconds = ack_seconds
        self._delays = tuple(redelivery_delays)
        self._tasks: set[asyncio.Task[None]] = set()
        self.transport: Transport | None = None

    def send(self, kind: str, payload: Json) -> Delivery:
        """Starts a delivery of a new envelope. `kind`: `events_api`, `interactive` or `slash_commands`."""
        transport = self._transport()
        delivery = Delivery(str(uuid.uuid4()), kind, payload, transport.name, self._state.clock())
        self._state.deliveries.append(delivery)
        self._state.publish(Delivered(delivery))
        retries = MAX_RETRIES if kind == "events_api" else 0
        self._start(self._deliver(delivery, transport, retries))
        return delivery

    def send_again(self, delivery: Delivery, *, reason: str) -> None:
        """Delivers the same envelope once more, marked as a retry, whether it was acked or not."""
        number = max((attempt.number for attempt in delivery.attempts), default=0) + 1
        self._start(self._again(delivery, Retry(number, reason)))

    async def settle(self, delivery: Delivery) -> Delivery:
        """Waits until the delivery is acked or given up."""
        while delivery.status == "sending":
            await self._state.feed.changed()
        return delivery

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _transport(self) -> Transport:
        if self.transport is None:
            raise RuntimeError("the workspace is not open")
        return self.transport

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery, transport: Transport, retries: int) -> None:
        retry: Retry | None = None
        for number in range(retries + 1):
            window = self._delays[min(number, len(self._delays) - 1)] if retries else self._ack_seconds
            started = time.monotonic()
            if await self._attempt(delivery, transport, retry, window):
                return
            if number == retries or delivery.attempts[-1].outcome == "no_retry":
                break
            await asyncio.sleep(max(0.0, window - (time.monotonic() - started)))
            if delivery.acked:
                return
            retry = Retry(number + 1, _reason(delivery, transport))
        delivery.status = "unacked"
        self._state.publish(Delivered(delivery))

    async def _again(self, delivery: Delivery, retry: Retry) -> None:
        await self._attempt(delivery, self._transport(), retry, self._ack_seconds)

    async def _attempt(self, delivery: Delivery, transport: Transport, retry: Retry | None, window: float) -> bool:
        started = time.monotonic()
        attempt, response = await transport.send(delivery, retry, window)
        delivery.attempts.append(attempt)
        if attempt.outcome == "acked" and not delivery.acked:
            delivery.status, delivery.response = "acked", response
            delivery.seconds_to_ack = time.monotonic() - started
        self._state.publish(Delivered(delivery))
        return delivery.acked


def _reason(delivery: Delivery, transport: Transport) -> str:
    """Why Slack says it comes again: Socket Mode knows `timeout`, HTTP tells a bad answer from none."""
    outcome = delivery.attempts[-1].outcome
    if transport.name == "socket_mode":
        return "timeout"
    return {"timeout": "http_timeout", "http_error": "http_error"}.get(outcome, "connection_failed")
