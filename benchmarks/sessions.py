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
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

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
AT_ONCE = 64
AWAY = 0.0025
OURS, MINIMAL, RAW = "kubeai-bot, warm", "minimal rows, nothing else", "raw commit of the same rows"
RIVALS = ("Google ADK", "OpenAI Agents SDK", "LangGraph saver")
DURABLE = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "256MB"}

Found = dict[str, Any]


class Contender(Protocol):
    """A session store with turns in it."""

    async def grow(self, name: str, present: int, to: int) -> None: ...

    async def turns(self, name: str, rounds: int) -> list[float]: ...

    async def together(self, names: Sequence[str], rounds: int) -> float: ...


@dataclass
class Here:
    """A store in this process."""

    store: Any

    async def grow(self, name: str, present: int, to: int) -> None:
        """Make the session, where it has no messages yet, and fill it up."""
        if not present:
            await self.store.create(name)
        await self.store.fill(name, max(to - present, 0))

    async def turns(self, name: str, rounds: int) -> list[float]:
        """Milliseconds each."""
        took: list[float] = []
        for _ in range(rounds):
            began = time.perf_counter()
            await self.store.turn(name)
            took.append((time.perf_counter() - began) * 1000)
        return took

    async def together(self, names: Sequence[str], rounds: int) -> float:
        """Turns a second over all sessions at once."""

        async def work(name: str) -> None:
            for _ in range(rounds):
                await self.store.turn(name)

        began = time.perf_counter()
        await asyncio.gather(*(work(name) for name in names))
        return len(names) * rounds / (time.perf_counter() - began)


@dataclass
class Elsewhere:
    """A store in an interpreter of its own."""

    process: asyncio.subprocess.Process

    async def _ask(self, **order: Any) -> Any:
        say, hear = self.process.stdin, self.process.stdout
        assert say is not None
        assert hear is not None
        say.write(json.dumps(order).encode() + b"\n")
        answer = await hear.readline()
        if not answer:
            raise RuntimeError("a rival has ended: see its words above")
        return json.loads(answer)

    async def grow(self, name: str, present: int, to: int) -> None:
        await self._ask(grow=name, **{"from": present, "to": to})

    async def turns(self, name: str, rounds: int) -> list[float]:
        return await self._ask(turns=name, rounds=rounds)

    async def together(self, names: Sequence[str], rounds: int) -> float:
        return await self._ask(together=list(names), rounds=rounds)


@asynccontextmanager
async def rivals(python: str | None, names: Sequence[str], url: str) -> AsyncIterator[dict[str, Contender]]:
    """The other systems' stores; none where there is no environment for them."""
    program = str(Path(__file__).parent / "rivals" / "stores.py")
    url = url.replace("postgresql://", "postgresql+psycopg://")
    started: dict[str, Contender] = {}
    processes: list[asyncio.subprocess.Process] = []
    for name in names if python else ():
        process = await asyncio.create_subprocess_exec(
            python or "", program, name, url, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=1 << 24
        )
        processes.append(process)
        started[name] = Elsewhere(process)
    try:
        yield started
    finally:
        for process in processes:
            process.kill()
            await process.wait()


async def side_by_side(
    contenders: Mapping[str, Contender], lengths: Sequence[int], blocks: int = 5
) -> dict[str, dict[int, float]]:
    """Median milliseconds of a warm turn at each length. The contenders take turns in blocks, so that a machine that is
    slow for a while is slow for all of them; short histories are fresh in every block."""
    found: dict[str, dict[int, float]] = {name: {} for name in contenders}
    long = {name: (uuid.uuid4().hex, 0) for name in contenders}
    for contender in contenders.values():  # connections are made, statements prepared, code loaded
        session = uuid.uuid4().hex
        await contender.grow(session, 0, 10)
        await contender.turns(session, 10)
    for length in lengths:
        took: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(blocks):
            for name, contender in contenders.items():
                session, present = (uuid.uuid4().hex, 0) if length < 1000 else long[name]
                await contender.grow(session, present, length)
                took[name] += (await contender.turns(session, 5))[1:]
                if length >= 1000:
                    long[name] = session, max(present, length) + 20
        for name in contenders:
            found[name][length] = statistics.median(took[name])
    return found


async def all_at_once(contenders: Mapping[str, Contender], blocks: int = 3) -> dict[str, float]:
    """Median turns a second over many sessions at once, each with 100 messages at first."""
    names = {name: [uuid.uuid4().hex for _ in range(AT_ONCE)] for name in contenders}
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for name, contender in contenders.items():
        for session in names[name]:
            await contender.grow(session, 0, 100)
    for _ in range(blocks):
        for name, contender in contenders.items():
            rates[name].append(await contender.together(names[name], 10 if name == OURS else 2))
    return {name: statistics.median(each) for name, each in rates.items()}


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


