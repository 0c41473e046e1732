"""Numbers in text: query parameters, and CPU and memory quantities (with the suffixes that the demo uses)."""

from __future__ import annotations

import re

from kubeai_bot.playground.cluster.status import bad_request

_SUFFIX = re.compile(r"([a-zA-Z]*)$")
_FACTORS = {
    **{suffix: 1024**power for power, suffix in enumerate(("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))},
    **{
        suffix: 1000.0**power
        for power, suffix in zip(range(-3, 7), ("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), strict=True)
    },
}


def _number(text: str | float) -> float:
    """Any quantity as a plain number; 0 for what is none (validation refuses that before)."""
    quantity = str(text)
    suffix = _SUFFIX.search(quantity)
    unit = suffix.group(1) if suffix else ""
    try:
        return float(quantity.removesuffix(unit)) * _FACTORS.get(unit, 1)
    except ValueError:
        return 0.0


def as_millicores(text: str | float) -> int:
    """`250m` is 250, `2` is 2000."""
    return round(_number(text) * 1000)


def as_bytes(text: str | float) -> int:
    """`128Mi`, `1Gi`, `500M` or plain bytes."""
    return int(_number(text))


def read_number(text: str) -> int:
    """A query parameter as a number, 0 if it is empty; ApiError 400 as Go's parser complains."""
    if text and not text.removeprefix("-").isdigit():
        raise bad_request(not_a_number("ParseInt", text))
    return int(text or 0)


def not_a_number(function: str, text: str) -> str:
    return f'strconv.{function}: parsing "{text}": invalid syntax'
