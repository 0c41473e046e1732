"""Text as it arrives: whole lines at once, private keys over many lines, the start of a line when it is settled."""

from __future__ import annotations

import re

from kubeai_bot.domain.redaction.finder import KEY_BEGINS, KEY_ENDS, Finder
from kubeai_bot.domain.redaction.pseudonyms import MARKER, Pseudonyms, RunningMark
from kubeai_bot.domain.redaction.structure import ENTRY, SCALAR, Part, Structure, canonical

SEGMENT = 1 << 20
"""A line is looked at in pieces of at most so many characters."""
_CONTEXT = 256
_KEY_LINE = re.compile(
    r"(?:.*\s)?[\"'|+> -]{0,8}[A-Za-z0-9+/=\\]{40,}[\"',\\]{0,4}\s*|\s*[A-Za-z0-9+/=\\\"',-]*\s*"
    r"|\s*(?=\S{0,80}[a-z])(?=\S{0,80}[A-Z0-9])[A-Za-z0-9+/=]{16,}\s.*|\s*(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset):.*\s*",
    re.ASCII,
)
_LOOSE_KEY_LINE = re.compile(
    r"\s*(?P<material>(?=[^a-z\s]*[a-z])(?=[^A-Z\s]*[A-Z])(?=[^0-9\s]*[0-9])[A-Za-z0-9+/]{60,76}={0,2})\s*", re.ASCII
)
_MORE_OF_A_KEY = re.compile(r"\s*(?P<material>[A-Za-z0-9+/]{4,76}={0,2})\s*", re.ASCII)
_CERTIFICATE = re.compile(
    r"-----(?P<edge>BEGIN|END) (?:[A-Z0-9]{1,20} ){0,4}"
    r"(?:CERTIFICATE|PUBLIC KEY|X509 CRL|PARAMETERS|MESSAGE|SIGNATURE|REQUEST)(?: BLOCK)?-----"
)
_MARKS = re.compile(r"[+> -]?[ \t]*(?:- +)?[\"']?")
_PRIVATE_LINES = re.compile(r"\s*Private-Lines:\s*(\d{1,4})")
_SPACES = re.compile(r"\\n|\\r|\s|[\"',|+>]")
_KEYED = re.compile(
    r"[\s+>*-]*(?:(?:export|set|setenv|ENV|ARG|declare|local|env)\s+)?[\"'`*_?]{0,3}[\w./-]*[\"'`*_]{0,3}\s*(?:[=:,]|$)"
    r"|[\s+>]*(?:- +)?[\"'-]|\s*(?:password|machine|login|default|private)",
    re.IGNORECASE,
)
_UNSETTLED = re.compile(r":\s{0,4}(?:map)?[{\[]|[{\[](?=[\s{\[\"']|$)|--|\b(?:echo|printf)\b|\"", re.ASCII)
_LONGEST_PREVIEW = 4096


