"""/openapi/v3: an index, and for each group version a document with the schemas of its kinds."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from kubeai_bot.playground.cluster.kinds import Kind
from kubeai_bot.playground.cluster.objects import Obj
from kubeai_bot.playground.cluster.schemas import REFERENCE, builtin_schemas
from kubeai_bot.playground.cluster.status import page_not_found

_ROOT = "/openapi/v3"
_METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_WRITE = {"dryRun": "string", "fieldManager": "string", "fieldValidation": "string"}
_OPTIONS: dict[str, dict[str, str]] = {
    "create": _WRITE,
    "update": _WRITE,
    "patch": {**_WRITE, "force": "boolean"},
    "delete": {"dryRun": "string", "gracePeriodSeconds": "integer", "propagationPolicy": "string"},
}
_TYPE_FIELDS: Obj = {
    "apiVersion": {"type": "string", "description": "Version of the schema that the object follows."},
    "kind": {"type": "string", "description": "The REST resource that the object represents."},
}


def openapi_document(kinds: list[Kind], path: str) -> Obj:
    """The index for /openapi/v3, else the document of one group version; ApiError 404 for others."""
    documents: dict[str, list[Kind]] = {}
    for kind in kinds:
        documents.setdefault(_place(kind), []).append(kind)
    if path == _ROOT:
        return {"paths": {place: {"serverRelativeURL": _address(place)} for place in documents}}
    found = documents.get(path.removeprefix(f"{_ROOT}/"))
    if found is None:
        raise page_not_found()
    return _document(found)


def _place(kind: Kind) -> str:
    return f"apis/{kind.api_version}" if kind.group else f"api/{kind.version}"


def _address(place: str) -> str:
    return f"{_ROOT}/{place}?hash={zlib.crc32(place.encode()):08X}"


def _document(kinds: list[Kind]) -> Obj:
    known = builtin_schemas()
    schemas: dict[str, Obj] = {}
    paths: Obj = {}
    for kind in kinds:
        name = kind.type_name
        schemas[name] = _schema(kind, known.get(name))
        paths |= _paths(kind, name)
    for name in sorted(_reachable(schemas.values(), known)):
        schemas.setdefault(name, known[name])
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "1.36"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _schema(kind: Kind, known: Obj | None) -> Obj:
    """The schema of a kind: written down, from its CRD, or only its outline."""
    whole: Obj = dict(known or kind.schema or {})
    whole.setdefault("type", "object")
    whole.setdefault("description", f"{kind.kind} of {kind.api_version}.")
    properties: Obj = {**_TYPE_FIELDS, **whole.get("properties", {})}
    metadata: Obj = known["properties"]["metadata"] if known else {"allOf": [{"$ref": f"{REFERENCE}{_METADATA}"}]}
    properties["metadata"] = {"description": "Standard object metadata.", **metadata}
    if known is None and not kind.schema:
        properties |= {part: {"type": "object"} for part in ("spec", "status")}
    identity = {"group": kind.group, "kind": kind.kind, "version": kind.version}
    return {**whole, "properties": properties, "x-kubernetes-group-version-kind": [identity]}


def _paths(kind: Kind, name: str) -> Obj:
    scope = "/namespaces/{namespace}" if kind.namespaced else ""
    collection = f"/{_place(kind)}{scope}/{kind.plural}"
    identity = {"group": kind.group, "kind": kind.kind, "version": kind.version}
    content = {"application/json": {"schema": {"$ref": f"{REFERENCE}{name}"}}}
    operations = {
        collection: (("list", "get"), ("create", "post")),
        f"{collection}/{{name}}": (("get", "get"), ("update", "put"), ("patch", "patch"), ("delete", "delete")),
    }
    actions = {"list": "list", "get": "get", "create": "post", "update": "put", "patch": "patch", "delete": "delete"}
    return {
        path: {
            method: {
                "x-kubernetes-action": actions[verb],
                "x-kubernetes-group-version-kind": identity,
                **({"parameters": _parameters(verb)} if verb in _OPTIONS else {}),
                "responses": {"200": {"description": "OK", "content": content}},
            }
            for verb, method in served
            if verb in kind.verbs
        }
        for path, served in operations.items()
    }


def _parameters(verb: str) -> list[Obj]:
    """The options of a write; kubectl asks here whether the server knows them."""
    return [
        {"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": True}}
        for name, kind in _OPTIONS[verb].items()
    ]


def _reachable(schemas: Iterable[Obj], known: Mapping[str, Obj]) -> set[str]:
    """The names of all types that the schemas refer to, directly or through others."""
    found: set[str] = set()
    waiting = [name for schema in schemas for name in _references(schema)]
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found.add(name)
            waiting += _references(known[name])
    return found


def _references(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"].removeprefix(REFERENCE)] if "$ref" in schema else []
        return own + [name for child in schema.values() for name in _references(child)]
    if isinstance(schema, list):
        return [name for child in schema for name in _references(child)]
    return []
