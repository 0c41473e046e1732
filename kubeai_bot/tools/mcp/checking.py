"""Values checked against a schema that the server gave: it is untrusted, so every check is bounded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, cast

from jsonschema import FormatChecker, exceptions
from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator, extend, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from kubeai_bot.errors import KubeAIError
from kubeai_bot.tools.mcp.wording import one_line

BUDGET = 5_000
"""Keywords that one check may evaluate: references that double at each step would otherwise never end."""
_FAULTS = 5
_NO_FORMATS = FormatChecker(())
"""Servers in other languages write patterns that Python cannot compile; that makes no schema invalid."""
_SUBJECT = 200
_QUANTIFIER = re.compile(r"(?<!\\)(?:[*+]|\{\d*,\d*\})")
_LEFT_TO_THE_SERVER = ("patternProperties", "unevaluatedProperties", "unevaluatedItems")
"""They apply patterns out of our sight."""
_REPEATED_GROUP = re.compile(r"\)(?:[*+]|\{)")


class BadSchema(KubeAIError):
    """What the server gave is no JSON Schema."""


class _Spent(Exception):
    """The budget of a check is used up."""


Keyword = Callable[[Any, Any, Any, Any], "Iterator[exceptions.ValidationError] | None"]


class Checked:
    """Checks values against one schema. Raises BadSchema. What would take too long, or refers to what is not there,
    counts as fitting: the server checks its arguments itself."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = dict(schema)
        found: Any = validator_for(self._schema, default=Draft202012Validator)
        try:
            found.check_schema(self._schema, format_checker=_NO_FORMATS)
        except (exceptions.SchemaError, RecursionError) as error:
            raise BadSchema(one_line(getattr(error, "message", error), 120)) from error
        self._kind = found

    def faults(self, value: Any) -> str:
        """In words; "" for none."""
        left = BUDGET

        def counted(keyword: Keyword) -> Keyword:
            def step(validator: Any, wanted: Any, instance: Any, schema: Any) -> Any:
                nonlocal left
                left -= 1
                if left < 0:
                    raise _Spent
                return keyword(validator, wanted, instance, schema)

            return step

        keywords: dict[str, Keyword] = {**self._kind.VALIDATORS, "pattern": _pattern}
        keywords["additionalProperties"] = _additional(keywords["additionalProperties"])
        keywords.update(dict.fromkeys(_LEFT_TO_THE_SERVER, _unchecked))
        kind: Any = extend(self._kind, {name: counted(keyword) for name, keyword in keywords.items()})
        validator = cast("Validator", kind(self._schema, registry=Registry()))  # nothing is ever fetched
        try:
            faults = list(islice(validator.iter_errors(value), _FAULTS))
        except (_Spent, Unresolvable, RecursionError, re.error):
            return ""
        return "; ".join(_said(fault) for fault in faults)


def _said(fault: exceptions.ValidationError) -> str:
    where = ".".join(one_line(part, 60) for part in fault.absolute_path)
    message = one_line(fault.message, 200)
    return f"`{where}`: {message}" if where else message


def _pattern(validator: Any, pattern: Any, instance: Any, _schema: Any) -> Iterator[exceptions.ValidationError]:
    """Only patterns that cannot run away, on short texts: Python's `re` backtracks and cannot be interrupted."""
    if not validator.is_type(instance, "string") or not isinstance(pattern, str) or len(instance) > _SUBJECT:
        return
    if len(pattern) > _SUBJECT or _REPEATED_GROUP.search(pattern) or len(_QUANTIFIER.findall(pattern)) > 3:
        return
    if not re.search(pattern, instance):
        yield exceptions.ValidationError(f"{instance!r} does not match {pattern!r}")


def _additional(known: Keyword) -> Keyword:
    def additional(validator: Any, wanted: Any, instance: Any, schema: Any) -> Any:
        return None if "patternProperties" in schema else known(validator, wanted, instance, schema)

    return additional


def _unchecked(_validator: Any, _wanted: Any, _instance: Any, _schema: Any) -> None:
    return None
