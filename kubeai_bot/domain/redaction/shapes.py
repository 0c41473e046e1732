"""Secrets that are known by their own look: the kinds of `kinds`, looked for in one line."""

from __future__ import annotations

import re

from kubeai_bot.domain.redaction.kinds import SHAPES, TOKENS, Token
from kubeai_bot.domain.redaction.patterns import compiled

Span = tuple[int, int]
Anchor = tuple[str, str, Token]

_PREFIX = re.compile(r"(?<![a-z0-9])[a-z0-9]{1,16}[_.-]", re.ASCII)
_ESCAPE = re.compile(r"(?:\\[ntr]|%[0-9a-f]{2})\Z", re.ASCII)
_BEFORE_A_RUN = 12

_ANCHORS: tuple[Anchor, ...] = tuple((prefix.lower(), prefix, token) for token in TOKENS for prefix in token.prefixes)
_UNSEPARATED = tuple(anchor for anchor in _ANCHORS if not _PREFIX.match(anchor[0]))
_BY_FIRST_PART: dict[str, list[Anchor]] = {}
for _anchor in _ANCHORS:
    if _found := _PREFIX.match(_anchor[0]):
        _BY_FIRST_PART.setdefault(_found[0], []).append(_anchor)
_SHAPES = tuple((anchor, shape) for shape in SHAPES for anchor in shape.anchors)


def shaped(line: str, low: str, runs: list[re.Match[str]]) -> list[Span]:
    """The spans of secrets in `line` that are known by their look; `low` is the line in lower case, `runs` its long
    runs of letters, digits and `+/_-`: a token has one, with its prefix in it or close before."""
    spans: list[Span] = []
    possible = [shape for anchor, shape in _SHAPES if anchor in low]
    for shape in dict.fromkeys(possible):
        pattern = compiled(shape.pattern)
        group = "secret" if "secret" in pattern.groupindex else 0
        spans += [found.span(group) for found in pattern.finditer(line)]
    for anchor in _possible_tokens(low, runs) if runs else ():
        spans += _tokens(line, low, anchor)
    return spans


def _possible_tokens(low: str, runs: list[re.Match[str]]) -> list[Anchor]:
    windows = " ".join([low[max(0, run.start() - _BEFORE_A_RUN) : run.end()] for run in runs])
    if "\\" in windows or "%" in windows:  # an escape's letter may stand right before the prefix
        return [anchor for anchor in _ANCHORS if anchor[0] in windows]
    found = [anchor for anchor in _UNSEPARATED if anchor[0] in windows]
    for part in dict.fromkeys(_PREFIX.findall(windows)):
        found += _BY_FIRST_PART.get(part, ())
    return found


def _tokens(line: str, low: str, anchor: Anchor) -> list[Span]:
    lower, prefix, token = anchor
    spans: list[Span] = []
    at = low.find(lower)
    while at >= 0:
        end = at + len(lower)
        found = None
        if line.startswith(prefix, at) and _starts_a_word(low, at):
            found = compiled(token.tail).match(line, end)
        if found is not None:
            spans.append((at, found.end()))
            end = found.end()
        at = low.find(lower, end)
    return spans


def _starts_a_word(low: str, at: int) -> bool:
    """Whether no letter or digit stands before `at`, except as the end of an escape such as `\\n` or `%3D`."""
    if not at or not low[at - 1].isalnum():
        return True
    return _ESCAPE.search(low[max(0, at - 3) : at]) is not None
