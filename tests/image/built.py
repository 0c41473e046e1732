"""The Dockerfile really built, with buildah, without a registry: its base is a Debian from debootstrap under the
official image's name. What differs from the official image: Python is Debian's, in /usr and not /usr/local."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
MIRROR = "https://deb.debian.org/debian"
BUILD_ARGUMENTS = {"VERSION": "1.2.3", "REVISION": "0123abc", "CREATED": "2026-01-02T03:04:05Z"}
PATIENCE = 600


def missing() -> str | None:
    """Why no image can be built here."""
    if os.geteuid() != 0:
        return "only root can make a Debian with debootstrap"
    lacking = [program for program in ("buildah", "debootstrap") if shutil.which(program) is None]
    return f"{' and '.join(lacking)} not installed" if lacking else None


def base_name() -> str:
    """The Dockerfile's default base."""
    found = re.search(r"^ARG PYTHON_IMAGE=(\S+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


@dataclass(frozen=True)
class Image:
    """`files` is the root of a container of it that nothing ran in; `config` its OCI configuration."""

    folder: Path
    container: str
    files: Path
    config: Mapping[str, Any]

    def command(
        self, *command: str, environment: Mapping[str, str] | None = None, mounts: Mapping[Path, str] | None = None
    ) -> list[str]:
        """A command line that runs `command` in the image as its user, or, without one, its entrypoint and CMD."""
        options = [f"--env={name}={value}" for name, value in (environment or {}).items()]
        options += [f"--volume={place}:{there}:ro" for place, there in (mounts or {}).items()]
        program = command or (*self.config["Entrypoint"], *self.config["Cmd"])
        return [*buildah(self.folder, "run"), "--isolation=chroot", *options, self.container, "--", *program]

    def run(self, *command: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        line = self.command(*command, environment=environment)
        return subprocess.run(line, capture_output=True, text=True, check=False, timeout=PATIENCE)  # noqa: S603


def buildah(folder: Path, verb: str) -> list[str]:
    """The storage is a folder of its own; vfs works on any file system."""
    return ["buildah", f"--root={folder / 'storage'}", f"--runroot={folder / 'run'}", "--storage-driver=vfs", verb]


@contextmanager
def built_image(folder: Path) -> Generator[Image]:
    _make_base(folder)
    # pip in the build trusts what this machine trusts.
    pip = folder / "pip.conf"
    pip.write_text("[global]\ncert = /run/host-ca.crt\n", encoding="utf-8")
    options = ["--isolation=chroot", "--network=host", "--pull-never", f"--volume={pip}:/etc/pip.conf:ro"]
    options += [f"--volume={CERTIFICATES}:/run/host-ca.crt:ro"]
    options += [f"--build-arg={name}={value}" for name, value in BUILD_ARGUMENTS.items()]
    _do([*buildah(folder, "build"), *options, "--tag=localhost/kubeai-bot:test", str(ROOT)])
    container = _do([*buildah(folder, "from"), "--pull-never", "localhost/kubeai-bot:test"])
    try:
        files = Path(_do([*buildah(folder, "mount"), container]))
        inspected = json.loads(_do([*buildah(folder, "inspect"), "--type=image", "localhost/kubeai-bot:test"]))
        yield Image(folder, container, files, inspected["OCIv1"]["config"])
    finally:
        _do([*buildah(folder, "rm"), container])
        shutil.rmtree(folder / "storage")  # half a gigabyte for each layer


def _make_base(folder: Path) -> None:
    suite = base_name().rpartition("-")[2]
    packages = "--include=python3,python3-venv,ca-certificates"
    _do(["debootstrap", "--variant=minbase", packages, suite, str(folder / "rootfs"), MIRROR])
    context = folder / "base"
    context.mkdir()
    _do(["tar", "--create", f"--file={context / 'rootfs.tar'}", f"--directory={folder / 'rootfs'}", *_LEFT_OUT, "."])
    shutil.rmtree(folder / "rootfs")
    (context / "Dockerfile").write_text("FROM scratch\nADD rootfs.tar /\n", encoding="utf-8")
    _do([*buildah(folder, "build"), "--isolation=chroot", f"--tag={base_name()}", str(context)])
    shutil.rmtree(context)


_LEFT_OUT = ("--exclude=./var/cache/apt", "--exclude=./dev")


def _do(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)  # noqa: S603
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout.strip()
