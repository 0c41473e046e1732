"""Would Slack take this payload? Shapes and limits, what must be unique, and what the SDK's own models say.

Three layers, as slack.md §5.3 recommends: the declared shapes (`shapes/`), rules over a whole message or view, and
`slack_sdk`'s models, which know a few things that the others do not.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.basic_objects import JsonObject
from slack_sdk.models.blocks import Block
from slack_sdk.models.messages.chunk import Chunk
from slack_sdk.models.views import View

from kubeai_bot.playground.workspace import limits
from kubeai_bot.playground.workspace.schema import Anything, Items
from kubeai_bot.playground.workspace.shapes.blocks import MESSAGE_BLOCK, METADATA
from kubeai_bot.playground.workspace.shapes.chunks import CHUNK
from kubeai_bot.playground.workspace.shapes.views import VIEW
from kubeai_bot.playground.workspace.wire import Fault, Json

_MESSAGE_BLOCKS = Items(MESSAGE_BLOCK, limits.MAX_MESSAGE_BLOCKS, least=0)
_CHUNKS = Items(CHUNK, least=0)
_ATTACHMENTS = Items(Anything(), limits.MAX_ATTACHMENTS, least=0)


def check_message_blocks(blocks: Any) -> list[Fault]:
    """Faults of the `blocks` of one message. An empty list of blocks is right: it removes them."""
    faults = list(_MESSAGE_BLOCKS.check(blocks, "/blocks"))
    if faults:
        return faults
    return _of_a_message(blocks, "/blocks")


def _of_a_message(blocks: Sequence[Json], at: str) -> list[Fault]:
    return [*_whole(blocks, at), *_message_totals(blocks, at), *_sdk_blocks(blocks, at)]


def check_view(view: Any) -> list[Fault]:
    """Faults of one home tab or modal."""
    faults = list(VIEW.check(view, "/view"))
    if faults:
        return faults
    return [*_whole(view["blocks"], "/view/blocks"), *_sdk(_build_view, view, "/view")]


def check_chunks(chunks: Any, known_tasks: Mapping[str, str]) -> list[Fault]:
    """Faults of the chunks of one streaming call. `known_tasks` are the ids that the stream has already shown."""
    faults = list(_CHUNKS.check(chunks, "/chunks"))
    if faults:
        return faults
    for index, chunk in enumerate(chunks):
        at = f"/chunks/{index}"
        if chunk["type"] == "blocks":
            faults += _of_a_message(chunk["blocks"], f"{at}/blocks")
        else:
            faults += _sdk(_build_chunk, chunk, at)
    tasks = {chunk["id"] for chunk in chunks if chunk["type"] == "task_update"} | set(known_tasks)
    if len(tasks) > limits.MAX_TASKS:
        faults.append(Fault("/chunks", f"no more than {limits.MAX_TASKS} tasks allowed"))
    return faults


def check_metadata(metadata: Any) -> list[Fault]:
    """Faults of message metadata."""
    faults = list(METADATA.check(metadata, "/metadata"))
    if not faults and len(json.dumps(metadata).encode()) > limits.METADATA_BYTES:
        faults.append(Fault("/metadata", f"must be less than {limits.METADATA_BYTES + 1} bytes"))
    return faults


def check_attachments(attachments: Any) -> list[Fault]:
    """Faults of legacy attachments: how many, and the blocks inside."""
    faults = list(_ATTACHMENTS.check(attachments, "/attachments"))
    if not faults:
        for index, attachment in enumerate(attachments):
            faults += [
                Fault(f"/attachments/{index}{fault.pointer}", fault.message)
                for fault in check_message_blocks(attachment.get("blocks", []))
            ]
    return faults


def _whole(blocks: Sequence[Json], at: str) -> Iterator[Fault]:
    """What must be unique: block ids in a message or view, action ids in a block, the element that gets the focus."""
    block_ids = Counter(block["block_id"] for block in nested(blocks) if "block_id" in block)
    for block_id, count in block_ids.items():
        if count > 1:
            yield Fault(at, f"block_id {block_id!r} already exists")
    focused = 0
    for block, pointer in _placed(blocks, at):
        action_ids = Counter(element["action_id"] for element in elements(block) if "action_id" in element)
        for action_id, count in action_ids.items():
            if count > 1:
                yield Fault(pointer, f"action_id {action_id!r} already exists in this block")
        focused += sum(element.get("focus_on_load") is True for element in elements(block))
    if focused > 1:
        yield Fault(at, "only one element can have focus_on_load")


def _message_totals(blocks: Sequence[Json], at: str) -> Iterator[Fault]:
    everything = list(nested(blocks))
    kinds = Counter(block["type"] for block in everything)
    if kinds["table"] > limits.MAX_TABLES:
        yield Fault(at, "only one table allowed")
    if kinds["data_visualization"] > limits.MAX_CHARTS:
        yield Fault(at, f"no more than {limits.MAX_CHARTS} data_visualization blocks allowed")
    markdown = sum(len(block["text"]) for block in everything if block["type"] == "markdown")
    if markdown > limits.MARKDOWN_CHARS:
        yield Fault(at, f"markdown blocks must be less than {limits.MARKDOWN_CHARS + 1} characters together")


_INSIDE = {"container": "child_blocks", "carousel": "elements", "plan": "tasks", "auth_provider": "fallback"}
"""Which key of a block holds blocks."""


def _placed(blocks: Iterable[Json], at: str) -> Iterator[tuple[Json, str]]:
    """Blocks and the blocks inside them, each with its JSON pointer."""
    for index, block in enumerate(blocks):
        pointer = f"{at}/{index}"
        yield block, pointer
        key = _INSIDE.get(block["type"])
        if key is not None:
            yield from _placed(block.get(key, ()), f"{pointer}/{key}")


def nested(blocks: Iterable[Json]) -> Iterator[Json]:
    """Blocks and the blocks inside them: container children, carousel cards, a plan's task cards, fallbacks."""
    return (block for block, _ in _placed(blocks, ""))


def elements(block: Json) -> list[Json]:
    """Interactive elements of one block, wherever it keeps them."""
    match block["type"]:
        case "actions" | "context_actions":
            return list(block["elements"])
        case "section" | "auth_provider":
            return [block["accessory"]] if "accessory" in block else []
        case "input":
            return [block["element"]]
        case "card":
            return list(block.get("actions", ()))
        case _:
            return []


_NEWER_THAN_THE_SDK = frozenset({"data_table", "data_visualization"})
"""Blocks that `slack_sdk` 3.47 has no model of."""


def _sdk_blocks(blocks: Sequence[Json], at: str) -> Iterator[Fault]:
    for index, block in enumerate(blocks):
        if block["type"] not in _NEWER_THAN_THE_SDK:
            yield from _sdk(_build_block, block, f"{at}/{index}")


def _sdk(build: Callable[[Json], JsonObject | None], value: Json, at: str) -> Iterator[Fault]:
    """What the SDK's model of a value says when it is built and written."""
    try:
        model = build(value)
        if model is not None:
            model.to_dict()
    except SlackObjectFormationError as error:
        yield Fault(at, str(error))


def _build_view(view: Json) -> JsonObject:
    return View(**view)


def _build_block(block: Json) -> JsonObject | None:
    return Block.parse(block)


def _build_chunk(chunk: Json) -> JsonObject | None:
    return Chunk.parse(chunk)
