"""What a turn costs in the session store, beside other systems' stores on the same PostgreSQL: `make bench-sessions`.

A turn takes over the session with what the model needs of its history, appends four messages (question, call of 300 B,
result of 4 KB, answer of 1 KB) and updates the state. Everything is a ratio within one run on one server with default
durability; the other systems run in an environment of their own (`rivals/`), named as the first argument. `--only`
measures some sections and leaves the written results alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import structlog

sys.path.insert(0, str(Path(__file__).parent.parent))

from contenders import MINIMAL, OURS, RAW, RIVALS, Contender, Here, all_at_once, link, rivals, side_by_side
from own_stores import MIA, Minimal, Ours, RawCommit, four_messages, open_pool, wal_position
from targets import LENGTHS, Found, tell
from turn import Model, Resolver, Stage, Tools, turns

from kubeai_bot.agent.parts import TurnParts, TurnRules
from kubeai_bot.agent.runner import Pace, Runner
from kubeai_bot.audit.memory import MemoryAudit
from kubeai_bot.domain.message import ToolCallRequest, ToolCallResponse
from kubeai_bot.domain.redaction.redactor import Redaction
from kubeai_bot.domain.session import Incoming, ThreadRef
from kubeai_bot.domain.storage import Claim
from kubeai_bot.errors import StoreError
from kubeai_bot.stores.postgres.engine import Limits
from kubeai_bot.stores.postgres.opening import open_postgres
from kubeai_bot.tools.kubernetes.rights import ClusterRights
from tests.stores.postgres_server import Server

ROUNDS = 60
AWAY = 0.0025
DURABLE = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "256MB"}


async def timed(turn: Callable[[], Awaitable[Any]], rounds: int = ROUNDS) -> float:
    """Median milliseconds."""
    for _ in range(3):
        await turn()
    took: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        await turn()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


async def wal_of_a_turn(store: Any, url: str, length: int) -> float:
    """Bytes of write-ahead log: the median of blocks, for now and then the server writes of its own accord."""
    name = uuid.uuid4().hex
    await store.create(name)
    await store.fill(name, length)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("CHECKPOINT")
        for _ in range(100):
            await store.turn(name)
        positions = [await wal_position(connection)]
        for _ in range(20):
            for _ in range(10):
                await store.turn(name)
            positions.append(await wal_position(connection))
        return statistics.median(after - before for before, after in pairwise(positions)) / 10


async def load_among(url: str, counts: Sequence[int], blocks: int = 10) -> dict[int, float]:
    """Median milliseconds to load one session of 100 messages among so many messages of others, each in a database of
    its own. They are filled and at rest first, and take turns then."""
    took: dict[int, list[float]] = {others: [] for others in counts}
    async with AsyncExitStack() as stack:
        loads = {others: await _one_among(stack, url, others) for others in counts}
        for _ in range(blocks):
            for others, load in loads.items():
                took[others].append(await timed(load))
    return {others: statistics.median(each) for others, each in took.items()}


async def _one_among(stack: AsyncExitStack, url: str, others: int) -> Callable[[], Awaitable[object]]:
    place = psycopg.conninfo.conninfo_to_dict(url)
    database = f"among_{others}"
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(f"CREATE DATABASE {database}")
    url = f"postgresql://{place['user']}@{place['host']}:{place['port']}/{database}"
    store = await stack.enter_async_context(open_postgres(url))
    ours = Ours(store)
    await ours.create("one")
    await ours.fill("one", 100)
    session = await store.find(ThreadRef("T0SHOP", "C0ONCALL", "one"))
    assert session is not None
    filler = await store.dump(session.id)
    for number in range(others // 100):
        other = replace(session, id=uuid.uuid4().hex[:24], thread=ThreadRef("T0SHOP", "C0OTHER", str(number)))
        assert await store.restore(replace(filler, session=other))
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
    return partial(store.load, session.id)


async def race(url: str, each: int = 100) -> Found:
    """Two workers with pools of their own, on one session at the same moment."""
    errors: list[str] = []
    thread = ThreadRef("T0SHOP", "C0ONCALL", uuid.uuid4().hex)

    async def worker(name: str) -> None:
        async with open_postgres(url) as store:
            for number in range(each):
                incoming = Incoming(
                    (f"{name}{number}",), thread, MIA, "message", "?", str(number), True, datetime.now(UTC)
                )
                try:
                    receipt = await store.receive(incoming, Claim(name, 60))
                    lease, tail = receipt.lease, receipt.tail
                    given_back = lease is None
                    while not given_back and lease is not None and tail is not None:
                        messages = [m for item in tail.inbox for m in four_messages(f"{name}{number}-{item.id}")]
                        read = [item.id for item in tail.inbox]
                        seq = tail.session.last_seq
                        given_back = await store.close(lease, seq, uuid.uuid4().hex, messages, read)
                        if not given_back:
                            tail = await store.load(lease.session_id, after=seq + len(messages))
                except StoreError as error:
                    errors.append(repr(error))

    await asyncio.gather(worker("a"), worker("b"))
    async with open_postgres(url) as store:
        session = await store.find(thread)
        assert session is not None
        messages = [stored.message.payload for stored in (await store.load(session.id)).messages]
    torn = sum(
        isinstance(payload, ToolCallRequest) and not isinstance(following, ToolCallResponse)
        for payload, following in pairwise(messages)
    )
    return {"turns": 2 * each, "lost": 2 * each * 4 - len(messages), "errors": len(errors), "torn": torn}


async def runner_turn(url: str) -> dict[int, float]:
    """A whole turn of the runner: a scripted model, two tool calls, every step on record."""
    async with open_postgres(url) as store:
        stage = Stage()
        rights, redaction = ClusterRights({}), Redaction(b"a key for measuring")
        parts = TurnParts(Model(), Tools(), Resolver(), rights, MemoryAudit(), redaction)
        runner = Runner(store, stage, parts, TurnRules(), Pace())
        short = await turns(runner, stage, 1, 30)
        await turns(runner, stage, 1000, 800)
        return {10: short, 5000: await turns(runner, stage, 5000, 30)}


async def near(url: str, python: str | None) -> Found:
    """Everybody beside the database."""
    pool = await open_pool(url, 20)
    found: Found = {}
    async with open_postgres(url, limits=Limits(pool_size=20)) as store, rivals(python, RIVALS, url) as others:
        bare = {MINIMAL: Here(Minimal(pool)), RAW: Here(RawCommit(pool))}
        found["turn"] = await side_by_side({OURS: Here(Ours(store)), **bare, **others}, LENGTHS)
        found["per second"] = await all_at_once({OURS: Here(Ours(store)), **others})
        found["wal"] = {length: await wal_of_a_turn(Ours(store), url, length) for length in (10, 5000)}
    await pool.close()
    return found


async def far(url: str, python: str | None) -> Found:
    """Everybody at the other end of a slow wire."""
    async with (
        link(url, AWAY) as (distant, _),
        open_postgres(distant, limits=Limits(pool_size=2)) as store,
        rivals(python, RIVALS[:2], distant) as others,
    ):
        found = await side_by_side({OURS: Here(Ours(store)), **others}, (100,), blocks=10)
    return {"far": {name: each[100] for name, each in found.items()}}


async def count_trips(url: str, python: str | None) -> dict[str, float]:
    """Of one turn at 100 messages, once statements are prepared."""
    found: dict[str, float] = {}
    async with (
        link(url, 0) as (near, trips),
        open_postgres(near, limits=Limits(pool_size=2)) as store,
        rivals(python, RIVALS[:2], near) as others,
    ):
        contenders: dict[str, Contender] = {OURS: Here(Ours(store)), **others}
        for name, contender in contenders.items():
            session = uuid.uuid4().hex
            await contender.grow(session, 0, 100)
            await contender.turns(session, 10)
            await trips()
            await contender.turns(session, 20)
            found[name] = await trips() / 20
    return found


async def measure(sections: Sequence[str], url: str, python: str | None) -> Found:
    """What is compared, in one run on one server."""
    found: Found = {}
    if "near" in sections:
        found |= await near(url, python)
    if "far" in sections:
        found |= await far(url, python)
    if "trips" in sections:
        found["round trips"] = await count_trips(url, python)
    if "load" in sections:
        found["load among"] = await load_among(url, (10_000, 300_000))
    if "race" in sections:
        found["race"] = await race(url)
    if "runner" in sections:
        found["runner turn"] = await runner_turn(url)
    return found


SECTIONS = ("near", "far", "trips", "load", "race", "runner")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", nargs="?", help="interpreter of the other systems' environment")
    parser.add_argument("--only", action="append", choices=SECTIONS, metavar="SECTION", help=", ".join(SECTIONS))
    given = parser.parse_args()
    server = Server(DURABLE)
    server.start()
    try:
        found = asyncio.run(measure(given.only or SECTIONS, server.url("postgres"), given.python))
    finally:
        server.remove()
    if not given.only:
        machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
        path = Path(__file__).parent / "results" / "sessions.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"machine": machine, **found}, indent=2) + "\n", encoding="utf-8")
    return 0 if tell(found) else 1


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    sys.exit(main())
