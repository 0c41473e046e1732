"""What a start costs: the time until the bot is ready, and its memory when it then has nothing to do.

    python -m benchmarks.startup [--rounds N]

The bot has one provider (openai), PostgreSQL and a cluster; Slack, the model and the cluster are simulated in this
process, the bot is a process of its own. It is ready when `/readyz` says so. Beside it, in turns, a bare script that
only imports the libraries that such a bot cannot do without. Both find their bytecode compiled, as in the image.
Ends with 1 where a limit is passed; results/startup.json keeps the numbers.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import platform
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from kubeai_bot.playground.world import WorldOptions, open_world
from tests.stores.postgres_server import new_database

MOST_MEMORY = 150.0
"""MiB, resident and idle."""

MOST_TIME = 1.3
"""Times the bare script."""

IDLE = 5.0
"""Seconds after ready at which memory is read."""

PATIENCE = 120.0

BARE = """
from slack_bolt.async_app import AsyncApp
from sqlalchemy.ext.asyncio import create_async_engine
import psycopg
from openai import AsyncOpenAI
from kubernetes.config import kube_config
import time
print(time.process_time(), flush=True)
"""

BOT = "from kubeai_bot.__main__ import start; start()"

WATCHED_BOT = f"""
import signal, sys
from pathlib import Path
place = Path(sys.argv.pop())
def tell(*_):
    place.with_suffix(".new").write_text("\\n".join(name for name, module in sys.modules.items() if module))
    place.with_suffix(".new").rename(place)
signal.signal(signal.SIGUSR1, tell)
{BOT}
"""

ABSENT = (
    # Not asked for. `requests` is not among them: the Kubernetes config loader needs it.
    *("google.genai", "google.auth", "anthropic", "mcp", "opentelemetry.sdk"),
    *("alembic", "mako"),  # the tables are made
    *("rich", "pygments", "typer", "shellingham", "kubeai_bot.cli", "kubeai_bot.commands", "kubeai_bot.playground"),
)


@dataclass(frozen=True)
class Start:
    """Seconds from exec until ready, and of the processor's time in them."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Memory:
    """MiB of an idle process: resident; its share of what it shares; what is its alone."""

    rss: float
    pss: float
    own: float


async def bare(environment: Mapping[str, str]) -> Start:
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", BARE, env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    cpu = float(await asyncio.wait_for(process.stdout.readline(), PATIENCE))
    took = time.perf_counter() - began
    await process.wait()
    return Start(took, cpu)


@asynccontextmanager
async def bot(
    environment: Mapping[str, str], log: Path, code: str, *more: str
) -> AsyncGenerator[tuple[asyncio.subprocess.Process, Start]]:
    """A bot that is ready, and how long that took; stopped at the end."""
    with log.open("ab") as output:
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, "run", *more, env=environment, stdout=output, stderr=output
        )
    try:
        async with asyncio.timeout(PATIENCE):
            await _ready(environment["LISTEN_ADDRESS"], process, log)
        yield process, Start(time.perf_counter() - began, _cpu(process.pid))
    finally:
        if process.returncode is None:
            process.terminate()
            async with asyncio.timeout(PATIENCE):
                await process.wait()


async def _ready(address: str, process: asyncio.subprocess.Process, log: Path) -> None:
    """Asked every 5 ms by hand: an HTTP client here would take the bot's processor."""
    host, _, port = address.rpartition(":")
    while process.returncode is None:
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
        except ConnectionRefusedError:
            await asyncio.sleep(0.005)
            continue
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        if answer.startswith(b"HTTP/1.1 200"):
            return
        await asyncio.sleep(0.005)
    raise RuntimeError(f"the bot ended with {process.returncode}:\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8")[-3000:]


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> Memory:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    kib = Counter({name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)})
    own = kib["Private_Clean"] + kib["Private_Dirty"]
    return Memory(*(round(number / 1024, 1) for number in (kib["Rss"], kib["Pss"], own)))


async def look_inside(environment: Mapping[str, str], folder: Path) -> tuple[Memory, list[str]]:
    """An idle bot's memory and modules."""
    place = folder / "modules"
    async with bot(environment, folder / "log", WATCHED_BOT, str(place)) as (process, _):
        await asyncio.sleep(IDLE)
        memory = _memory(process.pid)
        process.send_signal(signal.SIGUSR1)
        async with asyncio.timeout(PATIENCE):
            while not place.exists():  # noqa: ASYNC110 - a file, of another process
                await asyncio.sleep(0.05)
        return memory, place.read_text(encoding="utf-8").split()


