"""A rolling update from the last release to this code, with a change of the tables in it, on one PostgreSQL, while
people go on asking. Needs the release's tag in the clone."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from kubeai_bot.domain.policy import Mode
from kubeai_bot.playground.model.conversation import Conversation
from kubeai_bot.playground.model.replies import Call, Reply, Say
from kubeai_bot.playground.model.scripted import ScriptedModel
from kubeai_bot.playground.world import World, WorldOptions, open_world
from kubeai_bot.stores.postgres.migrate import TABLES
from kubeai_bot.stores.postgres.opening import SCHEMA
from tests.scenario.stories import OMAR, finals
from tests.stores.postgres_server import free_port, new_database
from tests.waiting import end_of, ready

pytestmark = pytest.mark.timeout(180)

RELEASE = "v0.1.0"
HERE = Path(__file__).parents[2]
DM = f"D{OMAR[1:]}"
FRONTEND = {"kind": "deployment", "namespace": "shop", "name": "frontend"}
AT_ONCE = 3
WITHIN = 60.0
"""Seconds for an answer: what a replica leaves behind is taken up when its lease is over, at the latest."""


def released(folder: Path) -> Path:
    """The release's code."""
    archive = subprocess.run(  # noqa: S603
        ["git", "archive", RELEASE, "kubeai_bot"],  # noqa: S607
        cwd=HERE,
        capture_output=True,
        check=False,
    )
    if archive.returncode:
        pytest.skip(f"this clone has no tag {RELEASE}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


def answer(conversation: Conversation) -> Reply:
    """Its next words follow from the transcript alone, whichever release asks."""
    made = [made.tool for made in conversation.now.made]
    before = len(conversation.exchanges) - 1
    words = conversation.question.split()
    if "scale" in words and "scale" not in made:
        return Call(
            "scale", {"kind": "deployment", "namespace": "shop", "name": "frontend", "replicas": int(words[-1])}
        )
    if "look" in words and not made:
        return [Say("Let me look."), Call("list_resources", {"kind": "pods", "namespace": "shop"}), Call("whoami")]
    return Say(f"That is the whole answer to {conversation.question!r}, after {before} others in this thread.")


class Fleet:
    """Replicas of two releases, and people who ask without a pause."""

    def __init__(self, world: World, database: str) -> None:
        self.world = world
        self.threads: list[str] = []
        self.stopped = asyncio.Event()
        parts = conninfo_to_dict(database)
        url = f"postgresql://{parts['user']}@{parts['host']}:{parts['port']}/{parts['dbname']}?sslmode=disable"
        self._environment = {**world.environment, "SESSION_TYPE": "postgres", "DATABASE_URL": url}

    @asynccontextmanager
    async def replica(self, code: Path, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
        """Ready from here on; at the end SIGTERM, and the grace period."""
        address = f"127.0.0.1:{free_port()}"
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "kubeai_bot", "run"),
                cwd=code,
                env={**kept, **self._environment, "PYTHONPATH": str(code), "LISTEN_ADDRESS": address},
                stdout=out,
                stderr=out,
            )
        try:
            await ready(address, process, log, 40)
            yield process
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 40) == 0, end_of(log)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def ask(self, text: str, thread: str | None = None) -> str:
        """Say it, and wait for one more final answer; the thread."""
        count = len(finals(self.world, DM, thread)) if thread else 0
        ts = await self.world.workspace.say(OMAR, text, thread_ts=thread)
        place = thread or ts
        await self.world.workspace.wait_for(
            lambda _: len(finals(self.world, DM, place)) > count, timeout=WITHIN, what=f"the answer to {text!r}"
        )
        return place

    async def person(self) -> None:
        """Asks, and asks again in the same thread, until the update is over."""
        while not self.stopped.is_set():
            thread = await self.ask("look around")
            self.threads.append(thread)
            await self.ask("and now", thread)

    def text(self, thread: str) -> list[str]:
        return [message.text for message in finals(self.world, DM, thread)]


def tables(database: str) -> int:
    with psycopg.connect(database) as connection:
        (found,) = connection.execute(f"SELECT tables FROM {SCHEMA}.compatibility").fetchone() or (0,)  # noqa: S608
        return found


async def test_an_update_from_the_last_release_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    old = await asyncio.to_thread(released, tmp_path / "release")
    database = new_database()
    options = WorldOptions(model=ScriptedModel(answer, pace=0.02), mode=Mode.ALLOW)
    async with open_world(options) as world, AsyncExitStack() as rest:
        fleet = Fleet(world, database)
        first, second, third, fourth = (AsyncExitStack() for _ in range(4))
        for stack in (first, second, third, fourth):
            await rest.enter_async_context(stack)
        await first.enter_async_context(fleet.replica(old, tmp_path / "old-1"))
        await second.enter_async_context(fleet.replica(old, tmp_path / "old-2"))
        before = await asyncio.to_thread(tables, database)
        kept = await fleet.ask("hello")
        card = await fleet.ask("scale to 4")
        async with asyncio.TaskGroup() as people:
            for _ in range(AT_ONCE):
                people.create_task(fleet.person())
            await third.enter_async_context(fleet.replica(HERE, tmp_path / "new-1"))
            await first.aclose()
            await fleet.ask("look with one of each release")
            await fourth.enter_async_context(fleet.replica(HERE, tmp_path / "new-2"))
            await second.aclose()
            await fleet.ask("look with this release alone")
            fleet.stopped.set()
        assert before < await asyncio.to_thread(tables, database) == TABLES, "the tables were changed on the way"
        await fleet.ask("and you remember", kept)
        assert "after 1 others" in fleet.text(kept)[-1]
        await fleet.ask("yes", card)
        changes = [r for r in world.cluster.requests if r.method in ("PATCH", "PUT") and "dryRun" not in r.query]
        assert [request.path.rsplit("/", 2)[1:] for request in changes] == [["frontend", "scale"]]
        assert len(fleet.threads) >= AT_ONCE
        for thread in fleet.threads:
            said = fleet.text(thread)
            assert len(said) == 2, said
            assert "after 1 others" in said[1], "the history of the thread came along"
        world.workspace.assert_no_problems()
