"""What a turn costs in the session store, beside other systems' stores on the same PostgreSQL: `make bench-sessions`.

A turn takes over the session with what the model needs of its history, appends four messages (question, call of 300 B,
result of 4 KB, answer of 1 KB) and updates the state. Everything is a ratio within one run on one server with default
durability; the other systems run in an environment of their own (`rivals/`), named as the first argument.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import structlog

sys.path.insert(0, str(Path(__file__).parent.parent))

from own_stores import MIA, Minimal, Ours, RawCommit, four_messages, open_pool, wal_position
from turn import Model, Resolver, Stage, Tools, turns

from kubeai_bot.agent.loop import TurnParts, TurnRules
from kubeai_bot.agent.runner import Pace, Runner
from kubeai_bot.domain.message import ToolCallRequest, ToolCallResponse
from kubeai_bot.domain.session import Incoming, ThreadRef
from kubeai_bot.domain.storage import Claim
from kubeai_bot.errors import StoreError
from kubeai_bot.stores.postgres.engine import Limits
from kubeai_bot.stores.postgres.opening import open_postgres
from tests.stores.postgres_server import Server

LENGTHS = (10, 100, 1000, 5000)
ROUNDS = 60
SLOW_ROUNDS = 15
AT_ONCE = 64
AWAY = 0.0025
RIVALS = ("Google ADK", "OpenAI Agents SDK", "LangGraph saver")
DURABLE = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "256MB"}

Found = dict[str, Any]


class Rivals:
    """The other systems, in their own interpreter."""

    def __init__(self, python: str) -> None:
        self._python = python

    def ask(self, store: str, url: str, **order: Any) -> list[Found]:
        """What one order gives; an empty list where there is no such environment."""
        order = {"store": store, "url": url.replace("postgresql://", "postgresql+psycopg://"), **order}
        program = str(Path(__file__).parent / "rivals" / "stores.py")
        done = subprocess.run(
            [self._python, program], input=json.dumps(order) + "\n", text=True, capture_output=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{store}: {done.stderr[-2000:]}")
        return [found for found in map(json.loads, done.stdout.splitlines()) if "done" not in found]


@asynccontextmanager
async def link(url: str, delay: float) -> AsyncIterator[tuple[str, Callable[[], Awaitable[int]]]]:
    """The same database at the other end of a slow wire, and a count of round trips since the last question."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).parent / "link.py"),
        f"{parts['host']}:{parts['port']}",
        str(delay),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    say, hear = process.stdin, process.stdout
    assert say is not None
    assert hear is not None
    port = int(await hear.readline())

    async def trips() -> int:
        say.write(b"\n")
        return int(await hear.readline())

    try:
        yield f"postgresql://{parts['user']}@127.0.0.1:{port}/{parts['dbname']}", trips
    finally:
        process.kill()
        await process.wait()


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


async def by_length(store: Any, lengths: Sequence[int], rounds: int = ROUNDS) -> dict[int, float]:
    """A warm turn at each length of history."""
    name = uuid.uuid4().hex
    await store.create(name)
    length, found = 0, {}
    for wanted in lengths:
        await store.fill(name, max(wanted - length, 0))
        found[wanted] = await timed(lambda: store.turn(name), rounds)
        length = wanted + 4 * (rounds + 3)
    return found


async def together(store: Any, sessions: int, rounds: int) -> float:
    """Turns a second over that many sessions at once, each with 100 messages."""
    names = [uuid.uuid4().hex for _ in range(sessions)]
    for name in names:
        await store.create(name)
        await store.fill(name, 100)

    async def work(name: str) -> None:
        for _ in range(rounds):
            await store.turn(name)

    began = time.perf_counter()
    await asyncio.gather(*(work(name) for name in names))
    return sessions * rounds / (time.perf_counter() - began)


async def wal_of_a_turn(store: Any, url: str, length: int) -> float:
    """Bytes of write-ahead log."""
    name = uuid.uuid4().hex
    await store.create(name)
    await store.fill(name, length)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("CHECKPOINT")
        for _ in range(100):
            await store.turn(name)
        before = await wal_position(connection)
        for _ in range(200):
            await store.turn(name)
        return (await wal_position(connection) - before) / 200


async def load_among(url: str, others: int) -> float:
    """Loading one session of 100 messages among so many messages of others, in a database of its own."""
    place = psycopg.conninfo.conninfo_to_dict(url)
    database = f"among_{others}"
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(f"CREATE DATABASE {database}")
    url = f"postgresql://{place['user']}@{place['host']}:{place['port']}/{database}"
    async with open_postgres(url) as store:
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
            await connection.execute("ANALYZE")
        return await timed(lambda: store.load(session.id))


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
        runner = Runner(store, stage, TurnParts(Model(), Tools(), Resolver()), TurnRules(), Pace())
        short = await turns(runner, stage, 1, 30)
        await turns(runner, stage, 1000, 800)
        return {10: short, 5000: await turns(runner, stage, 5000, 30)}


