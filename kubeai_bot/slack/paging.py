"""A long text in a modal: one page at a time, with a search for lines. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kubeai_bot.slack.block_parts import HEADER_CHARACTERS, Block, actions, button, code, one_line, plain, rich, visible

PREVIOUS, NEXT, DOWNLOAD = "page:previous", "page:next", "output_download"
"""Action ids."""

SEARCH, SEARCH_BLOCK, SEARCH_INPUT = "page_search", "search", "search_text"
"""The modal's `callback_id` (submitting it searches), and where the words stand in it."""

PART_CHARACTERS = 2_800
"""Of one block of preformatted text; below Slack's 3,000 for text objects."""

PAGE_CHARACTERS = 3 * PART_CHARACTERS
QUERY_CHARACTERS = 100

Kind = Literal["output", "diff"]
TITLES: Mapping[Kind, str] = {"output": "Output", "diff": "Full diff"}


@dataclass(frozen=True, slots=True)
class Looking:
    """What somebody looks at: a kept result by its handle, or the diff of an approval by its id, of the session of a
    thread. It travels in the view's `private_metadata`; who may see it is found out anew for every page."""

    kind: Kind
    channel: str
    thread_ts: str
    name: str
    page: int = 0
    query: str = ""

    def to_metadata(self) -> str:
        return json.dumps([self.kind, self.channel, self.thread_ts, self.name, self.page, self.query])

    @staticmethod
    def from_metadata(text: str) -> Looking | None:
        try:
            kind, channel, thread_ts, name, page, query = json.loads(text)
        except ValueError:
            return None
        return Looking("diff" if kind == "diff" else "output", str(channel), str(thread_ts), str(name), page, query)


def page_view(looking: Looking, title: str, text: str, notice: str = "") -> dict[str, Any]:
    """The modal with the page of `text` that is looked at; a page beyond the last is the last."""
    lines = visible(text).split("\n")
    found = list(_found(lines, looking.query)) if looking.query else lines
    pages = text_pages(found)
    number = min(max(looking.page, 0), len(pages) - 1)
    where = f"Page {number + 1} of {len(pages)} · {_counted(len(lines), 'line')}"
    if looking.query:
        where = f"{where}, {len(found)} with “{one_line(looking.query, QUERY_CHARACTERS)}”"
    blocks: list[Block] = [
        {"type": "header", "text": plain(one_line(title, HEADER_CHARACTERS) or TITLES[looking.kind])},
        {"type": "context", "elements": [plain(part) for part in (notice, where) if part]},
        _search(looking.query),
        *(rich(f"part:{index}", code(part)) for index, part in enumerate(_parts(pages[number]))),
    ]
    if buttons := _buttons(looking, number, len(pages)):
        blocks.append(actions("pages", buttons))
    shown = Looking(looking.kind, looking.channel, looking.thread_ts, looking.name, number, looking.query)
    return _modal(looking.kind, blocks) | {
        "callback_id": SEARCH,
        "submit": plain("Search"),
        "private_metadata": shown.to_metadata(),
    }


def refusal_view(looking: Looking, why: str) -> dict[str, Any]:
    """The modal once it may no longer show anything."""
    return _modal(looking.kind, [{"type": "section", "text": plain(one_line(why, 2_000) or "…")}])


def text_pages(lines: Sequence[str]) -> list[str]:
    """The lines on pages of at most `PAGE_CHARACTERS`; at least one page. A longer line is broken."""
    pages: list[str] = []
    page: list[str] = []
    load = 0
    for line in lines:
        pieces = [line[at : at + PART_CHARACTERS] for at in range(0, len(line), PART_CHARACTERS)] or [""]
        for piece in pieces:
            if page and load + len(piece) + 1 > PAGE_CHARACTERS:
                pages.append("\n".join(page))
                page, load = [], 0
            page.append(piece)
            load += len(piece) + 1
    return [*pages, "\n".join(page)]


def _parts(page: str) -> list[str]:
    """The page in pieces that fit a block each, none of them empty."""
    parts: list[str] = []
    while len(page) > PART_CHARACTERS:
        at = page.rfind("\n", 0, PART_CHARACTERS + 1)
        at = at if at > 0 else PART_CHARACTERS
        parts.append(page[:at])
        page = page[at:].removeprefix("\n")
    parts.append(page)
    return [part if part.strip() else "(nothing)" for part in parts]


def _found(lines: Sequence[str], query: str) -> Iterator[str]:
    wanted = query.casefold()
    return (f"{number:>6}  {line}" for number, line in enumerate(lines, 1) if wanted in line.casefold())


def _buttons(looking: Looking, number: int, count: int) -> list[Block]:
    buttons: list[Block] = []
    if number > 0:
        buttons.append(button("Previous page", PREVIOUS, str(number - 1)))
    if number + 1 < count:
        buttons.append(button("Next page", NEXT, str(number + 1)))
    if looking.kind == "output":
        buttons.append(button("Download", DOWNLOAD, "all"))
    return buttons


def _search(query: str) -> Block:
    element: Block = {
        "type": "plain_text_input",
        "action_id": SEARCH_INPUT,
        "max_length": QUERY_CHARACTERS,
        "placeholder": plain("Words in a line"),
    }
    return {
        "type": "input",
        "block_id": SEARCH_BLOCK,
        "optional": True,
        "label": plain("Search"),
        "element": element | ({"initial_value": query} if query else {}),
    }


def _modal(kind: Kind, blocks: list[Block]) -> dict[str, Any]:
    return {"type": "modal", "title": plain(TITLES[kind]), "close": plain("Close"), "blocks": blocks}


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
