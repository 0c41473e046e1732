"""Stores that commands open one after the other, and what the commands say."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from kubeai_bot.commands.sessions import OpenedStore, sessions_app
from kubeai_bot.domain.message import Source
from kubeai_bot.domain.session import TurnRef, Usage
from kubeai_bot.domain.storage import Claim, Retention, SessionChange
from kubeai_bot.stores.filesystem.opening import open_filesystem, open_filesystem_read_only
from kubeai_bot.stores.memory import MemoryStore
from tests.stores.backend import Clocks


@dataclass
class Place:
    """A store that commands open one after the other, and what they say."""

    root: Path | None
    retention: Retention = Retention()
    clocks: Clocks = field(default_factory=Clocks)
    opened_read_only: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.memory = MemoryStore(self.clocks.time, self.clocks.monotonic)

    @asynccontextmanager
    async def open(self, env_file: Path | None, read_only: bool):
        self.opened_read_only.append(read_only)
        if self.root is None:
            yield OpenedStore(self.memory, self.retention)
        elif read_only:
            async with open_filesystem_read_only(self.root) as store:
                yield OpenedStore(store, self.retention)
        else:
            async with open_filesystem(self.root, self.clocks.time, self.clocks.monotonic) as store:
                yield OpenedStore(store, self.retention)

    def do(self, work) -> Any:
        async def opened() -> Any:
            async with self.open(None, read_only=False) as each:
                return await work(each.store)

        return asyncio.run(opened())

    def run(self, *words: str, code: int = 0, answer: str | None = None):
        result = CliRunner().invoke(sessions_app(self.open), list(words), input=answer, prog_name="sessions")
        assert result.exit_code == code, result.output
        return result

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").stdout)


def talk(make, place: Place, text: str = "why does checkout fail?", speaker=None, unread: bool = False) -> str:
    async def talked(store) -> str:
        incoming = make.incoming(text=text, speaker=speaker or make.mia)
        receipt = await store.receive(incoming, Claim("a", 30))
        consume = [item.id for item in receipt.tail.inbox]
        turn = TurnRef("t1", make.as_mia, incoming.ts, make.noon)
        messages = [make.message(text, source=Source.USER, speaker=incoming.speaker), make.message("out of memory\x00")]
        change = SessionChange(turn=turn, last_identity=make.as_mia, add_usage=Usage(1000, 200, 600), model="gpt-x")
        await store.append(receipt.lease, 0, make.step(), messages, consume, change)
        await store.append(receipt.lease, 2, make.step(), change=SessionChange(turn=None))
        await store.record_feedback(receipt.session_id, "t1", "U0OMAR", "negative", "no")
        await store.release(receipt.lease)
        if unread:
            await store.receive(make.incoming(incoming.thread, "and now?"))
        return receipt.session_id

    return place.do(talked)


def ids(place: Place) -> set[str]:
    return {session["id"] for session in place.json("list")}
