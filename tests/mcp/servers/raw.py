"""JSON-RPC by hand, over stdio and HTTP, so that a server can lie. Nothing here but the standard library: it starts at
once. A liar overrides what it lies about; the rest is answered as the protocol wants it, in both generations."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

Json = dict[str, Any]
Said = Iterator[Json | bytes]
"""What is sent, piece by piece: messages, or bytes as they are."""

PLAIN_SCHEMA: Json = {"type": "object", "properties": {}}
NO_CACHE: Json = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}


class Liar:
    """A server that does not lie yet: one tool `greet` that says hello."""

    stays = False
    """Whether the program goes on after its stdin has ended."""

    def __init__(self, *, legacy: bool) -> None:
        self.legacy = legacy

    def answer(self, message: Mapping[str, Any]) -> Said:
        """Everything that is sent because of one message."""
        method, params = str(message.get("method")), cast("Json", message.get("params") or {})
        if "id" not in message:
            return self.notice(method, params)
        number = cast("int | str", message["id"])
        match method:
            case "server/discover" if not self.legacy:
                return self.discover(number)
            case "initialize":
                return self.initialize(number)
            case "tools/list":
                return self.list(number, params)
            case "tools/call":
                return self.call(number, params)
            case "ping":
                return iter((result(number, {}),))
            case "subscriptions/listen" if not self.legacy:
                return self.listen(number, params)
            case _:
                return iter((failure(number, -32601, f"Method not found: {method}"),))

    def discover(self, number: int | str) -> Said:
        about = {
            "supportedVersions": ["2026-07-28"],
            "capabilities": {"tools": {"listChanged": True}},
            "serverInfo": {"name": "liar", "version": "1"},
        }
        yield result(number, {**about, **NO_CACHE})

    def initialize(self, number: int | str) -> Said:
        about = {"capabilities": {"tools": {"listChanged": True}}, "serverInfo": {"name": "liar", "version": "1"}}
        yield result(number, {"protocolVersion": "2025-11-25", **about})

    def list(self, number: int | str, params: Json) -> Said:
        yield result(number, {"tools": self.tools(), **NO_CACHE})

    def tools(self) -> list[Json]:
        return [tool("greet", "Says hello.")]

    def call(self, number: int | str, params: Json) -> Said:
        yield result(number, text("hello"))

    def listen(self, number: int | str, params: Json) -> Said:
        """The modern generation's subscription: acknowledged, then silent."""
        yield subscribed(number, {"toolsListChanged": True})
        threading.Event().wait()

    def notice(self, method: str, params: Json) -> Said:
        yield from ()


def result(number: int | str, given: Json) -> Json:
    return {"jsonrpc": "2.0", "id": number, "result": given}


def failure(number: int | str, code: int, message: str) -> Json:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}


def note(method: str, params: Json | None = None) -> Json:
    return {"jsonrpc": "2.0", "method": method, **({} if params is None else {"params": params})}


def subscribed(number: int | str, what: Json) -> Json:
    meta = {"io.modelcontextprotocol/subscriptionId": number}
    return note("notifications/subscriptions/acknowledged", {"notifications": what, "_meta": meta})


def list_changed(number: int | str | None) -> Json:
    """`number`: the subscription that it belongs to; None in the old generation."""
    meta = None if number is None else {"_meta": {"io.modelcontextprotocol/subscriptionId": number}}
    return note("notifications/tools/list_changed", meta)


def tool(name: str, description: str = "", schema: object = None, **more: object) -> Json:
    return {"name": name, "description": description, "inputSchema": schema or PLAIN_SCHEMA, **more}


def text(words: str, **more: object) -> Json:
    return {"content": [{"type": "text", "text": words}], "resultType": "complete", **more}


def serve(liar: Liar, options: argparse.Namespace) -> None:
    """Until stdin ends, or for ever over HTTP; the port stands on the first line of stdout."""
    if options.port is None:
        _serve_stdio(liar)
        return
    server = ThreadingHTTPServer(("127.0.0.1", options.port), _handler(liar))
    server.daemon_threads = True
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


def _serve_stdio(liar: Liar) -> None:
    lock = threading.Lock()

    def say(message: Mapping[str, Any]) -> None:
        for piece in liar.answer(message):
            data = piece if isinstance(piece, bytes) else json.dumps(piece).encode() + b"\n"
            with lock:
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()

    for line in sys.stdin:
        threading.Thread(target=say, args=(json.loads(line),), daemon=True).start()
    if liar.stays:
        threading.Event().wait()
    os._exit(0)  # whatever still hangs in a thread


def _handler(liar: Liar) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            message = cast("Json", json.loads(self.rfile.read(int(self.headers["content-length"]))))
            if "id" not in message:
                for _ in liar.answer(message):
                    pass
                self.send_response(202)
                self.send_header("content-length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            self.close_connection = True
            try:
                for piece in liar.answer(message):
                    data = piece if isinstance(piece, bytes) else f"data: {json.dumps(piece)}\n\n".encode()
                    self.wfile.write(data)
                    self.wfile.flush()
            except ConnectionError:
                return

        def do_GET(self) -> None:
            self.send_response(405)
            self.send_header("content-length", "0")
            self.end_headers()

        def do_DELETE(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has in http.server
            return

    return Handler
