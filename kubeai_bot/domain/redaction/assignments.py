"""Secrets that are known by the name before them: `password=…`, `"token": "…"`, `--api-key …`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubeai_bot.domain.redaction.names import Promise, is_plain_word, is_secret_value, promise
from kubeai_bot.domain.redaction.pseudonyms import MARKER

Span = tuple[int, int]

_KEYWORDS = (
    "pass", "pwd", "secret", "token", "key", "cred", "dsn", "auth", "conn", "cookie", "sig", "webhook", "mnemonic",
    "seed",
)  # fmt: skip
_NAME_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./"
_REST_OF_NAME = re.compile(r"[\w./-]{0,80}", re.ASCII)
_SEPARATOR = re.compile(
    r"(?:\\{0,8}[\"'`]|[*_`]{1,3}|[\])]{1,2})?[ \t]{0,40}(?P<sign>=>|:=|={1,3}|:(?!//)|%3[dD])"
    r"[ \t]{0,80}(?:\*{1,3}[ \t]{0,4})?",
)
_SPACE = re.compile(r"(?:\\{0,8}[\"']\s{0,4},\s{0,4}(?=\\{0,8}[\"'])|[ \t]{1,8}|[\"'])(?!-)")
_OPENING = re.compile(r"(?:!\w{1,12}[ \t])?(?:[bru](?=[\"']))?(?P<mark>\\{0,8}[\"'`])")
_DOUBLE_QUOTED = re.compile(r"(?:[^\"\\]|\\.)*", re.DOTALL)
_SINGLE_QUOTED = re.compile(r"(?:[^'\\]|\\.|'')*", re.DOTALL)
# A comma, semicolon, ampersand or closing bracket ends a bare value only where what follows looks like an end.
_BARE = re.compile(
    r"(?:[^\s\"'`,;&)\]}\\]|[,;&)\]}](?![\s\"'`\\,;)\]}]|$|[\w.-]{1,64}[=:])|\\(?![\"'nrt\\])){1,256}", re.ASCII
)
_WHITESPACE = re.compile(r"\s")
_ANCHORED = re.compile(
    r"[\s+>-]{0,200}(?:(?:export|set|setenv|ENV|ARG|declare|local|env)\s{1,4}|[\"'?]|\$env:)?", re.IGNORECASE
)
_ANOTHER_PAIR = re.compile(r"[,;&\s]\s{0,8}[\"']?[\w.-]{1,64}[\"']?(?:=|:\s)", re.ASCII)
_COMPLAINTS = frozenset({
    "a", "an", "and", "are", "authentication", "can", "cannot", "change", "changed", "denied", "empty", "error",
    "expired", "failed", "failure", "field", "for", "from", "generated", "has", "in", "incorrect", "invalid", "is",
    "may", "mismatch", "missing", "must", "no", "none", "not", "on", "or", "please", "policy", "rejected",
    "required", "reset", "rotated", "rotation", "set", "string", "the", "to", "too", "unknown", "unset", "value",
    "via", "was", "with", "wrong", "your",
})  # fmt: skip


def line_end(line: str) -> int:
    """Where a line's text ends, without its line break."""
    end = len(line)
    while end and line[end - 1] in "\r\n":
        end -= 1
    return end


def assignments(line: str, low: str) -> Iterator[Span]:
    """The spans of the values in one line whose names promise a secret; `low` is the line in lower case. Linear."""
    done = 0
    for at, keyword_end in _keywords(low):
        if at < done:
            continue
        rest = _REST_OF_NAME.match(line, keyword_end)
        end = rest.end() if rest else keyword_end
        left = line[max(0, at - 80) : at]
        start = at - (len(left) - len(left.rstrip(_NAME_CHARACTERS)))
        if start and line[start - 1] == "\\":
            start += 1  # the n of an escaped newline
        done = end
        span = _value(line, start, end)
        if span is not None:
            done = max(done, span[1])
            yield span


