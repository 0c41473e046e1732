"""A thread as a person reads it, in plain text: cards, streamed text, tables, buttons, files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from kubeai_bot.playground.workspace.messages import SimMessage
from kubeai_bot.playground.workspace.people import BOT_NAME, BOT_USER_ID, Channel, Person
from kubeai_bot.playground.workspace.wire import Json

_MARKS = {"pending": "[ ]", "in_progress": "[~]", "complete": "[x]", "error": "[!]"}
_CONTROL = re.compile(r"<(?P<sigil>[@#!]?)(?P<target>[^<>|]+)(?:\|(?P<label>[^<>]*))?>")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


class Renderer:
    """Turns messages into lines, with the names that the workspace knows."""

    def __init__(self, people: Mapping[str, Person], channels: Mapping[str, Channel]) -> None:
        self._names = {person.id: person.name for person in people.values()} | {BOT_USER_ID: BOT_NAME}
        self._channels = {channel.id: channel.name for channel in channels.values()}
        self._drawings: Mapping[str, Callable[[Json], list[str]]] = {
            "section": self._section,
            "header": lambda block: [f"# {self.text(block['text'])}"],
            "divider": lambda _: ["---"],
            "markdown": lambda block: [block["text"]],
            "context": lambda block: [" ".join(self.text(element) for element in block["elements"])],
            "actions": self._actions,
            "context_actions": self._actions,
            "image": lambda block: [f"[image] {block['alt_text']}"],
            "rich_text": self._rich_text,
            "table": self._table,
            "alert": lambda block: [f"[{block.get('level', 'default')}] {self.text(block['text'])}"],
            "plan": self._plan,
            "task_card": self._task,
            "card": self._card,
            "carousel": lambda block: [line for card in block["elements"] for line in self._card(card)],
            "container": self._container,
            "input": lambda block: [f"{self.text(block['label'])}: {self.element(block['element'])}"],
        }

    def thread(self, messages: Iterable[SimMessage], status: str = "") -> str:
        """All messages, one after the other, and the status line below them."""
        parts = [self.message(message) for message in messages]
        return "\n".join([*parts, f"({status})"] if status else parts)

    def message(self, message: SimMessage) -> str:
        """One message: who, what, and what can be clicked."""
        who = message.username or self._names.get(message.user, message.user)
        marks = [
            "edited" if message.edited else "",
            "streaming" if message.streaming else "",
            f"only visible to {self._names.get(message.ephemeral_to, '')}" if message.ephemeral_to else "",
        ]
        note = ", ".join(mark for mark in marks if mark)
        lines = [*self._body(message), *(f"[file] {file['name']} ({file['size']} bytes)" for file in message.files)]
        if message.reactions:
            lines.append(" ".join(f":{name}: {len(users)}" for name, users in message.reactions.items()))
        head = f"{who}{f' ({note})' if note else ''}:"
        if len(lines) == 1 and "\n" not in lines[0]:
            return f"{head} {lines[0]}"
        return "\n".join([head, *(f"  {line}" for text in lines for line in text.split("\n"))])

    def _body(self, message: SimMessage) -> list[str]:
        typed = message.bot_id is None
        blocks = message.all_blocks()
        if typed or not blocks:
            return [self.mrkdwn(message.text)]
        return [line for block in blocks for line in self.block(block)]

    def block(self, block: Json) -> list[str]:
        """One block as lines. Unknown ones show their type."""
        draw = self._drawings.get(block["type"])
        return draw(block) if draw is not None else [f"[{block['type']}]"]

    def text(self, value: Json) -> str:
        """A text object, or an image in a context block."""
        if value["type"] == "image":
            return f"[image] {value['alt_text']}"
        return self.mrkdwn(value["text"]) if value["type"] == "mrkdwn" else str(value["text"])

    def mrkdwn(self, text: str) -> str:
        """Names for `<@U…>` and `<#C…>`, labels for links, `@here` for `<!here>`, and no entities."""

        def readable(match: re.Match[str]) -> str:
            sigil, target, label = match["sigil"], match["target"], match["label"]
            if sigil == "@":
                return f"@{self._names.get(target, label or target)}"
            if sigil == "#":
                return f"#{self._channels.get(target, label or target)}"
            if sigil == "!":
                return label or f"@{target.split('^')[0]}"
            return f"{label} ({target})" if label else target

        text = _CONTROL.sub(readable, text)
        for entity, character in _ENTITIES:
            text = text.replace(entity, character)
        return text

    def element(self, element: Json) -> str:
        """An interactive element: its label in brackets."""
        match element["type"]:
            case "button" | "workflow_button" | "icon_button":
                label = self.text(element["text"])
                return f"[{label}]({element['url']})" if element.get("url") else f"[{label}]"
            case "feedback_buttons":
                buttons = (element["positive_button"], element["negative_button"])
                return " ".join(f"[{self.text(button['text'])}]" for button in buttons)
            case "image":
                return f"[image] {element['alt_text']}"
            case "overflow":
                return "[" + " | ".join(self.text(option["text"]) for option in element["options"]) + "]"
            case kind:
                placeholder = element.get("placeholder")
                return f"[{self.text(placeholder) if placeholder else kind}]"

    def _section(self, block: Json) -> list[str]:
        lines = [self.text(block["text"])] if block.get("text") else []
        lines += [self.text(item) for item in block.get("fields", ())]
        if block.get("accessory"):
            lines.append(self.element(block["accessory"]))
        return lines

    def _actions(self, block: Json) -> list[str]:
        return [" ".join(self.element(element) for element in block["elements"])]

    def _plan(self, block: Json) -> list[str]:
        tasks = [line for task in block.get("tasks", ()) for line in self._task(task)]
        return [f"Plan: {block['title']}", *tasks]

    def _task(self, task: Json) -> list[str]:
        lines = [f"{_MARKS.get(task.get('status', ''), '[ ]')} {task['title']}"]
        for key in ("details", "output"):
            if task.get(key):
                lines += [f"    {line}" for line in self._rich_text(task[key])]
        return lines + [f"    {source['text']} ({source['url']})" for source in task.get("sources", ())]

    def _card(self, card: Json) -> list[str]:
        lines = [self.text(card[key]) for key in ("title", "subtitle", "body") if card.get(key)]
        if card.get("actions"):
            lines.append(" ".join(self.element(element) for element in card["actions"]))
        return lines

    def _container(self, block: Json) -> list[str]:
        title = self._rich_text(block["rich_text_title"]) if "rich_text_title" in block else [self.text(block["title"])]
        fold = " (collapsed)" if block.get("default_collapsed") else ""
        children = [f"| {line}" for child in block["child_blocks"] for line in self.block(child)]
        return [f"{' '.join(title)}{fold}", *children]

    def _table(self, block: Json) -> list[str]:
        rows = [[self._cell(cell) for cell in row] for row in block["rows"]]
        width = max(len(row) for row in rows)
        rows = [row + [""] * (width - len(row)) for row in rows]
        sizes = [max(len(row[column]) for row in rows) for column in range(width)]
        return [" | ".join(cell.ljust(size) for cell, size in zip(row, sizes, strict=True)).rstrip() for row in rows]

    def _cell(self, cell: Json) -> str:
        return " ".join(self._rich_text(cell)) if cell["type"] == "rich_text" else str(cell["text"])

    def _rich_text(self, block: Json) -> list[str]:
        lines: list[str] = []
        for element in block["elements"]:
            lines += self._rich_element(element)
        return lines

    def _rich_element(self, element: Json) -> list[str]:
        if element["type"] == "rich_text_list":
            indent = "  " * element.get("indent", 0)
            ordered, first = element["style"] == "ordered", element.get("offset", 0) + 1
            return [
                f"{indent}{f'{first + index}.' if ordered else '-'} {' '.join(self._rich_element(item))}"
                for index, item in enumerate(element["elements"])
            ]
        text = "".join(self._part(part) for part in element["elements"])
        prefix = "> " if element["type"] == "rich_text_quote" else ""
        return [prefix + line for line in text.split("\n")]

    def _part(self, part: Json) -> str:
        match part["type"]:
            case "text":
                return str(part["text"])
            case "link":
                return f"{part['text']} ({part['url']})" if part.get("text") else str(part["url"])
            case "user":
                return f"@{self._names.get(part['user_id'], part['user_id'])}"
            case "channel":
                return f"#{self._channels.get(part['channel_id'], part['channel_id'])}"
            case "emoji":
                return f":{part['name']}:"
            case "date":
                return str(part.get("fallback") or part["timestamp"])
            case "broadcast":
                return f"@{part['range']}"
            case kind:
                return f"[{kind}]"
