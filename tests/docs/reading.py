"""The documents, taken apart: fenced blocks, the commands in them, code spans, links and headings, each with its line.

A command that cannot run here is marked in the document itself: by `<!-- needs a real … -->` before its block, by
`# needs a real …` after it, or by a sentence of its own paragraph or row that says "needs a real …".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
DOCUMENTS = tuple(
    str(path.relative_to(ROOT))
    for path in (
        *(ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "charts/kubeai-bot/README.md"),
        *sorted((ROOT / "docs").rglob("*.md")),
    )
)
SHELL = ("sh", "console")
PROGRAMS = (
    *("kubeai-bot", "make", "helm", "kubectl", "python", "pytest", "cp", "chmod", "ollama", "llama-server", "gcloud"),
    *("psql", "pg_dump", "pg_restore", "createdb", "docker", "podman", "buildah", "cosign", "mkdocs", "pip", "uv"),
    *("git", "curl", "oc", "npx", "openssl", "kind", "trivy", "syft", "oras", "gh", "slsa-verifier", "crane"),
)
"""First words that make a code span a command."""

MARK = re.compile(r"needs (?:an? )?real (?P<what>[^.;)>#\n]*[^.;)>#\n\s-])", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9_]*=(?:'[^']*'|\"[^\"]*\"|\S*)")
_ENVIRONMENT_LINE = re.compile(r"\s*(?:#.*|[A-Z][A-Z0-9_]*=\S*(?:\s+#.*)?)?")


@dataclass(frozen=True, slots=True)
class Place:
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `mark` says what it needs to run, "" where nothing."""

    place: Place
    language: str
    text: str
    mark: str

    @property
    def is_environment(self) -> bool:
        """Whether it holds nothing but NAME=value lines, as an .env file does."""
        return self.language in SHELL and all(_ENVIRONMENT_LINE.fullmatch(line) for line in self.text.splitlines())


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it stands there; `output` is what the document shows below it."""

    place: Place
    text: str
    mark: str
    output: str = ""

    @property
    def words(self) -> str:
        """In one line, without its remark."""
        return " ".join(re.sub(r"\s+#.*", "", self.text.replace("\\\n", " ")).split())

    @property
    def program(self) -> str:
        return program_of(self.words)


@dataclass(frozen=True, slots=True)
class Span:
    """Text in backticks."""

    place: Place
    text: str
    mark: str


@dataclass(frozen=True, slots=True)
class Link:
    place: Place
    target: str


def filled(text: str) -> str:
    """With something in place of what a reader is to fill in."""
    return text.replace("…", "0")


def program_of(words: str) -> str:
    """The name of the program that a command line starts."""
    rest = words
    while found := _ASSIGNMENT.match(rest):
        rest = rest[found.end() :].lstrip()
    return rest.split(" ")[0].rpartition("/")[2]


@cache
def blocks(file: str) -> tuple[Block, ...]:
    tokens = _tokens(file)
    found: list[Block] = []
    for index, token in enumerate(tokens):
        if token.type == "fence" and token.map:
            place = Place(file, token.map[0] + 1)
            found.append(Block(place, token.info.strip(), token.content, _comment_before(tokens, index)))
    return tuple(found)


def commands(block: Block) -> tuple[Command, ...]:
    """The commands of a shell block, in their order."""
    lines = block.text.splitlines()
    prompted = any(line.startswith("$ ") for line in lines)
    found: list[Command] = []
    number = 0
    while number < len(lines):
        first = number
        line = lines[number]
        number += 1
        if prompted and not line.startswith("$ "):
            if found:
                last = found.pop()
                found.append(Command(last.place, last.text, last.mark, last.output + line + "\n"))
            continue
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        text = line.removeprefix("$ ")
        while text.endswith("\\") and number < len(lines):
            text += "\n" + lines[number]
            number += 1
        remark = re.search(r"\s#(.*)$", text)
        mark = MARK.search(remark[1]) if remark else None
        place = Place(block.place.file, block.place.line + 1 + first)
        found.append(Command(place, text, mark["what"] if mark else block.mark))
    return tuple(found)


@cache
def shell_blocks() -> tuple[Block, ...]:
    """All blocks of commands in all documents."""
    return tuple(
        block for file in DOCUMENTS for block in blocks(file) if block.language in SHELL and not block.is_environment
    )


@cache
def spans(file: str) -> tuple[Span, ...]:
    """All code spans of a document."""
    found: list[Span] = []
    for token, mark in _inlines(file):
        line = token.map[0] + 1 if token.map else 0
        for child in token.children or []:
            if child.type in ("softbreak", "hardbreak"):
                line += 1
            elif child.type == "code_inline":
                found.append(Span(Place(file, line), child.content, mark))
    return tuple(found)


@cache
def inline_commands() -> tuple[Command, ...]:
    """Code spans that begin with a program and say more than its name."""
    return tuple(
        Command(span.place, span.text, span.mark)
        for file in DOCUMENTS
        for span in spans(file)
        if " " in span.text and program_of(span.text) in PROGRAMS
    )


@cache
def links(file: str) -> tuple[Link, ...]:
    """Where links and images lead."""
    found: list[Link] = []
    for token, _ in _inlines(file):
        line = token.map[0] + 1 if token.map else 0
        for child in token.children or []:
            if child.type in ("softbreak", "hardbreak"):
                line += 1
            target = child.attrGet("href") if child.type == "link_open" else child.attrGet("src")
            if isinstance(target, str):
                found.append(Link(Place(file, line), target))
    return tuple(found)


@cache
def headings(file: str) -> tuple[str, ...]:
    """The plain text of all headings."""
    tokens = _tokens(file)
    return tuple(
        "".join(child.content for child in after.children or [])
        for token, after in pairwise(tokens)
        if token.type == "heading_open"
    )


def _inlines(file: str) -> Iterator[tuple[Token, str]]:
    """Runs of text with what their paragraph or table row says they need."""
    tokens = _tokens(file)
    of_table = of_row = ""
    for index, token in enumerate(tokens):
        if token.type == "table_open":
            of_table = _comment_before(tokens, index)
        elif token.type == "tr_open":
            cells = [t.content for t in tokens[index : _end_of(tokens, index, "tr_close")] if t.type == "inline"]
            of_row = _mark_of(" ".join(cells)) or of_table
        elif token.type == "table_close":
            of_table = of_row = ""
        elif token.type == "inline":
            yield token, of_row or _mark_of(token.content) or _comment_before(tokens, index - 1)


def _end_of(tokens: list[Token], index: int, kind: str) -> int:
    return next(number for number in range(index, len(tokens)) if tokens[number].type == kind)


def _comment_before(tokens: list[Token], index: int) -> str:
    before = tokens[index - 1] if index else None
    return _mark_of(before.content) if before is not None and before.type == "html_block" else ""


def _mark_of(text: str) -> str:
    found = MARK.search(text)
    return found["what"] if found else ""


@cache
def _tokens(file: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse((ROOT / file).read_text("utf-8"))
