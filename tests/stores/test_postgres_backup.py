"""A backup as docs/sessions.md describes it, taken while a turn is pending, and restored elsewhere."""

from __future__ import annotations

import subprocess
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from kubeai_bot.domain.session import AgentState, TurnRef
from kubeai_bot.domain.storage import Claim, SessionChange
from kubeai_bot.stores.postgres.opening import open_postgres
from tests.stores.conftest import Make
from tests.stores.postgres_server import _binary, new_database


def run(program: str, *arguments: str) -> None:
    subprocess.run([_binary(program), *arguments], check=True, timeout=60, capture_output=True)  # noqa: S603 - ours


def address(place: str) -> str:
    parts = conninfo_to_dict(place)
    return f"postgresql://{parts['user']}@{parts['host']}:{parts['port']}/{parts['dbname']}"


async def test_a_restored_backup_goes_on_where_the_turn_stood(make: Make, tmp_path: Path) -> None:
    first, second = address(new_database()), address(new_database())
    thread = make.thread()
    async with open_postgres(first) as store:
        asked = make.incoming(thread, "scale it, please")
        receipt = await store.receive(asked, Claim("a", 60))
        assert receipt.lease is not None
        assert receipt.tail is not None
        read = [item.id for item in receipt.tail.inbox]
        turn = SessionChange(turn=TurnRef("t1", make.as_mia, "1.1", make.noon), agent_state=AgentState.RUNNING)
        await store.append(receipt.lease, 0, make.step(), [make.message("scale it, please")], read, turn)
        await store.receive(make.incoming(thread, "and hurry"))
        kept = await store.dump(receipt.lease.session_id)
        run("pg_dump", "--format=custom", "--schema=kubeai_bot", f"--file={tmp_path / 'backup'}", first)
        run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={second}", str(tmp_path / "backup"))
    async with open_postgres(second) as store:
        assert await store.dump(kept.session.id) == kept
        assert (await store.receive(asked)).repeated, "Slack may deliver what was received before the backup again"
        assert await store.lease(kept.session.id, "b", 60) is None, "the lease of the time of the backup still runs"
        new = await store.receive(make.incoming(text="something else"), Claim("b", 60))
        assert new.lease is not None
        assert new.session_id != kept.session.id
