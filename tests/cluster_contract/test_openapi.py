"""OpenAPI v3: an index of documents, with the schemas that `kubectl explain` reads."""

from __future__ import annotations

from typing import Any

import pytest
from contract_backend import Api


def _schemas(api: Api, place: str) -> Any:
    index = api.get("/openapi/v3")["paths"]
    address = index[place]["serverRelativeURL"]
    assert address.startswith(f"/openapi/v3/{place}?hash=")
    return api.get(address)["components"]["schemas"]


def _of_kind(schemas: Any, group: str, version: str, kind: str) -> Any:
    wanted = {"group": group, "version": version, "kind": kind}
    return next(one for one in schemas.values() if wanted in one.get("x-kubernetes-group-version-kind", ()))


@pytest.mark.parametrize(
    ("place", "name", "identity", "field", "target"),
    [
        (
            "apis/apps/v1",
            "io.k8s.api.apps.v1.Deployment",
            ("apps", "v1", "Deployment"),
            "spec",
            "io.k8s.api.apps.v1.DeploymentSpec",
        ),
        ("api/v1", "io.k8s.api.core.v1.Pod", ("", "v1", "Pod"), "spec", "io.k8s.api.core.v1.PodSpec"),
        ("api/v1", "io.k8s.api.core.v1.Service", ("", "v1", "Service"), "spec", "io.k8s.api.core.v1.ServiceSpec"),
    ],
)
def test_kinds_refer_to_the_types_of_their_fields(
    bot: Api, place: str, name: str, identity: tuple[str, str, str], field: str, target: str
) -> None:
    schemas = _schemas(bot, place)
    kind = _of_kind(schemas, *identity)
    assert kind is schemas[name]
    assert kind["description"]
    assert kind["properties"][field]["allOf"] == [{"$ref": f"#/components/schemas/{target}"}]
    assert schemas[target]["properties"]


def test_fields_have_types_and_descriptions(bot: Api) -> None:
    schemas = _schemas(bot, "apis/apps/v1")
    spec = schemas["io.k8s.api.apps.v1.DeploymentSpec"]
    assert set(spec["required"]) == {"selector", "template"}
    replicas = spec["properties"]["replicas"]
    assert (replicas["type"], replicas["format"]) == ("integer", "int32")
    assert replicas["description"]
    container = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert container["type"] == "array"
    data = _schemas(bot, "api/v1")["io.k8s.api.core.v1.ConfigMap"]["properties"]["data"]
    assert (data["type"], data["additionalProperties"]["type"]) == ("object", "string")


def test_every_field_written_down_exists_on_the_real_server(bot: Api) -> None:
    """The demo describes a part of each type; the part must be real. On the demo this is trivially so."""
    from kubeai_bot.playground.cluster.schemas import builtin_schemas

    served = {**_schemas(bot, "api/v1"), **_schemas(bot, "apis/apps/v1")}
    for name, schema in builtin_schemas().items():
        assert name in served, name
        for field, described in schema.get("properties", {}).items():
            real = served[name]["properties"].get(field)
            assert real is not None, f"{name}.{field}"
            assert real.get("type") == described.get("type"), f"{name}.{field}"


def test_custom_resources_bring_their_own_schema(bot: Api) -> None:
    backup = _of_kind(_schemas(bot, "apis/shop.example/v1"), "shop.example", "v1", "Backup")
    assert backup["properties"]["spec"]["properties"]["source"] == {"type": "string"}
    assert set(backup["properties"]) == {"apiVersion", "kind", "metadata", "spec", "status"}
