"""With several clusters, every call is about one of them, and says which."""

from dataclasses import replace

import pytest

from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.policy import Mode
from kubeai_bot.errors import ToolError, Unreachable
from kubeai_bot.tools.kubernetes.toolset import KubernetesTools

SCALE = "/apis/apps/v1/namespaces/shop/deployments/cart/scale"


@pytest.fixture
def two(script):
    prod = replace(script, name="prod", sent=[], answers={})
    return {"demo": script, "prod": prod}


async def test_without_a_default_a_call_must_say_which_cluster(two, mia):
    tools = KubernetesTools(two, "", Mode.AUTO)
    for arguments in ({}, {"cluster": ""}, {"cluster": None}):
        with pytest.raises(ToolError, match=r"several clusters: demo, prod. Which one is meant\? Ask the person"):
            await tools.plan(ToolCall("1", "whoami", arguments), mia)
    planned = await tools.plan(ToolCall("1", "whoami", {"cluster": "prod"}), mia)
    assert {act.cluster for act in planned.acts} == {"prod"}
    schema = {spec.name: spec for spec in tools.specs(mia)}["whoami"].parameters["properties"]["cluster"]
    assert "ask them" in schema["description"]


def test_a_default_may_be_missing_only_where_there_are_several(script):
    with pytest.raises(ValueError, match="is none of"):
        KubernetesTools({"demo": script}, "", Mode.AUTO)


async def test_results_and_intents_name_their_cluster(two, script, mia, make_context):
    tools = KubernetesTools(two, "demo", Mode.AUTO)
    for name in two:
        arguments = {} if name == "demo" else {"cluster": name}
        two[name].answers[f"GET {SCALE}"] = {"metadata": {"uid": "u", "resourceVersion": "7"}, "spec": {"replicas": 2}}
        two[name].answers[f"PUT {SCALE}"] = lambda request: request.body
        call = ToolCall(
            "1", "scale", {**arguments, "kind": "deployment", "name": "cart", "namespace": "shop", "replicas": 3}
        )
        planned = await tools.plan(call, mia)
        assert planned.intent == f"Scale deployment shop/cart to 3 replicas (cluster {name})"
        result = await tools.call(planned, mia, make_context())
        assert result.content.startswith(f"Cluster {name}:\n")
        assert result.summary == f"{name}: 2 → 3"
        assert (result.undo.id, result.undo.arguments["cluster"]) == ("1-undo", name)
        assert (result.verify.id, result.verify.arguments["cluster"]) == ("1-verify", name)


async def test_all_clusters_are_listed_whether_there_is_a_default_or_not(two, mia, make_context):
    two["demo"].answers["GET /version"] = {"gitVersion": "v1.36.2"}
    two["prod"].answers["GET /version"] = Unreachable("cluster prod cannot be reached: connection refused")
    tools = KubernetesTools(two, "", Mode.AUTO)
    planned = await tools.plan(ToolCall("1", "list_clusters", {}), mia)
    content = (await tools.call(planned, mia, make_context())).content
    assert "NOT REACHABLE: cluster prod cannot be reached: connection refused" in content
    assert "Kubernetes v1.36.2" in content
    assert "default" not in content
