"""The demo cluster as a backend of the contract suite: an empty scenario, in a thread with a loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from contract_backend import AuditLine
from seeding import TOKENS

from kubeai_bot.playground.cluster.scenario import Scenario
from kubeai_bot.playground.cluster.server import DemoCluster

_START_SECONDS = 20.0


class DemoBackend:
    name = "demo"
    verify = True

    def __init__(self, cluster: DemoCluster, loop: asyncio.AbstractEventLoop) -> None:
        self.cluster = cluster
        self.url = cluster.url
        self._loop = loop

    def audit(self) -> list[AuditLine]:
        return [
            AuditLine(
                request.verb,
                request.path,
                request.user or "",
                request.impersonated_user,
                request.impersonated_groups,
                dict(request.impersonated_extra),
                request.status or 0,
            )
            for request in list(self.cluster.requests)
        ]

    def compact(self) -> None:
        done = threading.Event()
        self.call(self.cluster.state.store.compact)
        self.call(done.set)
        assert done.wait(_START_SECONDS)

    def call(self, function: Callable[[], object]) -> None:
        """Runs a function in the server's loop, soon."""
        self._loop.call_soon_threadsafe(function)


@contextmanager
def demo_backend() -> Generator[DemoBackend]:
    ready: list[DemoBackend] = []
    started = threading.Event()
    stop: list[asyncio.Event] = []

    async def serve() -> None:
        stop.append(asyncio.Event())
        cluster = DemoCluster(Scenario.empty())
        for token, (user, groups) in TOKENS.items():
            cluster.add_token(token, user, groups)
        async with cluster:
            ready.append(DemoBackend(cluster, asyncio.get_running_loop()))
            started.set()
            await stop[0].wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(_START_SECONDS), "the demo cluster did not start"
    try:
        yield ready[0]
    finally:
        ready[0].call(stop[0].set)
        thread.join(_START_SECONDS)
        assert not thread.is_alive()
