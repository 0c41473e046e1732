"""Rules between the fields of one object: what no field can know by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from kubeai_bot.playground.workspace.schema import Rule


def _number(value: Any) -> float | None:
    """The value of a number or of a string that holds one; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def in_order(*keys: str) -> Rule:
    """The numbers under these keys, where given, do not fall."""
    sentence = f"these must not decrease: {', '.join(keys)}"

    def rule(value: Mapping[str, Any]) -> str | None:
        numbers = [number for number in (_number(value.get(key)) for key in keys) if number is not None]
        return None if numbers == sorted(numbers) else sentence

    return rule


def whole_numbers_only(value: Mapping[str, Any]) -> str | None:
    """A number input without `is_decimal_allowed` knows no fractions."""
    keys = ("min_value", "initial_value", "max_value")
    if value.get("is_decimal_allowed") is False and any("." in str(value.get(key, "")) for key in keys):
        return "a fraction needs is_decimal_allowed"
    return None


def starts_among_its_options(value: Mapping[str, Any]) -> str | None:
    """What is chosen at first must equal one of the options, `options` or those of all `option_groups`."""
    offered: list[Any] = _list(value.get("options"))
    for group in _list(value.get("option_groups")):
        offered += _list(group.get("options")) if isinstance(group, dict) else []
    chosen: list[Any] = _list(value.get("initial_options"))
    if "initial_option" in value:
        chosen = [*chosen, value["initial_option"]]
    return None if all(option in offered for option in chosen) else "initial options must be among the options"


def chooses_no_more_than_allowed(value: Mapping[str, Any]) -> str | None:
    """`initial_…` of a multi-select holds at most `max_selected_items`."""
    most = value.get("max_selected_items")
    chosen = [len(item) for key, item in value.items() if key.startswith("initial_") and isinstance(item, list)]
    if isinstance(most, int) and any(count > most for count in chosen):
        return "more is chosen at first than max_selected_items"
    return None


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else []
