# ruff: noqa: INP001
"""The notes of a release: its section of CHANGELOG.md, on standard output.

    python3 .ci/release_notes.py v1.2.3

Ends with 1 where the tag, pyproject.toml and CHANGELOG.md do not speak of the same version. Needs Python 3.11, no more.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path


def notes(tag: str, root: Path) -> str:
    """Raises ValueError with what to do."""
    if not re.fullmatch(r"v\d+\.\d+\.\d+", tag):
        raise ValueError(f"{tag!r} is no release: tags are vX.Y.Z.")
    version = tag.removeprefix("v")
    said = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    if said != version:
        raise ValueError(f"The tag is {tag}, but pyproject.toml has version {said}.")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## |^\[[^\]]+\]: |\Z)", changelog, re.M | re.S)
    if found is None or not found[1].strip():
        raise ValueError(f"CHANGELOG.md has no section ## [{version}], or an empty one.")
    return found[1].strip() + "\n"


if __name__ == "__main__":
    try:
        sys.stdout.write(notes(sys.argv[1], Path(__file__).parents[1]))
    except ValueError as error:
        sys.exit(str(error))
