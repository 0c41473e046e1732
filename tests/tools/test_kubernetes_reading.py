"""list_resources and get_resource, over the demo cluster and over scripted answers."""

import json
import re

import pytest
import yaml

from kubeai_bot.errors import ApiStatus, ForbiddenByPolicy, ToolError, Unreachable

PODS = "GET /api/v1/namespaces/shop/pods"
_AGE = re.compile(r"\b(\d+[smhdy])+\b *")


def fault(demo, kind):
    return next(found for found in demo.scenario.faults if found.kind == kind)


async def test_a_person_sees_the_pods_of_their_namespace_as_kubectl_shows_them(desk, demo, mia):
    result = await desk.ask(mia, "list_resources", kind="pods", namespace="shop")
    lines = result.content.splitlines()
    assert lines[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    row = next(line for line in lines if line.startswith(fault(demo, "crash-loop").pod))
    assert "CrashLoopBackOff" in row
    assert result.summary == f"{len(lines) - 1} pods"
    assert desk.planned[0].intent == "List pods in shop"


async def test_a_missing_right_in_all_namespaces_is_named_with_what_may_work(desk, mia):
    with pytest.raises(ToolError) as error:
        await desk.ask(mia, "list_resources", kind="pods")
    words = str(error.value)
    assert words.startswith("Forbidden: mia@shop.example (shop-developers) lacks this right in cluster demo: ")
    assert 'User "mia@shop.example" cannot list resource "pods" in API group "" at the cluster scope' in words
    assert "A single namespace may be allowed" in words


async def test_a_missing_right_in_a_namespace_suggests_no_namespace(desk, mia):
    with pytest.raises(ToolError, match=r"Forbidden: .* in the namespace \"payments\"$"):
        await desk.ask(mia, "list_resources", kind="pods", namespace="payments")


async def test_people_see_different_things(desk, mia, omar, shared):
    everything = await desk.ask(omar, "list_resources", kind="pods", all_namespaces=True)
    assert {line.split()[0] for line in everything.content.splitlines()[1:]} == {"shop", "payments", "kube-system"}
    as_shared = (await desk.ask(shared, "list_resources", kind="pods")).content
    assert _AGE.sub("", as_shared) == _AGE.sub("", everything.content)
    assert "demo-worker-1" in (await desk.ask(omar, "list_resources", kind="nodes")).content
    with pytest.raises(ToolError, match="Forbidden"):
        await desk.ask(mia, "list_resources", kind="nodes")


async def test_custom_resources_are_listed_with_their_own_columns(desk, omar):
    result = await desk.ask(omar, "list_resources", kind="backups")
    assert result.content.splitlines()[0].split()[:4] == ["NAMESPACE", "NAME", "SOURCE", "PHASE"]


async def test_several_kinds_and_categories_are_shown_below_each_other(desk, omar):
    result = await desk.ask(omar, "list_resources", kind="all", namespace="payments")
    assert "# deployments.apps\n" in result.content
    assert result.content.splitlines()[-1].startswith("None found: ")
    assert "daemonsets.apps" in result.content.splitlines()[-1]


async def test_one_forbidden_kind_among_several_leaves_the_others(desk, mia):
    result = await desk.ask(mia, "list_resources", kind="pods,nodes", namespace="shop")
    assert result.ok
    assert "# nodes\nForbidden" in result.content
    assert "frontend" in result.content


async def test_nothing_there_forbidden_and_not_found_are_different_sentences(desk, omar, mia):
    nothing = await desk.ask(omar, "list_resources", kind="ingresses", namespace="payments")
    assert nothing.content == "There are no ingresses.networking.k8s.io in namespace payments."
    none_match = await desk.ask(omar, "list_resources", kind="pods", namespace="shop", label_selector="app=nope")
    assert none_match.content == "No pods in namespace shop match label selector 'app=nope'."
    with pytest.raises(ToolError, match=r"^There is no namespace shpo in cluster demo"):
        await desk.ask(omar, "list_resources", kind="pods", namespace="shpo")
    with pytest.raises(ToolError, match=r"^There is no Deployment cartt in namespace shop .*Similar: cart"):
        await desk.ask(omar, "get_resource", kind="deploy", name="cartt", namespace="shop")
    with pytest.raises(ToolError, match=r"^Forbidden: mia"):
        await desk.ask(mia, "get_resource", kind="deploy", name="payments-api", namespace="payments")


async def test_selectors_are_the_servers_and_its_complaints_arrive_word_for_word(desk, mia):
    running = await desk.ask(
        mia, "list_resources", kind="pods", namespace="shop", field_selector="status.phase=Pending"
    )
    assert "match field selector" in running.content
    with pytest.raises(ToolError, match=r"refused the request .HTTP 400.: field label not supported: spec.color"):
        await desk.ask(mia, "list_resources", kind="pods", namespace="shop", field_selector="spec.color=red")


async def test_pages_follow_each_other_without_gaps(desk, omar):
    whole = await desk.ask(omar, "list_resources", kind="pods", output="names")
    names, token = [], ""
    for _ in range(20):
        page = await desk.ask(omar, "list_resources", kind="pods", output="names", limit=5, continue_=token)
        lines = page.content.splitlines()
        names += [line for line in lines if not line.startswith("[")]
        if not lines[-1].startswith("["):
            break
        token = lines[-1].split("continue=")[1].rstrip("]")
    assert names == whole.content.splitlines()


async def test_an_expired_token_says_to_list_again(desk, demo, omar):
    page = await desk.ask(omar, "list_resources", kind="pods", limit=2)
    token = page.content.splitlines()[-1].split("continue=")[1].rstrip("]")
    await desk.ask(omar, "scale", kind="deployment", name="cart", namespace="shop", replicas=1)
    demo.state.store.compact()
    with pytest.raises(ToolError, match="list again without it"):
        await desk.ask(omar, "list_resources", kind="pods", limit=2, continue_=token)


async def test_the_worst_come_first_when_sorted_by_restarts(desk, omar):
    result = await desk.ask(omar, "list_resources", kind="pods", sort_by="-restarts", limit=3)
    lines = result.content.splitlines()
    counts = [int(line.split()[4]) for line in lines[1:4]]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 0
    assert lines[4].startswith("[24 of 27 left out")


async def test_a_path_sorts_by_what_only_the_objects_hold(desk, demo, omar):
    result = await desk.ask(
        omar, "list_resources", kind="pods", namespace="shop", sort_by="-.status.startTime", limit=1
    )
    pods = demo.state.store.list_at(("", "pods"), "shop", demo.state.store.version)
    newest = max(pods, key=lambda pod: pod["status"].get("startTime", ""))
    assert newest["metadata"]["name"] in result.content


async def test_grep_wide_and_names(desk, omar):
    wide = await desk.ask(omar, "list_resources", kind="pods", namespace="shop", output="wide", grep="cart|search")
    rows = wide.content.splitlines()
    assert "NODE" in rows[0]
    assert {row.split("-")[0] for row in rows[1:]} == {"cart", "search"}
    names = await desk.ask(omar, "list_resources", kind="deploy", namespace="shop", output="names")
    assert "cart" in names.content.splitlines()


async def test_yaml_lists_hold_whole_objects(desk, omar):
    result = await desk.ask(omar, "list_resources", kind="cm", namespace="shop", output="yaml", grep="checkout")
    documents = [document for document in yaml.safe_load_all(result.content) if document]
    assert [document["metadata"]["name"] for document in documents] == ["checkout-config"]
    assert documents[0]["kind"] == "ConfigMap"


async def test_a_server_without_tables_gets_rows_from_objects(desk, demo, omar):
    demo.state.tables = False
    result = await desk.ask(omar, "list_resources", kind="pods", namespace="shop", grep="frontend")
    assert result.content.splitlines()[0].split() == ["NAME", "STATUS", "AGE"]
    assert "Running" in result.content


async def test_a_server_that_refuses_tables_outright_is_asked_for_objects(scripted, script, mia):
    def plain_only(request):
        if "as=Table" in request.accept:
            return ApiStatus(406, "NotAcceptable", "only the following media types are accepted: application/json")
        return {"kind": "PodList", "items": [{"metadata": {"name": "web"}, "status": {"phase": "Running"}}]}

    def answer(request):
        found = plain_only(request)
        if isinstance(found, Exception):
            raise found
        return found

    script.answers[PODS] = answer
    assert "web" in (await scripted.ask(mia, "list_resources", kind="pods", namespace="shop")).content


async def test_only_as_much_of_the_objects_is_asked_for_as_is_shown(scripted, script, mia, make_table):
    script.answers[PODS] = script.answers["GET /api/v1/pods"] = make_table(["Name"], [["web"]])

    async def included(**arguments):
        await scripted.ask(mia, "list_resources", kind="pods", **arguments)
        return dict(script.sent[-1][1].query).get("includeObject")

    assert await included(namespace="shop") == "None"
    assert await included() == "Metadata"
    assert await included(namespace="shop", sort_by=".metadata.creationTimestamp") == "Metadata"
    assert await included(namespace="shop", sort_by=".status.startTime") == "Object"


async def test_a_long_list_is_cut_with_an_exact_word_on_the_rest(scripted, script, mia, make_table):
    rows = [[f"web-{n:04}", "Running", "x" * 60] for n in range(400)]
    script.answers[PODS] = make_table(["Name", "Status", "Note"], rows)
    result = await scripted.ask(mia, "list_resources", kind="pods", namespace="shop", limit=500)
    *shown, note = result.content.splitlines()
    assert len(result.content) < 8400
    assert note.startswith(f"[{400 - (len(shown) - 1)} of 400 left out")
    assert result.summary == "400 pods"


async def test_a_page_that_is_cut_does_not_offer_a_token_that_would_skip_rows(scripted, script, mia, make_table):
    rows = [[f"web-{n:04}", "x" * 110] for n in range(100)]
    script.answers[PODS] = make_table(["Name", "Note"], rows, **{"continue": "next"})
    result = await scripted.ask(mia, "list_resources", kind="pods", namespace="shop")
    assert "continue=next" not in result.content
    shown = sum(line.startswith("web-") for line in result.content.splitlines())
    assert f"repeat with limit={shown}" in result.content


async def test_grep_looks_through_many_pages_and_says_where_it_stopped(scripted, script, mia, make_table):
    def page(request):
        start = int(dict(request.query).get("continue") or 0)
        rows = [[f"web-{n}"] for n in range(start, start + 500)]
        return make_table(["Name"], rows, **{"continue": str(start + 500)})

    script.answers[PODS] = page
    result = await scripted.ask(mia, "list_resources", kind="pods", namespace="shop", grep="web-1999")
    assert result.content.splitlines() == [
        "NAME",
        "web-1999",
        "[only the first 2000 objects were looked through; there are more]",
    ]
    assert len(script.sent) == 4
    missed = await scripted.ask(mia, "list_resources", kind="pods", namespace="shop", grep="db")
    assert missed.content == "No pods in namespace shop match grep 'db' (2000 looked through, there are more)."


async def test_an_object_is_shown_without_noise(desk, demo, omar):
    result = await desk.ask(omar, "get_resource", kind="deploy", name="cart", namespace="shop")
    shown = yaml.safe_load(result.content)
    assert (shown["kind"], shown["metadata"]["name"]) == ("Deployment", "cart")
    assert not {"managedFields", "uid", "resourceVersion"} & set(shown["metadata"])
    assert shown["spec"]["replicas"] == demo.find("apps", "deployments", "shop", "cart")["spec"]["replicas"]


async def test_a_part_of_an_object_can_be_asked_for(desk, omar):
    ask = {"kind": "cm", "name": "checkout-config", "namespace": "shop"}
    assert (await desk.ask(omar, "get_resource", **ask, path=".data.LOG_LEVEL")).content == "info"
    assert yaml.safe_load((await desk.ask(omar, "get_resource", **ask, path=".data")).content)["LOG_LEVEL"] == "info"
    with pytest.raises(ToolError, match=r"has nothing at \.data\.nope\. At \.data there are: LOG_LEVEL"):
        await desk.ask(omar, "get_resource", **ask, path=".data.nope")


async def test_an_object_as_json_and_as_table(desk, omar):
    ask = {"kind": "pods", "name": "ledger-db-0", "namespace": "payments"}
    assert json.loads((await desk.ask(omar, "get_resource", **ask, output="json")).content)["kind"] == "Pod"
    lines = (await desk.ask(omar, "get_resource", **ask, output="table")).content.splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", "ledger-db-0"]


async def test_a_big_object_is_cut_in_the_middle(scripted, script, mia):
    data = {f"key-{n}": "value " * 20 for n in range(300)}
    script.answers["GET /api/v1/namespaces/shop/configmaps/big"] = {
        "kind": "ConfigMap",
        "metadata": {"name": "big"},
        "data": data,
    }
    result = await scripted.ask(mia, "get_resource", kind="cm", name="big", namespace="shop")
    assert len(result.content) < 8500
    assert "lines left out: ask for a part with `path`" in result.content
    assert "key-0:" in result.content
    assert "key-299:" in result.content


async def test_a_name_that_is_missing_among_none_is_told_so(scripted, script, mia):
    script.answers["GET /api/v1/namespaces/shop/configmaps"] = {"items": []}
    with pytest.raises(ToolError, match=r"There is no ConfigMap x in namespace shop .* There are none at all"):
        await scripted.ask(mia, "get_resource", kind="cm", name="x", namespace="shop")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (ApiStatus(401, "Unauthorized", "Unauthorized"), "refused the bot's own credentials"),
        (
            ApiStatus(403, "Forbidden", 'users "mia" is forbidden: User "bot" cannot impersonate resource "users"'),
            "the bot is not allowed to act as mia@shop.example",
        ),
        (ApiStatus(404, "NotFound", "the server could not find the requested resource"), "Not served by cluster demo"),
        (ApiStatus(429, "TooManyRequests", "slow down"), "is asked too much just now"),
        (ApiStatus(503, "", "HTTP 503"), r"failed \(HTTP 503\)"),
        (ApiStatus(422, "Invalid", "x" * 2000), r"refused the request \(HTTP 422\): x+…x+$"),
    ],
)
async def test_refusals_of_the_server_reach_the_model_in_words(scripted, script, mia, status, words):
    script.answers[PODS] = status
    with pytest.raises(ToolError, match=words) as error:
        await scripted.ask(mia, "list_resources", kind="pods", namespace="shop")
    assert len(str(error.value)) < 700


@pytest.mark.parametrize("error", [Unreachable("cluster demo: no answer within 20 s"), ForbiddenByPolicy("no")])
async def test_other_errors_pass_as_they_are(scripted, script, mia, error):
    script.answers[PODS] = error
    with pytest.raises(type(error)):
        await scripted.ask(mia, "list_resources", kind="pods", namespace="shop")
