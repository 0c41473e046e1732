"""A way to a server over TCP that takes time and counts round trips: `python link.py HOST:PORT SECONDS`.

Prints its own port; then one number for each line of standard input: the round trips since the last. Threads and
blocking sockets, because the timers of an event loop are too coarse for a few milliseconds.
"""

from __future__ import annotations

import socket
import sys
import threading
import time


class Link:
    """Forwards both ways; what the client says is held back for `delay` seconds, which is a round trip's length."""

    def __init__(self, place: tuple[str, int], delay: float) -> None:
        self._place = place
        self._delay = delay
        self.trips = 0

    def serve(self, client: socket.socket) -> None:
        server = socket.create_connection(self._place)
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answered = [True]
        threading.Thread(target=self._back, args=(server, client, answered), daemon=True).start()
        while data := client.recv(1 << 20):
            self.trips += answered[0]
            answered[0] = False
            if self._delay:
                time.sleep(self._delay)
            server.sendall(data)
        server.close()

    @staticmethod
    def _back(server: socket.socket, client: socket.socket, answered: list[bool]) -> None:
        try:
            while data := server.recv(1 << 20):
                answered[0] = True
                client.sendall(data)
        except OSError:
            return  # either side has gone


def main(place: str, delay: float) -> None:
    host, port = place.rsplit(":", 1)
    link = Link((host, int(port)), delay)
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()

    def accept() -> None:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=link.serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    for _ in sys.stdin:
        sys.stdout.write(f"{link.trips}\n")
        sys.stdout.flush()
        link.trips = 0


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
