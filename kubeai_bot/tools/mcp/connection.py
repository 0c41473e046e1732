"""One connection, with the one task that owns it: opens it, watches it, closes it, opens it again."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Generator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import anyio
import structlog
from mcp import Client, MCPError
from mcp.client.subscriptions import SubscriptionLost
from mcp.shared.dispatcher import ProgressFnT
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, ToolListChangedNotification
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from kubeai_bot.errors import ToolError
from kubeai_bot.tools.mcp.asker import Asker
from kubeai_bot.tools.mcp.catalogue import Catalogue, catalogue_of, read_listing
from kubeai_bot.tools.mcp.errand import Errand, errand
from kubeai_bot.tools.mcp.exchange import DECLINED, decline, exchange
from kubeai_bot.tools.mcp.failures import Gone, first_of, reason
from kubeai_bot.tools.mcp.reach import Handlers, Reach
from kubeai_bot.tools.mcp.wording import one_line

log = structlog.get_logger(__name__)

RELIST = 300.0
"""Seconds after which a server is asked for its tools again though it said nothing."""
GRACE = 120.0
"""Seconds for which the tools of a lost server are still offered: most come back at once."""
_PAUSE = 0.5
"""Seconds between two lists, whatever the server says about changes."""
_WAITED = 5.0
"""Seconds a call waits for a connection."""
_FIRST_DELAY, _LAST_DELAY = 0.2, 30.0
_HELD = 10.0
"""Seconds a connection must have held for the next delay to be the first again."""
_STOPPING = (5.0, 2.0)
"""Seconds that a connection gets to close, and again, because the SDK may lose a cancellation while it connects."""


@dataclass(slots=True)
class State:
    """How it stands. `why` it is not connected, in one line; `since` it is as it is."""

    connected: bool = False
    why: str = "not connected yet"
    protocol: str = ""
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    catalogue: Catalogue = field(default_factory=lambda: Catalogue({}))


class Connection:
    """To one server, as `asker` (None: as the bot itself, with nothing said about a person)."""

    def __init__(self, reach: Reach, asker: Asker | None = None, reserved: frozenset[str] = frozenset()) -> None:
        self.server = reach.server
        self.state = State()
        self.last_used = time.monotonic()
        self._reach = reach
        self._asker = asker
        self._reserved = reserved
        self._client: Client | None = None
        self._ready = asyncio.Event()
        self._again = asyncio.Event()
        self._ended = ""
        self._lost_at = -GRACE
        self._users = 0
        self._calls: set[Errand] = set()
        self._task: asyncio.Task[None] | None = None

    # --- for the toolset ---

    def start(self) -> None:
        self._task = asyncio.create_task(self._own(), name=f"mcp {self.server.name}")
        self._task.add_done_callback(self._over)

    async def stop(self) -> None:
        """Bounded: a server that does not let go is left behind."""
        if self._task is None:
            return
        left = {self._task}
        for seconds in _STOPPING:
            self._task.cancel()
            _, left = await asyncio.wait(left, timeout=seconds)
            if not left:
                return
        log.warning("mcp connection did not close in time", server=self.server.name)

    @property
    def catalogue(self) -> Catalogue:
        """What is offered at present."""
        offered = self.state.connected or time.monotonic() - self._lost_at < GRACE
        return self.state.catalogue if offered else Catalogue({}, self.state.catalogue.left_out)

    @property
    def in_use(self) -> bool:
        return self._users > 0

    @contextmanager
    def held(self) -> Generator[None]:
        """Not to be closed for idleness meanwhile."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self.last_used = time.monotonic()

    async def wait_ready(self, seconds: float = _WAITED) -> None:
        """Raises ToolError where there is no connection in time."""
        try:
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        except TimeoutError:
            raise ToolError(
                f"The MCP server {self.server.name} is not connected: {self.state.why}. Nothing was sent."
            ) from None

    async def refresh(self) -> Catalogue:
        """The catalogue as the server gives it now. Raises ToolError."""
        client = self._connected()
        token = errand.set(here := Errand())
        try:
            await self._read(client)
        except (MCPError, ValueError, TimeoutError, RuntimeError, anyio.ClosedResourceError) as error:
            self._again.set()
            why = reason(error, here, self.server.connect_timeout)
            raise ToolError(f"The MCP server {self.server.name} did not list its tools: {why}.") from error
        finally:
            errand.reset(token)
        return self.state.catalogue

    async def call(
        self, name: str, arguments: Mapping[str, Any], here: Errand, progress: ProgressFnT
    ) -> CallToolResult:
        """Call a tool by the server's own name. Raises what the SDK raises; what is known beyond that is in `here`."""
        client = self._connected()
        token = errand.set(here)
        self._calls.add(here)
        try:
            return await exchange(client.session, name, arguments, self.server.timeout, progress)
        except (MCPError, ValueError, RuntimeError, OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._again.set()  # perhaps it is the connection: the owner looks
            raise
        finally:
            self._calls.discard(here)
            errand.reset(token)

    def _connected(self) -> Client:
        if self._client is None:
            raise ToolError(f"The MCP server {self.server.name} is not connected: {self.state.why}. Nothing was sent.")
        return self._client

    # --- the owner ---

    async def _own(self) -> None:
        delay = _FIRST_DELAY
        while True:
            errand.set(here := Errand())
            started, why = time.monotonic(), ""
            try:
                await self._live()
            except* Exception as group:  # noqa: BLE001  # whatever a server does, it is tried again
                why = reason(group, errand.get() or here, self.server.connect_timeout)
                log.debug("mcp connection ended", server=self.server.name, error=one_line(repr(first_of(group)), 300))
            self._lost(self._ended or why or "the connection ended")
            delay = _FIRST_DELAY if time.monotonic() - started > _HELD else min(delay * 2, _LAST_DELAY)
            asked_to_wait = (errand.get() or here).retry_after or 0.0
            await asyncio.sleep(max(delay * random.uniform(0.5, 1.0), min(asked_to_wait, 300.0)))  # noqa: S311

    async def _live(self) -> None:
        """From the handshake to the end of the connection. Raises."""
        self._ended = ""
        self._again.clear()
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(self.server.connect_timeout):
                handlers = Handlers(self._notice, self._question, self._end)
                client = await stack.enter_async_context(self._reach.open(self._asker, handlers))
            errand.set(Errand())
            await self._read(client)
            self._found(client)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._listen, client)
                try:
                    await self._watch(client)
                finally:
                    self._client = None
                    self._ready.clear()
                    tasks.cancel_scope.cancel()

    async def _watch(self, client: Client) -> None:
        """Read the tools again when there is cause, until that fails."""
        while True:
            await anyio.sleep(_PAUSE)
            with anyio.move_on_after(RELIST):
                await self._again.wait()
            self._again.clear()
            if self._ended:
                raise Gone(self._ended)
            errand.set(Errand())
            try:
                await self._read(client)
            except (TimeoutError, ValidationError):
                if not self._calls:  # a server that is busy with calls may be slow with lists
                    raise

    async def _read(self, client: Client) -> None:
        server = self.server
        async with asyncio.timeout(server.connect_timeout):
            listing = await read_listing(client.session, server)
        catalogue = await asyncio.to_thread(catalogue_of, server, listing, self._reserved)
        before, self.state.catalogue = self.state.catalogue, catalogue
        prints = [{name: tool.fingerprint for name, tool in each.tools.items()} for each in (before, catalogue)]
        if prints[0] != prints[1] or before.left_out != catalogue.left_out:
            self.state.since = datetime.now(UTC)
            log.info("mcp tools", server=server.name, tools=len(catalogue.tools), left_out=len(catalogue.left_out))

    async def _listen(self, client: Client) -> None:
        """Changes of the list, where the protocol has a stream for them; older servers send a notification."""
        tools = client.server_capabilities.tools
        if client.protocol_version not in MODERN_PROTOCOL_VERSIONS or tools is None or not tools.list_changed:
            return
        errand.set(Errand())
        delay = 1.0
        while True:
            try:
                async with client.listen(tools_list_changed=True) as changes:
                    delay = 1.0
                    async for _ in changes:
                        self._again.set()
            except (MCPError, SubscriptionLost, TimeoutError) as error:
                log.debug("mcp change stream ended", server=self.server.name, why=one_line(error))
            await anyio.sleep(delay)
            delay = min(delay * 2, RELIST)
            self._again.set()  # something may have changed meanwhile

    def _found(self, client: Client) -> None:
        self._client = client
        self.state.connected, self.state.why = True, ""
        self.state.protocol, self.state.since = client.protocol_version, datetime.now(UTC)
        self._ready.set()
        log.info("mcp server connected", server=self.server.name, protocol=client.protocol_version)

    def _lost(self, why: str) -> None:
        self._client = None
        self._ready.clear()
        state = self.state
        if state.connected:
            self._lost_at = time.monotonic()
        if state.connected or state.why != why:
            state.connected, state.why, state.since = False, why, datetime.now(UTC)
            log.warning("mcp server not connected", server=self.server.name, why=why)

    def _over(self, task: asyncio.Task[None]) -> None:
        """The owner never ends but for `stop`; if it does all the same, nobody shall have to guess."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("mcp supervision crashed", server=self.server.name, exc_info=error)
            self._lost("its supervision crashed inside the bot; a restart of the bot brings it back")

    # --- what the server says of its own accord ---

    def _end(self, why: str) -> None:
        self._ended = why
        self._again.set()

    async def _notice(self, message: object) -> None:
        if isinstance(message, ToolListChangedNotification | Exception):
            self._again.set()

    async def _question(self, context: object, params: ElicitRequestParams) -> ElicitResult:
        """A question to the person from a server of the older generation: declined. Over stdio nothing tells which call
        it belongs to; with several on their way nobody is shown its words."""
        del context
        here = errand.get()
        if here is not None and here.tell is not None:
            await decline(here, one_line(params.message, 200))
        else:
            words = one_line(params.message, 200) if len(self._calls) == 1 else "something"
            for call in list(self._calls):
                await decline(call, words)
        return DECLINED
