"""The filesystem store when the disk is full, refuses, or loses files; and what it reads and writes at all."""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from kubeai_bot.domain.storage import Claim, Known, Retention, SessionChange
from kubeai_bot.errors import StoreError
from kubeai_bot.stores.event_keys import LIFE
from kubeai_bot.stores.filesystem.opening import open_filesystem
from tests.stores.backend import Clocks
from tests.stores.filesystem_driver import fast_folder
from tests.stores.filesystem_mounts import mounted, run


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kubeai-sessions-", dir=fast_folder()) as name:
        yield Path(name)


@pytest.fixture
def root(folder) -> Path:
    return folder / "sessions"


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes: a write is then cut short, and the next one fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def fill(folder: Path) -> Path:
    ballast = folder / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 512)
    return ballast


async def held(store, make):
    receipt = await store.receive(make.incoming(), Claim("a", 600))
    return receipt.lease, receipt.tail.session.thread


async def test_a_line_that_is_cut_short_leaves_nothing_behind_and_the_next_one_fits(root, make):
    async with open_filesystem(root) as store:
        lease, thread = await held(store, make)
        seq = await store.append(lease, 0, "one", [make.message("1")])
        before, size = await store.dump(lease.session_id), journal_size(root, lease.session_id)
        with files_of_at_most(size + 100):
            with pytest.raises(StoreError, match=r"journal-000001.jsonl: the file may not grow any further"):
                await store.append(lease, seq, "two", [make.message("x" * 5000)])
            assert journal_size(root, lease.session_id) == size
            with pytest.raises(StoreError, match="may not grow"):
                await store.receive(make.incoming(thread))
            assert await store.dump(lease.session_id) == before
            await store.renew(lease, 600)  # needs no disk
        assert await store.append(lease, seq, "two", [make.message("x" * 5000)]) == 2
        after = await store.dump(lease.session_id)
    async with open_filesystem(root) as store:
        assert await store.dump(lease.session_id) == after


def journal_size(root: Path, session_id: str) -> int:
    return (root / session_id / "journal-000001.jsonl").stat().st_size


async def test_what_a_failed_write_has_left_is_cut_off_before_the_next_one(root, make):
    """As where not even the truncation after a failed write succeeds."""
    async with open_filesystem(root) as store:
        lease, _ = await held(store, make)
        path = root / lease.session_id / "journal-000001.jsonl"
        with path.open("ab") as file:
            file.write(b'["half a line' * 1000)
        assert await store.append(lease, 0, "one", [make.message("1")]) == 1
        assert b"half a line" not in path.read_bytes()
        before = await store.dump(lease.session_id)
    async with open_filesystem(root) as store:
        assert await store.dump(lease.session_id) == before


async def test_on_a_full_disk_nothing_is_half_done_and_all_goes_on_when_there_is_room(root, make):
    with mounted(root, "300k"):
        async with open_filesystem(root) as store:
            lease, thread = await held(store, make)
            seq = await store.append(lease, 0, "one", [make.message("1")])
            idle = await make.session(store)
            before = [await store.dump(each) for each in (lease.session_id, idle)]
            ballast, event, elsewhere = fill(root), make.incoming(thread), make.incoming()
            for refused in (
                store.append(lease, seq, "two", [make.message("x" * 9000)]),
                store.receive(replace(event, text="x" * 9000)),
                store.receive(elsewhere, Claim("a", 30)),
            ):
                with pytest.raises(StoreError, match="the disk is full: free some space or enlarge the volume"):
                    await refused
            assert [await store.dump(each) for each in (lease.session_id, idle)] == before
            assert (await store.usage()).sessions == 2
            assert sorted(each.name for each in root.iterdir() if len(each.name) > 20) == sorted(
                [lease.session_id, idle]
            )
            ballast.unlink()
            assert await store.append(lease, seq, "two", [make.message("x" * 9000)]) == 2
            assert (await store.receive(event)).session_id == lease.session_id
            assert (await store.receive(elsewhere, Claim("a", 30))).lease
            after = [await store.dump(each.id) for each in (await store.list()).sessions]
        async with open_filesystem(root) as store:
            assert [await store.dump(each.id) for each in (await store.list()).sessions] == after


