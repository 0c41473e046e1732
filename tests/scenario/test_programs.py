"""The commands as a person starts them."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping

import httpx2
import pytest

from kubeai_bot.playground.world import WorldOptions, open_world
from tests.scenario.stories import finals

pytestmark = pytest.mark.timeout(90)

PROGRAM = (sys.executable, "-m", "kubeai_bot.cli")


async def start(*arguments: str, environment: Mapping[str, str] | None = None) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "SSL_CERT_FILE") if name in os.environ}
    return await asyncio.create_subprocess_exec(
        *PROGRAM, *arguments, env={**inherited, **(environment or {})}, stdin=pipe, stdout=pipe, stderr=pipe
    )


async def ended(process: asyncio.subprocess.Process, said: str = "") -> tuple[int, str, str]:
    out, err = await asyncio.wait_for(process.communicate(said.encode()), 60)
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_playground_asks_answers_and_refuses_and_takes_questions() -> None:
    code, out, err = await ended(await start("playground", "--terminal"), "/as omar\nWho am I?\n/quit\n")
    assert (code, err) == (0, "")
    words = " ".join(out.split())
    assert "Demo model" in words
    assert "workloads are unhealthy" in words
    assert "mia@shop.example" in words
    assert "payments/" in words.split("Omar in #shop-oncall")[1]
    assert "has to be mapped to a Kubernetes user" in words
    assert "omar@shop.example (platform-engineers)" in words


async def test_run_says_every_fault_of_the_configuration_at_once() -> None:
    code, _, err = await ended(
        await start("run", environment={"MODIFY_RESOURCES": "perhaps", "SLACK_BOT_TOKEN": "nonsense"})
    )
    assert code == 2
    for words in ("MODIFY_RESOURCES", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "MODEL_ID", "docs/configuration.md"):
        assert words in err


async def test_run_serves_until_it_is_asked_to_end_and_hides_its_secrets() -> None:
    async with open_world(WorldOptions()) as world:
        process = await start("run", environment=world.environment)
        try:
            await world.workspace.wait_for(lambda w: w.connections, timeout=30, what="the bot's socket")
            async with httpx2.AsyncClient(trust_env=False) as client:
                address = f"http://{world.environment['LISTEN_ADDRESS']}"
                assert (await client.get(f"{address}/healthz")).status_code == 200
                ready = await client.get(f"{address}/readyz")
                assert ready.json()["parts"] == {"slack": True, "store": True, "credentials": True}
            thread = await world.workspace.say("U0MIA", "help")
            await world.workspace.wait_for(lambda _: finals(world, "D0MIA", thread), timeout=30, what="an answer")
        finally:
            process.send_signal(signal.SIGTERM)
            code, out, err = await ended(process)
        assert code == 0, err
        log = out + err
        assert "NOT https://slack.com/api/" in log
        for secret in (world.workspace.bot_token, world.workspace.app_token):
            assert secret not in log
        assert "Traceback" not in log
