"""The blocks of commands in the documents, run as somebody pastes them."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from kubeai_bot.stores.postgres.opening import open_postgres
from tests.docs.conftest import Worked
from tests.docs.reading import Block, commands, shell_blocks
from tests.docs.shell_stage import Stage, shape

RUNS = [block for block in shell_blocks() if any(not step.mark and step.program != "make" for step in commands(block))]
FILES = {file: [block for block in RUNS if block.place.file == file] for file in {each.place.file for each in RUNS}}


def test_there_are_blocks_to_run() -> None:
    assert {"docs/sessions.md", "docs/changes.md", "docs/playground.md"} <= set(FILES)


@pytest.mark.parametrize("file", sorted(FILES))
def test_the_commands_do_what_the_document_says(file: str, stage_of: Callable[[str], Stage], worked: Worked) -> None:
    stage = stage_of(file)
    for block in FILES[file]:
        for step, printed in stage.run(block):
            missing = [line for line in shape(step.output) if line not in shape(printed)]
            assert not missing, f"{step.place}: `{step.words}` does not print {missing}, but:\n{printed}"
    if file == "docs/sessions.md":
        databases = ("kubeai", "kubeai_restored", "kubeai_copy", "empty")
        assert [_sessions(worked.url(name, "postgres")) for name in databases] == [4, 4, 4, 2]


def _sessions(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM kubeai_bot.sessions").fetchone()
    return row[0] if row else 0


def test_a_block_that_fails_is_named_by_file_and_line(stage_of: Callable[[str], Stage]) -> None:
    place = RUNS[0].place
    with pytest.raises(AssertionError, match=rf"{place.file}:{place.line + 2}: `kubeai-bot sesions` ended with"):
        stage_of("none").run(Block(place, "sh", "true\nkubeai-bot sesions\ntrue\n", ""))


async def test_the_roles_of_the_two_users_are_enough_and_no_more(worked: Worked) -> None:
    """docs/operations.md: one user migrates, the bot's may only read and write rows."""
    url, migrates = worked.url("two_users", "bot"), worked.url("two_users", "migrator")
    async with open_postgres(url, migration_url=migrates) as store:
        assert (await store.usage()).sessions == 0
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("CREATE TABLE kubeai_bot.mine (id int)")