async def measure(url: str, python: str | None) -> Found:
    """Everything that is compared, in one run on one server."""
    found: Found = {}
    pool = await open_pool(url, 20)
    async with open_postgres(url, limits=Limits(pool_size=20)) as store, rivals(python, RIVALS, url) as others:
        bare = {MINIMAL: Here(Minimal(pool)), RAW: Here(RawCommit(pool))}
        found["turn"] = await side_by_side({OURS: Here(Ours(store)), **bare, **others}, LENGTHS)
        found["per second"] = await all_at_once({OURS: Here(Ours(store)), **others})
        found["wal"] = {length: await wal_of_a_turn(Ours(store), url, length) for length in (10, 5000)}
    await pool.close()
    async with (
        link(url, AWAY) as (far, _),
        open_postgres(far, limits=Limits(pool_size=2)) as store,
        rivals(python, RIVALS[:2], far) as others,
    ):
        distant = await side_by_side({OURS: Here(Ours(store)), **others}, (100,))
        found["far"] = {name: each[100] for name, each in distant.items()}
    found["round trips"] = await count_trips(url)
    found["load among"] = {others: await load_among(url, others) for others in (10_000, 300_000)}
    found["race"] = await race(url)
    found["runner turn"] = await runner_turn(url)
    return found


async def count_trips(url: str) -> float:
    """Of one turn, once its statements are prepared."""
    async with link(url, 0) as (near, trips), open_postgres(near, limits=Limits(pool_size=2)) as store:
        ours = Ours(store)
        await ours.create("counted")
        for _ in range(10):
            await ours.turn("counted")
        await trips()
        for _ in range(100):
            await ours.turn("counted")
        return await trips() / 100


def targets(found: Found) -> list[tuple[str, float, str, float]]:
    """What is to be reached: name, measured, at least or at most, bound."""
    turn, wal, load, race_ = found["turn"], found["wal"], found["load among"], found["race"]
    ours = turn[OURS]
    rows = [
        ("warm turn at 5,000 messages / at 10", ours[5000] / ours[10], "<=", 1.7),
        ("warm turn at 10 / raw commit of its rows", ours[10] / turn[RAW][10], "<=", 4.0),
        ("round trips of a batched turn", found["round trips"], "<=", 2.0),
        ("WAL of a turn at 5,000 messages, kB", wal[5000] / 1000, "<=", 8.0),
        ("WAL at 5,000 / at 10", wal[5000] / wal[10], "<=", 1.1),
        ("WAL at 10 / at 5,000", wal[10] / wal[5000], "<=", 1.1),
        ("load among 300,000 / among 10,000", load[300_000] / load[10_000], "<=", 1.5),
        ("race: messages lost", race_["lost"], "<=", 0),
        ("race: errors shown", race_["errors"], "<=", 0),
        ("race: calls torn from their results", race_["torn"], "<=", 0),
    ]
    bounds = {"Google ADK": (100, 8, 20, 20), "OpenAI Agents SDK": (20, 2.5, 4, 4), "LangGraph saver": (80, 0, 0, 0)}
    for name in RIVALS:
        if name not in turn:
            continue
        long, short, many, far = bounds[name]
        rows.append((f"{name} / ours, 5,000 messages", turn[name][5000] / ours[5000], ">=", long))
        rows.append((f"{name} / ours, 10 messages", turn[name][10] / ours[10], ">=", short))
        rate = found["per second"][OURS] / found["per second"][name]
        rows.append((f"ours / {name}, turns per second, 64 at once", rate, ">=", many))
        if name in found["far"]:
            distant = found["far"][name] / found["far"][OURS]
            rows.append((f"{name} / ours, database 2.5 ms away", distant, ">=", far))
    return rows


def tell(found: Found) -> bool:
    """Print the tables; whether every target was reached."""
    print(f"{'ms a turn, by messages of history':<44}" + "".join(f"{length:>10}" for length in LENGTHS))
    for name, each in {**found["turn"], "a whole turn of the runner": found["runner turn"]}.items():
        print(f"{name:<44}" + "".join(f"{each[n]:>10.2f}" if n in each else f"{'':>10}" for n in LENGTHS))
    for what, unit in (("per second", "turns a second, 64 sessions at once"), ("far", "ms a turn, 2.5 ms away")):
        print(f"\n{unit:<44}" + "  ".join(f"{name}: {value:.1f}" for name, value in found[what].items()))
    print(f"\n{'target':<60}{'measured':>10}{'':>4}{'bound':>8}")
    reached = True
    for name, measured, relation, bound in targets(found):
        good = measured <= bound if relation == "<=" else measured >= bound
        reached = reached and good
        print(f"{name:<60}{measured:>10.2f}{relation:>4}{bound:>8g}  {'reached' if good else 'MISSED'}")
    return reached


async def main(python: str | None) -> int:
    server = Server(DURABLE)
    server.start()
    try:
        found = await measure(server.url("postgres"), python)
    finally:
        server.remove()
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    path = Path(__file__).parent / "results" / "sessions.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"machine": machine, **found}, indent=2) + "\n", encoding="utf-8")
    return 0 if tell(found) else 1


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    sys.exit(asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None)))