async def measure_ours(url: str) -> Found:
    found: Found = {}
    async with open_postgres(url, limits=Limits(pool_size=20)) as store:
        found["warm turn"] = await by_length(Ours(store), LENGTHS)
        found["per second"] = await together(Ours(store), AT_ONCE, 20)
        found["wal"] = {length: await wal_of_a_turn(Ours(store), url, length) for length in (10, 5000)}
    async with link(url, 0) as (near, trips), open_postgres(near, limits=Limits(pool_size=2)) as store:
        ours = Ours(store)
        await ours.create("counted")
        await ours.turn("counted")
        await trips()
        for _ in range(50):
            await ours.turn("counted")
        found["round trips"] = await trips() / 50
    async with link(url, AWAY) as (far, _), open_postgres(far, limits=Limits(pool_size=2)) as store:
        found["far"] = (await by_length(Ours(store), (100,)))[100]
    found["load among"] = {others: await load_among(url, others) for others in (10_000, 300_000)}
    found["race"] = await race(url)
    found["runner turn"] = await runner_turn(url)
    return found


async def measure_bare(url: str) -> Found:
    pool = await open_pool(url, 20)
    try:
        raw, minimal = RawCommit(pool), Minimal(pool)
        return {"raw commit": await by_length(raw, (10,)), "minimal": await by_length(minimal, (10, 5000))}
    finally:
        await pool.close()


async def measure_rival(rivals: Rivals, name: str, url: str) -> Found:
    lengths = rivals.ask(name, url, lengths=LENGTHS, rounds=SLOW_ROUNDS)
    found: Found = {"warm turn": {each["length"]: each["ms"] for each in lengths}}
    found["per second"] = rivals.ask(name, url, sessions=AT_ONCE, rounds=3)[0]["per_second"]
    if name != "LangGraph saver":
        async with link(url, AWAY) as (far, _):
            found["far"] = rivals.ask(name, far, lengths=(100,), rounds=SLOW_ROUNDS)[0]["ms"]
    return found


def targets(ours: Found, bare: Found, rivals: dict[str, Found]) -> list[tuple[str, float, str, float]]:
    """What is to be reached: name, measured, at least or at most, bound."""
    warm, raw = ours["warm turn"], bare["raw commit"][10]
    rows = [
        ("warm turn at 5,000 messages / at 10", warm[5000] / warm[10], "<=", 1.7),
        ("warm turn at 10 / raw commit of its rows", warm[10] / raw, "<=", 4.0),
        ("round trips of a batched turn", ours["round trips"], "<=", 2.0),
        ("WAL of a turn at 5,000 messages, kB", ours["wal"][5000] / 1000, "<=", 8.0),
        ("WAL at 5,000 / at 10", ours["wal"][5000] / ours["wal"][10], "<=", 1.1),
        ("WAL at 10 / at 5,000", ours["wal"][10] / ours["wal"][5000], "<=", 1.1),
        ("load among 300,000 / among 10,000", ours["load among"][300_000] / ours["load among"][10_000], "<=", 1.5),
        ("race: messages lost", ours["race"]["lost"], "<=", 0),
        ("race: errors shown", ours["race"]["errors"], "<=", 0),
        ("race: calls torn from their results", ours["race"]["torn"], "<=", 0),
    ]
    bounds = {"Google ADK": (100, 8, 20, 20), "OpenAI Agents SDK": (20, 2.5, 4, 4), "LangGraph saver": (80, 0, 0, 0)}
    for name, found in rivals.items():
        long, short, many, far = bounds[name]
        theirs = found["warm turn"]
        rows.append((f"{name} / ours at 5,000 messages", theirs[5000] / warm[5000], ">=", long))
        rows.append((f"{name} / ours at 10 messages", theirs[10] / warm[10], ">=", short))
        rows.append(
            (f"ours / {name}, turns per second, 64 at once", ours["per second"] / found["per second"], ">=", many)
        )
        if "far" in found:
            rows.append((f"{name} / ours, database 2.5 ms away, 100 messages", found["far"] / ours["far"], ">=", far))
    return rows


def tell(ours: Found, bare: Found, rivals: dict[str, Found]) -> bool:
    """Print the tables; whether every target was reached."""
    print(f"\n{'ms a turn, by messages of history':<44}" + "".join(f"{length:>10}" for length in LENGTHS))
    stores = {"kubeai-bot, warm": ours["warm turn"], **{name: found["warm turn"] for name, found in rivals.items()}}
    stores |= {"minimal rows, nothing else": bare["minimal"], "raw commit of the same rows": bare["raw commit"]}
    stores |= {"a whole turn of the runner": ours["runner turn"]}
    for name, found in stores.items():
        print(f"{name:<44}" + "".join(f"{found[n]:>10.2f}" if n in found else f"{'':>10}" for n in LENGTHS))
    print(f"\n{'target':<60}{'measured':>10}{'':>4}{'bound':>8}")
    reached = True
    for name, measured, relation, bound in targets(ours, bare, rivals):
        good = measured <= bound if relation == "<=" else measured >= bound
        reached = reached and good
        print(f"{name:<60}{measured:>10.2f}{relation:>4}{bound:>8g}  {'reached' if good else 'MISSED'}")
    return reached


async def main(python: str | None) -> int:
    server = Server(DURABLE)
    server.start()
    try:
        url = server.url("postgres")
        bare = await measure_bare(url)
        ours = await measure_ours(url)
        rivals = Rivals(python) if python else None
        others = {name: await measure_rival(rivals, name, url) for name in RIVALS} if rivals else {}
        reached = tell(ours, bare, others)
    finally:
        server.remove()
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    result = {"machine": machine, "ours": ours, "bare": bare, "rivals": others}
    path = Path(__file__).parent / "results" / "sessions.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0 if reached else 1


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    sys.exit(asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None)))
