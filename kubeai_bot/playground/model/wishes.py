"""What change a person wishes for, in plain words: only sentences that tell the bot to do something count."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Action = Literal["scale", "restart", "undo", "image", "resources", "delete", "cordon", "uncordon", "drain"]


@dataclass(frozen=True, slots=True)
class Wish:
    """`value`: the image, or the quantity of `resource` ("memory", "cpu"); "" stands for more of it. `part` is "limit"
    or "request". `revision` 0 stands for the one before."""

    action: Action
    value: str = ""
    resource: str = ""
    part: str = ""
    container: str = ""
    revision: int = 0


_BEGIN = (
    r"^(?:(?:please|now|then|and|also|ok|okay|yes|so|well|hey|hi|just|kubeai|can|could|would|will|you|i|want|need|to|us"
    r"|let's|we|should|like|go|ahead)\b[ ,.:!]*){0,8}"
)
_SET = r"(?:set|change|update|switch|upgrade|bump|raise|increase|lower|reduce|double|give|grant|limit)"
_PATTERNS: tuple[tuple[Action, str], ...] = (
    ("undo", r"(?:roll ?-?back|undo|revert|roll\b.{1,100}? back)\b"),
    ("restart", r"(?:restart|bounce)\b"),
    ("scale", r"scale\b"),
    ("delete", r"(?:delete|remove|kill)\b"),
    ("uncordon", r"uncordon\b"),
    ("cordon", r"cordon\b"),
    ("drain", r"drain\b"),
    ("resources", _SET + r"\b.{0,200}?\b(?:memory|ram|cpu)\b"),
    ("image", _SET + r"\b.{0,200}?\bto (?:image |version |tag )?(?:\S+[:/]\S+|v?\d+\.\S+)"),
    ("image", _SET + r"\b.{0,200}?\bimage\b"),
)
_ACTIONS: tuple[tuple[Action, re.Pattern[str]], ...] = tuple(
    (action, re.compile(_BEGIN + pattern, re.IGNORECASE)) for action, pattern in _PATTERNS
)
_MAY_I = re.compile(r"\b(?:may|can|could) i\b", re.IGNORECASE)
_IMAGE = re.compile(r"\bto (?:image |version |tag )?((?:\S+[:/])?\S*\w)", re.IGNORECASE)
_QUANTITY = re.compile(
    r"(?:\b(?:to|by|of|at)\s+)?\b(\d{1,9}(?:\.\d{1,3})?)\s?(m|[kmgt]i?b?|cores?|cpus?)?\b", re.IGNORECASE
)
_CONTAINER = re.compile(r"\bcontainer ([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)\b", re.IGNORECASE)
_REVISION = re.compile(r"\brevision (\d{1,6})\b", re.IGNORECASE)


def read_wish(text: str) -> tuple[Wish, str] | None:
    """The wish, and the text without what was read from it; None where nothing is to be changed."""
    if _MAY_I.search(text):
        return None
    action: Action | None = next((action for action, pattern in _ACTIONS if pattern.search(text)), None)
    if action is None:
        return None
    revision, text = _taken(_REVISION, text)
    container, text = _taken(_CONTAINER, text) if "container of" not in text.lower() else ("", text)
    wish = Wish(action, container=container.lower(), revision=int(revision or 0))
    if action == "image":
        image, text = _taken(_IMAGE, text)
        return Wish("image", image, container=wish.container), text
    if action == "resources":
        found = _QUANTITY.search(text)
        resource = "cpu" if re.search(r"\bcpu\b", text, re.IGNORECASE) else "memory"
        part = "request" if re.search(r"\brequests?\b", text, re.IGNORECASE) else "limit"
        value = _quantity(found[1], found[2] or "", resource) if found else ""
        text = text.replace(found[0], " ", 1) if found else text
        return Wish("resources", value, resource, part, wish.container), text
    return wish, text


def _taken(pattern: re.Pattern[str], text: str) -> tuple[str, str]:
    """What the pattern finds, and the text without it."""
    found = pattern.search(text)
    return (found[1], f"{text[: found.start()]} {text[found.end() :]}") if found else ("", text)


def _quantity(number: str, unit: str, resource: str) -> str:
    """As Kubernetes writes it: people say "512 MB" where they mean 512Mi."""
    if resource == "cpu":
        return f"{number}m" if unit.lower() == "m" else number
    return f"{number}{unit[0].upper() if unit[0].lower() != 'k' else 'K'}i" if unit else f"{number}Mi"
