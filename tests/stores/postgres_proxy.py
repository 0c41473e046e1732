"""A loopback proxy before a PostgreSQL server, which counts round trips, and cuts connections or falls silent at chosen
moments."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from psycopg.conninfo import conninfo_to_dict, make_conninfo


@dataclass(slots=True)
class _Line:
    """One connection: whether the client has asked something, and whether the answer is to be its end."""

    asked: bool = False
    doomed: bool = False


class Proxy:
    """`round_trips` counts how often a client spoke after the server had. `cut_after`: a request that holds this goes
    through, and of its answer nothing but the end of the connection comes back. `doomed`: of the connections that are
    made, counted from 1, the one that is cut at once."""

    def __init__(self) -> None:
        self.round_trips = 0
        self.cut_after = ""
        self.cuts = 0
        self.connections = 0
        self.doomed = 0
        self._clients: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[object]] = set()
        self._spoken = asyncio.Event()
        self._going = asyncio.Event()
        self._going.set()

    def hang(self) -> None:
        """From now on nothing gets through, either way; connections are still taken."""
        self._going.clear()

    def go_on(self) -> None:
        self._going.set()

    def cut(self) -> None:
        """Cut every connection now, whatever is under way; the server goes on with what it was asked."""
        for client in self._clients:
            client.transport.abort()

    async def end(self) -> None:
        """Cut everything, and wait until it is gone."""
        self.go_on()
        self.cut()
        if self._serving:
            await asyncio.wait(self._serving, timeout=30)

    async def asked(self, round_trips: int) -> None:
        """Return when clients have spoken so often, for at most 30 seconds."""
        async with asyncio.timeout(30):
            while self.round_trips < round_trips:
                self._spoken.clear()
                await self._spoken.wait()

    async def quiet(self) -> None:
        """Return when nobody has spoken for a while."""
        before = -1
        while before != self.round_trips:
            before = self.round_trips
            await asyncio.sleep(0.3)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
        self.connections += 1
        if self.connections == self.doomed:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        upstream_reader, upstream = await asyncio.open_connection(host, port)
        line = _Line()
        self._clients.add(writer)
        ways = [
            asyncio.create_task(self._requests(reader, upstream, line)),
            asyncio.create_task(self._answers(upstream_reader, writer, line)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._clients.discard(writer)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for each in (writer, upstream):
                each.close()
                with suppress(OSError):
                    await each.wait_closed()

    async def _requests(self, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter, line: _Line):
        while data := await reader.read(1 << 16):
            if self.cut_after and self.cut_after.encode() in data:
                line.doomed, self.cut_after = True, ""
            if not line.asked:
                line.asked = True
                self.round_trips += 1
                self._spoken.set()
            await self._going.wait()
            upstream.write(data)
            await upstream.drain()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: _Line):
        while data := await reader.read(1 << 16):
            await self._going.wait()
            if line.doomed:
                self.cuts += 1
                return
            line.asked = False
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def proxy_before(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """The proxy, and the address that leads through it."""
    behind = conninfo_to_dict(url)
    proxy = Proxy()
    server = await asyncio.start_server(
        lambda reader, writer: proxy.serve(reader, writer, str(behind["host"]), int(behind["port"] or 5432)),
        "127.0.0.1",
    )
    port = server.sockets[0].getsockname()[1]
    try:
        yield proxy, make_conninfo(url, host="127.0.0.1", port=str(port), sslmode="disable")
    finally:
        for _ in range(3):  # what was accepted becomes a connection: asyncio loses it in a server that is closed
            await asyncio.sleep(0)
        server.close()
        await proxy.end()
