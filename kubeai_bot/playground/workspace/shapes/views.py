"""Views: modals and home tabs."""

from __future__ import annotations

from collections.abc import Mapping
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
    blocks = view.get("blocks")
    has_input = isinstance(blocks, list) and any(isinstance(b, dict) and b.get("type") == "input" for b in blocks)
    return "a modal with an input block needs submit" if has_input and not view.get("submit") else None


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
            "submit_disabled": Flag(),
        },
        _inputs_need_a_submit,
    ),
}
VIEW = ByType(lambda: VIEWS)
