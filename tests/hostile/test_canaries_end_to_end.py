"""Secrets planted everywhere, a model that asks for everything and repeats it: none of them is found anywhere."""

from __future__ import annotations

import asyncio
import io
import json
import random
import re
import time
from collections import deque
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import psycopg
import psycopg.conninfo
import pytest
import yaml
from aiohttp import web
from psycopg import sql

from kubeai_bot.domain.policy import Mode
from kubeai_bot.errors import StoreError
from kubeai_bot.logs import configure_logging
from kubeai_bot.main import running_bot
from kubeai_bot.playground.cluster.interference import Injected, RecordedRequest
from kubeai_bot.playground.model.conversation import Conversation
from kubeai_bot.playground.model.replies import Call, Reply, Say
from kubeai_bot.playground.model.scripted import ScriptedModel
from kubeai_bot.playground.world import World, WorldOptions, open_world
from kubeai_bot.stores.postgres.packing import unpack
from tests.hostile.planting import Planted, everywhere, plant
from tests.mcp.plain_server import Plain, plain_server
from tests.redaction.canaries import Canary, canaries, pieces_of
from tests.scenario.stories import OMAR, Story, finals
from tests.stores.postgres_server import new_database
from tests.telemetry.otlp import collecting

pytestmark = pytest.mark.timeout(240)

TURNS, AT_ONCE = 24, 40
MOST_CHANGES = 30
CHANGES = ("label", "apply", "set_image")
_HANDLE = re.compile(r"r-[0-9a-f]{8}")


class Greedy:
    """Makes the calls that were dealt to a question, reads on in all that was kept aside, and repeats everything."""

    def __init__(self, calls: list[Call]) -> None:
        reads, changes = ([c for c in calls if (c.tool in CHANGES) is changes] for changes in (False, True))
        self.hands = [deque(reads[n::TURNS]) for n in range(TURNS)]
        self.changes = deque(changes[:: max(len(changes) // MOST_CHANGES, 1)])
        self.heard: dict[int, list[str]] = {n: [] for n in range(TURNS)}
        self.handles: set[tuple[int, str]] = set()

    def __call__(self, talk: Conversation) -> Reply:
        found = re.fullmatch(r"look (\d+)", talk.question)
        if talk.question == "change":
            return [self.changes.popleft() for _ in range(min(AT_ONCE, len(self.changes)))] or Say("Nothing left.")
        if found is None:
            said = [made.content for each in talk.exchanges for made in each.made]
            return Say(f"You wrote: {talk.question}\n\n" + "\n\n".join(said)[-3_000:])
        number = int(found[1])
        hand, heard = self.hands[number], self.heard[number]
        for result in talk.results:
            if result not in heard:
                heard.append(result)
            for handle in _HANDLE.findall(result):
                if (number, handle) not in self.handles:
                    self.handles.add((number, handle))
                    pages = [{"first_line": at} for at in (1, 101)] + [{"summary": True}]
                    hand.extend(Call("read_result", {"handle": handle, **page}) for page in pages)
        if hand:
            return [hand.popleft() for _ in range(min(AT_ONCE, len(hand)))]
        return Say("\n\n".join(heard)[-3_000:])


def replying(plain: Plain, replies: list[str]) -> None:
    """The MCP server answers each call with the next of `replies`, and one in four as an error."""
    left = deque(enumerate(replies))

    def answer(_request: web.Request, message: dict[str, object]) -> web.Response | None:
        if message.get("method") != "tools/call":
            return None
        number, text = left.popleft()
        result = {"content": [{"type": "text", "text": text}], "isError": number % 4 == 3}
        return web.json_response({"jsonrpc": "2.0", "id": message["id"], "result": result})

    plain.refuse = answer


def with_errors(world: World, planted: Planted) -> None:
    async def hook(request: RecordedRequest) -> Injected | None:
        text = planted.errors.get(request.path.rstrip("/").removesuffix("/scale").rsplit("/", 1)[-1])
        if text is None:
            return None
        body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": text, "reason": "Invalid"}
        return Injected(422, {**body, "code": 422})

    world.cluster.on_request.append(hook)


@pytest.fixture
def logged() -> io.StringIO:
    """Everything that is logged."""
    stream = io.StringIO()
    configure_logging("INFO", "json", (), stream)
    return stream


@asynccontextmanager
async def planted_world(planting: list[Canary], greedy_model: list[Greedy], environment: dict[str, str]):
    """The world, the story in it and what was planted."""
    model = ScriptedModel(lambda talk: greedy_model[0](talk))  # noqa: PLW0108 - it comes later
    options = WorldOptions(model=model, mode=Mode.ALLOW, environment={"MAX_ITERATIONS": "100", **environment})
    async with open_world(options) as world, plain_server() as plain:
        planted = plant(world.cluster, planting)
        with_errors(world, planted)
        replying(plain, planted.replies)
        config = Path(world.environment["CONFIG_FILE"])
        server = {"name": "notes", "url": plain.url, "reads": ["look"]}
        known = yaml.safe_load(config.read_text())  # noqa: ASYNC240 - before the bot runs
        config.write_text(yaml.safe_dump({**known, "mcp": {"servers": [server]}}))  # noqa: ASYNC240
        asks = [Call("notes__look", {"at": "all"}) for _ in planted.replies]
        greedy_model.append(Greedy([*everywhere(), *planted.calls, *asks]))
        async with running_bot(world.settings(), tracing=True) as bot:
            async with asyncio.timeout(30):
                while not plain.seen or plain.seen[-1][0] != "tools/list":  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            yield Interview(world, bot, greedy_model[0]), planted
        assert len(planted.replies) == 0 or plain.seen


@dataclass
class Interview(Story):
    """`model` is behind the model server."""

    model: Greedy


async def interrogate(it: Interview, planted: Planted) -> None:
    began = time.monotonic()

    async def look(number: int) -> None:
        ts = await it.world.workspace.say(OMAR, f"look {number}")
        await it.world.workspace.wait_for(lambda _: _done(it, ts), timeout=60, what="the answer")

    for start in range(0, TURNS, 4):
        await asyncio.gather(*(look(number) for number in range(start, start + 4)))
    print(f"{time.monotonic() - began:.1f} s: looked")  # noqa: T201 - to repeat it
    while it.model.changes:
        thread = await it.ask(OMAR, "change")
        await it.ask(OMAR, "what would these do?", thread_ts=thread)
    print(f"{time.monotonic() - began:.1f} s: changes tried")  # noqa: T201 - to repeat it
    for paste in planted.pastes:
        await it.ask(OMAR, paste)
    print(f"{time.monotonic() - began:.1f} s: pasted")  # noqa: T201 - to repeat it


def _done(it: Story, ts: str) -> bool:
    return bool(finals(it.world, f"D{OMAR[1:]}", ts))


def searched(it: Story, files: Path) -> Iterator[tuple[str, str]]:
    """Everything that left the bot, by name."""
    world = it.world
    for number, body in enumerate(world.model.requests):
        for message in body["messages"]:
            yield f"model request {number}", json.dumps(message, ensure_ascii=False)
            yield f"model request {number}, decoded", str(message.get("content"))
    for number, call in enumerate(world.workspace.calls):
        yield f"Slack call {number} {call.method}", json.dumps(call.arguments, ensure_ascii=False, default=str)
    for path in sorted(files.rglob("*")):
        if path.is_file():
            yield f"file {path.name}", path.read_bytes().decode(errors="replace")
    yield "audit", Path(world.environment["AUDIT_FILE"]).read_text()


def address_of(conninfo: str) -> str:
    parts = psycopg.conninfo.conninfo_to_dict(conninfo)
    return f"postgresql://{parts['user']}@{parts['host']}:{parts['port']}/{parts['dbname']}"


def tables(url: str) -> Iterator[tuple[str, str]]:
    """Every row of every table, as text; what is packed there is unpacked."""
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
            " WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, name in names:
            for row in connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, name))):
                yield f"table {name}", "\n".join(map(_readable, row))


