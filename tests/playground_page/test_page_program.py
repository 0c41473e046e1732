"""`kubeai-bot playground` as a person starts it."""

import asyncio
import os
import re
import signal
import sys

import aiohttp
import pytest

from kubeai_bot.errors import ConfigError
from kubeai_bot.playground.page.running import open_playground
from kubeai_bot.playground.page.server import FIRST_PORT
from kubeai_bot.playground.world import WorldOptions

pytestmark = pytest.mark.timeout(90)

PROGRAM = (sys.executable, "-m", "kubeai_bot.cli", "playground", "--no-browser")


async def start(*arguments, **environment):
    pipe = asyncio.subprocess.PIPE
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return await asyncio.create_subprocess_exec(
        *PROGRAM, *arguments, env={**inherited, **environment}, stdout=pipe, stderr=pipe
    )


async def ended(process):
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode(), err.decode()


async def snapshot_of(process):
    """What a browser gets that opens the printed address."""
    async with asyncio.timeout(60):
        while line := (await process.stdout.readline()).decode():
            if found := re.search(r"http://127\.0\.0\.1:\d+/\?key=\S+", line):
                break
    assert found, await ended(process)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(found[0]) as answer:
            assert answer.status == 200
        async with session.ws_connect(found[0].partition("?")[0] + "ws", max_msg_size=0) as socket:
            return await socket.receive_json(timeout=30)


async def test_the_playground_prints_an_address_that_opens_and_ends_with_ctrl_c():
    process = await start("--port", "0", OPENAI_API_KEY="sk-not-for-you")
    try:
        snapshot = await snapshot_of(process)
        assert [edge["real"] for edge in snapshot["world"]["edges"]] == [False, False, False, True]
    finally:
        process.send_signal(signal.SIGINT)
        code, out, err = await ended(process)
    assert (code, err) == (0, "")
    assert "sk-not-for-you" not in out


async def test_a_real_models_key_may_stand_in_an_env_file(tmp_path):
    file = tmp_path / ".env"
    file.write_text("OPENAI_API_KEY=sk-from-the-file\nMODEL_ID=gpt-x\n", encoding="utf-8")
    process = await start("--port", "0", "--provider", "openai", "--env-file", str(file))
    try:
        snapshot = await snapshot_of(process)
        assert "gpt-x (openai)" in snapshot["world"]["edges"][2]["detail"]
        assert "sk-from-the-file" not in str(snapshot)
    finally:
        process.send_signal(signal.SIGTERM)
        code, out, err = await ended(process)
    assert code == 0, err
    assert "sk-from-the-file" not in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--slack", "--http"), ("--http",)),
        (("--slack", "--terminal"), ("--terminal",)),
        (("--env-file", "/does/not/exist"), ("/does/not/exist",)),
    ],
)
async def test_what_cannot_work_is_said_in_sentences_with_exit_code_2(arguments, words):
    code, out, err = await ended(await start(*arguments))
    assert code == 2, out
    for word in words:
        assert word in err
    assert "Traceback" not in err


async def test_a_taken_port_is_stepped_over_but_not_one_that_was_asked_for():
    async with open_playground(WorldOptions()) as first, open_playground(WorldOptions()) as second:
        assert first.page.port >= FIRST_PORT
        assert second.page.port > first.page.port
        with pytest.raises(ConfigError, match=f"port {first.page.port}"):
            async with open_playground(WorldOptions(), first.page.port):
                pass
