"""A way to a server over TCP that takes time and counts round trips: `python link.py HOST:PORT SECONDS`.

Prints its own port; then one number for each line of standard input: the round trips since the last.
"""

from __future__ import annotations

import asyncio
import sys


class Link:
    """Forwards both ways; what the client says is held back for `delay` seconds, which is a round trip's length."""

    def __init__(self, host: str, port: int, delay: float) -> None:
        self._target = host, port
        self._delay = delay
        self.trips = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(*self._target)
        answered = [True]
        both = self._forth(reader, up_writer, answered), self._back(up_reader, writer, answered)
        await asyncio.gather(*both, return_exceptions=True)

    async def _forth(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answered: list[bool]) -> None:
        while data := await reader.read(1 << 20):
            self.trips += answered[0]
            answered[0] = False
            if self._delay:
                await asyncio.sleep(self._delay)
            writer.write(data)
            await writer.drain()
        writer.close()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answered: list[bool]) -> None:
        while data := await reader.read(1 << 20):
            answered[0] = True
            writer.write(data)
            await writer.drain()
        writer.close()


async def main(place: str, delay: float) -> None:
    host, port = place.rsplit(":", 1)
    link = Link(host, int(port), delay)
    server = await asyncio.start_server(link.serve, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        sys.stdout.write(f"{link.trips}\n")
        sys.stdout.flush()
        link.trips = 0


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
