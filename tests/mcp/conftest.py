"""What is started once for all tests, or a clear word why it is not there."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.mcp.npm_servers import NotInstallableError, commands
from tests.mcp.servers.starting import BOUND, POLITE, ROOT


@pytest.fixture(scope="session")
def npm_program() -> Callable[[str], str]:
    """The program of a package."""
    try:
        programs: dict[str, Path] = commands()
    except NotInstallableError as error:
        pytest.skip(str(error))
    return lambda package: str(programs[package])


@dataclass(frozen=True)
class Polite:
    """The well-behaved server over HTTP; `record` is what it wrote down."""

    url: str
    record: Path

    def recorded(self, line: str) -> bool:
        return self.record.exists() and line in self.record.read_text().splitlines()


@pytest.fixture(scope="session")
def polite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Polite]:
    record = tmp_path_factory.mktemp("polite") / "record"
    with subprocess.Popen([*POLITE, "--record", str(record)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        yield Polite(f"http://127.0.0.1:{int(process.stdout.readline())}/mcp", record)
        process.terminate()
        process.wait(BOUND)
