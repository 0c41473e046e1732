"""MCP servers from npm that nobody here wrote, in pinned versions, installed once into a cache folder of this user.

`python -m tests.mcp.npm_servers` installs them beforehand, for example while an image is built."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

PINNED = {
    "@modelcontextprotocol/server-everything": "2026.8.31",
    "@modelcontextprotocol/server-filesystem": "2026.8.31",
    "kubernetes-mcp-server": "0.0.67",
}
COMMANDS = {
    "@modelcontextprotocol/server-everything": "mcp-server-everything",
    "@modelcontextprotocol/server-filesystem": "mcp-server-filesystem",
    "kubernetes-mcp-server": "kubernetes-mcp-server",
}
CACHE_VARIABLE = "KUBEAI_TEST_CACHE"
_INSTALL_SECONDS = 240
_OPTIONS = ("--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error")


class NotInstallableError(Exception):
    """Why the servers cannot be had here, in a sentence."""


def commands() -> dict[str, Path]:
    """The program of each package by the package's name, installed now where it is not yet. Raises
    NotInstallableError."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise NotInstallableError(f"{program} is not installed here, so MCP servers from npm are not tried")
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _install(folder)
            (folder / "complete").touch()
    return {package: folder / "node_modules" / ".bin" / program for package, program in COMMANDS.items()}


def _folder() -> Path:
    """One for each set of versions, so that another set is installed beside it."""
    given = os.environ.get(CACHE_VARIABLE)
    cache = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubeai-bot"
    versions = hashlib.sha256(json.dumps(PINNED, sort_keys=True).encode()).hexdigest()[:12]
    return cache / f"npm-mcp-servers-{versions}"


def _install(folder: Path) -> None:
    package = {"name": "mcp-servers-under-test", "private": True, "dependencies": PINNED}
    (folder / "package.json").write_text(json.dumps(package, indent=2), encoding="utf-8")
    npm = shutil.which("npm") or "npm"
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            [npm, "install", *_OPTIONS],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotInstallableError(f"npm did not finish within {_INSTALL_SECONDS} s") from None
    if done.returncode:
        raise NotInstallableError(f"npm could not install them: {done.stderr.strip()[-500:]}")


if __name__ == "__main__":
    try:
        sys.stdout.writelines(f"{package}: {program}\n" for package, program in commands().items())
    except NotInstallableError as error:
        sys.exit(str(error))
