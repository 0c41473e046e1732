"""Makes Markdown from models and clusters safe for Slack: it can neither ping anybody nor hide where a link leads.

Works on a stream: what has been put out is never taken back, however the text was cut into deltas. Code in fences
stays as it is, because nothing is active there; inline code does not count as code, because its end may never come.

What is taken apart, by an invisible word joiner (U+2060):
- Slack's control sequences `<!channel>`, `<@U…>`, `<#C…>`, `<!subteam^S…>`, also written with entities or escapes;
- `@channel`, `@here`, `@everyone`, `@group`;
- links whose label looks like an address, which might be another one than theirs;
- links and autolinks of another scheme than http, https, mailto; Slack's own labelled links `<address|label>`, and
  whatever else begins like one and does not end with the address.
Images become links, headings from level 4 on become bold lines, and every fence is put out at column 0 in backticks:
then Slack, whatever its reader makes of lists and `~~~`, sees code where we do.
"""

from __future__ import annotations

import html
import re

from kubeai_bot.slack.fences import Fence, fence_span, may_open, opened_by

JOINER = "\u2060"
SCHEMES = frozenset({"http", "https", "mailto"})

_LONGEST_SPECIAL_LINE = 400
"""A line that began like a fence or a heading but is longer than this is neither."""

_MAY_BE_HEADING = re.compile(r" {0,3}(#{0,6}|#{4,6}[ \t][^\n]*)$")
_MAY_CLOSE = re.compile(r"[ \t]*(`*|~*)[ \t]*$")
_DEEP_HEADING = re.compile(r" {0,3}#{4,6}[ \t]+(?P<title>[^\n]*)$")
# Control characters, and those that turn the direction of text or have no width (but the joiner of emoji).
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_SURROGATE = re.compile("[\ud800-\udfff]")

_TICKS = re.compile(r"`{3,}")
_TRIGGER = re.compile(r"[<&!\[\]@]")
_ADDRESS_LABEL = re.compile(r"\[[ \t*_`]{0,4}(https?:|www\.|mailto:)", re.IGNORECASE)
_LONGEST_LABEL_START = 13
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,31}")
_ENTITY = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{0,31});")
_MAYBE_ENTITY = re.compile(r"&(#?[xX]?[0-9a-fA-F]{0,7}|[A-Za-z][A-Za-z0-9]{0,31})$")
_TARGET = re.compile(r"[ \t]*<?(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]{0,31})?")
_ADDRESS = re.compile(r"<[^\s<>|]*")
_LONGEST_ADDRESS = 2_000
_BROADCAST = re.compile(r"@(channel|here|everyone|group)(?!\w)", re.IGNORECASE)
_BROADCASTS = ("@channel", "@here", "@everyone", "@group")
_LONGEST_BROADCAST = 10
"""Characters that tell a beginning of one of them from everything else."""

_Piece = tuple[int, str]
"""How many characters of the input are settled, and what comes out for them."""


class SafeMarkdown:
    """Feed it text as it comes; what it returns may be shown. `flush` at the end gives what was held back."""

    def __init__(self) -> None:
        self._held = ""
        self._line_start = True
        self._fence: Fence | None = None
        self._before = ""

    def feed(self, text: str) -> str:
        """More text in; out comes what can be decided by now."""
        return self._run(text, last=False)

    def flush(self) -> str:
        """The rest. Feeding may go on afterwards."""
        return self._run("", last=True)

    def _run(self, text: str, *, last: bool) -> str:
        self._held += _SURROGATE.sub("\ufffd", text)
        carriage = "\r" if self._held.endswith("\r") and not last else ""
        held = self._held.removesuffix(carriage) if carriage else self._held
        self._held = _UNWANTED.sub("", held.replace("\r\n", "\n").replace("\r", "\n"))
        shown, taken = self._settle(self._held, last=last)
        self._held = self._held[taken:] + carriage
        return shown

    def _settle(self, text: str, *, last: bool) -> tuple[str, int]:
        """What comes out for the beginning of `text` that can be decided, and how long that is."""
        out: list[str] = []
        at = 0
        while at < len(text):
            end = text.find("\n", at)
            line = text[at:] if end < 0 else text[at:end]
            piece = self._next(line, "" if end < 0 else "\n", last=last)
            if piece is None:
                break
            out.append(piece[1])
            at += piece[0]
            self._before = text[at - 1]
        return "".join(out), at

    def _next(self, line: str, newline: str, *, last: bool) -> _Piece | None:
        """The next piece of a line, of which `line` is what is left (or has come so far, if `newline` is "")."""
        whole = bool(newline) or last
        if self._line_start:
            if not whole and self._may_be_special(line):
                return None
            is_long = len(line) > _LONGEST_SPECIAL_LINE
            special = self._special_line(line, newline) if whole and not is_long else None
            if special is not None:
                return special
            self._line_start = False
            span = fence_span(line) if self._fence is None and is_long else None
            if span is not None:
                return span[1], line[: span[0]] + JOINER.join(line[span[0] : span[1]])
            indent = len(line) - len(line.lstrip(" \t"))
            if self._fence is not None and min(indent, self._fence.indent):
                return min(indent, self._fence.indent), ""
        if not line:
            self._line_start = True
            return 1, "\n"
        if self._fence is not None:
            return _code(line, whole=whole)
        return _neutral_piece(line, self._before, whole=whole)

    def _may_be_special(self, line: str) -> bool:
        if len(line) > _LONGEST_SPECIAL_LINE:
            return False
        if self._fence is not None:
            return _MAY_CLOSE.match(line) is not None
        return may_open(line) or _MAY_BE_HEADING.match(line) is not None

    def _special_line(self, line: str, newline: str) -> _Piece | None:
        """A fence or a deep heading, settled as a whole line; None for any other line."""
        taken = len(line) + len(newline)
        if self._fence is not None:
            if not self._fence.closed_by(line):
                return None
            marker, self._fence = self._fence.marker, None
            return taken, marker + newline
        self._fence = opened_by(line)
        if self._fence is not None:
            markers = f"{self._fence.markers}\n" if self._fence.markers else ""
            return taken, markers + self._fence.opening.removesuffix("\n") + newline
        heading = _DEEP_HEADING.match(line)
        if heading is not None:
            title = heading["title"].strip("# \t").replace("*", "")
            return taken, (f"**{neutral(title)}**" if title else "") + newline
        return None


