"""An OpenAI-compatible endpoint on a loopback port."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, cast

from aiohttp import web

from kubeai_bot.playground.model.replies import Cut, Fail, Hang, Part, Pause, Reply, Say, parts_of
from kubeai_bot.playground.model.wire import Body, Writer, error_body, fault_in, words
from kubeai_bot.providers.loose import mapping

_HOST = "127.0.0.1"
_LARGEST_BODY = 64 * 1024 * 1024
_REQUESTS_KEPT = 1000
_LONGEST = 4.0
"""Seconds that all pauses between the words of one reply may take together: nobody reads a table as it is typed."""


@dataclass(slots=True)
class Exchange:
    """One request and what became of it. `state`: `open`, `answered`, `refused` or `left` (by the client, or broken
    off); `text` and `calls` have grown as far as was sent. `at` and `seconds` by the machine's clock."""

    number: int
    body: Body
    at: float
    state: str = "open"
    status: int | None = None
    text: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    fault: str = ""
    seconds: float = 0.0


class ModelServer:
    """Serves `/v1/chat/completions` (streamed or not) and `/v1/models` while its `async with` block runs.

    `answer` says what to reply to a request's body. `pace` is the pause between two words in seconds, less in a long
    reply. `requests` holds the bodies of the last 1000 valid requests; `hung_up` is set when a client has left an
    unfinished answer; `watchers` are called for each request when it has come and again when it is over. Requests that
    OpenAI would refuse (a call without its result, a result without its call) are refused here too.
    """

    def __init__(self, answer: Callable[[Body], Reply], model: str, *, pace: float = 0.0, port: int = 0) -> None:
        self.model = model
        self.requests: list[dict[str, Any]] = []
        self.hung_up = asyncio.Event()
        self.watchers: list[Callable[[Exchange], None]] = []
        self._numbers = itertools.count(1)
        self._answer = answer
        self._pace = pace
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        """For `OPENAI_BASE_URL`."""
        return f"http://{_HOST}:{self._port}/v1"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/v1/models", self._models)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, _HOST, self._port).start()
        self._port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _models(self, _request: web.Request) -> web.Response:
        entry = {"id": self.model, "object": "model", "created": 0, "owned_by": "kubeai-bot playground"}
        return web.json_response({"object": "list", "data": [entry]})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        try:
            body: object = await request.json()
        except ValueError:
            body = None
        exchange = Exchange(next(self._numbers), mapping(body), time.time())
        self._tell(exchange)
        try:
            return await self._play(request, body, exchange)
        finally:
            exchange.seconds = time.time() - exchange.at
            if exchange.state == "open":
                exchange.state = "left"
            self._tell(exchange)

    async def _play(self, request: web.Request, body: object, exchange: Exchange) -> web.StreamResponse:
        if (fault := fault_in(body)) is not None:
            exchange.state, exchange.status, exchange.fault = "refused", 400, fault
            return web.json_response(error_body(fault), status=400)
        asked = cast("dict[str, Any]", body)
        self.requests.append(asked)
        del self.requests[:-_REQUESTS_KEPT]
        parts = parts_of(self._answer(asked))
        failing = next((part for part in parts if isinstance(part, Fail)), None)
        if failing is not None:
            exchange.state, exchange.status, exchange.fault = "refused", failing.status, failing.message
            return _failed(failing)
        options = mapping(asked.get("stream_options"))
        writer = Writer(self.model, bool(options.get("include_usage")), len(json.dumps(asked["messages"])) // 4)
        exchange.status, exchange.calls = 200, writer.calls
        try:
            if not asked.get("stream"):
                return await self._whole(request, parts, writer)
            return await self._streamed(request, parts, writer)
        finally:
            exchange.text = writer.text
            exchange.state = "answered" if writer.ended else "left"

    def _tell(self, exchange: Exchange) -> None:
        for watcher in self.watchers:
            watcher(exchange)

    async def _whole(self, request: web.Request, parts: tuple[Part, ...], writer: Writer) -> web.Response:
        for part in parts:
            for _ in writer.chunks(part):
                pass
            await self._breaks_off(part, request)
        return web.json_response(writer.message())

    async def _streamed(self, request: web.Request, parts: tuple[Part, ...], writer: Writer) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream", "cache-control": "no-cache"})
        pause = pause_between_words(parts, self._pace)
        try:
            await response.prepare(request)
            for part in parts:
                for chunk in writer.chunks(part):
                    await response.write(_event(chunk))
                    if pause:
                        await asyncio.sleep(pause)
                if await self._breaks_off(part, request):
                    return response
            for chunk in writer.ending():
                await response.write(_event(chunk))
            await response.write(b"data: [DONE]\n\n")
        except (asyncio.CancelledError, ConnectionError):
            self.hung_up.set()
            raise
        return response

    async def _breaks_off(self, part: Part, request: web.Request) -> bool:
        """What a part does to the stream after its text; whether the connection is gone."""
        match part:
            case Pause(until=until, reached=reached):
                reached.set()
                await until.wait()
            case Hang():
                await asyncio.Event().wait()
            case Cut():
                if request.transport is not None:
                    request.transport.abort()
                return True
            case _:
                pass
        return False


def pause_between_words(parts: tuple[Part, ...], pace: float) -> float:
    """Seconds: `pace`, or as much less as a long reply needs to end in time."""
    said = sum(len(words(part.text)) for part in parts if isinstance(part, Say))
    return min(pace, _LONGEST / max(said, 1))


def _event(chunk: Body) -> bytes:
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()


def _failed(fail: Fail) -> web.Response:
    headers = {} if fail.retry_after is None else {"retry-after": f"{fail.retry_after:g}"}
    kind = "invalid_request_error" if fail.status < 500 else "server_error"
    return web.json_response(error_body(fail.message, fail.code, kind), status=fail.status, headers=headers)
