"""explain and api_resources: what kinds there are and what their fields mean, by this cluster's own word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubeai_bot.domain.cluster import Resource
from kubeai_bot.domain.message import Json
from kubeai_bot.domain.tool import ToolResult
from kubeai_bot.errors import ApiStatus, ToolError
from kubeai_bot.tools.kubernetes.arguments import ApiResources, Explain
from kubeai_bot.tools.kubernetes.paths import items, mapping, steps_of
from kubeai_bot.tools.kubernetes.reach import Reach
from kubeai_bot.tools.kubernetes.text import counted, cut_middle, fitting, holds, one_line
from kubeai_bot.tools.kubernetes.tool import Scene, Step

_FIELD = 160


def plan_api_resources(arguments: ApiResources, scene: Scene) -> Step:
    async def run(reach: Reach) -> ToolResult:
        lines = _groups(scene, arguments)
        if not lines:
            return ToolResult(f"Cluster {reach.cluster.name} serves no kind like that.", "no kinds")
        kept = fitting(lines, scene.budget)
        notes = [f"[{len(lines) - kept} more groups left out: use grep]"] if kept < len(lines) else []
        if not arguments.namespaced:
            notes.append("(* = not in a namespace)")
        shown = "\n".join([*lines[:kept], *notes])
        return ToolResult(shown, counted(len(lines), "API group"), whole="\n".join(lines))

    return Step("List the kinds of the cluster", (), run)


def _groups(scene: Scene, arguments: ApiResources) -> list[str]:
    """`apps/v1: deployments (deploy), …`; kinds of the whole cluster, not of a namespace, carry a star."""
    groups: dict[str, list[str]] = {}
    seen: set[tuple[str, str]] = set()
    for resource in scene.kinds.resources:
        if (resource.group, resource.name) in seen or (
            arguments.namespaced == ("no" if resource.namespaced else "yes")
        ):
            continue
        seen.add((resource.group, resource.name))
        short = f" ({','.join(resource.short_names)})" if resource.short_names else ""
        word = f"{resource.name}{'' if resource.namespaced else '*'}{short}"
        if not arguments.grep or holds(f"{word} {resource.kind} {resource.api_version}", arguments.grep):
            groups.setdefault(resource.api_version, []).append(word)
    return [f"{api_version}: {', '.join(words)}" for api_version, words in groups.items()]


def plan_explain(arguments: Explain, scene: Scene) -> Step:
    resource = scene.kinds.find(arguments.kind)
    steps = [str(step) for step in steps_of(arguments.field)] if arguments.field else []

    async def run(reach: Reach) -> ToolResult:
        schemas = await _schemas(reach, resource)
        schema = _of_kind(schemas, resource)
        if schema is None:
            raise ToolError(f"Cluster {reach.cluster.name} publishes no schema for {resource.kind}.")
        for place, step in enumerate(steps):
            schema = _below(schemas, schema, step, [resource.kind, *steps[:place]])
        text = "\n".join(_told(schemas, schema, resource, steps))
        shown = cut_middle(text, scene.budget, "explain one `field`")
        return ToolResult(shown, ".".join([resource.kind, *steps]), whole=text)

    return Step(f"Explain {'.'.join([resource.kind, *steps])}", (), run)


async def _schemas(reach: Reach, resource: Resource) -> Mapping[str, Any]:
    """The OpenAPI v3 schemas of the resource's group version. https://kubernetes.io/docs/concepts/overview/kubernetes-api/"""
    group_version = f"apis/{resource.api_version}" if resource.group else f"api/{resource.version}"
    try:
        document = await reach.document(f"/openapi/v3/{group_version}")
    except ApiStatus as error:
        if error.code == 404:
            raise ToolError(
                f"Cluster {reach.cluster.name} publishes no OpenAPI v3 schema of {group_version}."
            ) from error
        raise
    return mapping(document, "components", "schemas")


def _of_kind(schemas: Mapping[str, Any], resource: Resource) -> Json | None:
    wanted = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    return next((s for s in schemas.values() if wanted in items(s, "x-kubernetes-group-version-kind")), None)


def _resolved(schemas: Mapping[str, Any], schema: Json) -> Json:
    """The schema behind `$ref`, alone or in `allOf`, with the description that stands beside the reference."""
    reference = schema.get("$ref") or next((part["$ref"] for part in items(schema, "allOf") if "$ref" in part), None)
    if reference is None:
        return schema
    target = mapping(schemas, str(reference).rpartition("/")[2])
    return {**target, "description": schema.get("description") or target.get("description") or ""}


def _content(schemas: Mapping[str, Any], schema: Json) -> Json:
    """Through lists and maps to what they hold."""
    found = _resolved(schemas, schema)
    while inner := mapping(found, "items") or mapping(found, "additionalProperties"):
        found = _resolved(schemas, inner)
    return found


def _below(schemas: Mapping[str, Any], schema: Json, step: str, path: list[str]) -> Json:
    fields = mapping(_content(schemas, schema), "properties")
    if step not in fields:
        known = ", ".join(fields) or "none"
        raise ToolError(f"{'.'.join(path)} has no field {step!r}. Its fields: {one_line(known, 800)}.")
    return mapping(fields, step)


def _type(schemas: Mapping[str, Any], schema: Json) -> str:
    found = _resolved(schemas, schema)
    if inner := mapping(found, "items"):
        return f"[]{_type(schemas, inner)}"
    if inner := mapping(found, "additionalProperties"):
        return f"map[string]{_type(schemas, inner)}"
    if found.get("x-kubernetes-int-or-string") or found.get("format") == "int-or-string":
        return "int or string"
    return str(found.get("type") or ("object" if mapping(found, "properties") else "any"))


def _told(schemas: Mapping[str, Any], schema: Json, resource: Resource, steps: list[str]) -> Iterator[str]:
    content = _content(schemas, schema)
    yield f"{'.'.join([resource.kind, *steps])} ({resource.api_version}) <{_type(schemas, schema)}>"
    description = schema.get("description") or _resolved(schemas, schema).get("description")
    yield str(description or "no description")
    if choices := content.get("enum"):
        yield f"One of: {', '.join(map(str, choices))}"
    required: list[str] = content.get("required") or []
    for name, field in mapping(content, "properties").items():
        text = _first_sentence(field.get("description") or _resolved(schemas, field).get("description") or "")
        mark = " (required)" if name in required else ""
        yield f"  {name} <{_type(schemas, field)}>{mark}{': ' if text else ''}{text}"


def _first_sentence(text: str) -> str:
    line = " ".join(text.split())
    sentence = line.split(". ", maxsplit=1)[0]
    return sentence if len(sentence) <= _FIELD else f"{sentence[:_FIELD]}…"
