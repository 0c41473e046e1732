"""The filesystem store after a crash, a power cut, damage, and a real `kill -9`."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kubeai_bot.domain.session import TurnRef
from kubeai_bot.domain.storage import Claim, Retention, SessionChange
from kubeai_bot.errors import SessionNotFound, StoreError
from kubeai_bot.stores.filesystem.folder import SessionFolder
from kubeai_bot.stores.filesystem.journal_file import backward, from_line, scan, to_line
from kubeai_bot.stores.filesystem.opening import open_filesystem
from kubeai_bot.stores.filesystem.shelf import dump_of
from kubeai_bot.stores.filesystem.store import FilesystemStore
from tests.stores.backend import Clocks
from tests.stores.filesystem_driver import fast_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kubeai-sessions-", dir=fast_folder()) as name:
        yield Path(name)


@pytest.fixture
def root(folder) -> Path:
    return folder / "sessions"


def journal(root: Path, session_id: str) -> Path:
    (path,) = (root / session_id).glob("journal-*.jsonl")
    return path


async def talk(store: FilesystemStore, make, thread=None) -> str:
    """A session with two messages of one step, an open turn and an unread event."""
    thread = thread or make.thread()
    receipt = await store.receive(make.incoming(thread), Claim("a", 30))
    turn = TurnRef("t1", make.as_mia, "1", make.noon)
    read = [item.id for item in receipt.tail.inbox]
    await store.append(receipt.lease, 0, "one", [make.message("1")], read, SessionChange(turn=turn))
    await store.append(receipt.lease, 1, "two", [make.message("2\x00\ud800"), make.message("3")])
    await store.receive(make.incoming(thread, "and now?"))
    return receipt.session_id


async def dumps_after_a_crash(root: Path, copy: Path, change: Callable[[Path], None]) -> dict[str, object]:
    """What a store makes of the files as they are at this moment, changed by `change`."""
    shutil.copytree(root, copy)
    change(copy)
    async with open_filesystem(copy) as store:
        found = {each.id: await store.dump(each.id) for each in (await store.list()).sessions}
    shutil.rmtree(copy)
    return found


async def test_a_journal_cut_anywhere_in_its_last_lines_gives_a_state_that_there_was(root, make):
    async with open_filesystem(root) as store:
        thread = make.thread()
        receipt = await store.receive(make.incoming(thread), Claim("a", 30))
        session_id = receipt.session_id
        path = journal(root, session_id)
        states, ends = [await store.dump(session_id)], [path.stat().st_size]
        for number in range(3):
            if number == 1:
                await store.receive(make.incoming(thread))
            else:
                await store.append(receipt.lease, number // 2, f"{number}", [make.message("x")])
            states.append(await store.dump(session_id))
            ends.append(path.stat().st_size)
    content, sessions = path.read_bytes(), SessionFolder(root, session_id)
    (root / session_id / "head.json").unlink()
    for cut in range(ends[0], ends[-1] + 1):
        path.write_bytes(content[:cut])
        state = sum(end <= cut for end in ends) - 1
        record = sessions.open(repair=True).record
        assert dump_of(record, sessions.whole(record)) == states[state]
        assert record.position.length == path.stat().st_size == ends[state]
        assert sessions.append(record.position, to_line({})).length == path.stat().st_size == ends[state] + 16


async def test_a_torn_end_is_cut_off_and_the_session_goes_on(root, make):
    async with open_filesystem(root) as store:
        session_id = await talk(store, make)
        before = await store.dump(session_id)
    with journal(root, session_id).open("ab") as file:
        file.write(b'["00000000",{"step":["three",9],"messages":[')
    async with open_filesystem(root) as store:
        assert await store.dump(session_id) == before
        lease = await store.lease(session_id, "b", 30)
        assert await store.append(lease, 3, "three", [make.message("4")]) == 4
    async with open_filesystem(root) as store:
        assert [each.seq for each in (await store.load(session_id)).messages] == [1, 2, 3, 4]


@pytest.mark.parametrize("junk", [b"\x00" * 5000, b"\x00" * 300 + b"\n", b"}\n"])
async def test_a_last_line_that_a_power_cut_left_blank_is_cut_off(root, make, junk):
    async with open_filesystem(root) as store:
        session_id = await talk(store, make)
        before = await store.dump(session_id)
    with journal(root, session_id).open("ab") as file:
        file.write(junk)
    async with open_filesystem(root) as store:
        assert await store.dump(session_id) == before


@pytest.mark.parametrize("head_too", [True, False])
async def test_damage_in_the_middle_makes_that_session_alone_unavailable(root, make, head_too):
    thread = make.thread()
    async with open_filesystem(root) as store:
        session_id, other = await talk(store, make, thread), await talk(store, make)
    path = journal(root, session_id)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"one", b"onE")
    path.write_bytes(b"".join(lines))
    if head_too:
        (root / session_id / "head.json").unlink()
    async with open_filesystem(root) as store:
        with pytest.raises(StoreError, match=rf"{path}: line 2 is damaged"):
            await store.load(session_id)
        with pytest.raises(StoreError, match="line 2 is damaged"):
            await store.dump(session_id)
        assert len((await store.load(other)).messages) == 3
        if head_too:
            assert set(store.broken) == {session_id}
            assert [each.id for each in (await store.list()).sessions] == [other]
            with pytest.raises(StoreError, match="line 2 is damaged"):  # no second session beside the broken one
                await store.receive(make.incoming(thread))
            with pytest.raises(StoreError, match="line 2 is damaged"):
                await store.lease(session_id, "b", 30)
        assert await store.delete(session_id)
        assert (await store.receive(make.incoming(thread))).created
    assert not (root / session_id).exists()


async def test_broken_folders_never_hide_the_others(root, make):
    async with open_filesystem(root) as store:
        good = await talk(store, make)
        no_journal, file_instead, foreign, newer, short = [await talk(store, make) for _ in range(5)]
    journal(root, no_journal).unlink()
    shutil.rmtree(root / file_instead)
    (root / file_instead).write_text("not a folder")
    shutil.rmtree(root / foreign)
    shutil.copytree(root / good, root / foreign)
    shutil.rmtree(root / newer)
    (root / newer).mkdir()
    (root / newer / "journal-000001.jsonl").write_bytes(to_line({"session": {"v": 99, "id": newer}}))
    with journal(root, short).open("r+b") as file:
        file.truncate(100)
    (root / "lost+found").mkdir()
    (root / "notes.txt").write_text("mine")
    async with open_filesystem(root) as store:
        assert set(store.broken) == {no_journal, file_instead, foreign, newer, short}
        assert "there is no journal" in store.broken[no_journal]
        assert "not a folder" in store.broken[file_instead]
        assert f"the journal of session {good}" in store.broken[foreign]
        assert "newer version" in store.broken[newer]
        assert "are missing" in store.broken[short]
        assert [each.id for each in (await store.list()).sessions] == [good]
        assert (await store.usage()).sessions == 1


@pytest.mark.parametrize("content", [b"", b"\x00\x00", b'["00000000",{}]\n', to_line({"journal": 1}), None])
async def test_a_session_does_not_need_its_head(root, make, content):
    async with open_filesystem(root) as store:
        session_id = await talk(store, make)
        before = await store.dump(session_id)
    head = root / session_id / "head.json"
    assert head.exists()
    if content is None:
        head.unlink()
    else:
        head.write_bytes(content)
    async with open_filesystem(root) as store:
        assert await store.dump(session_id) == before
        assert await store.unfinished() == [session_id]


async def test_what_a_crash_left_half_made_or_half_deleted_is_cleared_away(root, make):
    async with open_filesystem(root) as store:
        session_id = await talk(store, make)
        before = await store.dump(session_id)
    shutil.copytree(root / session_id, root / f".new-{'a' * 24}")
    shutil.copytree(root / session_id, root / f".deleted-{'b' * 24}")
    (root / session_id / ".head.json.new").write_bytes(b"half")
    (root / session_id / ".journal-000002.jsonl.new").write_bytes(b"half")
    async with open_filesystem(root) as store:
        assert await store.dump(session_id) == before
    assert {each.name for each in root.iterdir()} == {".lock", "store.json", "events.jsonl", session_id}
    assert {each.name for each in (root / session_id).iterdir()} == {"head.json", "journal-000001.jsonl"}


async def test_a_crash_between_the_two_steps_of_trimming_loses_nothing(root, folder, make):
    async with open_filesystem(root) as store:
        receipt = await store.receive(make.incoming(), Claim("a", 30))
        read = [item.id for item in receipt.tail.inbox]
        await store.append(receipt.lease, 0, "one", [make.message(f"{n}") for n in range(9)], read)
        await store.release(receipt.lease)
        old = journal(root, receipt.session_id)
        old_content, old_head = old.read_bytes(), await store.dump(receipt.session_id)
        assert (await store.prune(Retention(max_messages=4))).trimmed == 5
        trimmed = await store.dump(receipt.session_id)
    assert old_head != trimmed

    def old_one_still_there(copy: Path) -> None:
        (copy / receipt.session_id / old.name).write_bytes(old_content)

    found = await dumps_after_a_crash(root, folder / "copy", old_one_still_there)
    assert found == {receipt.session_id: trimmed}


async def test_event_keys_survive_a_crash_without_a_write_of_their_own(root, folder, make):
    async with open_filesystem(root) as store:
        incoming = make.incoming()
        session_id = (await store.receive(incoming)).session_id
        assert (root / "events.jsonl").stat().st_size == 0
        shutil.copytree(root, folder / "copy")
    async with open_filesystem(folder / "copy") as store:
        receipt = await store.receive(incoming)
        assert (receipt.repeated, receipt.session_id) == (True, session_id)


async def test_a_crash_after_a_thread_came_back_leaves_no_memory_of_its_expiry(root, folder, make):
    clocks, thread = Clocks(), make.thread()
    async with open_filesystem(root, clocks.time, clocks.monotonic) as store:
        receipt = await store.receive(make.incoming(thread), Claim("a", 30))
        await store.append(receipt.lease, 0, "one", consume=[item.id for item in receipt.tail.inbox])
        clocks.seconds += 100
        assert (await store.prune(Retention(ttl=50))).expired == (receipt.session_id,)
        again = (await store.receive(make.incoming(thread, opens=False))).session_id
        shutil.copytree(root, folder / "copy")
    async with open_filesystem(folder / "copy", clocks.time, clocks.monotonic) as store:
        assert (await store.find(thread)).follows_expired
        await store.delete(again)
        assert (await store.receive(make.incoming(thread, opens=False))).session_id is None


async def test_damage_in_the_list_of_events_costs_no_session(root, make):
    async with open_filesystem(root) as store:
        session_id, incoming = await talk(store, make), make.incoming()
        await store.receive(incoming)
    path = root / "events.jsonl"
    path.write_bytes(b"\xff\x00broken\n" + path.read_bytes() + b'["torn')
    async with open_filesystem(root) as store:
        assert (await store.receive(incoming)).repeated
        assert len((await store.load(session_id)).messages) == 3


async def test_when_two_folders_claim_one_thread_the_younger_one_serves_it(root, make):
    thread = make.thread()
    async with open_filesystem(root) as store:
        older = await make.session(store, thread)
        dump = await store.dump(older)
        await store.delete(older)
        younger = await make.session(store, thread)
        aside = root.with_name("aside")
        (root / younger).rename(aside)
    async with open_filesystem(root.with_name("other")) as store:
        await store.restore(dump)
    shutil.copytree(root.with_name("other") / older, root / older)
    aside.rename(root / younger)
    async with open_filesystem(root) as store:
        assert (await store.find(thread)).id == younger
        assert len((await store.list()).sessions) == 2
        await store.delete(older)
        assert (await store.find(thread)).id == younger


# --- the journal by itself ---


def test_a_journal_is_read_backward_whatever_the_length_of_its_lines(tmp_path):
    path = tmp_path / "journal"
    commits = [{"n": number, "text": "x" * length} for number, length in enumerate([1, 200_000, 3, 65_524, 65_536, 0])]
    path.write_bytes(b"".join(map(to_line, commits)))
    size = path.stat().st_size
    assert list(backward(path, size)) == commits[::-1]
    assert list(backward(path, size - len(to_line(commits[-1])))) == commits[-2::-1]
    assert list(backward(path, 0)) == []
    assert scan(path).commits == tuple(commits)


def test_each_line_is_json_and_no_changed_byte_passes():
    line = to_line({"text": "\x00\ud800\n ä"})
    assert json.loads(line)[1] == {"text": "\x00\ud800\n ä"}
    assert line.count(b"\n") == 1
    whole = line.removesuffix(b"\n")
    assert from_line(whole) == {"text": "\x00\ud800\n ä"}
    for place in range(len(whole)):
        for other in (b"\x00", b"0", b'"', b"\xff"):
            changed = whole[:place] + other + whole[place + 1 :]
            assert changed == whole or from_line(changed) is None


# --- kill -9 ---


async def test_whatever_was_acknowledged_before_a_kill_is_there(root, make):
    """A process receives and appends until it is killed, and says what was acknowledged; three times in one root."""
    acknowledged: dict[str, list[str]] = {}
    for run in range(3):
        writer = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.stores.filesystem_writer", str(root), str(run)),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(30):
                for _ in range(200 + 37 * run):
                    event = json.loads(await writer.stdout.readline())
                    acknowledged.setdefault(event["session"], []).append(event["what"])
        finally:
            writer.send_signal(signal.SIGKILL)
            rest, _ = await writer.communicate()
        for line in rest.splitlines(keepends=True):
            if line.endswith(b"\n"):
                event = json.loads(line)
                acknowledged.setdefault(event["session"], []).append(event["what"])
        async with open_filesystem(root) as store:
            for session_id, said in acknowledged.items():
                try:
                    tail = await store.load(session_id)
                except SessionNotFound:
                    assert said[-1] == "forget", (session_id, said)
                    continue
                texts = [each.message.payload.text for each in tail.messages]
                inbox = [item.incoming.text for item in tail.inbox]
                wanted = [what for what in said if what != "forget"]
                assert texts + inbox == sorted(texts + inbox, key=int)  # nothing twice, nothing out of order
                assert set(wanted) <= set(texts) | set(inbox), (session_id, wanted, texts, inbox)
    assert len(acknowledged) > 10