class Lines:
    """One text's redaction, in order. `found` counts the secrets so far."""

    def __init__(self, finder: Finder, pseudonyms: Pseudonyms, depth: int = 0) -> None:
        self._finder = finder
        self._pseudonyms = pseudonyms
        self._depth = depth
        self._structure = Structure()
        self._key: RunningMark | None = None
        self._in_certificate = False
        self._after_loose = False
        self._putty_lines = 0
        self._pieces: list[str] = []
        self._size = 0
        self._sent = 0
        self._dropping = ""
        self.found = 0

    def feed(self, text: str) -> str:
        """The output that whole lines in `text` have settled."""
        out: list[str] = []
        for piece in _lines(text):
            if self._size or self._dropping or len(piece) >= SEGMENT or piece[-1] != "\n":
                self._take(piece, out)
            else:
                out.append(self._whole(piece, 0))
        return "".join(out)

    def _take(self, piece: str, out: list[str]) -> None:
        while self._dropping or self._size + len(piece) >= SEGMENT:
            if self._dropping:
                piece = self._drop(piece)
                if self._dropping:
                    return
                continue
            room = SEGMENT - self._size
            self._keep(piece[:room])
            piece = piece[room:]
            out.append(self._segment())
        self._keep(piece)
        if piece.endswith("\n"):
            sent = self._sent
            out.append(self._whole(self._take_line(), sent))

    def _keep(self, piece: str) -> None:
        self._pieces.append(piece)
        self._size += len(piece)

    def _take_line(self) -> str:
        """The line so far, which is then forgotten."""
        line = "".join(self._pieces)
        self._pieces, self._size, self._sent = [], 0, 0
        return line

    def settled(self) -> str:
        """What of the last, unfinished line can no longer change, since it was last asked."""
        if not self._size or self._size > _LONGEST_PREVIEW:
            return ""
        line = "".join(self._pieces)
        self._pieces = [line]
        held_whole = (
            self._key is not None
            or not self._structure.idle
            or self._putty_lines
            or self._in_certificate
            or self._after_loose
        )
        if held_whole or _KEYED.match(line):
            return ""
        cut = max(line.rfind(" "), line.rfind("\t")) + 1
        unsettled = _UNSETTLED.search(line)
        cut = min(cut, unsettled.start()) if unsettled else cut
        if cut <= self._sent:
            return ""
        found = self._finder.find(line, self._depth)
        for find in found:
            if find.start < cut < find.end or find.end >= len(line):
                cut = min(cut, find.start)
        if cut <= self._sent:
            return ""
        text, count = self._finder.render(line, found, self._sent, cut)
        self.found += count
        self._sent = cut
        return text

    def finish(self) -> str:
        """The rest."""
        sent = self._sent
        line = self._take_line()
        out = self._whole(line, sent) if line else ""
        out += "".join(self._part(held, part) for held, part in self._structure.finish())
        return out + self._close_key()

    def _whole(self, line: str, sent: int) -> str:
        if sent:
            return self._render(line, sent)
        decided = self._structure.take(line)
        if len(decided) == 1:
            return self._part(*decided[0])
        return "".join([self._part(one, part) for one, part in decided])

    def _part(self, line: str, part: Part) -> str:
        if self._key is not None:
            return self._key_line(line)
        if part is Part.ALL:
            return self._hide(line)
        entry = ENTRY.match(line) if part is Part.VALUE else None
        if entry is not None:
            return self._entry(line, entry.start("value"))
        return self._plain(line)

    def _hide(self, line: str) -> str:
        """All of a line but its indentation, list dash and quotes."""
        marks = _MARKS.match(line)
        at = marks.end() if marks else 0
        body = line[at:].rstrip().removesuffix(",").rstrip("\"'")
        return line[:at] + self._mark(body) + line[at + len(body) :] if body else line

    def _entry(self, line: str, start: int) -> str:
        value = line[start:].rstrip().removesuffix(",").rstrip()
        if len(value) > 1 and value[0] in "\"'" and value[-1] == value[0]:
            start, value = start + 1, value[1:-1]
        if not value or value in {"{", "[", "{}", "[]", "}", "null"} or SCALAR.fullmatch(value):
            return line
        return line[:start] + self._mark(canonical(value)) + line[start + len(value) :]

    def _plain(self, line: str) -> str:
        if line == "\n":
            return line
        if self._putty_lines and line.strip():
            self._putty_lines -= 1
            return self._hide(line)
        putty = _PRIVATE_LINES.match(line) if "Private-Lines" in line else None
        if putty:
            self._putty_lines = min(int(putty[1]), 200)
        certificate = _CERTIFICATE.search(line) if "-----" in line else None
        if certificate:
            self._in_certificate = certificate["edge"] == "BEGIN" and not _CERTIFICATE.search(line, certificate.end())
            return self._render(line, 0)
        if self._in_certificate:
            self._in_certificate = len(line) < 400 and " " not in line.strip()
            return self._render(line, 0)
        loose = None
        if len(line) < 400 and (self._after_loose or len(line) >= 60):
            loose = (_MORE_OF_A_KEY if self._after_loose else _LOOSE_KEY_LINE).fullmatch(line)
        self._after_loose = loose is not None
        if loose:
            start, end = loose.span("material")
            return line[:start] + self._mark(line[start:end]) + line[end:]
        return self._render(line, 0)

    def _render(self, line: str, sent: int) -> str:
        until = len(line)
        found = self._finder.find(line, self._depth, in_certificate=self._in_certificate)
        begins = list(KEY_BEGINS.finditer(line, sent)) if "PRIVATE KEY" in line else []
        begin = begins[-1] if begins and KEY_ENDS.search(line, begins[-1].end()) is None else None
        if begin is not None:
            until = begin.start()
            self._key = self._pseudonyms.running()
            self._key.add(_SPACES.sub("", line[until:]))
        text, count = self._finder.render(line, found, sent, until)
        self.found += count
        if begin is not None and not line.endswith("\n"):
            text += self._close_key()
        return text

    def _key_line(self, line: str) -> str:
        end = KEY_ENDS.search(line)
        if end is None and _KEY_LINE.fullmatch(line):
            if self._key is not None:
                self._key.add(_SPACES.sub("", line))
            return ""
        if end is None:
            return self._close_key() + "\n" + self._part(line, Part.NOTHING_KNOWN)
        if self._key is not None:
            self._key.add(_SPACES.sub("", line[: end.end()]))
        return self._close_key() + self._plain(line[end.end() :])

    def _close_key(self) -> str:
        key, self._key = self._key, None
        if key is None:
            return ""
        self.found += 1
        return key.mark()

    def _segment(self) -> str:
        """A line too long to keep: give out what is settled of it, keep some of its end as context."""
        sent = self._sent
        line = self._take_line()
        if self._key is not None or not self._structure.idle or self._putty_lines:
            self._dropping = "\n"
            if self._key is not None:
                self._key.add(line)
                return ""
            return "".join(self._part(held, part) for held, part in self._structure.finish()) + self._mark(line)
        found = self._finder.find(line, self._depth)
        cut = max(line.rfind(" "), line.rfind(","), line.rfind(";"), line.rfind("&")) + 1
        cut = cut if cut > sent + SEGMENT // 2 else len(line)
        crossing = next((find for find in found if find.start < cut and find.end >= cut), None)
        if crossing is not None:
            cut = crossing.start if crossing.start > sent + SEGMENT // 2 else crossing.end
            if cut == crossing.end == len(line):
                quote = line[crossing.start - 1 : crossing.start]
                self._dropping = quote if quote in {'"', "'", "`"} else " "
        text, count = self._finder.render(line, found, sent, cut)
        self.found += count
        keep = max(0, cut - _CONTEXT)
        if not self._dropping:
            self._keep(line[keep:])
            self._sent = cut - keep
        return text

    def _drop(self, piece: str) -> str:
        """The rest of a secret that is longer than a segment."""
        ends = [at for end in {self._dropping, "\n"} if (at := piece.find(end)) >= 0]
        if not ends:
            return ""
        self._dropping = ""
        return piece[min(ends) :]

    def _mark(self, secret: str) -> str:
        if MARKER.fullmatch(secret):
            return secret
        self.found += 1
        return self._pseudonyms.mark(secret)


def _lines(text: str) -> list[str]:
    pieces = text.split("\n")
    lines = [piece + "\n" for piece in pieces[:-1]]
    return [*lines, pieces[-1]] if pieces[-1] else lines
