"""What holds for every tool: only what was judged is sent, as the person, and never a Secret."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubeai_bot.domain.cluster import Resource
from kubeai_bot.domain.identity import AsKubeconfig, KubeUser
from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.policy import Act, Mode, Policy, Run, judge
from kubeai_bot.errors import ForbiddenByPolicy, ToolError
from kubeai_bot.tools.kubernetes.known import PODS
from kubeai_bot.tools.kubernetes.reach import Reach, Ref, covers
from kubeai_bot.tools.kubernetes.toolset import KubernetesTools

EVERY_READ = [
    ("list_resources", {"kind": "pods", "namespace": "shop"}),
    ("list_resources", {"kind": "all"}),
    ("list_resources", {"kind": "pods", "output": "yaml", "sort_by": ".metadata.name"}),
    ("get_resource", {"kind": "deploy", "name": "cart", "namespace": "shop"}),
    ("get_resource", {"kind": "deploy", "name": "no-such", "namespace": "shop"}),
    ("describe_resource", {"kind": "deploy", "name": "cart", "namespace": "shop"}),
    ("describe_resource", {"kind": "node", "name": "demo-worker-1"}),
    ("describe_resource", {"kind": "svc", "name": "cart", "namespace": "shop"}),
    ("describe_resource", {"kind": "cronjob", "name": "nightly-report", "namespace": "shop"}),
    ("get_logs", {"workload": "deployment/checkout", "namespace": "shop"}),
    ("get_logs", {"label_selector": "app=cart", "namespace": "shop"}),
    ("get_events", {"namespace": "shop", "kind": "Pod"}),
    ("get_events", {}),
    ("top", {"kind": "pods"}),
    ("top", {"kind": "nodes"}),
    ("rollout_status", {"name": "cart", "namespace": "shop"}),
    ("rollout_history", {"name": "cart", "namespace": "shop"}),
    ("explain", {"kind": "deploy", "field": "spec"}),
    ("api_resources", {}),
    ("can_i", {"verb": "list", "kind": "secrets"}),
    ("whoami", {}),
    ("list_clusters", {}),
]


async def test_every_request_is_made_as_the_person_with_all_groups(desk, demo, omar):
    for tool, arguments in EVERY_READ:
        try:
            await desk.ask(omar, tool, **arguments)
        except ToolError:
            continue
    own = [record for record in demo.requests if record.impersonated_user is None]
    assert {record.path for record in own} == {"/api", "/apis"}
    others = [record for record in demo.requests if record.impersonated_user is not None]
    assert len(others) > len(EVERY_READ)
    assert {record.impersonated_user for record in others} == {"omar@shop.example"}
    assert {record.impersonated_groups for record in others} == {("platform-engineers",)}


async def test_reads_change_nothing(desk, demo, root):
    version = demo.state.store.version
    for tool, arguments in EVERY_READ:
        try:
            await desk.ask(root, tool, **arguments)
        except ToolError:
            continue
    assert {record.method for record in demo.requests} <= {"GET", "POST"}
    assert {record.path for record in demo.requests if record.method == "POST"} == {
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    }
    changed_by_tools = [
        r for r in demo.requests if r.verb in {"create", "update", "patch", "delete"} and r.method != "POST"
    ]
    assert changed_by_tools == []
    assert demo.state.store.version >= version


words = st.sampled_from(
    ["secret", "secrets", "Secret", "SECRETS", "v1 Secret", "v1/secrets", "secrets.v1.", "secrets.v1", "secrets.",
     "pods,secrets", "secrets,all",
     "all", "po", "configmaps", "v1, Kind=Secret", "secret/db", "secrets/db", " secrets "]
)  # fmt: skip
tools_with_kinds = st.sampled_from(["list_resources", "get_resource", "describe_resource"])


@given(words, tools_with_kinds, st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
async def test_no_word_for_secrets_passes_policy(scripted, script, root, word, tool, everywhere):
    arguments = {"kind": word}
    if tool != "list_resources":
        arguments |= {"name": "db", "namespace": "shop"}
    elif everywhere:
        arguments |= {"all_namespaces": True}
    try:
        planned = await scripted.tools.plan(ToolCall("1", tool, arguments), root)
    except ToolError:
        return
    about_secrets = "secret" in word.lower()
    assert any(act.resource == "secrets" for act in planned.acts) == about_secrets
    assert isinstance(judge(planned.effect, planned.acts, Policy(Mode.AUTO), root), Run) != about_secrets


async def test_even_an_admin_gets_no_secret_through_any_tool(desk, demo, root):
    for tool, arguments in [
        *EVERY_READ,
        ("list_resources", {"kind": "all", "namespace": "kube-system", "output": "yaml"}),
    ]:
        try:
            await desk.ask(root, tool, **arguments)
        except ToolError:
            continue
    assert not [record.path for record in demo.requests if "/secrets" in record.path]


async def test_a_request_that_was_not_declared_is_not_sent(script, mia):
    declared = Ref(PODS, "shop", "web").act("demo", "get")
    reach = Reach(script, mia.on("demo"), [declared])
    for ref in (
        Ref(PODS, "shop", "db"),
        Ref(PODS, "payments", "web"),
        Ref(PODS, "shop"),
        Ref(PODS, "shop", "web", "log"),
    ):
        with pytest.raises(ForbiddenByPolicy, match="did not declare"):
            await reach.get(ref)
    for verb in ("create", "update", "patch", "delete"):
        with pytest.raises(ForbiddenByPolicy, match="did not declare"):
            await reach.write(verb, Ref(PODS, "shop", "web"), {})
    assert script.sent == []


acts = st.builds(
    Act,
    st.sampled_from(["a", "b"]),
    st.sampled_from(["get", "list"]),
    st.sampled_from(["", "apps"]),
    st.sampled_from(["pods", "secrets"]),
    st.sampled_from(["", "log"]),
    st.sampled_from(["", "shop", "payments"]),
    st.sampled_from(["", "web"]),
)


@given(acts, acts)
def test_an_act_covers_itself_and_what_is_narrower(declared, wanted):
    assert covers(declared, declared)
    assert covers(replace(wanted, namespace="", name=""), wanted)
    if covers(declared, wanted):
        assert (declared.cluster, declared.verb, declared.group) == (wanted.cluster, wanted.verb, wanted.group)
        assert (declared.resource, declared.subresource) == (wanted.resource, wanted.subresource)
        assert declared.namespace in ("", wanted.namespace)


async def test_what_was_planned_is_not_run_where_the_kind_means_something_else_by_now(scripted, script, mia):
    planned = await scripted.tools.plan(ToolCall("1", "list_resources", {"kind": "issuers"}), mia)
    script.kinds = [Resource("other.example", "v1", "issuers", "Issuer", True, frozenset({"list"}))]
    with pytest.raises(ToolError, match="has changed since"):
        await scripted.run(planned, mia)
    assert script.sent == []


async def test_an_identity_may_differ_from_cluster_to_cluster(script, mia, make_context):
    other = replace(script, name="prod", sent=[], answers={})
    identity = replace(mia, per_cluster=(("prod", KubeUser("mia-prod")),))
    tools = KubernetesTools({"demo": script, "prod": other}, "demo", Mode.AUTO)
    for cluster in ("demo", "prod"):
        planned = await tools.plan(ToolCall("1", "whoami", {"cluster": cluster}), identity)
        assert {act.cluster for act in planned.acts} == {cluster}
        await tools.call(planned, identity, make_context())
    assert [who.user for who, _ in script.sent] == ["mia@shop.example"]
    assert [who.user for who, _ in other.sent] == ["mia-prod"]


async def test_without_impersonation_requests_go_out_as_the_kubeconfigs_user(scripted, script, mia):
    identity = replace(mia, method="kubeconfig", kube=None)
    result = await scripted.ask(identity, "whoami")
    assert script.sent[0][0] == AsKubeconfig()
    assert "WARNING: impersonation is off" in result.content


async def test_texts_of_the_cluster_carry_no_control_characters(scripted, script, mia, make_table):
    nasty = "web\x1b[31mred\x1b[0m\x07\u202edoc\u200b\x00"
    script.answers["GET /api/v1/namespaces/shop/pods"] = make_table(["Name", "Status"], [["web", nasty]])
    result = await scripted.ask(mia, "list_resources", kind="pods", namespace="shop")
    assert "webreddoc" in result.content
    assert not any(char in result.content for char in "\x1b\x07\u202e\u200b\x00")
