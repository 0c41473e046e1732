"""What can be said of the Dockerfile without building it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
HADOLINT = Path(sys.executable).with_name("hadolint")


def _stages() -> list[str]:
    return re.split(r"^(?=FROM )", DOCKERFILE, flags=re.MULTILINE)[1:]


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run(  # noqa: S603
        [HADOLINT, ROOT / "Dockerfile"], capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_stage_stands_on_the_base_that_one_argument_names_by_tag() -> None:
    """A digest written down here would be one that nobody resolved, or one that never gets its security updates."""
    assert [stage.split()[1] for stage in _stages()] == ["${PYTHON_IMAGE}"] * 2
    assert re.findall(r"^ARG PYTHON_IMAGE=(\S+)", DOCKERFILE, re.MULTILINE) == [
        "docker.io/library/python:3.13-slim-trixie"
    ]
    assert "sha256:" not in DOCKERFILE


def test_what_pip_installs_is_hashed_and_never_compiled() -> None:
    lines = [line for line in DOCKERFILE.replace("\\\n", "").splitlines() if "pip install" in line]
    assert len(lines) == 3
    for line in lines:
        assert "--no-index" in line or {"--require-hashes", "--only-binary"} <= set(line.split())


@pytest.mark.parametrize("name", ["runtime.txt", "build.txt"])
def test_every_pinned_package_has_a_hash(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines
    assert all("==" in line and "--hash=sha256:" in line for line in lines)


def test_the_build_backend_is_pinned_within_what_the_project_asks_for() -> None:
    import tomllib

    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pinned = dict(re.findall(r"^(\S+)==(\S+)", (ROOT / "requirements/build.txt").read_text("utf-8"), re.MULTILINE))
    for requirement in map(Requirement, project["build-system"]["requires"]):
        assert requirement.specifier.contains(pinned[requirement.name])


def test_the_image_starts_without_a_shell_as_a_user_known_by_number() -> None:
    """Kubernetes' runAsNonRoot can only judge a number."""
    last = _stages()[-1]
    assert re.findall(r"^USER (\S+)$", last, re.MULTILINE) == ["10001:10001"]
    assert re.findall(r"^(?:ENTRYPOINT|CMD) (.*)$", last, re.MULTILINE) == ['["kubeai-bot"]', '["run"]']


def test_only_what_the_image_is_made_of_is_sent_to_the_builder() -> None:
    """Everything that COPY names is let in, and nothing else."""
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignore
    assert {line[1:] for line in ignore if line.startswith("!")} == copied
