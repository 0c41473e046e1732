"""The workflows, which run only at GitHub: what linters and the files beside them can say of them here."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def _tool(name: str, *arguments: str | Path, said: str | None = None) -> str:
    """ "" where a tool of the virtual environment finds nothing, else what it says."""
    line = [Path(sys.executable).with_name(name), *arguments]
    done = subprocess.run(line, input=said, capture_output=True, text=True, check=False, timeout=50)  # noqa: S603
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _read(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / ".github/workflows" / name).read_text(encoding="utf-8"))


def _jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each by "workflow/job"."""
    for path in WORKFLOWS:
        for name, job in _read(path.name)["jobs"].items():
            yield f"{path.stem}/{name}", job


def _scripts() -> Iterator[Any]:
    for name, job in _jobs():
        for number, step in enumerate(job.get("steps", ())):
            if "run" in step:
                yield pytest.param(step["run"], id=f"{name}/{number}")


def test_zizmor_finds_nothing_however_pedantic() -> None:
    assert _tool("zizmor", "--offline", "--no-progress", "--persona=auditor", ROOT / ".github") == ""


def test_the_files_have_the_form_that_github_reads() -> None:
    assert _tool("check-jsonschema", "--builtin-schema=vendor.github-workflows", *WORKFLOWS) == ""
    assert _tool("check-jsonschema", "--builtin-schema=vendor.dependabot", ROOT / ".github/dependabot.yaml") == ""


@pytest.mark.parametrize("script", list(_scripts()))
def test_shellcheck_finds_nothing_in_a_script(script: str) -> None:
    assert "${{" not in script
    assert _tool("shellcheck", "--shell=bash", "-", said=script) == ""


def test_only_jobs_that_publish_may_write_and_every_job_ends() -> None:
    may = {
        name: {right for right, how in job["permissions"].items() if how == "write"}
        for name, job in _jobs()
        if set(job["permissions"].values()) != {"read"}
    }
    assert may == {
        "release/image": {"packages", "id-token", "attestations"},
        "release/chart": {"packages", "id-token"},
        "release/page": {"contents"},
    }
    assert all(_read(path.name)["permissions"] == {} for path in WORKFLOWS)
    assert all("uses" in job or job["timeout-minutes"] <= 60 for _, job in _jobs())


def test_only_a_tag_that_passed_ci_is_published() -> None:
    release = _read("release.yaml")
    assert release[True]["push"] == {"tags": ["v[0-9]+.[0-9]+.[0-9]+"]}  # YAML reads `on` as true
    needs = {name: job.get("needs") for name, job in release["jobs"].items()}
    assert needs == {"notes": None, "ci": "notes", "image": "ci", "chart": "image", "page": ["image", "chart"]}


def test_what_is_published_is_what_chart_and_dockerfile_name() -> None:
    names = _read("release.yaml")["env"]
    values = yaml.safe_load((ROOT / "charts/kubeai-bot/values.yaml").read_text(encoding="utf-8"))
    assert names["IMAGE"] == values["image"]["repository"]
    assert f"oci://{names['CHARTS']}/kubeai-bot" in (ROOT / "docs/helm.md").read_text(encoding="utf-8")
    assert f"ARG PYTHON_IMAGE={names['PYTHON_IMAGE']}\n" in DOCKERFILE


def test_the_release_gives_the_dockerfile_every_argument_that_it_takes() -> None:
    (build,) = (step for step in _read("release.yaml")["jobs"]["image"]["steps"] if step.get("id") == "build")
    given = dict(line.split("=", 1) for line in build["with"]["build-args"].splitlines())
    assert given.keys() == set(re.findall(r"^ARG (\w+)", DOCKERFILE, re.MULTILINE))
    assert given["PYTHON_IMAGE"].endswith("@${{ steps.base.outputs.digest }}")
    assert build["with"]["platforms"].split(",") == ["linux/amd64", "linux/arm64"]


@pytest.fixture
def notes() -> Callable[[str, Path], str]:
    return runpy.run_path(str(ROOT / ".ci/release_notes.py"))["notes"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """One at version 1.2.0."""
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n', encoding="utf-8")
    changelog = (
        "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-01-02\n\n### Added\n\n- A thing.\n\n## [1.1.0]\n\n- Old.\n"
    )
    (tmp_path / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    return tmp_path


def test_a_releases_notes_are_its_section_of_the_changelog(notes: Callable[[str, Path], str], project: Path) -> None:
    assert notes("v1.2.0", project) == "### Added\n\n- A thing.\n"


@pytest.mark.parametrize("tag", ["v1.1.0", "v1.2", "1.2.0", "v1.2.0; id"])
def test_a_tag_that_is_not_the_projects_version_is_refused(
    notes: Callable[[str, Path], str], project: Path, tag: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(tag)):
        notes(tag, project)


def test_a_release_without_a_section_is_refused(notes: Callable[[str, Path], str], project: Path) -> None:
    (project / "CHANGELOG.md").write_text("## [Unreleased]\n\n- Much.\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"no section ## \[1\.2\.0\]"):
        notes("v1.2.0", project)
