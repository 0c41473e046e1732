"""The page's server: its files, the workspace's files, and one WebSocket for each open page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import structlog
from aiohttp import WSMsgType, web

from kubeai_bot.playground.page import frames
from kubeai_bot.playground.page.access import HOST, Access
from kubeai_bot.playground.page.actions import Actions
from kubeai_bot.playground.page.bot_program import BotProgram
from kubeai_bot.playground.page.hub import Hub, Page, WorkspaceFrames
from kubeai_bot.playground.page.inspector import Inspector
from kubeai_bot.playground.page.verbs import BotSwitch, Personal, Refresh, read_verb
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.playground.workspace.wire import Json, Refused

log = structlog.get_logger(__name__)

FIRST_PORT = 8765
PORTS_TRIED = 30
LARGEST_FRAME = 2 * 1024 * 1024
"""Bytes of one frame from a page; a shared file of 1 MB fits in."""

MOST_PAGES = 20
MOST_VERBS = 32
"""Verbs of one page that may be under way at once."""

_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_IMAGES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
_TRY_AGAIN = 1013


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page is about. `workspace` None: Slack is real. `about` is the snapshot's `world` without the bot's
    state, `notes` a word about each person; `commands` and `shortcuts` as in the app's manifest."""

    workspace: Workspace | None
    about: Json
    notes: Mapping[str, str]
    commands: Sequence[Json] = ()
    shortcuts: Sequence[Json] = ()


