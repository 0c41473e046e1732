"""Who may have a session folder, what it says where it cannot be had, and who may look in."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from kubeai_bot.domain.session import ThreadRef
from kubeai_bot.domain.storage import Claim, Retention
from kubeai_bot.errors import ConfigError, SessionNotFound, StoreError
from kubeai_bot.stores.filesystem.folder import SessionFolder
from kubeai_bot.stores.filesystem.opening import open_filesystem, open_filesystem_read_only
from tests.stores.filesystem_mounts import mounted, run

NOBODY = 65534


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "sessions"


async def refusal(root: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        async with open_filesystem(root):
            pass
    (fault,) = caught.value.faults
    return fault


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Without the rights of root, whom no mode binds."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(mine)


# --- one owner ---


async def test_a_second_store_on_the_same_folder_is_refused_and_told_who_has_it(root):
    async with open_filesystem(root):
        fault = await refusal(root)
        assert f"{root} is in use by process {os.getpid()} on host" in fault
        assert "SESSION_TYPE=postgres" in fault
    async with open_filesystem(root):  # free again
        pass


async def test_a_folder_that_another_process_holds_is_refused_until_that_process_dies(root, make):
    writer = await asyncio.create_subprocess_exec(
        sys.executable, *("-m", "tests.stores.filesystem_writer", str(root), "0"), stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(30):
            await writer.stdout.readline()
        assert f"in use by process {writer.pid} on host" in await refusal(root)
        async with open_filesystem_read_only(root) as looking:
            session_id = json.loads(await writer.stdout.readline())["session"]
            assert (await looking.list()).sessions
    finally:
        writer.send_signal(signal.SIGKILL)
        await writer.communicate()
    async with open_filesystem(root) as store:
        assert (await store.load(session_id)).session.id == session_id


# --- folders that will not do ---


async def test_a_file_in_the_place_of_the_folder_is_refused(root):
    root.write_text("not a folder")
    assert "is not a folder" in await refusal(root)
    assert "mount a volume there" in await refusal(root)
    assert "is not a folder" in await refusal(root / "below")


async def test_a_folder_of_somebody_else_is_refused(tmp_path, root):
    root.mkdir(mode=0o555)
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    with as_somebody_else():
        fault = await refusal(root)
    assert f"mount a volume at {root} that belongs to that user" in fault
    assert "fsGroup" in fault


async def test_a_read_only_file_system_is_refused(root):
    with mounted(root, "1m"):
        assert run("mount", "-o", "remount,ro", str(root))
        assert "is on a read-only file system: mount a writable volume at" in await refusal(root)


async def test_a_full_disk_is_refused_at_the_start(root):
    with mounted(root, "16k"):
        with suppress(OSError):
            (root / "ballast").write_bytes(b"x" * 64 * 1024)
        assert "the disk is full" in await refusal(root)
        (root / "ballast").unlink()
        async with open_filesystem(root) as store:
            assert (await store.list()).sessions == ()


async def test_a_folder_of_a_newer_version_is_refused(root):
    async with open_filesystem(root):
        pass
    (root / "store.json").write_text('{"v":2,"generation":1}')
    assert "newer version of kubeai-bot (format 2)" in await refusal(root)
    with pytest.raises(ConfigError, match="newer version"):
        async with open_filesystem_read_only(root):
            pass


async def test_an_unreadable_note_of_the_version_does_not_stop_the_store(root, make):
    thread = make.thread()
    async with open_filesystem(root) as store:
        session_id = await make.session(store, thread)
    (root / "store.json").write_text("{")
    async with open_filesystem(root) as store:
        await store.receive(make.incoming(thread))
        ids = [item.id for item in (await store.load(session_id)).inbox]
        assert len(ids) == 2
        assert ids == sorted(ids)


# --- permissions ---


def modes(root: Path) -> dict[str, int]:
    return {str(each.relative_to(root)): stat.S_IMODE(each.lstat().st_mode) for each in [root, *root.rglob("*")]}


@pytest.mark.parametrize("umask", [0o000, 0o777])
async def test_nobody_else_may_read_whatever_the_umask(tmp_path, make, umask):
    root = tmp_path / "new" / "sessions"
    before = os.umask(umask)
    try:
        async with open_filesystem(root) as store:
            receipt = await store.receive(make.incoming(), Claim("a", 30))
            read = [item.id for item in receipt.tail.inbox]
            await store.append(receipt.lease, 0, "one", [make.message() for _ in range(5)], read)
            await store.release(receipt.lease)
            await store.prune(Retention(max_messages=2))
    finally:
        os.umask(before)
    found = modes(root)
    assert len(found) == 7
    for name, mode in found.items():
        assert mode == (0o700 if (root / name).is_dir() else 0o600), name
    assert stat.S_IMODE(root.parent.stat().st_mode) == 0o700


async def test_modes_that_became_too_wide_are_set_right_and_an_open_root_is_warned_of(root, make):
    async with open_filesystem(root) as store:
        await make.session(store)
    for path in [root, *root.rglob("*")]:
        path.chmod(0o777)
    with capture_logs() as logs:
        async with open_filesystem(root):
            pass
    (warning,) = [each for each in logs if each["event"] == "store.root_open_to_others"]
    assert (warning["mode"], warning["folder"]) == ("0777", str(root))
    found = modes(root)
    assert found.pop(".") == 0o777  # the volume's own mode is the operator's
    assert not any(mode & 0o077 for mode in found.values()), found


# --- names ---

HOSTILE = ["..", "../x", "/etc", "a/b", "", ".", "A" * 24, "g" * 24, "a" * 24 + "\n", "a" * 24 + "\x00", "x" * 5000]


@pytest.mark.parametrize("session_id", HOSTILE)
async def test_an_id_that_is_none_never_becomes_a_path(root, make, session_id):
    async with open_filesystem(root) as store:
        await make.session(store)
        assert await store.delete(session_id) is False
        for call in (store.load(session_id), store.dump(session_id), store.lease(session_id, "a", 30)):
            with pytest.raises(SessionNotFound):
                await call
    with pytest.raises(ValueError, match="not a session's id"):
        SessionFolder(root, session_id)


async def test_a_dump_cannot_bring_an_id_that_is_none(tmp_path, root, make):
    async with open_filesystem(root) as store:
        session_id = await make.session(store)
        dump = await store.dump(session_id)
        await store.delete(session_id)
        for hostile in HOSTILE:
            with pytest.raises(StoreError, match="hexadecimal"):
                await store.restore(replace(dump, session=replace(dump.session, id=hostile)))
        before = sorted(tmp_path.iterdir())
        assert before == [root]
        assert await store.restore(dump)


async def test_threads_and_users_from_outside_never_become_names(tmp_path, root, make):
    async with open_filesystem(root) as store:
        for hostile in ("../../x", "/etc/passwd", "a\x00b", "\ud800"):
            receipt = await store.receive(make.incoming(ThreadRef(hostile, hostile, hostile), keys=(hostile,)))
            assert receipt.created
            assert (await store.find(ThreadRef(hostile, hostile, hostile))).id == receipt.session_id
    assert sorted(tmp_path.iterdir()) == [root]
    async with open_filesystem(root) as store:
        assert len((await store.list()).sessions) == 4


async def test_symbolic_links_are_not_followed(tmp_path, root, make):
    outside = tmp_path / "outside"
    async with open_filesystem(root) as store:
        linked, secret = await make.session(store), await make.session(store)
    (root / linked).rename(outside)
    (root / linked).symlink_to(outside)
    target = tmp_path / "target.jsonl"
    path = root / secret / "journal-000001.jsonl"
    path.rename(target)
    path.symlink_to(target)
    before = (target.read_bytes(), sorted(outside.iterdir()))
    async with open_filesystem(root) as store:
        assert set(store.broken) == {linked, secret}
        assert "symbolic link" in store.broken[linked]
        assert "symbolic link" in store.broken[secret]
        assert await store.delete(linked)
        assert await store.delete(secret)
    assert (target.read_bytes(), sorted(outside.iterdir())) == before
    assert sorted(each.name for each in root.iterdir()) == [".lock", "events.jsonl", "store.json"]


# --- beside a running bot ---


async def test_beside_a_running_bot_everything_can_be_read_and_nothing_written(root, make):
    async with open_filesystem(root) as store:
        thread = make.thread()
        receipt = await store.receive(make.incoming(thread), Claim("a", 30))
        await store.append(receipt.lease, 0, "one", [make.message("1")])
        session_id, lease = receipt.session_id, receipt.lease
        files = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
        async with open_filesystem_read_only(root) as looking:
            assert await looking.list() == await store.list()
            assert await looking.find(thread) == await store.find(thread)
            assert await looking.load(session_id) == await store.load(session_id)
            assert await looking.load(session_id, 1) == await store.load(session_id, 1)
            assert await looking.dump(session_id) == await store.dump(session_id)
            assert await looking.about("U0MIA") == await store.about("U0MIA")
            assert (await looking.usage()).messages == 1
            assert await looking.unfinished() == [session_id]
            with pytest.raises(SessionNotFound):
                await looking.load("a" * 24)
            for call in (
                looking.receive(make.incoming(thread)),
                looking.lease(session_id, "b", 30),
                looking.renew(lease, 30),
                looking.release(lease),
                looking.append(lease, 1, "two"),
                looking.close(lease, 1, "two"),
                looking.forget(lease),
                looking.record_feedback(session_id, "t1", "U0MIA", "positive"),
                looking.delete(session_id),
                looking.restore(await store.dump(session_id)),
                looking.prune(Retention(ttl=1)),
            ):
                with pytest.raises(StoreError, match="the bot holds"):
                    await call
            with pytest.raises(StoreError, match="the bot holds"):
                looking.wakeups()
            assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == files
            await store.append(lease, 1, "two", [make.message("2")])
            assert len((await looking.load(session_id)).messages) == 2  # as it is by now
            await store.forget(lease) or await store.delete(session_id)
            with pytest.raises(SessionNotFound):
                await looking.dump(session_id)


async def test_what_is_just_being_written_does_not_disturb_a_reader(root, make):
    async with open_filesystem(root) as store:
        session_id = await make.session(store)
        with (root / session_id / "journal-000001.jsonl").open("ab") as file:
            file.write(b'["0000')
            file.flush()
            async with open_filesystem_read_only(root) as looking:
                assert len((await looking.load(session_id)).inbox) == 1
                assert looking.broken == {}
        assert (root / session_id / "journal-000001.jsonl").read_bytes().endswith(b'["0000')
        await store.receive(make.incoming((await store.load(session_id)).session.thread))
        assert len((await store.load(session_id)).inbox) == 2


async def test_there_must_be_a_folder_to_look_into(root):
    with pytest.raises(ConfigError, match="there is no session folder"):
        async with open_filesystem_read_only(root):
            pass
    assert not root.exists()


async def test_a_root_behind_a_symbolic_link_is_the_operators_choice(tmp_path, root, make):
    (tmp_path / "volume").mkdir()
    root.symlink_to(tmp_path / "volume")
    async with open_filesystem(root) as store:
        await make.session(store)
    shutil.move(tmp_path / "volume", tmp_path / "elsewhere")
    async with open_filesystem(tmp_path / "elsewhere") as store:
        assert len((await store.list()).sessions) == 1
