"""Links lead somewhere, names in the documents exist, and the site builds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import typer
import yaml
from typer.core import TyperGroup

from kubeai_bot.cli import app
from tests.chart.rendering import CHART
from tests.docs.reading import DOCUMENTS, ROOT, headings, links, spans

OURS = "https://github.com/kubeai-bot/kubeai-bot/blob/main/"
READMES = "https://github.com/kubeai-bot/kubeai-bot#"

FOREIGN_FLAGS = {
    *("--oidc-username-claim", "--oidc-groups-claim", "--oidc-username-prefix", "--oidc-groups-prefix"),  # API server's
    *("--port", "--host", "--ctx-size", "--jinja", "--alias"),  # llama-server's
}


def github_anchors(file: str) -> set[str]:
    """The anchors that GitHub gives to headings: lower case, spaces as hyphens, the rest of the punctuation gone."""
    found: set[str] = set()
    for heading in headings(file):
        anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = sum(1 for each in found if re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", each))
        found.add(f"{anchor}-{number}" if number else anchor)
    return found


@pytest.mark.parametrize("file", DOCUMENTS)
def test_every_link_within_the_repository_resolves(file: str) -> None:
    broken: list[str] = []
    for link in links(file):
        target = link.target
        if target.startswith(READMES):
            target = f"{OURS}README.md#{target.removeprefix(READMES)}"
        if target.startswith(OURS):
            path, _, anchor = unquote(target.removeprefix(OURS)).partition("#")
            where = ROOT / path
        elif urlsplit(target).scheme:
            continue  # elsewhere: not asked
        else:
            path, _, anchor = unquote(target).partition("#")
            where = (ROOT / file).parent / path if path else ROOT / file
        if not where.exists():
            broken.append(f"{link.place}: {link.target}: there is no such file")
        elif anchor and anchor not in github_anchors(str(where.resolve().relative_to(ROOT))):
            broken.append(f"{link.place}: {link.target}: there is no such heading")
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("file", [file for file in DOCUMENTS if file.startswith("docs/")])
def test_a_page_of_the_site_links_to_nothing_outside_of_it_by_path(file: str) -> None:
    outside = [f"{each.place}: {each.target}" for each in links(file) if each.target.startswith("../")]
    assert not outside, "the site has docs/ only: link to GitHub"


def test_every_page_stands_in_the_sites_list() -> None:
    listed = set(re.findall(r"[\w-]+\.md", (ROOT / "mkdocs.yml").read_text("utf-8")))
    assert listed == {Path(file).name for file in DOCUMENTS if file.startswith("docs/")}


_PATH = re.compile(r"(?:kubeai_bot|tests|docs|charts|benchmarks|requirements)/[\w./*-]*")


@pytest.mark.parametrize("file", DOCUMENTS)
def test_files_of_the_repository_that_are_named_exist(file: str) -> None:
    missing = [
        f"{span.place}: {span.text}"
        for span in spans(file)
        if _PATH.fullmatch(span.text) and not span.text.endswith("results/sessions.json")
        if not list(ROOT.glob(span.text.rstrip("/")))
    ]
    assert not missing, "\n".join(missing)


def flags_of(command: object) -> set[str]:
    """All options of a command and of those below it."""
    if isinstance(command, TyperGroup):
        below = set[str]().union(*(flags_of(each) for each in command.commands.values()))
    else:
        below = set()
    return below | {flag for each in getattr(command, "params", []) for flag in each.opts}


@pytest.mark.parametrize("file", ["docs/playground.md", "docs/sessions.md", "docs/changes.md", "docs/identity.md"])
def test_every_flag_that_is_explained_exists(file: str) -> None:
    known = flags_of(typer.main.get_command(app)) | {"--env-file"} | FOREIGN_FLAGS
    strange = [
        f"{span.place}: {flag}"
        for span in spans(file)
        for flag in re.findall(r"(?<!\S)--[a-z][a-z-]*", span.text.replace("[", " "))
        if flag not in known
    ]
    assert not strange, "\n".join(strange)


def test_every_flag_of_the_playground_is_explained() -> None:
    whole = typer.main.get_command(app)
    assert isinstance(whole, TyperGroup)
    text = " ".join(span.text for span in spans("docs/playground.md"))
    missing = {flag for flag in flags_of(whole.commands["playground"]) if flag.startswith("--") and flag not in text}
    assert missing <= {"--help"}


@pytest.mark.parametrize("file", ["docs/helm.md", "docs/operations.md", "docs/troubleshooting.md", "docs/skills.md"])
def test_every_value_of_the_chart_that_is_named_exists(file: str) -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    strange: list[str] = []
    for span in spans(file):
        first, *rest = re.split(r"[.=]", span.text)
        if first not in values or first in ("env", "config") or not re.fullmatch(r"[\w.]+(=\S*)?", span.text):
            continue
        node = values[first]
        for key in span.text.partition("=")[0].split(".")[1:] if rest else []:
            if not isinstance(node, dict) or key not in node:
                strange.append(f"{span.place}: {span.text}")
                break
            node = node[key]
    assert not strange, "\n".join(strange)


def _mkdocs() -> str | None:
    """MkDocs with its theme: named by MKDOCS, beside this Python, or on PATH."""
    beside = Path(sys.executable).parent / "mkdocs"
    return os.environ.get("MKDOCS") or (str(beside) if beside.exists() else shutil.which("mkdocs"))


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    program = _mkdocs()
    if program is None:
        pytest.skip("MkDocs is not installed (dependency group docs); MKDOCS names one elsewhere")
    command = [program, "build", "--strict", "--quiet", "--config-file", str(ROOT / "mkdocs.yml")]
    done = subprocess.run(  # noqa: S603
        [*command, "--site-dir", str(tmp_path / "site")], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site/helm/index.html").read_text("utf-8")
    assert "helm install" in page
    assert "```" not in page, "a block was taken for text"
