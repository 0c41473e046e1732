"""Servers from PyPI that nobody here wrote, over stdio."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kubeai_bot.domain.policy import Effect
from kubeai_bot.tools.mcp.config import McpServer
from kubeai_bot.tools.mcp.opening import open_mcp
from tests.mcp.servers.starting import Asked, until


def python_server(module: str, *arguments: str, **more: object) -> McpServer:
    command = (sys.executable, "-m", module, *arguments)
    return McpServer(module.removeprefix("mcp_server_"), command=command, transport="stdio", **more)  # type: ignore[arg-type]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)  # noqa: S603, S607

    git("init", "-q", "-b", "main")
    git("config", "user.email", "mia@shop.example")
    git("config", "user.name", "Mia")
    (tmp_path / "checkout.yaml").write_text("replicas: 2\n")
    git("add", ".")
    git("commit", "-q", "-m", "Run two replicas of checkout")
    return tmp_path


async def test_the_time_server_tells_the_time_in_both_generations_and_refuses_what_is_no_place() -> None:
    time_server = python_server("mcp_server_time", reads=("*",))
    async with open_mcp([time_server, replace(time_server, name="old", generation="legacy")]) as tools:
        mia = Asked(tools)
        await until(lambda: {"time__convert_time", "old__convert_time"} <= set(mia.specs), tools.status)
        assert {server["protocol"] for server in tools.status().values()} == {"2026-07-28", "2025-11-25"}
        for name in ("time", "old"):
            given = {"source_timezone": "Europe/Kyiv", "time": "12:00", "target_timezone": "UTC"}
            converted = await mia.ask(f"{name}__convert_time", **given)
            assert converted.ok
            assert "Europe/Kyiv" in converted.content
            assert "timezone" in (await mia.words(f"{name}__get_current_time", timezone="Shop/Nowhere")).lower()
            assert "source_timezone" in await mia.words(f"{name}__convert_time", time="12:00")


async def test_the_git_server_reads_a_repository_and_its_writing_tools_count_as_writing(repository: Path) -> None:
    reading = ("git_status", "git_log", "git_diff*", "git_show")
    server = python_server("mcp_server_git", "--repository", str(repository), reads=reading, deny=("git_reset",))
    async with open_mcp([server]) as tools:
        mia = Asked(tools)
        await until(lambda: "git__git_log" in mia.specs, tools.status)
        assert mia.specs["git__git_log"].effect is Effect.READ
        assert mia.specs["git__git_commit"].effect is Effect.WRITE
        assert "git__git_reset" not in mia.specs
        log = await mia.ask("git__git_log", repo_path=str(repository), max_count=1)
        assert "Run two replicas of checkout" in log.content
        outside = await mia.ask("git__git_status", repo_path="/")
        assert not outside.ok
