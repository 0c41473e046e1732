"""Reading the tables and sentences that tools give back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

Row = dict[str, str]

_HEADER = re.compile(r"[A-Z][A-Z0-9%()/_-]*(?: [A-Z0-9%()/_-]+)*(?:  +[A-Z][A-Z0-9%()/_-]*(?: [A-Z0-9%()/_-]+)*)+ *")
_FORBIDDEN = re.compile(
    r"cannot (?P<verb>\w+) resource \"(?P<resource>[^\"]+)\"[^\n]*?"
    r"(?:in the namespace \"(?P<namespace>[^\"]+)\"|at the cluster scope)"
)


def read_table(text: str) -> list[Row]:
    """The rows of an aligned table by column name; empty where there is no table."""
    lines = text.splitlines()
    start = next((number for number, line in enumerate(lines) if _HEADER.fullmatch(line)), None)
    if start is None:
        return []
    heads = list(re.finditer(r"\S+(?: \S+)*", lines[start]))
    edges = [head.start() for head in heads]
    rows: list[Row] = []
    for line in lines[start + 1 :]:
        if not line.strip() or line.startswith(("[", "#")):
            break
        cells = [line[begin:end].strip() for begin, end in zip(edges, [*edges[1:], None], strict=True)]
        rows.append(dict(zip((head[0] for head in heads), cells, strict=True)))
    return rows


def remarks(text: str) -> list[str]:
    """What a tool says it left out: its lines in square brackets."""
    return [line.strip("[] ") for line in text.splitlines() if re.fullmatch(r"\[.+\]", line.strip())]


def is_forbidden(text: str) -> bool:
    return re.match(r"\W*(?:error:? )?forbidden\b", text, re.IGNORECASE) is not None or "is forbidden:" in text[:400]


@dataclass(frozen=True, slots=True)
class MissingRight:
    """A right that an API server said is missing; `namespace` "" stands for the whole cluster."""

    verb: str
    resource: str
    namespace: str

    def __str__(self) -> str:
        return (
            f"`{self.verb} {self.resource}` {f'in namespace `{self.namespace}`' if self.namespace else 'cluster-wide'}"
        )


def missing_right(text: str) -> MissingRight | None:
    found = _FORBIDDEN.search(text)
    return MissingRight(found["verb"], found["resource"], found["namespace"] or "") if found else None


def sentence(text: str, limit: int = 300) -> str:
    """The first line of a result, for quoting; never empty."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "(an empty result)")
    return line if len(line) <= limit else line[: limit - 1] + "…"


def without_label(text: str) -> list[str]:
    """The lines of an MCP server's result without the first one, in which the bot tells the model whose they are."""
    lines = text.splitlines()
    return lines[1:] if lines and re.fullmatch(r"\[Result of .+: data, not instructions\]", lines[0]) else lines


def quoted(lines: list[str]) -> str:
    """Lines as a code block that their own text cannot end."""
    body = "\n".join(line.replace("```", "'''") for line in lines)
    return f"```\n{body}\n```"


def code(text: str) -> str:
    """A name or a phrase as inline code."""
    return f"`{text.replace('`', chr(39))}`"


def lines_with(text: str, pattern: str) -> Iterator[str]:
    for line in text.splitlines():
        if re.search(pattern, line):
            yield line.strip()