def _keywords(low: str) -> list[Span]:
    found: list[Span] = []
    for keyword in _KEYWORDS:
        at = low.find(keyword)
        while at >= 0:
            found.append((at, at + len(keyword)))
            at = low.find(keyword, at + 1)
    found.sort()
    return found


def _value(line: str, start: int, end: int) -> Span | None:
    name = line[start:end]
    separator = _SEPARATOR.match(line, end)
    if separator is None:
        return _flag_value(line, name, end)
    promised = promise(name.rsplit("/", 1)[-1] if "/" in name and not name.startswith("checksum/") else name)
    if promised is Promise.NOTHING:
        return None
    at = separator.end()
    opening = _OPENING.match(line, at)
    if opening is not None:
        span = _quoted(line, opening.end(), opening["mark"])
        return span if _counts(name, line[span[0] : span[1]], promised) else None
    if line.startswith("<set to the key", at):  # kubectl describe
        return None
    colon = separator["sign"] == ":"
    anchored = _ANCHORED.fullmatch(line, 0, start) is not None
    if anchored:
        span = _rest_of_line(line, at)
        value = line[span[0] : span[1]]
        if not _ANOTHER_PAIR.search(value) and not (colon and _reads_as_prose(value)):
            return span if _counts(name, value, promised) else None
    return _bare_value(line, at, name, promised, prose=colon)


def _bare_value(line: str, at: int, name: str, promised: Promise, *, prose: bool) -> Span | None:
    bare = _BARE.match(line, at)
    if bare is None or not _counts(name, bare[0], promised):
        return None
    if prose and is_plain_word(bare[0]):
        word = bare[0].strip(".,;:!?)").lower()
        if promised is not Promise.PASSWORD or word in _COMPLAINTS:
            return None
    if len(bare[0]) < 256:
        return bare.span()
    space = _WHITESPACE.search(line, bare.end())
    return (at, space.start() if space else len(line))


def _flag_value(line: str, name: str, end: int) -> Span | None:
    """`--password x`, `"--password", "x"`, `-storepass x`."""
    if not name.startswith("-"):
        return None
    space = _SPACE.match(line, end)
    promised = promise(name)
    if space is None or promised is Promise.NOTHING:
        return None
    opening = _OPENING.match(line, space.end())
    if opening is not None:
        span = _quoted(line, opening.end(), opening["mark"])
        return span if _counts(name, line[span[0] : span[1]], promised) else None
    if is_plain_word_flag(line, space.end(), promised):
        return None
    return _bare_value(line, space.end(), name, promised, prose=False)


def is_plain_word_flag(line: str, at: int, promised: Promise) -> bool:
    """Whether a usage text goes on after the flag ("--token flag is deprecated", "--password string")."""
    bare = _BARE.match(line, at)
    if bare is None:
        return True
    word = bare[0].strip(".,;:!?)").lower()
    return (
        word in _COMPLAINTS
        or word in {"flag", "option", "flags", "string", "instead"}
        or (promised is not Promise.PASSWORD and is_plain_word(bare[0]) and len(bare[0]) < 6)
    )


def _quoted(line: str, at: int, mark: str) -> Span:
    """From after an opening quote to its closing one, or to the line's end where there is none."""
    if len(mark) == 1 and mark != "`":
        body = (_DOUBLE_QUOTED if mark == '"' else _SINGLE_QUOTED).match(line, at)
        return (at, min(body.end(), line_end(line)) if body else at)
    close = line.find(mark, at)
    return (at, close if close >= 0 else line_end(line))


def _rest_of_line(line: str, at: int) -> Span:
    end = len(line.rstrip("\r\n\t ").rstrip(","))
    while end > at and line[end - 1] in "}" and "{" not in line[at:end]:
        end -= 1
    comment = line.find(" #", at, end)
    return (at, max(at, len(line[: comment if comment >= 0 else end].rstrip())))


def _reads_as_prose(value: str) -> bool:
    words = value.split(None, 8)
    return len(words) > 3 and sum(is_plain_word(word) for word in words) * 2 > len(words)


def _counts(name: str, value: str, promised: Promise) -> bool:
    return not MARKER.search(value) and is_secret_value(name, value, promised)
