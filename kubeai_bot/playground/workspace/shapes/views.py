"""Views: modals and home tabs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubeai_bot.playground.workspace import limits
from kubeai_bot.playground.workspace.schema import ByType, Flag, Items, Record, Shape, Text, typed
from kubeai_bot.playground.workspace.shapes.blocks import VIEW_BLOCK
from kubeai_bot.playground.workspace.shapes.objects import plain

_COMMON: Mapping[str, Shape] = {
    "private_metadata": Text(limits.PRIVATE_METADATA_CHARS, least=0),
    "callback_id": Text(limits.ID_CHARS, least=0),
    "external_id": Text(limits.ID_CHARS, least=0),
}
_BLOCKS = Items(VIEW_BLOCK, limits.MAX_VIEW_BLOCKS)


def _inputs_need_a_submit(view: Mapping[str, Any]) -> str | None:
    has_input = any(block.get("type") == "input" for block in _blocks_in(view, "blocks"))
    return "a modal with an input block needs submit" if has_input and not view.get("submit") else None


def _blocks_in(value: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    """The blocks under a key, and those inside containers."""
    blocks = value.get(key)
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, dict):
            yield block
            if block.get("type") == "container":
                yield from _blocks_in(block, "child_blocks")


VIEWS: Mapping[str, Record] = {
    "home": typed("home", {"blocks": _BLOCKS}, _COMMON),
    "modal": typed(
        "modal",
        {"title": plain(limits.VIEW_TITLE_CHARS), "blocks": _BLOCKS},
        {
            **_COMMON,
            "submit": plain(limits.VIEW_TITLE_CHARS),
            "close": plain(limits.VIEW_TITLE_CHARS),
            "clear_on_close": Flag(),
            "notify_on_close": Flag(),
        },
        _inputs_need_a_submit,
    ),
}
VIEW = ByType(lambda: VIEWS)
