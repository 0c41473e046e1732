"""The way onto a laptop as README.md and docs/index.md describe it, with simulated edges in place of the real ones.

The .env file is filled in as they say, `kubeai-bot doctor` has no fault, and `kubeai-bot run` answers its one person.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values

from kubeai_bot.playground.cluster.server import ADMIN_TOKEN
from kubeai_bot.playground.world import World, WorldOptions, open_world
from kubeai_bot.settings.environment import Settings
from tests.docs.reading import ROOT, blocks, filled, spans
from tests.scenario.stories import OMAR

pytestmark = pytest.mark.timeout(90)
EDGES = ("SLACK_API_URL", "OPENAI_BASE_URL", "LISTEN_ADDRESS", "AUDIT_FILE")


def the_settings_to_fill_in() -> str:
    (block,) = [each for each in blocks("README.md") if each.is_environment]
    return filled(block.text)


def test_the_settings_to_fill_in_are_all_that_is_needed(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(the_settings_to_fill_in(), "utf-8")
    settings = Settings.load({}, path)
    assert (settings.impersonate, settings.uses_socket_mode, settings.log_format) == (False, True, "console")
    assert settings.allowed_users == ("U012ABCDEF",), "the remark is no part of it"


def test_the_quick_start_names_the_same_settings() -> None:
    text = (ROOT / "docs/index.md").read_text("utf-8")
    named = {name for name in dotenv_values(stream=_stream(the_settings_to_fill_in())) if f"`{name}" in text}
    assert named >= {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "MODEL_ID", "IMPERSONATE", "ALLOWED_USERS"}


async def test_the_laptop_answers_its_one_person_and_nobody_else(tmp_path: Path) -> None:
    async with open_world(WorldOptions()) as world:
        _fill_in(tmp_path / ".env", world)
        (tmp_path / ".kube").mkdir()
        (tmp_path / ".kube/config").write_text(world.cluster.kubeconfig(ADMIN_TOKEN), "utf-8")
        doctor, run = (_command(name) for name in ("doctor", "run"))
        examined = await _started(doctor, world, tmp_path)
        out, _ = await asyncio.wait_for(examined.communicate(), 30)
        assert examined.returncode == 0, out.decode()
        process = await _started(run, world, tmp_path)
        try:
            await world.workspace.wait_for(lambda w: w.connections, timeout=30, what="the bot's socket")
            for user, answer in ((OMAR, "unhealthy"), ("U0MIA", "you are not on it")):
                place, thread = f"D{user[1:]}", await world.workspace.say(user, "What is unhealthy right now?")
                await world.workspace.wait_for(
                    lambda w, place=place, thread=thread, answer=answer: answer in w.rendered(place, thread),
                    timeout=20,
                    what=f"'{answer}' for {user}",
                )
        finally:
            process.send_signal(signal.SIGTERM)
            out, _ = await asyncio.wait_for(process.communicate(), 40)
        assert process.returncode == 0, out.decode()


def _fill_in(path: Path, world: World) -> None:
    """`cp .env.example .env`, and the lines of the README."""
    shutil.copy(ROOT / ".env.example", path)
    given = dict(dotenv_values(stream=_stream(the_settings_to_fill_in())))
    given |= {name: world.environment[name] for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "MODEL_ID")}
    given |= {"OPENAI_API_KEY": "sk-any", "ALLOWED_USERS": OMAR}
    text = path.read_text("utf-8")
    for name, value in given.items():
        text, count = re.subn(rf"^(# )?{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
        assert count == 1, name
    path.write_text(text, "utf-8")


def _command(name: str) -> list[str]:
    """As docs/index.md has it: `.venv/bin/kubeai-bot NAME --env-file .env`."""
    (words,) = [
        span.text for span in spans("docs/index.md") if span.text.startswith(f".venv/bin/kubeai-bot {name} --env-file")
    ]
    return words.split()[1:]


async def _started(arguments: list[str], world: World, folder: Path) -> asyncio.subprocess.Process:
    inherited = {name: os.environ[name] for name in ("PATH", "SSL_CERT_FILE") if name in os.environ}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kubeai_bot.cli", *arguments),
        env={**inherited, "HOME": str(folder), "PYTHONPATH": str(ROOT), **_edges(world)},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


def _edges(world: World) -> dict[str, str]:
    return {name: world.environment[name] for name in EDGES if name in world.environment}


def _stream(text: str):

    return io.StringIO(text)
