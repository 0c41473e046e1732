"""Argument models as JSON Schema for models, and their faults as sentences for models."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from kubeai_bot.domain.message import Json
from kubeai_bot.errors import ToolError
from kubeai_bot.tools.kubernetes.arguments import Arguments

A = TypeVar("A", bound=Arguments)

_KEPT = ("type", "description", "enum", "minimum", "maximum")
"""What every vendor's function calling understands; the rest of the rules is checked here and said in words."""


def description_of(arguments: type[Arguments]) -> str:
    return " ".join(inspect.cleandoc(arguments.__doc__ or "").split())


def schema_of(arguments: type[Arguments], clusters: tuple[str, ...], default: str) -> Json:
    """A flat object schema: no references, unions, nulls or defaults. `clusters` adds the choice of a cluster."""
    full = arguments.model_json_schema()
    properties: dict[str, Any] = {
        name: {key: spec[key] for key in _KEPT if key in spec}
        for name, spec in cast("Mapping[str, Mapping[str, Any]]", full.get("properties", {})).items()
    }
    for name, spec in properties.items():
        if spec.get("type") == "array":
            spec["items"] = {"type": full["properties"][name]["items"]["type"]}
        if "enum" in spec:
            spec["enum"] = [choice for choice in spec["enum"] if choice]  # "" only stands for "left out"
    if len(clusters) > 1:
        told = f"Cluster; left out: {default}." if default else "Cluster that the person named; ask them if unclear."
        choice = {"type": "string", "enum": list(clusters), "description": told}
        properties = {"cluster": choice, **properties}
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required := full.get("required"):
        schema["required"] = required
    return schema


def checked(tool: str, arguments: type[A], given: Json) -> A:
    """The arguments as a model. Raises ToolError that names each fault and what would be right."""
    try:
        return arguments.model_validate(dict(given))
    except ValidationError as error:
        known = ", ".join(field.alias or name for name, field in arguments.model_fields.items()) or "none"
        faults = [_fault(dict(detail)) for detail in error.errors(include_url=False)]
        raise ToolError(f"{tool}: {'; '.join(faults)}. Arguments of {tool}: {known}.") from error


def _fault(detail: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    match detail["type"]:
        case "extra_forbidden":
            return f"there is no argument {name!r}"
        case "missing":
            return f"{name!r} is missing"
        case "value_error":
            words = str(detail["msg"]).removeprefix("Value error, ")
            return f"{name!r} {words}" if name else words
        case _:
            words = str(detail["msg"])
            return f"{name!r}: {words[:1].lower()}{words[1:]} (got {str(detail['input'])[:60]!r})"