class PageServer:
    """Serves the page on 127.0.0.1 while its `async with` block runs; open `address`.

    `port` None: 8765, or the next one that is free. `hub`, `inspector` and `bot` are live parts of the caller.
    """

    def __init__(self, shown: Shown, hub: Hub, inspector: Inspector, bot: BotProgram, port: int | None = None) -> None:
        self._shown = shown
        self._hub = hub
        self._inspector = inspector
        self._bot = bot
        self._port = port
        self._access = Access()
        self._actions = Actions(shown.workspace) if shown.workspace else None
        self._static = _static_files()
        self._closing = asyncio.Event()
        self._stack = AsyncExitStack()

    @property
    def address(self) -> str:
        """With the key, for the browser."""
        return self._access.address

    @property
    def port(self) -> int:
        return self._access.port

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=LARGEST_FRAME, middlewares=[self._access.check])
        app.on_response_prepare.append(self._access.add_headers)
        app.add_routes(
            [
                web.get("/", self._index),
                web.get("/static/{name}", self._static_file),
                web.get("/files/{file_id}", self._file),
                web.get("/ws", self._socket),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        self._access.port = await _listen(runner, self._port)
        if self._shown.workspace is not None:
            following = asyncio.create_task(
                WorkspaceFrames(self._shown.workspace, self._hub, self._inspector).follow(), name="page"
            )
            following.add_done_callback(self._stopped_following)
            self._stack.push_async_callback(_end, following)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        await self._stack.aclose()

    def _stopped_following(self, task: asyncio.Task[None]) -> None:
        """A fault of this program: pages no longer change, and must say so."""
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            log.error("the page no longer follows the workspace", exc_info=failure)
            text = f"The playground has failed ({type(failure).__name__}): start it again."
            self._hub.publish({"type": "problem", "text": text})

    def snapshot(self) -> Json:
        """Everything that a page needs which knows nothing yet."""
        workspace = self._shown.workspace
        part = frames.workspace_part(workspace, self._shown.notes) if workspace else frames.no_workspace_part()
        return {
            "type": "snapshot",
            "world": {**self._shown.about, "bot": self._bot.state},
            **part,
            "commands": list(self._shown.commands),
            "shortcuts": list(self._shown.shortcuts),
            "inspector": self._inspector.lanes(),
        }

    async def _index(self, _request: web.Request) -> web.Response:
        return await self._answer_file("index.html")

    async def _static_file(self, request: web.Request) -> web.Response:
        return await self._answer_file(request.match_info["name"])

    async def _answer_file(self, name: str) -> web.Response:
        found = self._static.get(name)
        if found is None:
            return web.Response(status=404, text="no such file")
        content = await asyncio.to_thread(found.read_bytes)
        kind = _TYPES[name[name.rindex(".") :]]
        return web.Response(body=content, content_type=kind, charset="utf-8")

    async def _file(self, request: web.Request) -> web.Response:
        """A file of the workspace, to be saved: pictures as such, everything else as plain text."""
        workspace = self._shown.workspace
        file = workspace.files.get(request.match_info["file_id"]) if workspace else None
        if file is None or not file.uploaded:
            return web.Response(status=404, text="no such file")
        kind = next((kind for magic, kind in _IMAGES.items() if file.content.startswith(magic)), "text/plain")
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"}
        charset = None if kind.startswith("image/") else "utf-8"
        return web.Response(body=file.content, content_type=kind, charset=charset, headers=headers)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if len(self._hub.pages) >= MOST_PAGES:
            return web.Response(status=503, text="too many open pages")
        socket = web.WebSocketResponse(max_msg_size=LARGEST_FRAME, heartbeat=20.0, timeout=2.0)
        await socket.prepare(request)
        page = Page()
        page.send(json.dumps(self.snapshot()))
        self._hub.pages.add(page)
        sending = asyncio.create_task(self._send(request, socket, page))
        doing: set[asyncio.Task[None]] = set()
        try:
            await self._receive(socket, page, doing)
        finally:
            self._hub.pages.discard(page)
            for task in (sending, *doing):
                task.cancel()
            await asyncio.gather(sending, *doing, return_exceptions=True)
        return socket

    async def _send(self, request: web.Request, socket: web.WebSocketResponse, page: Page) -> None:
        """Until the page is gone, or has fallen too far behind, or the server closes."""
        over = [asyncio.create_task(event.wait()) for event in (page.overrun, self._closing)]
        pumping = asyncio.create_task(_pump(socket, page))
        try:
            await asyncio.wait({*over, pumping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*over, pumping):
                task.cancel()
            await asyncio.gather(pumping, return_exceptions=True)
        if page.overrun.is_set():
            log.debug("a page is too slow and was cut off")
            _cut(request)
        await socket.close(code=_TRY_AGAIN)

    async def _receive(self, socket: web.WebSocketResponse, page: Page, doing: set[asyncio.Task[None]]) -> None:
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                page.send(_refusal(None, "A frame must be text."))
                continue
            try:
                given: Any = json.loads(frame.data)
                json.dumps(given, allow_nan=False)  # Infinity and NaN are no JSON: no page could read them
            except (ValueError, RecursionError):
                page.send(_refusal(None, "A frame must be JSON."))
                continue
            if len(doing) >= MOST_VERBS:
                page.send(_refusal(_id_of(given), "Too much at once: wait for the answers."))
                continue
            task = asyncio.create_task(self._do(given, page))
            doing.add(task)
            task.add_done_callback(doing.discard)
            task.add_done_callback(partial(_report, page, _id_of(given)))

    async def _do(self, given: Any, page: Page) -> None:
        number = _id_of(given)
        try:
            verb = read_verb(given)
            extra: Json = {}
            if isinstance(verb, Refresh):
                page.send(json.dumps(self.snapshot()))
            elif isinstance(verb, BotSwitch):
                await getattr(self._bot, verb.action)()
            else:
                extra = await self._act(verb)
        except (LookupError, PermissionError, ValueError, RuntimeError, TimeoutError, Refused) as error:
            page.send(_refusal(number, str(error.args[0]) if error.args else type(error).__name__))
        else:
            page.send(json.dumps({"type": "done", "id": number, "ok": True, **extra}))

    async def _act(self, verb: Personal) -> Json:
        if self._actions is None:
            raise LookupError("Slack is real here: say it there.")
        return await self._actions.do(verb)


async def _pump(socket: web.WebSocketResponse, page: Page) -> None:
    while not socket.closed:
        text = await page.next()
        try:
            await socket.send_str(text)
        except ConnectionError:
            return


def _report(page: Page, number: int | None, task: asyncio.Task[None]) -> None:
    """A fault of this program: the page is told that nothing will come of it."""
    failure = None if task.cancelled() else task.exception()
    if failure is not None:
        log.error("a verb of the page failed", exc_info=failure)
        page.send(_refusal(number, f"The playground failed at this ({type(failure).__name__}): see its log."))


def _cut(request: web.Request) -> None:
    """Without ceremony: who does not read would not read a farewell either."""
    if request.transport is not None:
        request.transport.abort()


def _refusal(number: int | None, error: str) -> str:
    return json.dumps({"type": "done", "id": number, "ok": False, "error": error})


def _id_of(given: object) -> int | None:
    number = given.get("id") if isinstance(given, dict) else None
    return number if isinstance(number, int) else None


def _static_files() -> dict[str, Traversable]:
    """The page's files by name: a fixed listing, so no path of a request is ever joined to anything."""
    folder = files("kubeai_bot.playground.page") / "static"
    return {
        each.name: each for each in folder.iterdir() if each.is_file() and each.name[each.name.rfind(".") :] in _TYPES
    }


async def _listen(runner: web.AppRunner, port: int | None) -> int:
    """The port that is served. Raises OSError where none is free."""
    candidates = [port] if port is not None else list(range(FIRST_PORT, FIRST_PORT + PORTS_TRIED))
    for candidate in candidates:
        site = web.TCPSite(runner, HOST, candidate)
        try:
            await site.start()
        except OSError:
            if candidate == candidates[-1]:
                raise
            continue
        break
    return int(runner.addresses[0][1])


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
