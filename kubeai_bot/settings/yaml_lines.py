"""Reading one YAML document strictly: plain data, variables filled in, and the line of every value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]

_REFERENCE = re.compile(r"(?P<escaped>\$\$\{)|\$\{(?P<inside>[^{}]*)\}|(?P<open>\$\{)")
_INSIDE = re.compile(r"\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*(?P<fallback>,.*)?", re.DOTALL)
_TEXT = "tag:yaml.org,2002:str"


@dataclass(slots=True)
class Document:
    """What a YAML document says. `lines` maps the path of each value to its line; `faults` are (line, sentence)."""

    data: dict[str, Any] = field(default_factory=dict[str, Any])
    lines: dict[Path, int] = field(default_factory=dict[Path, int])
    faults: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])

    def line_of(self, path: Path) -> int:
        """The line of a value, or of the nearest thing around it that stands in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_yaml(text: str, environ: Mapping[str, str]) -> Document:
    """Parse with PyYAML's safe loader. Refused: duplicate and non-text keys, aliases, several documents.

    In text values `${VAR}` stands for an environment variable and `${VAR, fallback}` for it or, where it is unset or
    empty, the fallback; `$${` is a literal `${`.
    """
    document = Document()
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        value = None if root is None else _Builder(loader, environ, document).build(root, ())
    except yaml.YAMLError as error:
        document.faults.append(_syntax_fault(error))
        return document
    except RecursionError:
        document.faults.append((1, "the file is nested too deeply"))
        return document
    if isinstance(value, dict):
        document.data = value
    elif value is not None:
        document.faults.append((1, "the file must hold sections, like `identity:`"))
    return document


def _syntax_fault(error: yaml.YAMLError) -> tuple[int, str]:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        return (mark.line + 1 if mark else 1), f"this is not valid YAML: {said}"
    return 1, f"this is not valid YAML: {error}"


@dataclass(slots=True)
class _Builder:
    loader: yaml.SafeLoader
    environ: Mapping[str, str]
    document: Document
    met: set[int] = field(default_factory=set[int])

    def fault(self, node: yaml.Node, sentence: str) -> None:
        self.document.faults.append((node.start_mark.line + 1, sentence))

    def build(self, node: yaml.Node, path: Path) -> Any:
        self.document.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self.met:
            # Composing resolves an alias to the very node it names; following them could grow without bound.
            self.fault(node, "aliases (*name) are not supported: write the value out where it is used again")
            return None
        self.met.add(id(node))
        match node:
            case yaml.MappingNode():
                return self.mapping(node, path)
            case yaml.SequenceNode():
                return [self.build(item, (*path, number)) for number, item in enumerate(node.value)]
            case _:
                return self.scalar(node)

    def scalar(self, node: yaml.Node) -> Any:
        try:
            value = self.loader.construct_object(node)
        except ValueError as error:  # a date like 2026-13-45, a number of thousands of digits
            self.fault(node, f"this value cannot be read ({error}): if it is meant as text, put it in quotes")
            return None
        return self.filled_in(node, value) if node.tag == _TEXT else value

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.loader.construct_object(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                self.fault(key_node, "a key must be text: put it in quotes")
                continue
            if "${" in key:
                self.fault(key_node, f"variables are filled in in values only, not in the key {key!r}")
            if key in built:
                self.fault(key_node, f"{key!r} stands here a second time (first on line {self.line((*path, key))})")
                continue
            self.document.lines[(*path, key)] = key_node.start_mark.line + 1
            built[key] = self.build(value_node, (*path, key))
        return built

    def line(self, path: Path) -> int:
        return self.document.lines[path]

    def filled_in(self, node: yaml.Node, text: str) -> str:
        def value_of(reference: re.Match[str]) -> str:
            if reference["escaped"]:
                return "${"
            inside = None if reference["open"] else _INSIDE.fullmatch(reference["inside"])
            if inside is None:
                self.fault(node, "a reference must look like ${VAR} or ${VAR, fallback}; write $${ for a literal ${")
                return reference[0]
            value = self.environ.get(inside["name"], "")
            if value:
                return value
            if inside["fallback"] is None:
                self.fault(node, f"the environment variable {inside['name']} is not set, and there is no fallback")
                return reference[0]
            return inside["fallback"][1:].strip()

        return _REFERENCE.sub(value_of, text)
