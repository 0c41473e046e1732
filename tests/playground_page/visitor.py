"""A page as a program: keeps what the server tells it, the way the browser's page does."""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

INSPECTED = ("events", "calls", "session", "model", "cluster")


def address_of(page: Any) -> str:
    """The page's address without its key."""
    return page.address.partition("/?")[0]


@asynccontextmanager
async def session_of(page: Any, *, key: str | None = None) -> AsyncIterator[aiohttp.ClientSession]:
    """HTTP with the page's cookie (or another `key`, "" for none)."""
    key = page.address.partition("key=")[2] if key is None else key
    cookies = {f"playground-{page.port}": key} if key else {}
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(
        base_url=address_of(page), cookies=cookies, cookie_jar=jar, timeout=aiohttp.ClientTimeout(10)
    ) as session:
        yield session


class Visitor:
    """`seen` is the snapshot with every frame since then put into it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen: dict[str, Any] = {}
        self.frames: list[dict[str, Any]] = []
        self.answers: dict[int | None, dict[str, Any]] = {}
        self._numbers = itertools.count(1_000)
        self._changed = asyncio.Event()

    async def read(self) -> None:
        async for frame in self.socket:
            self._take(frame.json())
            self._changed.set()
        self._changed.set()

    async def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """Send a verb; its answer. `who` is the protocol's `as`."""
        number = next(self._numbers)
        if "who" in fields:
            fields["as"] = fields.pop("who")
        await self.socket.send_json({"id": number, "do": do, **fields})
        return await self.until(lambda: self.answers.get(number), f"an answer to {do}")

    async def done(self, do: str, **fields: Any) -> dict[str, Any]:
        """As `ask`, for what has to succeed."""
        answer = await self.ask(do, **fields)
        assert answer["ok"], answer
        return answer

    async def until(self, look: Callable[[], Any], what: str) -> Any:
        """The first true value of `look`, tried after every frame."""
        try:
            async with asyncio.timeout(30):
                while not (found := look()):
                    self._changed.clear()
                    await self._changed.wait()
                return found
        except TimeoutError:
            last = [str(frame)[:300] for frame in self.frames[-5:]]
            raise AssertionError(f"{what} did not come; the last frames: {last}") from None

    def messages(self, channel: str, thread_ts: str | None = None) -> list[dict[str, Any]]:
        return [
            message
            for message in self.seen["messages"]
            if message["channel"] == channel and thread_ts in (None, message["ts"], message["thread_ts"])
        ]

    def lane(self, lane: str) -> list[dict[str, Any]]:
        return self.seen["inspector"][lane]

    def _take(self, frame: dict[str, Any]) -> None:
        self.frames.append(frame)
        match frame["type"]:
            case "snapshot":
                self.seen = copy.deepcopy(frame)
            case "done":
                self.answers[frame["id"]] = frame
            case "message":
                _upsert(self.seen["messages"], frame["message"], "channel", "ts")
                self.seen["messages"].sort(key=lambda message: message["ts"])
            case "message_deleted":
                gone = (frame["channel"], frame["ts"])
                self.seen["messages"] = [m for m in self.seen["messages"] if (m["channel"], m["ts"]) != gone]
            case "status":
                _upsert(self.seen["sessions"], _without_type(frame), "channel", "thread_ts")
            case "inspect":
                _upsert(self.seen["inspector"][frame["lane"]], frame["entry"], "id")
            case "problem":
                self.seen["problems"].append(frame["text"])
            case _:
                self._set(frame)

    def _set(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "home":
                self.seen["homes"][frame["user"]] = frame["view"]
            case "modals":
                self.seen["modals"][frame["user"]] = frame["views"]
            case "prompts":
                self.seen["prompts"][frame["user"]] = {key: frame[key] for key in ("title", "prompts")}
            case "channels":
                self.seen["channels"] = frame["channels"]
            case "connections":
                self.seen["connections"] = frame["count"]
            case "bot":
                self.seen["world"]["bot"] = _without_type(frame)
            case unknown:
                raise AssertionError(f"a frame of unknown type {unknown}")


def _without_type(frame: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in frame.items() if key != "type"}


def _upsert(items: list[dict[str, Any]], item: dict[str, Any], *keys: str) -> None:
    for index, old in enumerate(items):
        if all(old[key] == item[key] for key in keys):
            items[index] = item
            return
    items.append(item)


@asynccontextmanager
async def visit(page: Any) -> AsyncIterator[Visitor]:
    """An open page that has its snapshot."""
    async with session_of(page) as session, session.ws_connect("/ws", max_msg_size=0) as socket:
        visitor = Visitor(socket)
        reading = asyncio.create_task(visitor.read())
        try:
            await visitor.until(lambda: visitor.seen, "the snapshot")
            yield visitor
        finally:
            await socket.close()
            await asyncio.wait_for(reading, 5)
