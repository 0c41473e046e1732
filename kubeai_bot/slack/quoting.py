"""A Slack message as quoted text: what people typed, and what alert bots put into attachments and blocks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubeai_bot.slack.wording import plain_text

MOST_CHARACTERS = 8_000
MOST_DEPTH = 12

_TEXTS = ("pretext", "author_name", "title", "subtitle", "text", "body", "alt_text")
"""Keys whose value is a text or a text object, in the order in which they are shown."""

_NESTED = ("fields", "elements", "blocks", "child_blocks", "tasks", "details", "output")

_PASSAGES = frozenset({"rich_text_section", "rich_text_preformatted", "rich_text_quote"})
_CONTROLS = frozenset({"button", "overflow", "actions", "input", "context_actions", "divider"})

Node = Mapping[str, Any]


def quoted(message: Node, bot_user_id: str = "") -> str:
    """The message line by line behind `>`; "" where it holds no text. Lines that say the same appear once."""
    lines: list[str] = []
    seen: set[str] = set()
    room = MOST_CHARACTERS
    for text in _texts_of(message):
        for raw in plain_text(text, bot_user_id).splitlines():
            line = "".join(char for char in raw if char == "\t" or char.isprintable()).rstrip()
            words = " ".join(line.split())
            if not words or words in seen:
                continue
            seen.add(words)
            if len(line) > room:
                return "\n".join([*lines, f"> {line[:room]}… (cut)"])
            room -= len(line)
            lines.append(f"> {line}")
    return "\n".join(lines)


def author_of(message: Node) -> str:
    """Who posted it, as the message itself names them: a hint, not proof of anything."""
    profile: Node = message.get("bot_profile") or {}
    said = message.get("username") or profile.get("name") or message.get("user") or message.get("bot_id") or ""
    words = ("".join(char for char in word if char.isprintable()) for word in str(said).split())
    return " ".join(word for word in words if word)[:80] or "somebody"


def _texts_of(message: Node) -> Iterator[str]:
    yield str(message.get("text") or "")
    attachments = _nodes(message.get("attachments"))
    if message.get("bot_id") or attachments:  # the blocks of what a person typed only repeat its text
        yield from _texts_in(message.get("blocks"), 0)
    for attachment in attachments:
        found = list(_texts_in(attachment, 0))
        yield from found or [str(attachment.get("fallback") or "")]
        yield str(attachment.get("title_link") or "")
    for file in _nodes(message.get("files")):
        yield f"[file: {file.get('name') or 'without a name'}]"


def _nodes(value: Any) -> list[Node]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _texts_in(value: Any, depth: int) -> Iterator[str]:
    """Texts of blocks, elements and attachments, whatever their type, in the order in which Slack shows them."""
    if depth > MOST_DEPTH:
        return
    if isinstance(value, list):
        for item in value:
            yield from _texts_in(item, depth + 1)
    elif isinstance(value, dict):
        node: Node = value
        kind = str(node.get("type") or "")
        if kind in _CONTROLS:
            return
        if kind in _PASSAGES:
            yield "".join(_inline(part) for part in _nodes(node.get("elements")))
        elif kind == "table":
            yield from (" | ".join(" ".join(_texts_in(cell, depth + 1)) for cell in row) for row in _rows(node))
        elif "value" in node and not kind:  # a field of an attachment
            yield ": ".join(str(node[key]) for key in ("title", "value") if node.get(key))
        else:
            yield from _own_texts(node, depth)


def _own_texts(node: Node, depth: int) -> Iterator[str]:
    for key in _TEXTS:
        text = node.get(key)
        if isinstance(text, str):
            yield text
        else:
            yield from _texts_in(text, depth + 1)
    for key in _NESTED:
        yield from _texts_in(node.get(key), depth + 1)


def _rows(table: Node) -> list[list[Any]]:
    rows = table.get("rows")
    return [row for row in rows if isinstance(row, list)] if isinstance(rows, list) else []


def _inline(part: Node) -> str:
    match part.get("type"):
        case "link":
            return " ".join(str(part[key]) for key in ("text", "url") if part.get(key))
        case "emoji":
            return f":{part.get('name')}:"
        case "user":
            return f"@{part.get('user_id')}"
        case "channel":
            return f"#{part.get('channel_id')}"
        case "broadcast":
            return f"@{part.get('range')}"
        case _:
            return str(part.get("text") or "")
