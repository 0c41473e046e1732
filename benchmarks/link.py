"""A way to a server over TCP that takes time and counts round trips: `python link.py HOST:PORT SECONDS`.

Prints its own port; then one number for each line of standard input: the round trips since the last. One thread and no
event loop, so that it adds as little as it can to the time that it is asked for.
"""

from __future__ import annotations

import ctypes
import os
import select
import socket
import sys
import time
from collections import deque

_PR_SET_TIMERSLACK = 29
_CHUNK = 1 << 20
_AWAKE = 0.003
"""Seconds before a packet is due from which on nobody sleeps."""


class Wire:
    """One connection. What the client says reaches the server `delay` seconds later, which is a round trip's length;
    any number of packets may be under way, each is delayed once. Answers are passed on at once."""

    def __init__(self, client: socket.socket, server: socket.socket, delay: float) -> None:
        self.ends = (client, server)
        self.trips = 0
        self._delay = delay
        self._answered = True
        self._under_way: deque[tuple[float, bytes]] = deque()
        for end in self.ends:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def due(self) -> float:
        """When, by time.perf_counter, the next packet arrives."""
        return self._under_way[0][0] if self._under_way else float("inf")

    def hear(self, end: socket.socket) -> None:
        """Take what one end has said. Raises ConnectionError when it has gone."""
        data = end.recv(_CHUNK)
        if not data:
            raise ConnectionResetError
        client, server = self.ends
        if end is server:
            self._answered = True
            client.sendall(data)
            return
        self.trips += self._answered
        self._answered = False
        if self._delay:
            self._under_way.append((time.perf_counter() + self._delay, data))
        else:
            server.sendall(data)

    def deliver(self) -> None:
        while self.due <= time.perf_counter():
            self.ends[1].sendall(self._under_way.popleft()[1])


def serve(place: tuple[str, int], delay: float) -> None:
    """Until standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    _answer(listener.getsockname()[1])
    wires: dict[socket.socket, Wire] = {}
    while True:
        pause = min((wire.due for wire in wires.values()), default=float("inf")) - time.perf_counter()
        # `select`, because it waits to the microsecond; poll and epoll wait to the millisecond. Not to the very end: a
        # sleeping process wakes up late, so that the wire would be longer than was asked for.
        waited = None if pause == float("inf") else max(pause - _AWAKE, 0)
        ready, _, _ = select.select([sys.stdin, listener, *wires], [], [], waited)
        for wire in set(wires.values()):
            wire.deliver()
        for each in ready:
            if each is listener:
                wire = Wire(listener.accept()[0], socket.create_connection(place), delay)
                wires |= dict.fromkeys(wire.ends, wire)
            elif each in wires:
                try:
                    wires[each].hear(each)
                except ConnectionError:
                    for end in wires[each].ends:
                        del wires[end]
                        end.close()
            elif os.read(sys.stdin.fileno(), _CHUNK):
                _answer(sum(wire.trips for wire in set(wires.values())))
                for wire in wires.values():
                    wire.trips = 0
            else:
                return


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    # The kernel may wake a process up to 50 µs late, to save power; here that would be a fiftieth of the delay.
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    host, port = sys.argv[1].rsplit(":", 1)
    serve((host, int(port)), float(sys.argv[2]))
