"""The stdio transport: one child process in a process group of its own, newline-delimited JSON-RPC over its pipes.

In place of the SDK's, which keeps lines of any length, hands on more of the environment than we want, and does not
say when the child is gone. https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#stdio
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import anyio
import structlog
from anyio.streams.memory import MemoryObjectSendStream
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from mcp_types import CONNECTION_CLOSED, ErrorData, JSONRPCError, JSONRPCRequest, jsonrpc_message_adapter
from pydantic import ValidationError

from kubeai_bot.tools.mcp.config import McpServer
from kubeai_bot.tools.mcp.errand import errand
from kubeai_bot.tools.mcp.wording import one_line, size

log = structlog.get_logger(__name__)

_CHUNK = 65536
_GRACE = 1.5
"""Seconds a child has to end after its stdin is closed, and again after SIGTERM."""
_SPEWED = 20
"""A line longer than this many times the limit ends the connection."""
_ID = re.compile(rb'"id"\s*:\s*(\d{1,15})\b')

Stdio = tuple["anyio.abc.ObjectReceiveStream[SessionMessage | Exception]", "_Stdin"]


@asynccontextmanager
async def stdio_transport(server: McpServer, ended: Callable[[str], None]) -> AsyncGenerator[Stdio]:
    """Start the child; `ended` is told, in words, when its output ends while the block runs. Raises OSError."""
    child = _Child.of(
        await asyncio.create_subprocess_exec(
            *server.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(server),
            cwd=server.cwd or None,
            start_new_session=True,
        )
    )
    closing = asyncio.Event()

    def tell(why: str) -> None:
        if not closing.is_set():
            ended(why)

    try:
        arriving, reading = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        async with anyio.create_task_group() as tasks, arriving, reading:
            tasks.start_soon(_read, child, server, arriving, tell)
            tasks.start_soon(_log_stderr, child, server.name)
            try:
                yield reading, _Stdin(child.stdin)
            finally:
                closing.set()
                reading.close()
                with anyio.CancelScope(shield=True):
                    await _end(child)
                tasks.cancel_scope.cancel()
    finally:
        child.signal(signal.SIGKILL)  # whatever of the group is left


def _environment(server: McpServer) -> dict[str, str]:
    """PATH, HOME and LANG; nothing else of ours, which holds every secret of the bot."""
    inherited = get_default_environment()
    return (
        {name: inherited[name] for name in ("PATH", "HOME") if name in inherited} | {"LANG": "C.UTF-8"} | {**server.env}
    )


@dataclass(frozen=True, slots=True)
class _Child:
    process: asyncio.subprocess.Process
    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader

    @staticmethod
    def of(process: asyncio.subprocess.Process) -> _Child:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise OSError("the child has no pipes")
        return _Child(process, process.stdin, process.stdout, process.stderr)

    async def gone(self, seconds: float) -> bool:
        """Whether the process has ended; asked again and again because `wait` also waits for the pipes."""
        with anyio.move_on_after(seconds):
            while self.process.returncode is None:  # noqa: ASYNC110  # there is no event to wait for
                await anyio.sleep(0.01)
        return self.process.returncode is not None

    def let_go(self) -> None:
        """Close our ends of the pipes: a descendant that has left the group may hold the others for ever. There is no
        public way to; the SDK does the same."""
        transport: Any = getattr(self.process, "_transport", None)
        if transport is not None:
            with contextlib.suppress(PermissionError):
                transport.close()

    def signal(self, number: signal.Signals) -> None:
        """To every process of the group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)


class _Stdin:
    """The SDK's WriteStream: each message is written by whoever sends it, one after the other."""

    def __init__(self, pipe: asyncio.StreamWriter) -> None:
        self._pipe = pipe
        self._pipe.transport.set_write_buffer_limits(high=0)  # what was sent has left us: nothing waits to begin late
        self._lock = asyncio.Lock()

    async def send(self, item: SessionMessage, /) -> None:
        line = item.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
        async with self._lock:
            if (here := errand.get()) is not None and isinstance(item.message, JSONRPCRequest):
                here.begin()
            try:
                self._pipe.write(line)
                await self._pipe.drain()
            except OSError as error:
                raise anyio.BrokenResourceError from error

    async def aclose(self) -> None:
        self._pipe.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


async def _read(
    child: _Child,
    server: McpServer,
    arriving: MemoryObjectSendStream[SessionMessage | Exception],
    ended: Callable[[str], None],
) -> None:
    why = "its process closed its output"
    async with arriving:  # closed last: whoever finds it closed then knows why
        try:
            async for line in _lines(child.stdout, server.max_bytes):
                message = line if isinstance(line, SessionMessage) else _parsed(line, server.name)
                if message is not None:
                    await arriving.send(message)
        except _Spew:
            why = f"it wrote a line of more than {size(server.max_bytes * _SPEWED)}"
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return  # the session has ended first
        await child.gone(0.2)
        code = child.process.returncode
        if code is not None:
            why = f"its process ended with {f'exit code {code}' if code >= 0 else f'signal {-code}'}"
        ended(why)


class _Spew(Exception):
    pass


async def _lines(pipe: asyncio.StreamReader, limit: int) -> AsyncIterator[bytes | SessionMessage]:
    """Lines without their end; for one that is too long the error that its request gets."""
    kept, dropped = bytearray(), 0
    while chunk := await pipe.read(_CHUNK):
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            if not dropped and len(kept) + len(piece) <= limit:
                yield bytes(kept + piece)
            elif not dropped and (error := _too_long(bytes(kept + piece), limit)):
                yield error
            kept.clear()
            dropped = 0
        if dropped:
            dropped += len(rest)
        else:
            kept += rest
            if len(kept) > limit:
                if error := _too_long(bytes(kept), limit):
                    yield error
                dropped = len(kept)
                kept.clear()
        if dropped > limit * _SPEWED:
            raise _Spew


def _too_long(line: bytes, limit: int) -> SessionMessage | None:
    found = _ID.search(line[:2048])
    if found is None:
        return None
    error = ErrorData(code=CONNECTION_CLOSED, message=f"its reply is larger than {size(limit)}")
    return SessionMessage(JSONRPCError(jsonrpc="2.0", id=int(found[1]), error=error))


def _parsed(line: bytes, name: str) -> SessionMessage | None:
    if not line.strip():
        return None
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValidationError:
        log.debug("mcp server wrote something else than a message", server=name, size=len(line))
        return None


async def _log_stderr(child: _Child, name: str) -> None:
    while chunk := await child.stderr.read(_CHUNK):
        for line in chunk[:4096].splitlines()[:20]:
            log.debug("mcp server's stderr", server=name, line=one_line(line.decode(errors="replace"), 300))


async def _end(child: _Child) -> None:
    """Close its stdin, wait, SIGTERM, wait, SIGKILL: the order of the specification, for the whole group."""
    child.stdin.close()
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        if number is not None:
            child.signal(number)
        if await child.gone(_GRACE):
            break
    child.signal(signal.SIGKILL)  # children that outlive it hold its pipes
    child.let_go()
    await asyncio.sleep(0)
