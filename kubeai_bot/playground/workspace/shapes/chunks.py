"""Chunks of a streamed answer. Unlike `task_card` blocks, their details and output are plain strings."""

from __future__ import annotations

from collections.abc import Mapping

from kubeai_bot.playground.workspace import limits
from kubeai_bot.playground.workspace.schema import ByType, Items, Record, Text, typed
from kubeai_bot.playground.workspace.shapes.blocks import MESSAGE_BLOCK
from kubeai_bot.playground.workspace.shapes.objects import URL

_SHORT = Text(limits.CARD_STRING_CHARS)
_LONG = Text(limits.CARD_STRING_CHARS, least=0)

CHUNKS: Mapping[str, Record] = {
    "markdown_text": typed("markdown_text", {"text": Text()}),
    "plan_update": typed("plan_update", {"title": _SHORT}),
    "task_update": typed(
        "task_update",
        {"id": _SHORT, "title": _SHORT, "status": Text(choices=limits.TASK_STATUSES)},
        {
            "details": _LONG,
            "output": _LONG,
            "sources": Items(typed("url", {"url": URL, "text": _SHORT}), least=0),
        },
    ),
    "blocks": typed("blocks", {"blocks": Items(MESSAGE_BLOCK, limits.MAX_MESSAGE_BLOCKS)}),
}
CHUNK = ByType(lambda: CHUNKS)
