"""What the model sees of the tools, and what it hears when it uses them wrongly."""

import json

import pytest

from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.policy import Effect, Mode
from kubeai_bot.errors import ToolError, Unreachable
from kubeai_bot.tools.kubernetes.toolset import KubernetesTools

READS = {
    "list_resources", "get_resource", "describe_resource", "get_logs", "get_events", "top", "explain",
    "api_resources", "rollout_status", "rollout_history", "can_i", "whoami", "list_clusters", "diagnose",
}  # fmt: skip
WRITES = {
    "apply", "patch", "scale", "rollout_restart", "rollout_undo", "rollout_pause", "rollout_resume", "set_image",
    "set_env", "set_resources", "delete", "label", "annotate", "cordon", "uncordon", "drain", "evict",
    "create_job_from_cronjob", "suspend_cronjob", "resume_cronjob",
}  # fmt: skip


def specs(script, identity, mode=Mode.AUTO, names=("demo",)):
    tools = KubernetesTools(dict.fromkeys(names, script), names[0], mode)
    return {spec.name: spec for spec in tools.specs(identity)}


def test_changes_are_offered_only_where_they_are_switched_on(script, mia):
    assert set(specs(script, mia, Mode.NONE)) == READS
    assert set(specs(script, mia, Mode.AUTO)) == READS | WRITES
    assert {spec.name for spec in specs(script, mia).values() if spec.effect is not Effect.READ} == WRITES


def test_schemas_are_flat_and_plain(script, mia):
    for spec in specs(script, mia).values():
        assert spec.parameters["type"] == "object"
        assert set(spec.parameters) <= {"type", "properties", "required"}
        for name, schema in spec.parameters["properties"].items():
            assert set(schema) <= {"type", "description", "enum", "minimum", "maximum", "items"}, (spec.name, name)
            assert schema["type"] in ("string", "integer", "boolean", "array")
            assert schema.get("items", {"type": "string"}) == {"type": "string"}
            assert ("items" in schema) == (schema["type"] == "array")
            assert all(isinstance(choice, str) and choice for choice in schema.get("enum", ()))
        assert set(spec.parameters.get("required", ())) <= set(spec.parameters["properties"])
        assert 20 < len(spec.description) < 350


def test_all_tools_together_cost_little(script, mia):
    def size(mode):
        found = specs(script, mia, mode).values()
        return len(json.dumps([[spec.name, spec.description, spec.parameters] for spec in found]))

    assert size(Mode.NONE) < 11_500
    assert size(Mode.AUTO) < 20_000


def test_the_paging_token_is_called_continue(script, mia):
    assert "continue" in specs(script, mia)["list_resources"].parameters["properties"]