def resident(modules: Sequence[str]) -> list[str]:
    """Those of ABSENT that are there all the same."""
    return [name for name in ABSENT if any(each == name or each.startswith(name + ".") for each in modules)]


@dataclass(frozen=True)
class Found:
    bare: list[Start]
    bot: list[Start]
    memory: Memory
    modules: list[str]

    @property
    def ratio(self) -> float:
        return _beside([each.wall for each in self.bot], [each.wall for each in self.bare])

    @property
    def cpu_ratio(self) -> float:
        return _beside([each.cpu for each in self.bot], [each.cpu for each in self.bare])

    @property
    def is_good(self) -> bool:
        return self.ratio <= MOST_TIME and self.memory.rss <= MOST_MEMORY and not resident(self.modules)


def _beside(bots: Sequence[float], bares: Sequence[float]) -> float:
    """The median of each start's ratio to the two bare scripts before and after it: such a machine is now faster, now
    slower, for longer than one start takes."""
    around = [statistics.mean(pair) for pair in itertools.pairwise(bares)]
    return statistics.median(bot / bare for bot, bare in zip(bots, around, strict=True))


async def measure(rounds: int) -> Found:
    with tempfile.TemporaryDirectory(prefix="kubeai-startup-") as name:
        folder = Path(name)
        ours = {"SESSION_TYPE": "postgres", "DATABASE_URL": _url(new_database())}
        async with open_world(WorldOptions(environment=ours)) as world:
            base = {"PATH": os.environ["PATH"], "HOME": name, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
            environment = {**base, **world.environment}
            for _ in range(2):  # the first compiles and makes the tables
                await bare(base)
                async with bot(environment, folder / "log", BOT):
                    pass
            bares = [await bare(base)]
            bots: list[Start] = []
            for _ in range(rounds):
                async with bot(environment, folder / "log", BOT) as (_, start):
                    bots.append(start)
                bares.append(await bare(base))
            return Found(bares, bots, *await look_inside(environment, folder))


def _url(conninfo: str) -> str:
    of = conninfo_to_dict(conninfo)
    return f"postgresql://{of['user']}@{of['host']}:{of['port']}/{of['dbname']}"


def table(found: Found) -> str:
    lines = [f"{'':24}{'wall ms':>10}{'least':>8}{'cpu ms':>10}{'least':>8}"]
    for name, starts in (("imports alone", found.bare), ("bot, until ready", found.bot)):
        columns = [[each.wall * 1000 for each in starts], [each.cpu * 1000 for each in starts]]
        lines.append(f"{name:24}" + "".join(f"{statistics.median(c):10.0f}{min(c):8.0f}" for c in columns))
    lines.append(
        f"median of the ratios: {found.ratio:.2f} (at most {MOST_TIME}); of processor time {found.cpu_ratio:.2f}"
    )
    memory = found.memory
    lines.append(f"idle memory: {memory.rss} MiB resident (at most {MOST_MEMORY:.0f}), {memory.own} MiB of its own")
    lines.append(f"{len(found.modules)} modules; should be absent but are there: {resident(found.modules) or 'none'}")
    return "\n".join(lines)


def keep(found: Found, path: Path) -> None:
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    packages = Counter(name.partition(".")[0] for name in found.modules)
    kept = {
        "machine": machine,
        "load": os.getloadavg()[0],
        "ratio": found.ratio,
        "cpu_ratio": found.cpu_ratio,
        "memory_mib": asdict(found.memory),
        "bare": [asdict(each) for each in found.bare],
        "bot": [asdict(each) for each in found.bot],
        "modules": dict(packages.most_common(30)),
        "resident_but_unwanted": resident(found.modules),
    }
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    found = asyncio.run(measure(parser.parse_args().rounds))
    sys.stdout.write(table(found) + "\n")
    keep(found, Path(__file__).parent / "results" / "startup.json")
    return 0 if found.is_good else 1


if __name__ == "__main__":
    raise SystemExit(main())
