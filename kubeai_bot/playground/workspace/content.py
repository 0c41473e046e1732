"""What a message is made of: text, Markdown, blocks, attachments and metadata, and how they exclude each other."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from kubeai_bot.playground.workspace.limits import MARKDOWN_CHARS
from kubeai_bot.playground.workspace.validation import (
    check_attachments,
    check_message_blocks,
    check_metadata,
    elements,
    nested,
)
from kubeai_bot.playground.workspace.wire import Json, Refused


@dataclass(slots=True)
class Content:
    """Content of one message. `blocks` and `attachments` are None where the call did not send them."""

    text: str
    blocks: list[Json] | None
    attachments: list[Json] | None
    metadata: Json | None


def read_content(args: Json) -> Content:
    """Content of a posted or updated message. Raises `Refused` with Slack's error code."""
    text, markdown, blocks = args.get("text"), args.get("markdown_text"), args.get("blocks")
    attachments = args.get("attachments")
    if markdown is not None and (text is not None or blocks is not None):
        raise Refused("markdown_text_conflict")
    if markdown is not None and len(markdown) > MARKDOWN_CHARS:
        raise Refused("msg_too_long", messages=[f"markdown_text has {len(markdown)} characters, at most 12,000"])
    if not (text or markdown or blocks or attachments):
        raise Refused("no_text")
    if blocks is not None:
        blocks = checked_blocks(blocks)
    if attachments is not None:
        faults = check_attachments(attachments)
        if faults:
            raise Refused("invalid_attachments", messages=[str(fault) for fault in faults])
    if markdown:
        blocks = [{"type": "markdown", "text": markdown}]
    return Content(text or markdown or "", blocks, attachments, read_metadata(args))


def checked_blocks(blocks: list[Json]) -> list[Json]:
    """The blocks with the ids that Slack fills in. Raises `invalid_blocks` with every fault and its JSON pointer."""
    faults = check_message_blocks(blocks)
    if faults:
        raise Refused(
            "invalid_blocks",
            messages=[str(fault) for fault in faults],
            details={"errors": [fault.message for fault in faults]},
        )
    return with_ids(blocks)


def with_ids(blocks: list[Json]) -> list[Json]:
    """Every block with a `block_id` and every interactive element with an `action_id`."""
    for block in nested(blocks):
        block.setdefault("block_id", secrets.token_urlsafe(4))
        for element in elements(block):
            if element["type"] != "image":
                element.setdefault("action_id", secrets.token_urlsafe(4))
    return blocks


def read_metadata(args: Json) -> Json | None:
    metadata: Json | None = args.get("metadata")
    if metadata:
        faults = check_metadata(metadata)
        if faults:
            raise Refused("invalid_metadata_format", messages=[str(fault) for fault in faults])
    return metadata