async def test_a_disk_that_turns_read_only_is_said_and_survived(root, make):
    with mounted(root, "1m"):
        async with open_filesystem(root) as store:
            lease, _ = await held(store, make)
            # The lock is held open for writing, so that the mount itself cannot be turned: a second one over it can.
            assert run("mount", "--bind", str(root / lease.session_id), str(root / lease.session_id))
            assert run("mount", "-o", "remount,bind,ro", str(root / lease.session_id))
            with pytest.raises(StoreError, match="the file system is read-only"):
                await store.append(lease, 0, "one", [make.message("1")])
            assert run("umount", str(root / lease.session_id))
            assert await store.append(lease, 0, "one", [make.message("1")]) == 1


async def test_files_that_somebody_took_away_are_missed_in_words(root, make):
    async with open_filesystem(root) as store:
        lease, _ = await held(store, make)
        await store.append(lease, 0, "one", [make.message("1")])
        path = root / lease.session_id / "journal-000001.jsonl"
        content = path.read_bytes()
        path.write_bytes(content[:-5])
        with pytest.raises(StoreError, match="5 bytes at its end are missing"):
            await store.append(lease, 1, "two", [make.message("2")])
        path.unlink()
        for refused in (store.append(lease, 1, "two", [make.message("2")]), store.load(lease.session_id)):
            with pytest.raises(StoreError, match="it is gone: somebody else has removed or replaced it"):
                await refused
        path.write_bytes(content)
        assert await store.append(lease, 1, "two", [make.message("2")]) == 2


async def test_an_event_is_taken_even_where_the_history_cannot_be_read(root, make):
    async with open_filesystem(root) as store:
        lease, thread = await held(store, make)
        await store.append(lease, 0, "one", [make.message("1" * 50)])
        await store.release(lease)
        path = root / lease.session_id / "journal-000001.jsonl"
        path.write_bytes(path.read_bytes().replace(b"1" * 50, b"2" * 50))
        receipt = await store.receive(make.incoming(thread), Claim("a", 30))
        assert (receipt.session_id, receipt.lease, receipt.tail) == (lease.session_id, None, None)
        assert await store.unfinished() == [lease.session_id]


async def test_values_that_json_cannot_hold_change_nothing(root, make):
    async with open_filesystem(root) as store:
        lease, _ = await held(store, make)
        before = await store.dump(lease.session_id)
        for change in (SessionChange(metadata={"a": object()}), SessionChange(mcp_status={"a": {1: 2}})):
            with pytest.raises(TypeError):
                await store.append(lease, 0, "one", [make.message()], change=change)
        with pytest.raises(TypeError):
            await store.append(lease, 0, "one", [make.message(metadata={"a": b"bytes"})])
        assert await store.dump(lease.session_id) == before
        assert await store.append(lease, 0, "one", [make.message()]) == 1


async def test_lines_of_ten_megabytes_come_back_and_cost_others_nothing(root, make):
    long = "äx\x00" * 3_500_000
    async with open_filesystem(root) as store:
        lease, _ = await held(store, make)
        assert await store.append(lease, 0, "one", [make.message(long), make.message("short")]) == 2
        assert (await store.load(lease.session_id)).messages[0].message.payload.text == long
    async with open_filesystem(root) as store:
        tail = await store.load(lease.session_id)
        assert [len(each.message.payload.text) for each in tail.messages] == [len(long), 5]


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="only Linux counts what a process reads and writes")
async def test_appending_and_reading_the_newest_cost_the_same_at_any_length(root, make):
    """Counted in bytes that the process read and wrote, not in time."""

    def io() -> tuple[int, int]:
        fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
        return int(fields["rchar"]), int(fields["wchar"])

    async with open_filesystem(root) as store:
        lease, _ = await held(store, make)
        seq, costs = 0, []
        for length in (50, 2000):
            while seq < length:
                batch = [make.message("x" * 1000) for _ in range(10)]
                seq = await store.append(lease, seq, make.step(), batch)
            before = io()
            for _ in range(20):
                seq = await store.append(lease, seq, make.step(), [make.message("x" * 1000)])
                assert len((await store.load(lease.session_id, newest=5)).messages) == 5
                assert (await store.load(lease.session_id, after=seq)).messages == ()
            costs.append(tuple(after - earlier for after, earlier in zip(io(), before, strict=True)))
        (read_short, written_short), (read_long, written_long) = costs
        assert read_long < 2 * read_short
        assert written_long < 2 * written_short


