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
    return [*_whole(blocks, "/blocks"), *_message_totals(blocks), *_sdk_blocks(blocks, "/blocks")]


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
            faults += [*_whole(chunk["blocks"], f"{at}/blocks"), *_message_totals(chunk["blocks"])]
            faults += _sdk_blocks(chunk["blocks"], f"{at}/blocks")
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
    """What must be unique: block ids in a message or view, action ids in a block."""
    block_ids = Counter(block["block_id"] for block in nested(blocks) if "block_id" in block)
    for block_id, count in block_ids.items():
        if count > 1:
            yield Fault(at, f"block_id {block_id!r} already exists")
    for index, block in enumerate(blocks):
        action_ids = Counter(element["action_id"] for element in elements(block) if "action_id" in element)
        for action_id, count in action_ids.items():
            if count > 1:
                yield Fault(f"{at}/{index}", f"action_id {action_id!r} already exists in this block")


def _message_totals(blocks: Sequence[Json]) -> Iterator[Fault]:
    everything = list(nested(blocks))
    tables = sum(block["type"] == "table" for block in everything)
    if tables > limits.MAX_TABLES:
        yield Fault("/blocks", "only one table allowed")
    markdown = sum(len(block["text"]) for block in everything if block["type"] == "markdown")
    if markdown > limits.MARKDOWN_CHARS:
        yield Fault("/blocks", f"markdown blocks must be less than {limits.MARKDOWN_CHARS + 1} characters together")


def nested(blocks: Iterable[Json]) -> Iterator[Json]:
    """Blocks and the blocks inside them: container children, carousel cards, a plan's task cards."""
    for block in blocks:
        yield block
        if block["type"] == "container":
            yield from nested(block["child_blocks"])
        elif block["type"] == "carousel":
            yield from nested(block["elements"])
        elif block["type"] == "plan":
            yield from nested(block.get("tasks", ()))


def elements(block: Json) -> list[Json]:
    """Interactive elements of one block, wherever it keeps them."""
    match block["type"]:
        case "actions" | "context_actions":
            return list(block["elements"])
        case "section":
            return [block["accessory"]] if "accessory" in block else []
        case "input":
            return [block["element"]]
        case "card":
            return list(block.get("actions", ()))
        case _:
            return []


def _sdk_blocks(blocks: Sequence[Json], at: str) -> Iterator[Fault]:
    for index, block in enumerate(blocks):
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
