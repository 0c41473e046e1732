"""Numbers in text: query parameters, and CPU and memory quantities (with the suffixes that the demo uses)."""

from __future__ import annotations

from kubeai_bot.playground.cluster.status import bad_request

_SIZES = {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4, "k": 1000, "M": 1000**2, "G": 1000**3}


def as_millicores(text: str | float) -> int:
    """`250m` is 250, `2` is 2000."""
    quantity = str(text)
    return int(quantity[:-1]) if quantity.endswith("m") else int(float(quantity) * 1000)


def as_bytes(text: str | int) -> int:
    """`128Mi`, `1Gi`, `500M` or plain bytes."""
    quantity = str(text)
    for suffix, factor in _SIZES.items():
        if quantity.endswith(suffix):
            return int(float(quantity[: -len(suffix)]) * factor)
    return int(quantity)


def read_number(text: str) -> int:
    """A query parameter as a number, 0 if it is empty; ApiError 400 as Go's parser complains."""
    if text and not text.removeprefix("-").isdigit():
        raise bad_request(not_a_number("ParseInt", text))
    return int(text or 0)


def not_a_number(function: str, text: str) -> str:
    return f'strconv.{function}: parsing "{text}": invalid syntax'
