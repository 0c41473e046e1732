"""apply and patch: several objects, conflicts of managers, and manifests that must not pass."""

import copy

import pytest

from kubeai_bot.domain.policy import SECRETS_REFUSED
from kubeai_bot.errors import ToolError

TWO = """
apiVersion: v1
kind: ConfigMap
metadata: {name: one, namespace: shop}
data: {a: "1"}
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: two}
  data: {when: 2026-11-21, yes: "on"}
"""


async def test_several_documents_and_lists_are_applied_together(desk, demo, omar):
    arguments = {"manifest": TWO.replace("{name: one, namespace: shop}", "{name: one}"), "namespace": "shop"}
    preview = await desk.try_out(omar, "apply", **arguments)
    assert preview.objects == ("ConfigMap shop/one", "ConfigMap shop/two")
    assert preview.diff.count("--- /dev/null") == 2
    result = await desk.run(await desk.plan(omar, "apply", **arguments), omar, preview.digest)
    assert "Applied 2 objects" in result.content
    assert demo.find("", "configmaps", "shop", "two")["data"]["when"] == "2026-11-21", "times stay texts"
    assert desk.lines == ["0 of 2 objects changed", "1 of 2 objects changed"]
    assert len(result.audit_ids) == 2


async def test_an_object_that_fails_leaves_the_ones_before_told(desk, demo, omar):
    made = []

    async def refuse(record):
        if record.method == "PATCH" and record.path.endswith("/two") and record.query.get("dryRun") != "All":
            made.append(record)
            demo.state.store.create(
                ("", "configmaps"),
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": "two", "namespace": "shop", "uid": "other"},
                },
            )

    demo.on_request.append(refuse)
    result = await desk.ask(omar, "apply", manifest=TWO, namespace="shop")
    assert not result.ok
    assert "Changed: ConfigMap shop/one. Then it stopped at ConfigMap shop/two (this was not done" in result.content
    assert len(result.audit_ids) == 1
    assert len(made) == 1
    assert "data" not in demo.find("", "configmaps", "shop", "two"), "what somebody else made is not written over"


async def test_fields_of_another_manager_are_a_conflict_that_names_it(desk, demo, omar):
    manifest = "{apiVersion: v1, kind: ConfigMap, metadata: {name: shared, namespace: shop}, data: {a: '%s'}}"
    await desk.ask(omar, "apply", manifest=manifest % "1")
    path = "/api/v1/namespaces/shop/configmaps/shared"
    found = demo.find("", "configmaps", "shop", "shared")
    assert [entry["manager"] for entry in found["metadata"]["managedFields"]] == ["kubeai-bot"]
    other = copy.deepcopy(found)
    other["metadata"]["managedFields"][0]["manager"] = "argocd"
    demo.state.store.replace(("", "configmaps"), other)
    with pytest.raises(ToolError, match=r'Other managers own fields.*"argocd".*\.data\.a.*force=true'):
        await desk.try_out(omar, "apply", manifest=manifest % "2")
    forced = await desk.try_out(omar, "apply", manifest=manifest % "2", force=True)
    assert forced.risk == "high"
    await desk.ask(omar, "apply", manifest=manifest % "2", force=True)
    assert demo.find("", "configmaps", "shop", "shared")["data"] == {"a": "2"}
    assert [r.query.get("force") for r in demo.requests if r.path == path and r.method == "PATCH"][-1] == "true"


SECRET = "{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: shop}, stringData: {a: b}}"


SECRETS = [
    SECRET,
    SECRET.replace("Secret", "secret"),
    SECRET.replace("kind: Secret", "kind: ' Secret '"),
    f"{{apiVersion: v1, kind: List, items: [{SECRET}]}}",
    f"{{apiVersion: v1, kind: SecretList, items: [{SECRET}]}}",
    f"{{apiVersion: v1, kind: List, items: [{{apiVersion: v1, kind: List, items: [{SECRET}]}}]}}",
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: shop}}\n---\n" + SECRET,
    f"{{apiVersion: bitnami.com/v1, kind: Wrapped, metadata: {{name: a}}, spec: {{template: {SECRET}}}}}",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}",
    '{"apiVersion": "v1", "kind": "\\u0053ecret", "metadata": {"name": "s", "namespace": "shop"}, "data": {}}',
]


