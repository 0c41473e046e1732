"""Manifests as the model writes them: YAML or JSON text to plain JSON objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import yaml

from kubeai_bot.domain.message import Json
from kubeai_bot.errors import ToolError
from kubeai_bot.tools.kubernetes.arguments import plain_name, plain_namespace
from kubeai_bot.tools.kubernetes.edits import refuse_secrets
from kubeai_bot.tools.kubernetes.paths import at, items, mapping
from kubeai_bot.tools.kubernetes.reach import Ref
from kubeai_bot.tools.kubernetes.resolve import Kinds
from kubeai_bot.tools.kubernetes.text import one_line

MOST_OBJECTS = 20
_DEEPEST = 100
_SERVERS = ("managedFields", "resourceVersion", "uid", "selfLink", "generation", "creationTimestamp")


class _Loader(yaml.CSafeLoader):
    """Times stay texts, as they are in JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def documents(text: str) -> list[Any]:
    """The documents of a YAML (or JSON) text that are not empty. Raises ToolError."""
    try:
        _check(text)
        found = [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]  # a SafeLoader
        return cast("list[Any]", json.loads(json.dumps(found, allow_nan=False)))
    except yaml.YAMLError as error:
        raise ToolError(f"The text is not valid YAML: {one_line(error)}") from error
    except (TypeError, ValueError) as error:
        raise ToolError(f"The text holds what JSON has no form for: {one_line(error)}") from error


def _check(text: str) -> None:
    """Raises ToolError for aliases (a few lines of them make gigabytes) and for what is nested beyond all manifests."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise ToolError("The text uses YAML aliases (*name): write the values out.")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise ToolError("The text is nested too deeply.")


def objects(text: str, default_namespace: str, kinds: Kinds) -> list[tuple[Ref, Json]]:
    """The objects of a manifest, Lists unpacked, each with where it belongs. Raises ToolError."""
    flat: list[Json] = []
    for document in documents(text):
        refuse_secrets(document)
        if not isinstance(document, Mapping):
            raise ToolError("Each document of the manifest must be an object with apiVersion, kind and metadata.")
        whole = cast("Json", document)
        flat += items(whole, "items") if str(whole.get("kind")).endswith("List") and "items" in whole else [whole]
    if not flat:
        raise ToolError("The manifest is empty.")
    if len(flat) > MOST_OBJECTS:
        raise ToolError(f"The manifest has {len(flat)} objects: apply at most {MOST_OBJECTS} at once.")
    found = [_placed(obj, default_namespace, kinds) for obj in flat]
    paths = [ref.path for ref, _ in found]
    if twice := next((ref for ref, _ in found if paths.count(ref.path) > 1), None):
        raise ToolError(f"{twice} is in the manifest twice.")
    return found


def _placed(obj: Json, default_namespace: str, kinds: Kinds) -> tuple[Ref, Json]:
    api_version, kind = str(obj.get("apiVersion") or ""), str(obj.get("kind") or "")
    name = at(obj, "metadata", "name")
    if not api_version or not kind or not isinstance(name, str) or not name:
        raise ToolError("Each object of the manifest needs apiVersion, kind and metadata.name (no generateName).")
    resource = kinds.find(f"{api_version} {kind}", "patch")
    given = str(at(obj, "metadata", "namespace") or "")
    if given and default_namespace and given != default_namespace and resource.namespaced:
        raise ToolError(f"{kind} {name} is written for namespace {given}, the call says {default_namespace}.")
    namespace = (given or default_namespace) if resource.namespaced else ""
    if resource.namespaced and not namespace:
        raise ToolError(f"{kind} {name} is namespaced: give metadata.namespace in the manifest, or `namespace`.")
    try:
        ref = Ref(resource, plain_namespace(namespace), plain_name(name))
    except ValueError as error:
        raise ToolError(f"{one_line(name, 80)!r} in {one_line(namespace, 80)!r}: {error}.") from error
    metadata = {key: value for key, value in mapping(obj, "metadata").items() if key not in _SERVERS}
    if namespace:
        metadata["namespace"] = namespace
    return ref, {**{key: value for key, value in obj.items() if key != "status"}, "metadata": metadata}
