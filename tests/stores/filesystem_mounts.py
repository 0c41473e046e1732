"""File systems of their own for tests that need a full or a read-only one; needs the rights of root."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def run(*command: str) -> bool:
    """Whether the command could be run and succeeded."""
    try:
        return subprocess.run(command, check=False, capture_output=True, timeout=30).returncode == 0  # noqa: S603
    except FileNotFoundError:
        return False


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own."""
    folder.mkdir()
    if not run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)):
        pytest.skip("file systems cannot be mounted here")
    try:
        yield
    finally:
        assert run("umount", "-l", str(folder))
