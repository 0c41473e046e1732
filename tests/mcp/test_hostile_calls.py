"""Calls that go wrong: each says so to the model within its time, and the next call works."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from pathlib import Path

import pytest

from kubeai_bot.errors import Unreachable
from kubeai_bot.tools.mcp.opening import open_mcp
from tests.mcp.servers.starting import BOUND, Asked, liar, until


def pid_in(words: str) -> int:
    found = re.search(r'"pid": "(\d+)"', words)
    assert found, words
    return int(found[1])


@pytest.mark.parametrize("legacy", [False, True])
async def test_a_server_that_dies_in_a_call_says_so_and_comes_back(*, legacy: bool) -> None:
    async with open_mcp([liar("DiesInCall", legacy=legacy), liar("honest", name="good")]) as tools:
        mia = Asked(tools)
        await until(lambda: {"liar__greet", "good__greet"} <= set(mia.specs), tools.status)
        async with asyncio.timeout(10):
            said = await mia.words("liar__greet")
        assert "liar" in said
        assert "hello" in await mia.words("good__greet")
        await until(lambda: "liar__greet" in mia.specs, tools.status)
        assert "liar" in await mia.words("liar__greet")


async def test_a_child_that_is_killed_while_nobody_calls_is_missed_and_replaced() -> None:
    async with open_mcp([liar("TellsItsEnvironment")]) as tools:
        mia = Asked(tools)
        await until(lambda: "liar__greet" in mia.specs, tools.status)
        first = pid_in(await mia.words("liar__greet"))
        os.kill(first, signal.SIGKILL)
        await until(lambda: not tools.status()["liar"]["connected"], tools.status)
        assert "signal 9" in tools.status()["liar"]["why"]
        await until(lambda: tools.status()["liar"]["connected"], tools.status)
        assert pid_in(await mia.words("liar__greet")) != first


async def test_a_change_that_dies_may_or_may_not_have_happened_and_is_not_repeated(tmp_path: Path) -> None:
    record = tmp_path / "record"
    async with open_mcp([liar("DiesInCall", reads=(), env={"RECORD": str(record)})]) as tools:
        mia = Asked(tools)
        await until(lambda: "liar__greet" in mia.specs, tools.status)
        with pytest.raises(Unreachable, match="liar"):
            await mia.ask("liar__greet")
        await until(lambda: tools.status()["liar"]["connected"], tools.status)
        assert record.read_text().splitlines() == ["called greet"]


@pytest.mark.parametrize("kind", ["HangsInCall", "Trickle"])
async def test_a_call_that_never_ends_is_given_up_in_its_time(kind: str) -> None:
    async with open_mcp([liar(kind, timeout=0.7), liar("honest", name="good")]) as tools:
        mia = Asked(tools)
        await until(lambda: {"liar__greet", "good__greet"} <= set(mia.specs), tools.status)
        slow = asyncio.create_task(mia.words("liar__greet"))
        assert "hello" in await mia.words("good__greet")
        assert not slow.done()
        async with asyncio.timeout(10):
            said = await slow
        assert "0.7" in said or "1 s" in said or "second" in said or "time" in said, said


async def test_a_reply_of_50_mb_is_refused_by_its_size_and_holds_up_neither_the_loop_nor_the_connection() -> None:
    async with open_mcp([liar("HugeReply")]) as tools:
        mia = Asked(tools)
        await until(lambda: "liar__greet" in mia.specs, tools.status)
        connected = tools.status()["liar"]
        call = asyncio.create_task(mia.words("liar__greet"))
        longest = 0.0
        while not call.done():
            before = time.thread_time()
            await asyncio.sleep(0.01)
            longest = max(longest, time.thread_time() - before)
        assert longest < 1.0
        said = await call
        assert "larger than 1.0 MB" in said
        assert len(said) < 1_000
        assert tools.status()["liar"] == connected


async def test_output_that_breaks_its_own_schema_is_called_that() -> None:
    async with open_mcp([liar("LiesAboutOutput")]) as tools:
        mia = Asked(tools)
        await until(lambda: "liar__count" in mia.specs, tools.status)
        said = await mia.words("liar__count")
        assert "schema" in said, said
        assert "hello" not in said


@pytest.mark.parametrize("kind", ["WrongResults", "ErrorResults"])
async def test_an_invalid_answer_is_reported_clean_and_short(kind: str) -> None:
    async with open_mcp([liar(kind)]) as tools:
        mia = Asked(tools)
        await until(lambda: "liar__greet" in mia.specs, tools.status)
        for _ in range(2):
            said = await mia.words("liar__greet")
            assert "liar" in said
            assert "\x1b" not in said
            assert "\u202e" not in said
            assert len(said) < 5_000


async def test_answers_that_come_twice_answer_once() -> None:
    async with open_mcp([liar("AnswersTwice")]) as tools:
        mia = Asked(tools)
        await until(lambda: "liar__greet" in mia.specs, tools.status)
        for _ in range(3):
            said = await mia.words("liar__greet")
            assert "hello" in said
            assert "again" not in said


async def test_a_flood_on_stderr_does_not_stop_the_server() -> None:
    async with open_mcp([liar("StderrFlood")]) as tools:
        mia = Asked(tools)
        await until(lambda: "liar__greet" in mia.specs, tools.status)
        assert "hello" in await mia.words("liar__greet")


async def test_a_flood_of_progress_is_thinned_and_the_answer_arrives() -> None:
    async with open_mcp([liar("ProgressFlood", timeout=BOUND)]) as tools:
        mia = Asked(tools)
        await until(lambda: "liar__greet" in mia.specs, tools.status)
        assert "done" in await mia.words("liar__greet")
        assert len(mia.told) < 200


@pytest.mark.parametrize("legacy", [False, True])
async def test_a_flood_of_list_changed_does_not_make_us_ask_all_the_time(*, legacy: bool) -> None:
    async with open_mcp([liar("ListChangedFlood", legacy=legacy), liar("honest", name="good")]) as tools:
        mia = Asked(tools)
        await until(lambda: {"liar__greet", "good__greet"} <= set(mia.specs), tools.status)
        began = time.monotonic()
        for _ in range(20):
            assert "hello" in await mia.words("good__greet")
        said = await mia.words("liar__greet")
        times = int(said.split("listed ")[1].split()[0])
        assert times <= 5 + 5 * (time.monotonic() - began), said


async def test_results_of_every_kind_become_words() -> None:
    async with open_mcp([liar("ManyKinds")]) as tools:
        mia = Asked(tools)
        await until(lambda: "liar__greet" in mia.specs, tools.status)
        said = await mia.words("liar__greet")
        for expected in ("café", "image/png", "audio/wav", "file:///etc/passwd", "inside", "application/zip", "rows"):
            assert expected in said, f"{expected} is not in {said}"
        assert "AAAAAAAA" not in said
        assert not {"\x1b", "\x00", "\u202e"} & set(said)
        assert len(said) < 5_000
