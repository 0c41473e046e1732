"""Skills as files: Markdown below a frontmatter of YAML, read with file and line for everything that is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

LARGEST = 64 * 1024
"""Bytes of one skill."""

MOST = 200
"""Skills in one folder."""

DEEPEST = 4
"""Folders below SKILLS_DIR that are searched."""

_FRONTMATTER = re.compile(
    r"\A\ufeff?---[ \t]*\r?\n(?P<head>.*?)^---[ \t]*\r?$\n?(?P<body>.*)\Z", re.DOTALL | re.MULTILINE
)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class Skill:
    """`triggers` are words or phrases, in lower case, that suggest it; `body` is Markdown for the model."""

    name: str
    description: str
    triggers: tuple[str, ...]
    body: str


@dataclass(frozen=True, slots=True)
class BadSkill:
    """A file that cannot be used: where, and why, in one sentence."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


def skill_files(folder: Path) -> list[Path]:
    """The Markdown files of a folder and its subfolders, in order. Names with a dot in front are left out: in a mounted
    ConfigMap they are its machinery (`..data` and the folder it points to)."""
    return sorted(_walk(folder, 0))[:MOST]


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and depth < DEEPEST:
            yield from _walk(entry, depth + 1)
        elif entry.suffix.lower() == ".md" and entry.is_file():
            yield entry


def read_skill(path: Path, shown: str) -> Skill | BadSkill:
    """One file. `shown` names it in what is said about it."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
        text = raw.decode("utf-8")
    except OSError as error:
        return BadSkill(shown, 1, f"it cannot be read: {error.strerror or error}")
    except UnicodeDecodeError:
        return BadSkill(shown, 1, "it is not UTF-8 text")
    if len(raw) > LARGEST:
        return BadSkill(shown, 1, f"it is larger than {LARGEST // 1024} KiB")
    return parse_skill(text, shown)


def parse_skill(text: str, shown: str) -> Skill | BadSkill:
    found = _FRONTMATTER.match(text)
    if found is None:
        return BadSkill(shown, 1, "it must begin with frontmatter between two lines of ---")
    try:
        head: Any = yaml.safe_load(found["head"])
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return BadSkill(shown, (mark.line if mark else 0) + 2, f"its frontmatter is not YAML: {error.problem}")
    except yaml.YAMLError as error:
        return BadSkill(shown, 2, f"its frontmatter is not YAML: {error}")
    if not isinstance(head, dict):
        return BadSkill(shown, 2, "its frontmatter must hold name, description and triggers")
    return _checked(head, found["head"], found["body"].strip(), shown)


def _checked(head: dict[Any, Any], source: str, body: str, shown: str) -> Skill | BadSkill:
    def bad(key: str, reason: str) -> BadSkill:
        lines = source.split("\n")
        line = next((n for n, each in enumerate(lines, 2) if re.match(rf"{re.escape(key)}\s*:", each)), 1)
        return BadSkill(shown, line, reason)

    name, description, triggers = head.get("name"), head.get("description"), head.get("triggers", [])
    if unknown := sorted(str(key) for key in head if key not in ("name", "description", "triggers")):
        return bad(unknown[0], f"there is no key {unknown[0]!r}: use name, description, triggers")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return bad("name", "name must be lower-case letters, digits and hyphens, like crash-loop")
    if not isinstance(description, str) or not 10 <= len(" ".join(description.split())) <= 300:
        return bad("description", "description must be a text of 10 to 300 characters")
    if not isinstance(triggers, list) or not all(isinstance(each, str) and each.strip() for each in triggers):
        return bad("triggers", "triggers must be a list of words or phrases")
    if not body:
        return bad("name", "there is no text below the frontmatter")
    words = tuple(dict.fromkeys(" ".join(each.lower().split()) for each in triggers))
    return Skill(name, " ".join(description.split()), words, body)