def test_a_cluster_is_chosen_only_where_there_are_several(script, mia):
    assert not any("cluster" in spec.parameters["properties"] for spec in specs(script, mia).values())
    for name, spec in specs(script, mia, names=("prod", "stage")).items():
        choice = spec.parameters["properties"].get("cluster")
        assert choice is None if name == "list_clusters" else choice["enum"] == ["prod", "stage"]


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("list_resources", {}, "'kind' is missing"),
        ("list_resources", {"kind": "pods", "limit": 5000}, "'limit': input should be less than or equal to 500"),
        ("list_resources", {"kind": "pods", "selector": "a=b"}, "there is no argument 'selector'.*label_selector"),
        ("list_resources", {"kind": "pods", "namespace": "a/b"}, "'namespace' must be the name of one namespace"),
        ("list_resources", {"kind": "pods", "namespace": "shop", "all_namespaces": True}, "either namespace or"),
        ("list_resources", {"kind": "pods", "output": "xml"}, "'output': input should be 'table'"),
        (
            "get_resource",
            {"kind": "pods", "name": "pod/web", "namespace": "shop"},
            "'name' must be a plain object name",
        ),
        ("get_resource", {"kind": "pods", "name": "../x", "namespace": "shop"}, "'name' must be a plain object name"),
        ("get_resource", {"kind": "pods", "name": "web"}, "Pod is namespaced: give `namespace`"),
        ("get_resource", {"kind": "pods", "name": "", "namespace": "shop"}, "name is empty"),
        ("get_resource", {"kind": "cm", "name": "x", "namespace": "shop", "path": "a[b"}, "is not a path"),
        ("get_logs", {"namespace": "shop"}, "exactly one of pod, label_selector, workload"),
        ("get_logs", {"namespace": "shop", "pod": "a", "workload": "deploy/b"}, "exactly one of"),
        ("get_logs", {"namespace": "shop", "workload": "checkout"}, "workload is a kind and a name"),
        ("get_logs", {"namespace": "shop", "workload": "service/checkout"}, "kinds: deployment"),
        ("top", {"kind": "nodes", "namespace": "shop"}, "Nodes have no namespace"),
        (
            "scale",
            {"kind": "deployment", "name": "a", "namespace": "shop", "replicas": -1},
            "greater than or equal to 0",
        ),
        ("scale", {"kind": "pod", "name": "a", "namespace": "shop", "replicas": 1}, "'kind': input should be"),
        ("can_i", {"verb": "get", "kind": "pods/shell"}, "pods has no subresource 'shell'. It has: exec, log"),
        ("kubectl", {"command": "get pods"}, "There is no tool 'kubectl'. Tools: .*list_resources"),
        ("list_resources", None, "were not a JSON object"),
        ("list_resources", {"kind": "pods", "cluster": "prod"}, "There is no cluster 'prod'. Clusters: demo"),
    ],
)
async def test_a_wrong_call_is_answered_with_what_would_be_right(scripted, script, mia, tool, arguments, words):
    with pytest.raises(ToolError, match=words):
        await scripted.tools.plan(ToolCall("1", tool, arguments), mia)
    assert script.sent == []


async def test_nulls_count_as_left_out_and_numbers_may_come_as_text(scripted, script, mia, make_table):
    script.answers["GET /api/v1/namespaces/shop/pods"] = make_table(["Name"], [["web"]])
    await scripted.ask(
        mia, "list_resources", kind="pods", namespace="shop", label_selector=None, limit="7", continue_=None
    )
    assert ("limit", "7") in script.sent[0][1].query


async def test_naming_the_only_cluster_is_no_fault(scripted, script, mia, make_table):
    script.answers["GET /api/v1/pods"] = make_table(["Name"], [["web"]])
    result = await scripted.ask(mia, "list_resources", kind="pods", cluster="demo")
    assert "web" in result.content


async def test_discovery_that_fails_is_said_when_the_call_is_planned(mia):
    class Away:
        name = "demo"

        async def resources(self, max_age=None):
            raise Unreachable("cluster demo cannot be reached: connection refused")

    tools = KubernetesTools({"demo": Away()}, "demo", Mode.AUTO)
    with pytest.raises(ToolError, match="could not be read: cluster demo cannot be reached"):
        await tools.plan(ToolCall("1", "list_resources", {"kind": "pods"}), mia)


def test_the_default_cluster_must_be_one_of_them(script):
    with pytest.raises(ValueError, match="none of"):
        KubernetesTools({"demo": script}, "prod", Mode.AUTO)


async def test_a_kind_that_is_served_since_a_moment_ago_is_found_by_a_second_look(script, mia, make_table):
    known = script.kinds
    asked = []

    class Growing:
        name = "demo"
        request = script.request

        async def resources(self, max_age=None):
            asked.append(max_age)
            return known if max_age else ()

    script.answers["GET /api/v1/pods"] = make_table(["Name"], [["web"]])
    tools = KubernetesTools({"demo": Growing()}, "demo", Mode.AUTO)
    planned = await tools.plan(ToolCall("1", "list_resources", {"kind": "pods"}), mia)
    assert planned.acts[0].resource == "pods"
    assert asked == [None, 10.0]
