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


def test_every_field_is_declared_as_on_the_real_server(bot: Api) -> None:
    """Types, defaults, and how lists and maps are merged: apply and patches follow these. On the demo trivially so."""
    from kubeai_bot.playground.cluster.schemas import builtin_schemas

    places = [f"apis/{group}/v1" for group in ("apps", "batch", "policy", "networking.k8s.io", "coordination.k8s.io")]
    places += ["api/v1", "apis/autoscaling/v2", "apis/rbac.authorization.k8s.io/v1", "apis/events.k8s.io/v1"]
    served = {name: schema for place in places for name, schema in _schemas(bot, place).items()}
    for name, schema in builtin_schemas().items():
        if not name.startswith(_ELSEWHERE):
            assert _bare(served[name].get("properties")) == _bare(schema.get("properties")), name


_ELSEWHERE = "io.k8s.api.autoscaling.v1."
_LEFT_OUT = {"description", "enum"}


def _bare(schema: Any) -> Any:
    """A schema without words, lists of values, and the defaults of items (which nothing follows)."""
    if isinstance(schema, list):
        return [_bare(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _bare(value) for key, value in schema.items() if key not in _LEFT_OUT}
    for inner in ("items", "additionalProperties"):
        if isinstance(found.get(inner), dict):
            found[inner].pop("default", None)
    return {**found.pop("allOf", [{}])[0], **found}


def test_writes_name_their_options(bot: Api) -> None:
    index = bot.get("/openapi/v3")["paths"]["apis/apps/v1"]["serverRelativeURL"]
    paths = bot.get(index)["paths"]
    one = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]
    for method, options in {"put": {"dryRun", "fieldValidation"}, "patch": {"dryRun", "force"}}.items():
        assert options <= {parameter["name"] for parameter in one[method]["parameters"]}


def test_custom_resources_bring_their_own_schema(bot: Api) -> None:
    backup = _of_kind(_schemas(bot, "apis/shop.example/v1"), "shop.example", "v1", "Backup")
    assert backup["properties"]["spec"]["properties"]["source"] == {"type": "string"}
    assert set(backup["properties"]) == {"apiVersion", "kind", "metadata", "spec", "status"}
