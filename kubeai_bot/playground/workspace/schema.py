"""Shapes of JSON values, declared and checked: the small language in which Block Kit is written down in `shapes/`.

Faults come in Slack's words, so that what a test reads here is what an operator reads in production.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kubeai_bot.playground.workspace.wire import Fault

_DEEPEST = 60
"""Steps of a JSON pointer; nothing that Slack shows comes near it."""


class Shape(Protocol):
    """What a value must look like. Yields one fault for everything that is wrong."""

    def check(self, value: Any, at: str) -> Iterator[Fault]: ...


Rule = Callable[[Mapping[str, Any]], str | None]
"""A condition over a whole object: the sentence to refuse it with, or None."""


@dataclass(frozen=True, slots=True)
class Text:
    """A string of `least` to `most` characters, one of `choices` or matching `pattern` where given."""

    most: int | None = None
    least: int = 1
    choices: Sequence[str] = ()
    pattern: str | None = None

    def check(self, value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, str):
            yield Fault(at, "must be a string")
            return
        if len(value) < self.least:
            yield Fault(at, f"must be more than {self.least - 1} characters")
        if self.most is not None and len(value) > self.most:
            yield Fault(at, f"must be less than {self.most + 1} characters")
        if self.choices and value not in self.choices:
            yield Fault(at, f"must be one of: {', '.join(self.choices)}")
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            yield Fault(at, f"does not match {self.pattern}")


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def check(self, value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, bool):
            yield Fault(at, "must be a boolean")


@dataclass(frozen=True, slots=True)
class Number:
    """A number, whole unless `fraction` is allowed."""

    least: float | None = None
    most: float | None = None
    fraction: bool = False

    def check(self, value: Any, at: str) -> Iterator[Fault]:
        kinds = (int, float) if self.fraction else (int,)
        if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value):
            yield Fault(at, "must be a number" if self.fraction else "must be an integer")
            return
        if self.least is not None and value < self.least:
            yield Fault(at, f"must be at least {self.least:g}")
        if self.most is not None and value > self.most:
            yield Fault(at, f"must be at most {self.most:g}")


@dataclass(frozen=True, slots=True)
class Items:
    """An array of `least` to `most` values of one shape."""

    item: Shape
    most: int | None = None
    least: int = 1

    def check(self, value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, list):
            yield Fault(at, "must be an array")
            return
        if len(value) < self.least:
            yield Fault(at, f"no fewer than {self.least} items allowed")
        if self.most is not None and len(value) > self.most:
            yield Fault(at, f"no more than {self.most} items allowed")
        for index, item in enumerate(value):
            yield from self.item.check(item, f"{at}/{index}")


@dataclass(frozen=True, slots=True)
class Nullable:
    """The shape, or null."""

    shape: Shape

    def check(self, value: Any, at: str) -> Iterator[Fault]:
        if value is not None:
            yield from self.shape.check(value, at)


@dataclass(frozen=True, slots=True)
class Anything:
    """Any object; what is inside is not Slack's business."""

    def check(self, value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield Fault(at, "must be an object")


@dataclass(frozen=True, slots=True)
class Record:
    """An object with exactly these keys: all of `needs`, any of `may`, and no other. `rules` look at the whole."""

    needs: Mapping[str, Shape] = field(default_factory=dict[str, Shape])
    may: Mapping[str, Shape] = field(default_factory=dict[str, Shape])
    rules: Sequence[Rule] = ()

    def check(self, value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield Fault(at, "must be an object")
            return
        for key in self.needs:
            if key not in value:
                yield Fault(at, f"missing required field: {key}")
        for key, item in value.items():
            shape = self.needs.get(key) or self.may.get(key)
            if shape is None:
                yield Fault(at, f"invalid additional property: {key}")
            else:
                yield from shape.check(item, f"{at}/{key}")
        for rule in self.rules:
            sentence = rule(value)
            if sentence is not None:
                yield Fault(at, sentence)


@dataclass(frozen=True, slots=True)
class ByType:
    """An object whose `type` decides its shape. `shapes` is looked at late, so that shapes may contain each other."""

    shapes: Callable[[], Mapping[str, Record]]

    def check(self, value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield Fault(at, "must be an object")
        elif at.count("/") > _DEEPEST:
            yield Fault(at, "nested too deeply")
        elif "type" not in value:
            yield Fault(at, "missing required field: type")
        else:
            shape = self.shapes().get(value["type"]) if isinstance(value["type"], str) else None
            if shape is None:
                yield Fault(f"{at}/type", f"unsupported type: {value['type']}")
            else:
                yield from shape.check(value, at)


def typed(
    name: str,
    needs: Mapping[str, Shape] | None = None,
    may: Mapping[str, Shape] | None = None,
    *rules: Rule,
) -> Record:
    """The record whose `type` is `name`."""
    return Record({"type": Text(choices=(name,)), **(needs or {})}, may or {}, rules)


def some_of(*keys: str) -> Rule:
    """At least one of the keys."""
    sentence = f"one of these is required: {', '.join(keys)}"
    return lambda value: None if any(value.get(key) for key in keys) else sentence


def one_of(*keys: str) -> Rule:
    """Exactly one of the keys."""
    sentence = f"exactly one of these is required: {', '.join(keys)}"
    return lambda value: None if sum(key in value for key in keys) == 1 else sentence


def only_with(key: str, other: str) -> Rule:
    """A true `key` needs a true `other`."""
    return lambda value: f"{key} requires {other}" if value.get(key) and not value.get(other) else None


def not_with(key: str, other: str) -> Rule:
    """`key` and `other` exclude each other when both are true."""
    return lambda value: f"{key} and {other} exclude each other" if value.get(key) and value.get(other) else None
