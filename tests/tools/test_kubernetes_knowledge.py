"""explain, api_resources, can_i, whoami and list_clusters."""

import pytest

from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.policy import Act, Mode
from kubeai_bot.errors import ApiStatus, ToolError, Unreachable
from kubeai_bot.tools.kubernetes.toolset import KubernetesTools


async def test_fields_are_explained_from_the_clusters_own_schema(desk, demo, mia):
    result = await desk.ask(mia, "explain", kind="deploy", field="spec.template.spec.containers")
    first, *rest = result.content.splitlines()
    assert first == "Deployment.spec.template.spec.containers (apps/v1) <[]object>"
    assert any(line.startswith("  image <string>") for line in rest)
    asked = next(record for record in demo.requests if record.path.startswith("/openapi/v3/"))
    assert asked.impersonated_user == "mia@shop.example"


async def test_a_field_that_is_not_there_is_answered_with_those_that_are(desk, mia):
    with pytest.raises(ToolError, match=r"Deployment.spec has no field 'replica'. Its fields: .*replicas"):
        await desk.ask(mia, "explain", kind="deploy", field="spec.replica")


SCHEMAS = {
    "vendor.Widget": {
        "description": "A widget.",
        "type": "object",
        "required": ["spec"],
        "properties": {
            "spec": {"allOf": [{"$ref": "#/components/schemas/vendor.Spec"}], "description": "What is wanted."}
        },
        "x-kubernetes-group-version-kind": [{"group": "cert-manager.io", "version": "v1", "kind": "Issuer"}],
    },
    "vendor.Spec": {
        "type": "object",
        "properties": {
            "port": {"x-kubernetes-int-or-string": True},
            "mode": {"type": "string", "enum": ["a", "b"]},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "again": {"$ref": "#/components/schemas/vendor.Spec"},
        },
    },
}


async def test_references_maps_and_choices_are_followed(scripted, script, mia):
    script.answers["GET /openapi/v3/apis/cert-manager.io/v1"] = {"components": {"schemas": SCHEMAS}}

    async def explain(field=""):
        return (await scripted.ask(mia, "explain", kind="issuer", field=field)).content

    assert (
        await explain()
        == "Issuer (cert-manager.io/v1) <object>\nA widget.\n  spec <object> (required): What is wanted."
    )
    spec = await explain("spec")
    assert "port <int or string>" in spec
    assert "labels <map[string]string>" in spec
    assert "One of: a, b" in await explain("spec.again.again.mode")


async def test_a_cluster_without_schemas_says_so(scripted, mia):
    with pytest.raises(ToolError, match="publishes no OpenAPI v3 schema of api/v1"):
        await scripted.ask(mia, "explain", kind="pods")


async def test_kinds_are_listed_by_group_with_short_names(desk, demo, mia):
    result = await desk.ask(mia, "api_resources")
    assert "daemonsets (ds), deployments (deploy)" in result.content
    assert "nodes* (no)" in result.content
    custom = await desk.ask(mia, "api_resources", grep="shop.example")
    assert custom.content.splitlines()[0].startswith("shop.example/v1: backups")
    wide = await desk.ask(mia, "api_resources", namespaced="no")
    assert "nodes*" in wide.content
    assert "deployments" not in wide.content
    assert {record.path for record in demo.requests} == {"/api", "/apis"}


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({"verb": "get", "kind": "pods/log", "namespace": "shop"}, "Yes"),
        ({"verb": "list", "kind": "deployments.apps", "namespace": "shop"}, "Yes"),
        ({"verb": "list", "kind": "pods", "namespace": "payments"}, "No"),
        ({"verb": "list", "kind": "pods"}, "No"),
        ({"verb": "update", "kind": "deploy/scale", "namespace": "shop"}, "No"),
        ({"verb": "delete", "kind": "apps/v1/deployments", "namespace": "shop"}, "No"),
    ],
)
async def test_the_cluster_says_what_the_person_may_do(desk, demo, mia, asked, answer):
    result = await desk.ask(mia, "can_i", **asked)
    assert result.content.startswith(f"{answer}: mia@shop.example (shop-developers) may")
    assert demo.requests[-1].impersonated_user == "mia@shop.example"
    assert desk.planned[0].acts == (Act("demo", "create", "authorization.k8s.io", "selfsubjectaccessreviews"),)


async def test_rights_on_secrets_may_be_asked_about_with_a_word_on_the_bot(desk, mia, root):
    assert (await desk.ask(mia, "can_i", verb="list", kind="secrets", namespace="shop")).content.startswith("No: ")
    admin = (await desk.ask(root, "can_i", verb="list", kind="secrets", namespace="shop")).content
    assert admin.startswith("Yes: ")
    assert admin.endswith("This bot itself never reads Secrets, whatever the rights.")


async def test_the_cluster_confirms_who_is_asking(desk, mia, shared):
    result = await desk.ask(mia, "whoami")
    assert "The cluster sees: user mia@shop.example, groups shop-developers, system:authenticated." in result.content
    assert "shared by everybody" in (await desk.ask(shared, "whoami")).content


async def test_a_cluster_that_cannot_confirm_leaves_the_rest_standing(scripted, script, mia):
    script.answers["POST /apis/authentication.k8s.io/v1/selfsubjectreviews"] = ApiStatus(
        403, "Forbidden", "not granted"
    )
    result = await scripted.ask(mia, "whoami")
    assert "made as mia@shop.example (shop-developers)" in result.content
    assert "did not confirm that: not granted" in result.content


async def test_clusters_are_listed_with_their_state(script, mia, make_context):
    away = type(script)({"GET /version": Unreachable("cluster away cannot be reached: connection refused")}, "away")
    shy = type(script)({"GET /version": ApiStatus(403, "Forbidden", "no")}, "shy")
    script.answers["GET /version"] = {"gitVersion": "v1.36.2"}
    tools = KubernetesTools({"demo": script, "away": away, "shy": shy}, "demo", Mode.AUTO)
    planned = await tools.plan(ToolCall("1", "list_clusters", {}), mia)
    lines = (await tools.call(planned, mia, make_context())).content.splitlines()
    assert [line.split() for line in lines[1:2]] == [["demo", "default", "Kubernetes", "v1.36.2"]]
    assert "NOT REACHABLE: cluster away cannot be reached: connection refused" in lines[2]
    assert "answers, but did not tell its version (HTTP 403)" in lines[3]
    assert planned.acts == ()
