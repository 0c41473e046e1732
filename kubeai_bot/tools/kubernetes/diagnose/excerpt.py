"""The lines of a log that matter: errors, heads of stack traces, the last words. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kubeai_bot.tools.kubernetes.text import clean, one_line

_LINE = 260
_FATAL = re.compile(
    r"\b(fatal|panic|critical|emerg)\b|^Traceback|^Exception in|Caused by:|^[\w.]*(Error|Exception)\b", re.I
)
_ERROR = re.compile(
    r"error|exception|fail(ed|ure)|denied|forbidden|refused|unauthori[sz]ed|time[d ]?-?out|no such|not found|cannot|"
    r"could not|unable|warn|invalid|exceeded|killed|out of memory|no space",
    re.I,
)
_MILD = re.compile(r"\b(level|severity)[\"']?[=:]\s*[\"']?(info|debug|trace)|^\W*(INFO|DEBUG|TRACE)\b|\b(INFO|DEBUG)\b")
_FRAME = re.compile(r"^\s+(at |File \"|\.\.\. \d+ more|in )|^\t|^goroutine \d+|^\s{2,}\S|^[\w./*()-]+\(.*\)$")
_VARIABLE = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8,}|\d+", re.I)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The newest lines of one container's log; `previous`: of the run before the last restart."""

    pod: str
    container: str
    previous: bool
    lines: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"log {self.pod}/{self.container}{' (previous run)' if self.previous else ''}"


def excerpt(pod: str, container: str, text: str, *, previous: bool) -> Excerpt:
    return Excerpt(pod, container, previous, tuple(line.rstrip() for line in clean(text).splitlines() if line.strip()))


def telling(lines: Sequence[str], most: int, *, last_words: bool = True) -> list[str]:
    """Up to `most` lines in their order: the gravest, newest first where equal, and (`last_words`) the very last one.

    Lines that differ in numbers only are shown once, with how often there were such lines.
    """
    newest: dict[str, int] = {}
    times: dict[str, int] = {}
    for index, line in enumerate(lines):
        if not _FRAME.match(line):
            shape = _VARIABLE.sub("#", line)
            newest[shape] = index
            times[shape] = times.get(shape, 0) + 1
    graded = sorted(((weight(lines[index]), index, shape) for shape, index in newest.items()), reverse=True)
    chosen = [(index, shape) for grade, index, shape in graded if grade][:most]
    last = max(((index, shape) for shape, index in newest.items()), default=None)
    if last_words and last and last not in chosen:
        chosen = [*chosen[: most - 1], last]
    return [_shown(lines[index], times[shape]) for index, shape in sorted(chosen)]


def weight(line: str) -> int:
    """2 for what ends programs, 1 for errors, 0 for the rest."""
    if _MILD.search(line):
        return 0
    return 2 if _FATAL.search(line) else 1 if _ERROR.search(line) else 0


def _shown(line: str, times: int) -> str:
    return one_line(line, _LINE) + (f" [×{times}]" if times > 1 else "")