def neutral(text: str) -> str:
    """A complete piece of text (no fences in it) with nothing active left."""
    out: list[str] = []
    before = ""
    while text:
        piece = _neutral_piece(text, before, whole=True)
        taken, shown = piece if piece is not None else (len(text), text)
        before = text[taken - 1]
        text = text[taken:]
        out.append(shown)
    return "".join(out)


def safe_markdown(text: str) -> str:
    """A whole Markdown text made safe."""
    safe = SafeMarkdown()
    return safe.feed(text) + safe.flush()


_PERSON = re.compile(rf"<{JOINER}@([UW][A-Z0-9]{{2,30}})>")


def naming_people(safe: str) -> str:
    """Safe Markdown in which single people may be named after all (`<@U…>`): for what the program itself says."""
    return _PERSON.sub(r"<@\1>", safe)


def plain_line(text: str, limit: int = 250) -> str:
    """One short line for titles and outcomes of cards, with nothing active in it."""
    line = neutral(_UNWANTED.sub("", _SURROGATE.sub("\ufffd", " ".join(text[: 4 * limit].split()))))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _code(line: str, *, whole: bool) -> _Piece | None:
    """Code as it is, but for runs of backticks inside it, which some readers would take for its end."""
    ticks = _TICKS.search(line)
    if ticks is None:
        settled = len(line) if whole else len(line.rstrip("`"))
        return (settled, line[:settled]) if settled else None
    if ticks.start():
        return ticks.start(), line[: ticks.start()]
    if ticks.end() == len(line) and not whole:
        return None
    return ticks.end(), JOINER.join(ticks[0])


def _neutral_piece(line: str, before: str, *, whole: bool) -> _Piece | None:
    """The next settled piece of a line: up to the next trigger, or the trigger itself once it can be judged."""
    trigger = _TRIGGER.search(line)
    if trigger is None:
        return len(line), line
    if trigger.start():
        return trigger.start(), line[: trigger.start()]
    judge = {"<": _angle, "&": _entity, "!": _image, "[": _label, "]": _link, "@": _broadcast}[line[0]]
    return judge(line, before, whole)


def _angle(line: str, _before: str, whole: bool) -> _Piece | None:
    if len(line) == 1:
        return (1, line) if whole else None
    if line[1] in "!@#&\\":
        return 1, f"<{JOINER}"
    scheme = _SCHEME.match(line, 1)
    if scheme is None:
        return 1, "<"
    if scheme.end() == len(line):
        return (1, "<") if whole else None
    is_address = line[scheme.end()] in ":&"
    foreign = is_address and scheme[0].lower() not in SCHEMES
    address = _ADDRESS.match(line)
    end = address.end() if address is not None else 1
    if end == len(line) and not whole and end < _LONGEST_ADDRESS:
        return None
    after = line[end : end + 1]
    labelled = after == "|"  # `<address|label>`: Slack's own form of a link
    endless = end >= _LONGEST_ADDRESS or (is_address and after != ">")  # its `|` may stand anywhere further on
    return 1, f"<{JOINER}" if foreign or labelled or endless else "<"


def _entity(line: str, _before: str, whole: bool) -> _Piece | None:
    entity = _ENTITY.match(line)
    if entity is not None:
        joiner = JOINER if html.unescape(entity[0]) in ("<", "@") else ""
        return entity.end(), entity[0] + joiner
    undecided = not whole and _MAYBE_ENTITY.match(line) is not None
    return None if undecided else (1, "&")


def _image(line: str, _before: str, whole: bool) -> _Piece | None:
    if len(line) == 1:
        return (1, "!") if whole else None
    return 1, "" if line[1] == "[" else "!"


def _label(line: str, _before: str, whole: bool) -> _Piece | None:
    """A label that looks like an address could belie where its link leads: it is shown as the text that it is."""
    if not whole and len(line) < _LONGEST_LABEL_START:
        return None
    return 1, "(" if _ADDRESS_LABEL.match(line) else "["


def _link(line: str, _before: str, whole: bool) -> _Piece | None:
    if len(line) == 1:
        return (1, "]") if whole else None
    if line[1] not in "(:":
        return 1, "]"
    target = _TARGET.match(line, 2)
    end = target.end() if target is not None else 2
    if end == len(line) and not whole:
        return None
    scheme = (target["scheme"] if target is not None else None) or ""
    allowed = scheme.lower() in SCHEMES and line[end : end + 1] == ":"
    if line[1] == ":":  # a reference definition, or a colon after a bracket: only another scheme matters
        allowed = allowed or (bool(line[2:].strip()) and line[end : end + 1] not in (":", "&"))
    return 2, line[:2] if allowed else f"]{JOINER}{line[1]}"


def _broadcast(line: str, before: str, whole: bool) -> _Piece | None:
    if before.isalnum() or before == "_":
        return 1, "@"
    match = _BROADCAST.match(line)
    if match is not None and (match.end() < len(line) or whole):
        return 1, f"@{JOINER}"
    undecided = not whole and any(word.startswith(line[:_LONGEST_BROADCAST].lower()) for word in _BROADCASTS)
    return None if undecided else (1, "@")
