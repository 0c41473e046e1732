"""One Slack message from Markdown: `markdown` blocks for prose and code, a `table` block for a table, cards, notes.

The model's text goes into `markdown` blocks as it is, because Slack streams the same Markdown: an answer that is
written again later looks the same. Only tables are better as blocks of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from kubeai_bot.slack.draft import CARD_CHARACTERS, Draft, Task
from kubeai_bot.slack.pages import PAGE_BYTES, size
from kubeai_bot.slack.safe_markdown import plain_line
from kubeai_bot.slack.tables import Table, table_from

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

Block = dict[str, Any]

MAX_CARDS = 45
"""Task cards in one message: Slack allows 50 blocks, and a safe ceiling was reported at 45."""

TEXT_CHARACTERS = 3_900
"""`chat.update` refuses a `text` of more than 4,000 (https://docs.slack.dev/reference/methods/chat.update)."""

MAX_NOTES = 10
NOTE_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Content:
    """What a message shows. `text` is for notifications and screen readers; `markdown` the same without blocks, for
    the case that Slack refuses them."""

    text: str
    blocks: tuple[Block, ...]
    markdown: str


def content(markdown: str, draft: Draft | None = None, notes: Sequence[str] = ()) -> Content:
    """One message: cards of `draft`, then `markdown` (safe already, at most one page), then the notes."""
    plan = plan_block(draft.title, draft.tasks.values()) if draft is not None and draft.tasks else None
    blocks = [*([plan] if plan else []), *markdown_blocks(markdown), *note_blocks(notes)]
    whole = "\n\n".join(
        part for part in (markdown.strip(), *(f"_{line}_" for line in map(plain_line, notes) if line)) if part
    )
    shown = whole or (draft.title if draft is not None else "") or "…"
    return Content(escaped(shown), tuple(blocks), shown)


def markdown_blocks(markdown: str) -> list[Block]:
    """Blocks of one page of safe Markdown, at most one `table` among them."""
    blocks: list[Block] = []
    prose: list[str] = []
    table_used = False

    def end_prose() -> None:
        text = "\n".join(prose).strip("\n")
        prose.clear()
        if text.strip():
            blocks.append({"type": "markdown", "text": text})

    for part in parts_of(markdown):
        if isinstance(part, str):
            prose.append(part)
        elif part.fits() and not table_used:
            end_prose()
            blocks.append(part.block())
            table_used = True
        else:
            prose.append(f"\n{part.code()}\n")
    end_prose()
    markdown_size = sum(size(block.get("text", "")) for block in blocks)
    if markdown_size > max(PAGE_BYTES, size(markdown)):  # aligned columns take more room than the source
        return [{"type": "markdown", "text": markdown.strip("\n")}]
    return blocks


def parts_of(markdown: str) -> Iterable[str | Table]:
    """Tables at the top level, and the source text between them."""
    if "|" not in markdown:
        yield markdown
        return
    lines = markdown.split("\n")
    at = 0
    tokens = _parser().parse(markdown)
    for index, token in enumerate(tokens):
        if token.type != "table_open" or token.level or token.map is None:
            continue
        start, end = token.map
        close = next(n for n in range(index, len(tokens)) if tokens[n].type == "table_close" and not tokens[n].level)
        if start > at:
            yield "\n".join(lines[at:start])
        yield table_from(tokens[index:close])
        at = end
    if at < len(lines):
        yield "\n".join(lines[at:])


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - loaded with the first table, not while the bot starts

    return MarkdownIt("commonmark").enable("table")


def note_blocks(notes: Sequence[str]) -> list[Block]:
    """Short remarks as one context block in plain text."""
    said = [line for line in (plain_line(note, NOTE_CHARACTERS) for note in notes) if line][:MAX_NOTES]
    if not said:
        return []
    return [{"type": "context", "elements": [{"type": "plain_text", "text": note, "emoji": False} for note in said]}]


def plan_block(title: str, tasks: Iterable[Task]) -> Block:
    """The newest tool calls as cards under one title."""
    cards = [_card(task) for task in tasks][-MAX_CARDS:]
    return {"type": "plan", "title": title[:CARD_CHARACTERS], "tasks": cards}


def tasks_in(blocks: Iterable[Mapping[str, Any]]) -> dict[str, Task]:
    """The cards that a message of ours shows, read back; what is not understood is left out."""
    found: dict[str, Task] = {}
    for block in blocks:
        for card in block.get("tasks") or () if block.get("type") == "plan" else ():
            status, id_, title = card.get("status"), str(card.get("task_id") or ""), str(card.get("title") or "")
            if id_ and title and status in ("pending", "in_progress", "complete", "error"):
                found[id_] = Task(id_, title, status, plain_line(_text_in(card.get("output")), CARD_CHARACTERS))
    return found


def escaped(markdown: str) -> str:
    """Top-level `text`: an excerpt in which Slack finds nothing to interpret."""
    excerpt = markdown[:3_000]
    while True:
        text = excerpt.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        text += "…" if len(excerpt) < len(markdown) else ""
        if len(text) <= TEXT_CHARACTERS:
            return text
        excerpt = excerpt[: len(excerpt) * 3 // 4]


def _card(task: Task) -> Block:
    card: Block = {"type": "task_card", "task_id": task.id, "title": task.title, "status": task.status}
    if task.progress:
        card["details"] = _rich_text(task.progress)
    if task.output:
        card["output"] = _rich_text(task.output)
    return card


def _rich_text(text: str) -> Block:
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}],
    }


def _text_in(rich_text: Any) -> str:
    if isinstance(rich_text, dict):
        own = rich_text.get("text")
        return (own if isinstance(own, str) else "") + "".join(map(_text_in, rich_text.get("elements") or ()))
    return ""
