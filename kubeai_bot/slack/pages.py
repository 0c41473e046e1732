"""Long Markdown cut into pages, one Slack message each, without losing a character and without breaking code.

A page that ends inside a code fence closes it, and the next page opens it again; a table's head is repeated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kubeai_bot.slack.fences import Fence, opened_by

PAGE_BYTES = 9_000
"""UTF-8 bytes of one message. Slack refuses streamed messages from about 10.6 kB on (field reports, slack.md §2.3)."""

_DELIMITER = re.compile(r" {0,3}\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")


@dataclass(frozen=True, slots=True)
class Page:
    """`body` is the page's own part of the text; `opening` and `closing` make it stand on its own."""

    body: str
    opening: str = ""
    closing: str = ""

    @property
    def text(self) -> str:
        return f"{self.opening}{self.body}{self.closing}"


def pages_of(text: str, budget: int = PAGE_BYTES) -> list[Page]:
    """Pages of at most `budget` bytes; their bodies joined are the text. Cut where the page before ended, always in
    the same places for a text that only grows."""
    pages: list[Page] = []
    opening = ""
    while text:
        room = budget - size(opening) - 16  # what closes a fence
        body, text = cut(text, room)
        closing, next_opening = seam(opening + body) if text else ("", "")
        pages.append(Page(body, opening, closing))
        opening = opening_before(text, next_opening)
    return pages


def size(text: str) -> int:
    return len(text.encode())


def cut(text: str, room: int) -> tuple[str, str]:
    """The longest good beginning of `text` within `room` bytes (at least one character), and the rest: it ends at a
    paragraph, else a line, else a word, else between two characters."""
    if size(text) <= room:
        return text, ""
    head = text.encode()[: max(room, 4)].decode(errors="ignore")
    for mark, least in (("\n\n", 0.5), ("\n", 0.2), (" ", 0.5)):
        at = head.rfind(mark)
        if at > 0 and at >= len(head) * least:
            at += len(mark)
            return text[:at], text[at:]
    return head, text[len(head) :]


def seam(text: str) -> tuple[str, str]:
    """What closes the text where it ends now, and what opens the next page so that it goes on the same way."""
    fence: Fence | None = None
    table: list[str] = []
    before = ""
    for line in text.split("\n")[:-1] if text.endswith("\n") else text.split("\n"):
        if fence is not None:
            fence = None if fence.closed_by(line) else fence
            table = []
        else:
            fence = opened_by(line)
            table = _table_head(table, before, line) if fence is None else []
        before = line
    if fence is not None:
        return ("" if text.endswith("\n") else "\n") + fence.marker, fence.opening
    if table and text.endswith("\n"):
        return "", "\n".join(table) + "\n"
    return "", ""


def opening_before(text: str, opening: str) -> str:
    """The opening that `seam` gave, if `text` goes on with what it opens: code always does, a table may have ended."""
    if opening.startswith("`"):
        return opening
    return opening if "|" in text.split("\n", 1)[0] and size(opening) < PAGE_BYTES // 4 else ""


def _table_head(table: list[str], before: str, line: str) -> list[str]:
    """Head and delimiter row of the table that `line` belongs to, or nothing."""
    if table:
        return table if line.strip() and "|" in line else []
    if "|" in before and "|" in line and _DELIMITER.match(line):
        return [before, line]
    return []
