"""A command's streams over a WebSocket: binary messages whose first byte is the channel (v5.channel.k8s.io).

https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import secrets
from collections.abc import Mapping
from typing import Any, Protocol, cast

import httpx2
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT
from websockets.protocol import Protocol as Frames

from kubeai_bot.domain.cluster import Command, CommandOutput
from kubeai_bot.errors import ApiStatus, Unreachable

Headers = list[tuple[bytes, bytes]]

_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_STDOUT, _STDERR, _STATUS = 1, 2, 3
_CHUNK = 64 * 1024
_LARGEST_MESSAGE = 4 * 1024 * 1024
_STATUS_BYTES = 64 * 1024

# The library logs every frame, which is a command's output, at DEBUG; outside of the tree, nothing turns that on.
_SILENT = logging.Logger("kubeai_bot.kube.channels", logging.CRITICAL + 1)  # noqa: LOG001


class Stream(Protocol):
    """The connection after the upgrade (httpcore's AsyncNetworkStream)."""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes: ...

    async def write(self, buffer: bytes, timeout: float | None = None) -> None: ...


class Handshake:
    """The headers that ask for a WebSocket, and whether the answer grants it (RFC 6455, section 4)."""

    def __init__(self) -> None:
        self._key = base64.b64encode(secrets.token_bytes(16))

    @property
    def headers(self) -> Headers:
        return [
            (b"Connection", b"Upgrade"),
            (b"Upgrade", b"websocket"),
            (b"Sec-WebSocket-Key", self._key),
            (b"Sec-WebSocket-Version", b"13"),
            (b"Sec-WebSocket-Protocol", ", ".join(_PROTOCOLS).encode()),
        ]

    def stream(self, cluster: str, response: httpx2.Response) -> Stream:
        """The connection of an answer 101. Raises Unreachable for one that does not fit the request."""
        expected = base64.b64encode(hashlib.sha1(self._key + _GUID, usedforsecurity=False).digest()).decode()
        chosen = response.headers.get("Sec-WebSocket-Protocol", "")
        if response.headers.get("Sec-WebSocket-Accept") != expected or chosen not in _PROTOCOLS:
            raise Unreachable(f"cluster {cluster} did not answer as a WebSocket should: is a proxy in between?")
        return cast("Stream", response.extensions["network_stream"])


class CommandStreams:
    """What comes of a command, read until its end, its time or its room is up."""

    def __init__(self, cluster: str, command: Command, audit_id: str) -> None:
        self._cluster = cluster
        self._room = command.max_bytes
        self._audit_id = audit_id
        self._frames = Frames(CLIENT, max_size=_LARGEST_MESSAGE, logger=_SILENT)
        self._outputs = {_STDOUT: bytearray(), _STDERR: bytearray()}
        self._status = bytearray()
        self._channel = 0
        self._truncated = False
        self._ended = False

    async def read(self, stream: Stream) -> CommandOutput:
        """Raises ApiStatus where the command could not be started, Unreachable where the connection broke."""
        while not self._ended and not self._truncated:
            data = await stream.read(_CHUNK)
            if data:
                self._frames.receive_data(data)
            else:
                self._frames.receive_eof()
            for event in self._frames.events_received():
                self._take(cast("Frame", event))
            for out in self._frames.data_to_send():
                if out:
                    await stream.write(out)
            if not self._ended and (not data or self._frames.close_expected()):
                raise Unreachable(f"cluster {self._cluster}: the connection broke before the command had ended")
        return self.so_far()

    def so_far(self) -> CommandOutput:
        """What has come, with the exit code if the command has ended."""
        code = self._exit_code() if self._ended else None
        stdout, stderr = (self._outputs[channel].decode(errors="replace") for channel in (_STDOUT, _STDERR))
        return CommandOutput(stdout, stderr, code, self._truncated, self._audit_id)

    def _take(self, frame: Frame) -> None:
        data = bytes(frame.data)
        if frame.opcode in (Opcode.BINARY, Opcode.TEXT):  # a continuation goes on in the same channel
            self._channel, data = (data[0], data[1:]) if data else (0, b"")
        elif frame.opcode is not Opcode.CONT:
            return
        if self._channel == _STATUS:
            self._status += data[: _STATUS_BYTES - len(self._status)]
            self._ended = frame.fin
        elif (output := self._outputs.get(self._channel)) is not None:
            self._truncated = self._truncated or len(data) > self._room
            output += data[: self._room]
            self._room -= min(len(data), self._room)

    def _exit_code(self) -> int:
        """From a Status (meta/v1): success, or failure with the exit code among its causes."""
        try:
            found: Any = json.loads(bytes(self._status))
        except ValueError as error:
            raise Unreachable(f"cluster {self._cluster} sent a broken status of the command") from error
        status = cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}
        if status.get("status") == "Success":
            return 0
        for cause in (status.get("details") or {}).get("causes") or ():
            if cause.get("reason") == "ExitCode" and str(cause.get("message")).isdigit():
                return int(cause["message"])
        message = str(status.get("message") or "the command could not be run")
        # 400 and not 500: the container's runtime has said that the command did not run
        raise ApiStatus(400, str(status.get("reason") or ""), message)
