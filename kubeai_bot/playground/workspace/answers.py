"""Whether what somebody enters can come from an element of that kind at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubeai_bot.playground.workspace.wire import Json

_MANY = ("checkboxes",)
_OTHER: Mapping[str, tuple[type, str]] = {
    "datetimepicker": (int, "a number of seconds"),
    "rich_text_input": (dict, "a rich text"),
}


def check_answer(element: Json, answer: Any) -> None:
    """Raises ValueError. None is always fine: nothing was entered."""
    kind = str(element["type"])
    if answer is None:
        return
    if kind in _OTHER:
        wanted, words = _OTHER[kind]
        fits = isinstance(answer, wanted) and not isinstance(answer, bool)
    elif kind in _MANY or kind.startswith("multi_"):
        words = "a list of values"
        fits = isinstance(answer, str | list | tuple) and all(isinstance(each, str) for each in answer)
    else:
        words = "a text"
        fits = isinstance(answer, str)
    if not fits:
        raise ValueError(f"{element.get('action_id')} takes {words}.")