def _readable(value: object) -> str:
    if not isinstance(value, bytes):
        return str(value)
    try:
        return json.dumps(unpack(value), ensure_ascii=False)
    except StoreError:
        return value.decode(errors="replace")


def leaks(planting: list[Canary], places: list[tuple[str, str]]) -> list[str]:
    """What of them stands in each different line."""
    lines: dict[str, str] = {}
    for where, text in places:
        for line in text.split("\n"):
            lines.setdefault(line, where)
    canary_of = {piece: canary for canary in planting for piece in pieces_of(canary)}
    found: dict[str, str] = {}
    for size, pieces in groupby(sorted(canary_of, key=len), len):
        of_this_size = set(pieces)
        for line, where in lines.items():
            for piece in {line[at : at + size] for at in range(len(line) - size + 1)} & of_this_size:
                canary, at = canary_of[piece], line.index(piece)
                told = f"{canary.kind} from {canary.where}: {piece!r} in {where}: …{line[max(at - 100, 0) : at + 60]!r}"
                found.setdefault(canary.secret, told)
    return list(found.values())


@pytest.mark.parametrize("store", ["filesystem", "postgres"])
async def test_no_planted_secret_is_found_in_anything_that_left_the_bot(
    store: str, tmp_path: Path, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - to repeat it
    planting = canaries(seed, 300 if store == "filesystem" else 40)
    url = address_of(new_database()) if store == "postgres" else ""
    where = {"DATABASE_URL": url} if url else {"SESSIONS_DIR": str(tmp_path / "sessions")}
    async with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        async with planted_world(planting, [], {"SESSION_TYPE": store, **where}) as (it, planted):
            await interrogate(it, planted)
            places = list(searched(it, tmp_path))
    places += list(tables(url)) if url else []
    places += [("log", logged.getvalue())]
    places += [("traces", b"\n".join(collector.raw).decode(errors="replace"))]
    print(f"{len(planting)} canaries of {len({c.kind for c in planting})} kinds: {dict(planted.places)}")  # noqa: T201 - to repeat it
    print(f"searched {len(places)} texts of {sum(len(text) for _, text in places):,} characters")  # noqa: T201 - to repeat it
    found = leaks(planting, places)
    assert not found, f"seed {seed}: {len(found)} leaked\n" + "\n".join(found)
    for kind in ("model request", "Slack call", "table" if url else "file"):
        there = "".join(text for where, text in places if where.startswith(kind))
        assert "<redacted:" in there, f"in each {kind} something was to be found"
