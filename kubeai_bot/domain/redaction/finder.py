"""Every secret of one line, and the line with pseudonyms in their place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubeai_bot.domain.redaction.assignments import assignments, line_end
from kubeai_bot.domain.redaction.commands import placed
from kubeai_bot.domain.redaction.encoded import RUN, encoded
from kubeai_bot.domain.redaction.pseudonyms import Pseudonyms
from kubeai_bot.domain.redaction.shapes import shaped

KEY_BEGINS = re.compile(r"-{4,5} ?BEGIN (?:[A-Z0-9]{1,20} ){0,5}PRIVATE KEY(?: BLOCK)? ?-{4,5}")
KEY_ENDS = re.compile(r"-{4,5} ?END (?:[A-Z0-9]{1,20} ){0,5}PRIVATE KEY(?: BLOCK)? ?-{4,5}")
_ISLAND = re.compile(r"\{\s{0,8}\"|\[\s{0,8}[\[{\"]")
_QUOTE_OR_ESCAPE = re.compile(r"\\.|\"", re.DOTALL)
_SECRET_KIND = re.compile(r"kind\\{0,8}[\"']?\s{0,4}:\s{0,4}\\{0,8}[\"']?Secret(?:List)?\b")
_SECRET_DATA = re.compile(r"(?<![A-Za-z])(?:data|stringData|binaryData)\\{0,8}[\"']?\s{0,4}:\s{0,4}(?:\{|map\[)")
_PAIR = re.compile(r"[\w.-]{1,253}\\{0,8}[\"']?\s{0,4}:\s{0,4}\\{0,8}[\"']?([^\s\"'\\,{}]{1,1000000})", re.ASCII)
_ISLANDS_PER_LINE = 16
_DEPTH = 6
_SHORT, _MOST = 200, 20_000


class CleanLines:
    """Short lines in which nothing was found, so that the same key or phrase is not looked at again in every object.
    What is secret never gets into it. One for a process: what is found in a line is the same in all sessions."""

    def __init__(self) -> None:
        self._lines: set[str] = set()

    def __contains__(self, line: str) -> bool:
        return line in self._lines

    def add(self, line: str, depth: int) -> None:
        """Long lines are not kept, nor nested ones that may hold documents, which are looked into less deeply."""
        if len(line) > _SHORT or (depth and '"' in line):
            return
        if len(self._lines) >= _MOST:
            self._lines = set()
        self._lines.add(line)


@dataclass(frozen=True, slots=True)
class Found:
    """`line[start:end]` is a secret; or, with a `replacement`, structured text that has been redacted by itself."""

    start: int
    end: int
    replacement: str | None = None
    secrets: int = 1


class RepeatedKey(ValueError):
    """A JSON object names a key twice, so that parsing it would hide a value."""


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RepeatedKey
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_without_repeats)


def parse_json(text: str, at: int = 0) -> tuple[object, int] | None:
    """The JSON document that starts at `at` and where it ends; None where there is none that says all it shows."""
    try:
        return _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None


class Finder:
    """Finds secrets in single lines. `redact_json` and `redact_text` redact what is nested in a line: documents and
    escaped strings; each gives the redacted form and how many secrets it held."""

    def __init__(
        self,
        pseudonyms: Pseudonyms,
        redact_json: Callable[[object, int], tuple[object, int]],
        redact_text: Callable[[str, int], tuple[str, int]],
        clean: CleanLines,
    ) -> None:
        self._pseudonyms = pseudonyms
        self._clean = clean
        self._redact_json = redact_json
        self._redact_text = redact_text

    def find(self, line: str, depth: int = 0, *, in_certificate: bool = False) -> list[Found]:
        """The finds in `line`, in order and apart from each other. In a certificate, random text is none."""
        if line in self._clean:
            return []
        islands = self._islands(line, depth) if '"' in line and depth < _DEPTH else []
        if len(islands) == 1 and islands[0].start == 0 and not line[islands[0].end :].strip():
            return islands if islands[0].secrets else []
        runs = list(RUN.finditer(line))
        spans = _plain_finds(line, runs)
        if runs:
            spans += encoded(runs, holds_a_secret, random_is_secret=not in_certificate)
        found = [*islands, *(Found(start, end) for start, end in spans)]
        if "\\" in line and '"' in line and depth < _DEPTH:
            found += self._escaped_strings(line, depth, islands)
        if found:
            return _joined(found)
        if not in_certificate:
            self._clean.add(line, depth)
        return []

    def render(self, line: str, found: list[Found], start: int, end: int) -> tuple[str, int]:
        """`line[start:end]` with pseudonyms, and how many secrets were in it. A find across `start` counts whole."""
        pieces: list[str] = []
        count = 0
        for find in found:
            if find.end <= start or find.start >= end:
                continue
            if find.replacement is not None and find.start >= start:
                pieces += [line[start : find.start], find.replacement]
            else:
                secret = line[find.start : find.end]
                pieces += [line[start : max(start, find.start)], self._pseudonyms.mark(secret)]
            count += find.secrets
            start = find.end
        pieces.append(line[start:end])
        return "".join(pieces), count

    def redact(self, line: str, depth: int = 0) -> tuple[str, int]:
        """The line with pseudonyms, and how many secrets were in it."""
        found = self.find(line, depth)
        return self.render(line, found, 0, len(line)) if found else (line, 0)

    def _islands(self, line: str, depth: int) -> list[Found]:
        islands: list[Found] = []
        at = 0
        for _ in range(_ISLANDS_PER_LINE):
            opening = _ISLAND.search(line, at)
            if opening is None:
                break
            parsed = parse_json(line, opening.start())
            if parsed is None:
                break  # what lies in a broken document is judged without its surroundings: left to the plain rules
            document, at = parsed
            redacted, count = self._redact_json(document, depth + 1)
            original = line[opening.start() : at]
            separators = (", ", ": ") if '": ' in original else (",", ":")
            text = json.dumps(redacted, separators=separators, ensure_ascii=False) if count else original
            islands.append(Found(opening.start(), at, text, count))
        return islands

    def _escaped_strings(self, line: str, depth: int, islands: list[Found]) -> list[Found]:
        strings: list[Found] = []
        for start, end in _quoted_with_escapes(line):
            if any(island.start < end and start < island.end for island in islands):
                continue
            parsed = parse_json(line[start - 1 : end + 1])
            if parsed is not None and isinstance(parsed[0], str):
                redacted, count = self._redact_text(parsed[0], depth + 1)
                text = json.dumps(redacted, ensure_ascii=False)[1:-1] if count else line[start:end]
                strings.append(Found(start, end, text, count))
        return strings


def _quoted_with_escapes(line: str) -> list[tuple[int, int]]:
    """What stands between double quotes and has a backslash in it."""
    strings: list[tuple[int, int]] = []
    start: int | None = None
    escapes = False
    for found in _QUOTE_OR_ESCAPE.finditer(line):
        if found[0] != '"':
            escapes = True
        elif start is None:
            start, escapes = found.end(), False
        else:
            if escapes:
                strings.append((start, found.start()))
            start = None
    return strings


def lower(line: str) -> str:
    """In lower case as to ASCII, each character at its place."""
    return (
        line.lower()
        if line.isascii()
        else line.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
    )


def holds_a_secret(line: str) -> bool:
    """Whether one line of text that is not encoded any further holds a secret."""
    return any(True for _ in _plain_finds(line, list(RUN.finditer(line))))


def _plain_finds(line: str, runs: list[re.Match[str]]) -> list[tuple[int, int]]:
    low = lower(line)
    found = shaped(line, low, runs)
    found += assignments(line, low)
    found += placed(line, low)
    if "private key" in low:
        found += _keys(line)
    if "secret" in low and "data" in low and _SECRET_KIND.search(line):
        found += _data_of_a_broken_document(line)
    return found


def _keys(line: str) -> list[tuple[int, int]]:
    keys: list[tuple[int, int]] = []
    at = 0
    while (begin := KEY_BEGINS.search(line, at)) is not None:
        end = KEY_ENDS.search(line, begin.end())
        at = end.end() if end else line_end(line)
        keys.append((begin.start(), at))
    return keys


def _data_of_a_broken_document(line: str) -> list[tuple[int, int]]:
    """The values in a Secret's data, in text on one line that is cut off or not quite JSON."""
    values: list[tuple[int, int]] = []
    at = 0
    while (data := _SECRET_DATA.search(line, at)) is not None:
        close = line.find("}" if data[0].endswith("{") else "]", data.end())
        at = close if close >= 0 else len(line)
        pairs = _PAIR.finditer(line, data.end(), at)
        values += [pair.span(1) for pair in pairs if not pair[1].startswith("<redacted:")]
    return values


def _joined(found: list[Found]) -> list[Found]:
    """Overlapping finds as one; what lies within a document that was redacted by itself is left to it."""
    joined: list[Found] = []
    for find in sorted(found, key=lambda one: (one.start, -one.end, one.replacement is not None)):
        if find.start == find.end:
            continue
        if not joined or find.start >= joined[-1].end:
            joined.append(find)
            continue
        last = joined[-1]
        if find.end > last.end or last.replacement is None:
            joined[-1] = Found(last.start, max(last.end, find.end))
    return [find for find in joined if find.replacement is None or find.secrets]
