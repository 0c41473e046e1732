"""A bot that has worked, on the PostgreSQL that docs/operations.md describes and in files, for commands to look at."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kubeai_bot.domain.policy import Mode
from kubeai_bot.playground.world import WorldOptions
from tests.docs.reading import DOCUMENTS, blocks
from tests.docs.shell_stage import Stage
from tests.scenario.stories import MIA, OMAR, SAM, story
from tests.stores.postgres_server import Server, _binaries


@dataclass(frozen=True)
class Worked:
    """What a bot left behind. `environment` is what its commands need; `stream` its audit trail as it was printed;
    `files` the folder of another bot, with SESSION_TYPE=filesystem."""

    server: Server
    environment: dict[str, str]
    stream: Path
    files: Path

    def url(self, database: str, user: str = "kubeai") -> str:
        return f"postgres://{user}@127.0.0.1:{self.server.port}/{database}?sslmode=disable"

    def psql(self, sql: str, database: str = "postgres") -> None:
        url = self.server.url(database)
        subprocess.run(  # noqa: S603
            [_binaries() / "psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", url],
            input=sql,
            text=True,
            check=True,
            timeout=30,
            capture_output=True,
        )


@pytest.fixture(scope="session")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Generator[Worked]:
    folder = tmp_path_factory.mktemp("docs")
    server = Server()
    server.start()
    found = Worked(server, {}, folder / "stream.jsonl", folder / "files")
    found.psql("CREATE ROLE migrator LOGIN; CREATE ROLE bot LOGIN; CREATE DATABASE two_users;")
    for file in DOCUMENTS:
        for block in blocks(file):
            if block.language == "sql":  # as its place in docs/operations.md says: in the database of the two users
                found.psql(block.text, "two_users")
    found.psql("CREATE DATABASE empty OWNER kubeai; CREATE DATABASE playground OWNER kubeai;")
    asyncio.run(_work(found))
    try:
        yield found
    finally:
        server.remove()


async def _work(found: Worked) -> None:
    """The conversations that docs/sessions.md shows."""
    kept = {"SESSION_TYPE": "postgres", "DATABASE_URL": found.url("kubeai")}
    async with story(WorldOptions(mode=Mode.AUTO), **kept) as it:
        await it.ask(OMAR, "scale the frontend to 5")
        await it.ask(MIA, "What is unhealthy right now?")
        await it.ask(SAM, "Show me all pods, please")
        await it.ask(MIA, "help")
        found.environment.update(kept, SLACK_BOT_TOKEN=it.world.environment["SLACK_BOT_TOKEN"])
        shutil.copy(it.world.environment["AUDIT_FILE"], found.stream)
    async with story(SESSION_TYPE="filesystem", SESSIONS_DIR=str(found.files)) as it:
        await it.ask(OMAR, "help")
        await it.ask(MIA, "help")


@pytest.fixture
def stage_of(worked: Worked, tmp_path: Path) -> Callable[[str], Stage]:
    """The stage for one document's commands."""

    def make(file: str) -> Stage:
        folder = tmp_path / "stage"
        port = worked.server.port
        variables = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "kubeai"}
        replaced = [("127.0.0.1:5432", f"127.0.0.1:{port}"), ("postgres://…", worked.url("empty"))]
        if file == "docs/changes.md":  # the commands read what the bot reads
            variables |= worked.environment
        stage = Stage(folder, variables, replaced, _binaries())
        shutil.copy(worked.stream, folder / "saved.log")
        shutil.copytree(worked.files, folder / "files")
        (folder / ".env").write_text(f"DATABASE_URL={worked.url('playground')}\n", "utf-8")
        return stage

    return make
