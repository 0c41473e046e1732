"""The doctor and session stores: only looked at, in every state."""

import secrets
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from kubeai_bot.doctor.finding import Area
from kubeai_bot.stores.filesystem.opening import open_filesystem
from kubeai_bot.stores.postgres.opening import open_postgres
from tests.stores.filesystem_mounts import mounted, run
from tests.stores.postgres_server import new_database

FILES = {"SESSION_TYPE": "filesystem"}


def address(user: str = "", password: str = "") -> str:
    """The URL of a new empty database."""
    parts = conninfo_to_dict(new_database())
    return f"postgresql://{user or parts['user']}:{password}@{parts['host']}:{parts['port']}/{parts['dbname']}"


def ask(url: str, statement: str, *names: str) -> list[tuple]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def stranger() -> str:
    """A user of the database server who has no rights."""
    name = f"doctor_{secrets.token_hex(4)}"
    url = address()
    ask(url, "CREATE ROLE {} LOGIN PASSWORD 'a-very-secret-password'", name)
    yield name
    ask(url, "DROP ROLE {}", name)


async def test_an_empty_database_is_fine_and_stays_empty(doctor) -> None:
    url = address()
    visit = await doctor.visit(Area.SESSIONS, SESSION_TYPE="postgres", DATABASE_URL=url)
    assert visit.code == 0
    assert visit.named("sessions.tables")["says"] == "the tables will be made at the first start"
    assert ask(url, "SELECT nspname FROM pg_namespace WHERE nspname = 'kubeai_bot'") == []


async def test_tables_of_this_version_are_fine(doctor) -> None:
    url = address()
    async with open_postgres(url):
        visit = await doctor.visit(Area.SESSIONS, SESSION_TYPE="postgres", DATABASE_URL=url)
    assert visit.named("sessions.tables")["says"] == "the tables in schema kubeai_bot are those of this version"


async def test_tables_of_a_newer_release_keep_the_bot_from_starting(doctor) -> None:
    url = address()
    async with open_postgres(url):
        pass
    ask(url, "UPDATE kubeai_bot.compatibility SET tables = 99, oldest_code = 99")
    visit = await doctor.visit(Area.SESSIONS, init=True, SESSION_TYPE="postgres", DATABASE_URL=url)
    assert (visit.code, visit.wrong) == (1, {"sessions.database"})
    assert "newer kubeai-bot" in visit.named("sessions.database")["says"]


async def test_a_database_that_is_down_does_not_keep_the_bot_from_starting_and_its_password_is_not_told(doctor) -> None:
    doctor.secrets.add("a-very-secret-password")
    url = "postgresql://bot:a-very-secret-password@127.0.0.1:9/kubeai"
    visit = await doctor.visit(Area.SESSIONS, SESSION_TYPE="postgres", DATABASE_URL=url)
    assert visit.wrong == {"sessions.database"}
    assert "'kubeai' at 127.0.0.1:9" in visit.named("sessions.database")["says"]
    visit = await doctor.visit(Area.SESSIONS, init=True, pauses=(0.01,), SESSION_TYPE="postgres", DATABASE_URL=url)
    assert visit.code == 0


async def test_a_user_who_may_not_make_the_schema_is_told_the_grant(doctor, stranger: str) -> None:
    doctor.secrets.add("a-very-secret-password")
    url = address(stranger, "a-very-secret-password")
    visit = await doctor.visit(Area.SESSIONS, init=True, SESSION_TYPE="postgres", DATABASE_URL=url)
    found = visit.named("sessions.tables")
    assert (visit.code, found["result"]) == (1, "fault")
    assert f'TO "{stranger}"; or let an administrator: CREATE SCHEMA "kubeai_bot"' in found["fix"]
    owner = url.replace(f"{stranger}:a-very-secret-password", "postgres")
    mended = {"DATABASE_URL": url, "DATABASE_MIGRATION_URL": owner}
    assert (await doctor.visit(Area.SESSIONS, SESSION_TYPE="postgres", **mended)).code == 0


async def test_a_user_who_lacks_rights_on_the_tables_is_told_the_grants_one_after_the_other(
    doctor, stranger: str
) -> None:
    url = address(stranger, "a-very-secret-password")
    owner = url.replace(f"{stranger}:a-very-secret-password", "postgres")
    async with open_postgres(owner):
        pass
    given = {"SESSION_TYPE": "postgres", "DATABASE_URL": url}
    try:
        fix = (await doctor.visit(Area.SESSIONS, **given)).named("sessions.tables")["fix"]
        assert fix == f'GRANT USAGE ON SCHEMA "kubeai_bot" TO "{stranger}";'
        ask(owner, "GRANT USAGE ON SCHEMA kubeai_bot TO {}", stranger)
        ask(owner, "GRANT SELECT ON kubeai_bot.compatibility TO {}", stranger)
        found = (await doctor.visit(Area.SESSIONS, **given)).named("sessions.tables")
        assert "sessions" in found["says"]
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute(found["fix"])
        assert (await doctor.visit(Area.SESSIONS, **given)).code == 0
    finally:
        ask(owner, "DROP OWNED BY {}", stranger)


async def test_a_folder_that_is_not_there_yet_is_fine_and_not_made(doctor, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "sessions"
    visit = await doctor.visit(Area.SESSIONS, SESSIONS_DIR=str(folder), **FILES)
    assert (visit.code, visit.named("sessions.files")["result"]) == (0, "ok")
    assert not folder.parent.exists()


async def test_a_folder_in_which_a_bot_works_is_said_kindly_and_the_bot_keeps_it(doctor, tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    async with open_filesystem(folder) as store:
        before = sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))
        visit = await doctor.visit(Area.SESSIONS, SESSIONS_DIR=str(folder), **FILES)
        assert sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*")) == before
        await store.usage()
    found = visit.named("sessions.files")
    assert (visit.code, found["result"]) == (0, "warning")
    assert "in use by process" in found["says"]
    assert found["fix"].startswith("Fine if that is this bot, running.")
    assert (await doctor.visit(Area.SESSIONS, SESSIONS_DIR=str(folder), **FILES)).named("sessions.files")[
        "result"
    ] == "ok"


async def test_a_file_in_the_place_of_the_folder_is_a_fault(doctor, tmp_path: Path) -> None:
    (tmp_path / "sessions").write_text("not a folder", encoding="utf-8")
    visit = await doctor.visit(Area.SESSIONS, init=True, SESSIONS_DIR=str(tmp_path / "sessions"), **FILES)
    assert (visit.code, visit.wrong) == (1, {"sessions.files"})
    assert "mount a volume" in visit.named("sessions.files")["says"]


async def test_a_read_only_file_system_is_a_fault(doctor, tmp_path: Path) -> None:
    with mounted(tmp_path / "volume", "1m"):
        assert run("mount", "-o", "remount,ro", str(tmp_path / "volume"))
        visit = await doctor.visit(Area.SESSIONS, SESSIONS_DIR=str(tmp_path / "volume" / "sessions"), **FILES)
    assert visit.wrong == {"sessions.files"}
    assert "read-only file system" in visit.named("sessions.files")["says"]