async def test_the_tail_is_right_wherever_it_begins(root, make):
    async with open_filesystem(root) as store:
        lease, thread = await held(store, make)
        seq = 0
        for number in range(12):
            seq = await store.append(lease, seq, make.step(), [make.message() for _ in range(number % 4)])
            await store.receive(make.incoming(thread))
        for after in range(seq + 2):
            for newest in (None, 0, 1, 4, 100):
                tail = await store.load(lease.session_id, after, newest)
                first = max(min(after, seq), 0 if newest is None else seq - newest)
                assert [each.seq for each in tail.messages] == list(range(first + 1, seq + 1))
                assert tail.after == first
        await store.release(lease)
        receipt = await store.receive(make.incoming(thread), Claim("b", 30, Known(lease.session_id, 5)))
        assert receipt.tail.after == 5


async def test_heads_are_written_as_the_journal_grows_and_spare_reading_it(root, make):
    async with open_filesystem(root) as store:
        lease, _ = await held(store, make)
        for seq in range(100):
            await store.append(lease, seq, make.step(), [make.message("x" * 2000)])
        head = root / lease.session_id / "head.json"
        assert 500 < head.stat().st_size < 5000
        assert not (root / f".{lease.session_id}").exists()
        before = await store.load(lease.session_id, newest=1)
    path = root / lease.session_id / "journal-000001.jsonl"
    path.write_bytes(b"#" * 1000 + path.read_bytes()[1000:])  # what the head covers is not read at the start
    async with open_filesystem(root) as store:
        assert await store.load(lease.session_id, newest=1) == before
        with pytest.raises(StoreError, match="line 1 is damaged"):
            await store.load(lease.session_id)


async def test_what_is_deleted_is_gone_from_the_disk_and_marks_and_keys_in_their_time(root, make):
    clocks = Clocks()

    def everything() -> bytes:
        return b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())

    async with open_filesystem(root, clocks.time, clocks.monotonic) as store:
        receipt = await store.receive(make.incoming(text="secret-word", keys=("key-one",)), Claim("a", 30))
        read = [item.id for item in receipt.tail.inbox]
        await store.append(receipt.lease, 0, "one", [make.message("secret-word")], read)
        await store.release(receipt.lease)
        assert b"secret-word" in everything()
        thread_ts = receipt.tail.session.thread.thread_ts.encode()
        clocks.seconds += 100
        assert (await store.prune(Retention(ttl=50))).expired == (receipt.session_id,)
        assert b"secret-word" not in everything()
        assert thread_ts in everything()
        assert b"key-one" in everything()
        clocks.seconds += LIFE
        await store.prune(Retention(ttl=50, keep=200))
        assert thread_ts not in everything()
        assert b"key-one" not in everything()


async def test_many_sessions_open_quickly(root, make):
    """1,000 here; ten thousand take ten times as long."""
    async with open_filesystem(root) as store:
        for _ in range(1000):
            await make.session(store)
    started = os.times()
    async with open_filesystem(root) as store:
        ended = os.times()
        assert (await store.usage()).sessions == 1000
    assert (ended.user + ended.system) - (started.user + started.system) < 2
