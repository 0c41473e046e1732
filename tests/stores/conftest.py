"""Every backend under the contract suite, and builders for what goes into a store.

A further backend joins by adding a driver to `DRIVERS`: an async context manager that yields a `Backend`
(tests/stores/backend.py says what that must offer).
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.message import Message, Source, Text
from kubeai_bot.domain.session import InboxKind, Incoming, ThreadRef
from kubeai_bot.domain.storage import Lease
from kubeai_bot.interfaces import SessionStore
from tests.stores.backend import Backend, OpenBackend, open_memory
from tests.stores.commands_place import Place
from tests.stores.filesystem_driver import open_filesystem_backend
from tests.stores.postgres_driver import open_pooled, open_straight

# --- backends ---

DRIVERS: Mapping[str, OpenBackend] = {
    "memory": open_memory,
    "filesystem": open_filesystem_backend,
    "postgres": open_straight,
    "postgres behind pgbouncer": open_pooled,
}


@pytest.fixture(params=sorted(DRIVERS))
def open_backend(request: pytest.FixtureRequest) -> OpenBackend:
    return DRIVERS[request.param]


@pytest.fixture
async def backend(open_backend: OpenBackend) -> AsyncIterator[Backend]:
    async with open_backend() as opened:
        yield opened


@pytest.fixture
def store(backend: Backend) -> SessionStore:
    return backend.store


# --- what goes in ---

NOON = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
MIA = Speaker("T0SHOP", "U0MIA")
OMAR = Speaker("T0SHOP", "U0OMAR")
AS_MIA = Identity(MIA, "mapping", KubeUser("mia@shop.example", ("shop-developers",)), NOON)


@dataclass
class Make:
    """Builds distinct values; what matters to a test is given, the rest made up."""

    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    mia = MIA
    omar = OMAR
    as_mia = AS_MIA
    noon = NOON

    def thread(self) -> ThreadRef:
        return ThreadRef("T0SHOP", "C0ONCALL", f"1790000000.{next(self.numbers):06}")

    def incoming(  # one keyword per field that tests vary
        self,
        thread: ThreadRef | None = None,
        text: str = "why does checkout fail?",
        *,
        opens: bool = True,
        kind: InboxKind = "message",
        keys: tuple[str, ...] | None = None,
        speaker: Speaker = MIA,
    ) -> Incoming:
        number = next(self.numbers)
        ts = f"1790000000.{number:06}"
        keys = (f"Ev{number:06}", f"C0ONCALL/{ts}") if keys is None else keys
        return Incoming(keys, thread or self.thread(), speaker, kind, text, ts, opens, NOON)

    def message(self, text: str = "the pod is out of memory", **fields: Any) -> Message:
        values: dict[str, Any] = {
            "turn_id": "t1",
            "source": Source.MODEL,
            "payload": Text(text),
            "identity": AS_MIA,
            "at": NOON,
        }
        return Message(**(values | fields))

    def step(self) -> str:
        return f"step-{next(self.numbers)}"

    async def session(self, store: SessionStore, thread: ThreadRef | None = None, text: str = "help me") -> str:
        """A new session with one unread message."""
        receipt = await store.receive(self.incoming(thread, text))
        assert receipt.session_id is not None
        return receipt.session_id

    async def held(self, store: SessionStore, owner: str = "a", ttl: float = 30) -> Lease:
        """The lease of a new session."""
        lease = await store.lease(await self.session(store), owner, ttl)
        assert lease is not None
        return lease


@pytest.fixture
def make() -> Make:
    return Make()


# --- commands ---


@pytest.fixture(params=["memory", "filesystem"])
def place(request, tmp_path) -> Place:
    made = Place(None if request.param == "memory" else tmp_path / "sessions")
    made.do(lambda store: store.usage())  # makes the folder
    return made


@pytest.fixture
def elsewhere(tmp_path) -> Place:
    return Place(None)
