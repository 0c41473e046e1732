"""Writes what stands in the comments of values.yaml into README.md and values.schema.json.

    python charts/describe_values.py            # writes
    python charts/describe_values.py --check    # exits 1 where a file would change

A comment that begins with `# -- ` explains the key below it; `# === Title ===` begins a section of the README.
"""
# ruff: noqa: INP001 - a program beside the chart, in no package

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parent / "kubeai-bot"
_BEGIN, _END = "<!-- values: begin -->\n", "<!-- values: end -->\n"
_KEY = re.compile(r"(?P<indent> *)(?P<key>[A-Za-z_][\w-]*):")
_LONGEST_DEFAULT = 90


@dataclass(frozen=True, slots=True)
class Value:
    """One explained key: where it is, what it is for, what it is if nobody says anything."""

    section: str
    path: tuple[str, ...]
    meaning: str
    default: Any


def explained(text: str) -> Iterator[Value]:
    """The explained keys of a values.yaml, in its order."""
    defaults = yaml.safe_load(text)
    section, comment, place = "", "", list[tuple[int, str]]()
    for line in text.splitlines():
        bare = line.strip()
        if found := re.fullmatch(r"# === (.+) ===", bare):
            section, comment = found[1], ""
        elif bare.startswith("# -- "):
            comment = bare[5:]
        elif bare.startswith("#") and comment:
            comment += " " + bare[1:].strip()
        elif found := _KEY.match(line):
            indent = len(found["indent"])
            place = [(depth, key) for depth, key in place if depth < indent] + [(indent, found["key"])]
            if comment:
                path = tuple(key for _, key in place)
                yield Value(section, path, comment, _at(defaults, path))
            comment = ""


def _at(defaults: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        defaults = defaults[key]
    return defaults


def table(values: list[Value]) -> str:
    """The values as Markdown, one table a section."""
    parts: list[str] = []
    sections = dict.fromkeys(value.section for value in values)
    for section in sections:
        parts.append(f"### {section}\n\n| Value | Default | Meaning |\n| --- | --- | --- |\n")
        parts += [_row(value) for value in values if value.section == section]
        parts.append("\n")
    return "".join(parts).rstrip("\n") + "\n"


def _row(value: Value) -> str:
    default = json.dumps(value.default, ensure_ascii=False)
    shown = f"`{default}`" if len(default) <= _LONGEST_DEFAULT else "see [values.yaml](values.yaml)"
    meaning = value.meaning.replace("|", "\\|")
    return f"| `{'.'.join(value.path)}` | {shown} | {meaning} |\n"


def readme(text: str, values: list[Value]) -> str:
    """The README with its tables made anew; the rest of it is written by hand."""
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{table(values)}\n{_END}{after}"


def schema(text: str, values: list[Value]) -> str:
    """The schema with the comments as descriptions and the defaults beside them."""
    document: dict[str, Any] = json.loads(text)
    for value in values:
        node = document
        for key in value.path:
            node = node["properties"][key]
        node["description"] = value.meaning
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def described(chart: Path) -> Mapping[Path, str]:
    """The files as they should be, by path."""
    values = list(explained((chart / "values.yaml").read_text("utf-8")))
    written = {chart / "README.md": readme, chart / "values.schema.json": schema}
    return {path: make(path.read_text("utf-8"), values) for path, make in written.items()}


def main(arguments: list[str]) -> int:
    stale = {path: text for path, text in described(CHART).items() if path.read_text("utf-8") != text}
    if "--check" in arguments:
        sys.stderr.writelines(f"{path} is not what values.yaml says: run {Path(__file__).name}\n" for path in stale)
        return int(bool(stale))
    for path, text in stale.items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