async def test_secrets_are_refused_in_every_shape_before_anything_is_sent(desk, demo, root, subtests):
    for manifest in SECRETS:
        with subtests.test(manifest):
            with pytest.raises(ToolError) as caught:
                await desk.ask(root, "apply", manifest=manifest)
            assert str(caught.value) == SECRETS_REFUSED
    assert not [r for r in demo.requests if r.method != "GET" or "secrets" in r.path]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("patch", {"kind": "secret", "name": "s", "namespace": "shop", "patch": "{data: {a: Yg==}}"}),
        ("delete", {"kind": "v1/secrets", "name": "s", "namespace": "shop"}),
        ("label", {"kind": "secrets", "name": "s", "namespace": "shop", "labels": ["a=b"]}),
        ("annotate", {"kind": "Secret", "name": "s", "namespace": "shop", "annotations": ["a=b"]}),
    ],
)
async def test_secrets_are_refused_to_the_other_tools_by_policy(desk, demo, root, tool, arguments):
    with pytest.raises(Exception, match="Secrets are off limits"):
        await desk.ask(root, tool, **arguments)
    assert not [r for r in demo.requests if "secrets" in r.path]


EMPTY = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: shop}}"
FAULTY = [
    ("", "should have at least 1 character"),
    ("---\n---\n", "is empty"),
    ("a: b: c", "not valid YAML"),
    ("- just\n- a list", "must be an object"),
    ("{apiVersion: v1, kind: ConfigMap, metadata: {generateName: a-}}", "no generateName"),
    ("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}", "is namespaced"),
    ("{apiVersion: v1, kind: ConfigMap, metadata: {name: a/status, namespace: shop}}", "plain object name"),
    ("{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: shop/pods/x}}", "name of one namespace"),
    ("{apiVersion: v1, kind: Nothing, metadata: {name: a, namespace: shop}}", "serves no kind 'v1 Nothing'"),
    ("a: &x [1]\nb: [*x, *x]", "YAML aliases"),
    (f"{EMPTY[:-1]}, data: {{a: !!binary aGk=}}}}", "JSON has no form"),
    (f"{EMPTY[:-1]}, data: {{a: .inf}}}}", "JSON has no form"),
    ("!!python/object/apply:os.system ['true']", "not valid YAML"),
    ("[" * 50_000, "nested too deeply"),
    ("\n---\n".join(EMPTY.replace("name: a", f"name: a{number}") for number in range(21)), "has 21 objects"),
    ("\n---\n".join([EMPTY] * 2), "twice"),
]  # fmt: skip


async def test_a_manifest_that_cannot_be_applied_is_answered_with_the_reason(desk, demo, omar, subtests):
    for manifest, words in FAULTY:
        with subtests.test(words), pytest.raises(ToolError, match=words):
            await desk.ask(omar, "apply", manifest=manifest)
    assert not [r for r in demo.requests if r.method == "PATCH"]


async def test_namespace_and_manifest_must_agree(desk, omar):
    manifest = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: payments}}"
    with pytest.raises(ToolError, match="written for namespace payments, the call says shop"):
        await desk.ask(omar, "apply", manifest=manifest, namespace="shop")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"patch": "[]", "type": "merge"}, "type merge is an object"),
        ({"patch": "{}", "type": "json"}, "type json is a list"),
        ({"patch": "{}\n---\n{}"}, "one document"),
        ({"patch": '{"spec": {"template": {"apiVersion": "v1", "kind": "Secret"}}}'}, "Secrets are off limits"),
    ],
)
async def test_a_patch_that_cannot_be_sent_is_answered_with_the_reason(desk, omar, arguments, words):
    with pytest.raises(ToolError, match=words):
        await desk.ask(omar, "patch", kind="deploy", name="cart", namespace="shop", **arguments)


async def test_a_patch_cannot_choose_its_own_version(desk, demo, omar):
    arguments = {"kind": "deploy", "name": "cart", "namespace": "shop"}
    await desk.ask(omar, "patch", **arguments, patch='{"metadata": {"resourceVersion": "1", "labels": {"a": "b"}}}')
    sent = [r for r in demo.requests if r.method == "PATCH"][-1].body
    assert sent["metadata"]["resourceVersion"] not in (None, "1")
