"""`kubeai-bot audit`, over what a running bot has written."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kubeai_bot.cli import app
from kubeai_bot.domain.policy import Mode
from kubeai_bot.playground.world import WorldOptions
from tests.scenario.stories import MIA, OMAR, story

CLI = CliRunner()


async def _at_work(file: Path) -> dict[str, str]:
    async with story(WorldOptions(mode=Mode.AUTO, environment={"AUDIT_FILE": str(file)})) as it:
        await it.ask(OMAR, "scale the frontend to 5")
        await it.ask(MIA, "What is unhealthy right now?")
        return {name: it.world.environment[name] for name in ("AUDIT_FILE", "SLACK_BOT_TOKEN")}


@pytest.fixture
def trail(tmp_path: Path) -> dict[str, str]:
    return asyncio.run(_at_work(tmp_path / "audit.jsonl"))


def test_what_was_done_is_shown_exported_and_proven(trail: dict[str, str], tmp_path: Path) -> None:
    shown = CLI.invoke(app, ["audit", "show", "--json"], env=trail)
    records = json.loads(shown.stdout)
    changes = [r for r in records if r.get("effect") == "write"]
    assert [(r["outcome"], r["speaker"]["user_id"], r["cluster"]) for r in changes] == [
        ("started", OMAR, "demo"),
        ("ok", OMAR, "demo"),
    ]
    assert changes[1]["audit_ids"]
    assert "frontend" in changes[0]["objects"][0]
    only = CLI.invoke(app, ["audit", "show", "--user", MIA], env=trail)
    assert "mia@shop.example" in only.stdout
    assert "omar@shop.example" not in only.stdout
    copy = tmp_path / "copy.jsonl"
    assert CLI.invoke(app, ["audit", "export", "-o", str(copy)], env=trail).exit_code == 0
    proven = CLI.invoke(app, ["audit", "verify", "--file", str(copy)], env=trail)
    assert proven.exit_code == 0
    assert f"{len(records)} entries in 1 chains: whole." in proven.stdout


def test_an_edited_trail_is_found(trail: dict[str, str]) -> None:
    file = Path(trail["AUDIT_FILE"])
    file.write_text(file.read_text().replace('"outcome":"started"', '"outcome":"refused"', 1))
    found = CLI.invoke(app, ["audit", "verify"], env=trail)
    assert found.exit_code == 1
    assert "it was changed after it was written" in found.stdout


def test_the_commands_say_what_they_need(tmp_path: Path) -> None:
    no_key = CLI.invoke(app, ["audit", "show"], env={"SLACK_BOT_TOKEN": "", "AUDIT_FILE": str(tmp_path / "a")})
    assert no_key.exit_code == 2
    assert "AUDIT_KEY is not set" in no_key.stderr
    no_place = CLI.invoke(app, ["audit", "show"], env={"SLACK_BOT_TOKEN": "xoxb-1"})
    assert no_place.exit_code == 2
    assert "There is no trail to read" in no_place.stderr
    no_file = CLI.invoke(app, ["audit", "show", "--file", str(tmp_path / "none")], env={"SLACK_BOT_TOKEN": "xoxb-1"})
    assert no_file.exit_code == 1
