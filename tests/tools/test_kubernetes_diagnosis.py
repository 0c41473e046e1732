"""describe_resource, get_logs, get_events and top: what they say about a shop with faults."""

import pytest

from kubeai_bot.errors import ApiStatus, ToolError

LOG = "GET /api/v1/namespaces/shop/pods/web/log"


def fault(demo, kind):
    return next(found for found in demo.scenario.faults if found.kind == kind)


@pytest.mark.parametrize("kind", ["crash-loop", "oom", "readiness", "rollout", "image-pull", "unschedulable"])
async def test_describing_a_broken_pod_and_reading_its_logs_shows_the_evidence(desk, demo, omar, kind):
    found = fault(demo, kind)
    place = {"namespace": found.namespace}
    told = (await desk.ask(omar, "describe_resource", kind="pod", name=found.pod, **place)).content
    told += (await desk.ask(omar, "get_logs", pod=found.pod, **place)).content
    told += (await desk.ask(omar, "describe_resource", kind="deploy", name=found.workload, **place)).content
    for words in found.evidence:
        assert words in told


async def test_a_pods_description_names_owner_states_and_events(desk, demo, mia):
    found = fault(demo, "oom")
    result = await desk.ask(mia, "describe_resource", kind="po", name=found.pod, namespace="shop")
    assert f"< Deployment/{found.workload}" in result.content
    assert "last run: exit 137 OOMKilled" in result.content
    assert "limits memory=96Mi" in result.content
    assert "Events (newest last):" in result.content
    assert "BackOff" in result.content.splitlines()[-1]
    assert len(result.content) < 2500


async def test_a_deployments_description_walks_down_to_its_pods(desk, demo, mia):
    found = fault(demo, "rollout")
    result = await desk.ask(mia, "describe_resource", kind="deployment", name=found.workload, namespace="shop")
    assert "ReplicaSets (4, newest first)" in result.content
    pods = result.content.split("Pods (3, 2 ready")[1]
    assert found.pod in pods.splitlines()[1]
    assert result.summary == "2 of 3 pods ready"


async def test_every_act_of_a_description_is_declared_before_anything_is_read(desk, demo, mia):
    before = len(demo.requests)
    result = await desk.ask(mia, "describe_resource", kind="pod", name=fault(demo, "oom").pod, namespace="shop")
    assert result.ok
    acts = {(act.verb, act.resource, act.namespace) for act in desk.planned[0].acts}
    assert acts == {
        ("get", "pods", "shop"), ("list", "pods", "shop"), ("get", "replicasets", "shop"), ("get", "jobs", "shop"),
        ("list", "events", "shop"),
    }  # fmt: skip
    sent = {
        (r.verb, r.path.split("/namespaces/shop/")[1].split("/")[0]) for r in demo.requests[before:] if "shop" in r.path
    }
    assert sent == {("get", "pods"), ("get", "replicasets"), ("list", "events")}


async def test_a_node_is_described_by_size_and_load(desk, omar):
    result = await desk.ask(omar, "describe_resource", kind="node", name="demo-worker-1")
    assert "cpu: 7910m allocatable, requested" in result.content
    assert "machineID" not in result.content


async def test_other_kinds_are_described_by_their_content(desk, omar):
    result = await desk.ask(omar, "describe_resource", kind="backup", name="orders-nightly", namespace="shop")
    assert "Backup shop/orders-nightly (shop.example/v1)" in result.content
    assert "Failed" in result.content
    service = await desk.ask(omar, "describe_resource", kind="svc", name="cart", namespace="shop")
    assert "Pods (3, 2 ready" in service.content


async def test_what_may_not_be_read_is_said_and_the_rest_is_shown(scripted, script, mia):
    script.answers |= {
        "GET /apis/apps/v1/namespaces/shop/deployments/web": {
            "kind": "Deployment",
            "metadata": {"name": "web", "uid": "u"},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}},
        },
        "GET /apis/apps/v1/namespaces/shop/replicasets": ApiStatus(403, "Forbidden", "cannot list replicasets"),
        "GET /api/v1/namespaces/shop/pods": {"items": [{"metadata": {"name": "web-1"}}]},
        "GET /api/v1/namespaces/shop/events": ApiStatus(403, "Forbidden", "cannot list events"),
    }
    result = await scripted.ask(mia, "describe_resource", kind="deploy", name="web", namespace="shop")
    assert "ReplicaSets: could not be listed: cannot list replicasets" in result.content
    assert "web-1" in result.content
    assert "Events: could not be read: cannot list events" in result.content


async def test_pods_that_only_share_labels_are_not_called_children(scripted, script, mia):
    owner = {"kind": "StatefulSet", "name": "web", "uid": "mine", "controller": True}
    script.answers |= {
        "GET /apis/apps/v1/namespaces/shop/statefulsets/web": {
            "kind": "StatefulSet",
            "metadata": {"name": "web", "uid": "mine"},
            "spec": {"selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "x"]}]}},
        },
        "GET /api/v1/namespaces/shop/pods": {
            "items": [
                {"metadata": {"name": "own", "ownerReferences": [owner]}},
                {"metadata": {"name": "foreign", "ownerReferences": [{**owner, "uid": "other"}]}},
            ]
        },
        "GET /api/v1/namespaces/shop/events": {"items": []},
    }
    script.kinds = [
        *script.kinds,
        type(script.kinds[0])("apps", "v1", "statefulsets", "StatefulSet", True, frozenset({"get", "list"})),
    ]
    result = await scripted.ask(mia, "describe_resource", kind="StatefulSet", name="web", namespace="shop")
    assert "own" in result.content
    assert "foreign" not in result.content
    pods = next(request for _, request in script.sent if request.path.endswith("/pods"))
    assert ("labelSelector", "app in (web,x)") in pods.query


async def test_an_owner_of_an_unknown_kind_is_named_and_not_fetched(scripted, script, mia):
    owner = {"kind": "Secret", "apiVersion": "v1", "name": "db", "uid": "s", "controller": True}
    script.answers |= {
        "GET /api/v1/namespaces/shop/pods/web": {
            "kind": "Pod",
            "metadata": {"name": "web", "ownerReferences": [owner]},
        },
        "GET /api/v1/namespaces/shop/events": {"items": []},
    }
    result = await scripted.ask(mia, "describe_resource", kind="pod", name="web", namespace="shop")
    assert "Owned by: Secret/db" in result.content
    assert not [request for _, request in script.sent if "secrets" in request.path]


async def test_variables_from_secrets_show_names_and_no_values(scripted, script, mia):
    env = [
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
        {"name": "MODE", "value": "fast"},
        {"name": "HOST", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    ]
    container = {"name": "web", "image": "web:1", "env": env, "envFrom": [{"secretRef": {"name": "all-keys"}}]}
    pod = {"kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [container]}}
    script.answers |= {"GET /api/v1/namespaces/shop/pods/web": pod, "GET /api/v1/namespaces/shop/events": {"items": []}}
    result = await scripted.ask(mia, "describe_resource", kind="pod", name="web", namespace="shop")
    assert "env: all of <Secret all-keys>, PASSWORD=<Secret db.password>, MODE=fast, HOST=<fieldRef>" in result.content


# --- logs ---


async def test_logs_of_all_containers_are_read_unless_one_is_named(desk, demo, mia):
    pod = fault(demo, "crash-loop").pod
    both = await desk.ask(mia, "get_logs", pod=pod, namespace="shop")
    assert f"== {pod}/checkout (CrashLoopBackOff, last exit 1 Error, 7 restarts)" in both.content
    assert f"== {pod}/log-shipper (running)" in both.content
    one = await desk.ask(mia, "get_logs", pod=pod, namespace="shop", container="checkout")
    assert "log-shipper" not in one.content
    with pytest.raises(ToolError, match=r"has no container web. It has: checkout, log-shipper"):
        await desk.ask(mia, "get_logs", pod=pod, namespace="shop", container="web")


async def test_logs_of_a_workload_cover_its_pods(desk, mia):
    result = await desk.ask(mia, "get_logs", workload="deploy/checkout", namespace="shop", grep="fatal", tail_lines=5)
    assert result.content.count("level=fatal") == 2
    assert "none of 63 lines holds 'fatal'" in result.content
    assert desk.planned[0].intent == "Read logs of shop/deploy/checkout"


async def test_the_run_before_the_restart_can_be_read_where_there_was_one(desk, demo, mia):
    result = await desk.ask(mia, "get_logs", pod=fault(demo, "crash-loop").pod, namespace="shop", previous=True)
    assert "PAYMENTS_URL" in result.content
    assert 'previous terminated container "log-shipper"' in result.content


async def test_a_container_that_never_started_says_why(desk, demo, omar):
    found = fault(demo, "image-pull")
    result = await desk.ask(omar, "get_logs", pod=found.pod, namespace=found.namespace)
    assert "ImagePullBackOff" in result.content
    assert "is waiting to start: trying and failing to pull image" in result.content
    assert not result.ok


async def test_no_pods_for_a_selector_is_not_an_empty_log(desk, mia):
    with pytest.raises(ToolError, match="No pods in namespace shop match 'app=nope', so there are no logs"):
        await desk.ask(mia, "get_logs", label_selector="app=nope", namespace="shop")


async def test_logs_that_may_not_be_read_are_forbidden(desk, mia):
    with pytest.raises(ToolError, match="Forbidden: mia"):
        await desk.ask(mia, "get_logs", pod="ledger-db-0", namespace="payments")


def running(name="web", containers=("web",)):
    return {
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [{"name": container} for container in containers]},
        "status": {"containerStatuses": [{"name": c, "ready": True, "state": {"running": {}}} for c in containers]},
    }


@pytest.fixture
def with_log(script):
    def put(text, pod=None):
        script.answers["GET /api/v1/namespaces/shop/pods/web"] = pod or running()
        script.answers[LOG] = text

    return put


async def test_a_huge_log_keeps_its_newest_lines_within_the_budget(scripted, with_log, mia):
    with_log("\n".join(f"line {n} " + "x" * 90 for n in range(2000)))
    result = await scripted.ask(mia, "get_logs", pod="web", namespace="shop", tail_lines=2000)
    assert len(result.content) < 8300
    assert "line 1999 " in result.content
    assert "older lines left out]" in result.content


async def test_endless_lines_are_cut_and_repeated_ones_folded(scripted, with_log, mia):
    with_log("start\n" + "retry\n" * 40 + "very " * 20_000 + "\nend\n")
    result = await scripted.ask(mia, "get_logs", pod="web", namespace="shop")
    lines = result.content.splitlines()
    assert lines[1:3] == ["start", "retry  [×40]"]
    assert lines[3].endswith("(+99400 characters)")
    assert lines[4] == "end"


async def test_a_log_beyond_the_byte_limit_says_so(scripted, with_log, mia):
    with_log("z" * 99 + "\n" + "a line of text\n" * 200_000)
    result = await scripted.ask(mia, "get_logs", pod="web", namespace="shop")
    assert "the log goes on after 2 MiB" in result.content


async def test_terminal_sequences_in_logs_are_dropped(scripted, with_log, mia):
    with_log("\x1b[31mERROR\x1b[0m \x1b]0;title\x07boom\r\n")
    result = await scripted.ask(mia, "get_logs", pod="web", namespace="shop")
    assert result.content.splitlines()[1] == "ERROR boom"


async def test_log_options_reach_the_server(scripted, script, with_log, mia):
    with_log("x")
    await scripted.ask(
        mia, "get_logs", pod="web", namespace="shop", previous=True, since_seconds=60, tail_lines=7, timestamps=True
    )
    query = dict(script.sent[-1][1].query)
    assert query == {
        "container": "web",
        "tailLines": "7",
        "previous": "true",
        "sinceSeconds": "60",
        "timestamps": "true",
    }


async def test_grep_searches_more_than_it_shows(scripted, script, with_log, mia):
    with_log("\n".join(f"error {n}" if n % 2 else "fine" for n in range(1000)))
    result = await scripted.ask(mia, "get_logs", pod="web", namespace="shop", grep="ERROR", tail_lines=3)
    assert result.content.splitlines()[1:] == ["[497 older lines left out]", "error 995", "error 997", "error 999"]
    assert dict(script.sent[-1][1].query)["tailLines"] == "2000"


async def test_an_empty_log_after_a_restart_points_to_the_run_before(scripted, with_log, mia):
    pod = running()
    pod["status"]["containerStatuses"][0]["restartCount"] = 2
    with_log("", pod)
    result = await scripted.ask(mia, "get_logs", pod="web", namespace="shop")
    assert "previous=true shows the run before the restart" in result.content


async def test_init_containers_that_are_done_are_left_out(scripted, script, mia):
    pod = running()
    pod["spec"]["initContainers"] = [{"name": "migrate"}, {"name": "wait"}]
    pod["status"]["initContainerStatuses"] = [
        {"name": "migrate", "state": {"terminated": {"exitCode": 0}}},
        {"name": "wait", "state": {"running": {}}},
    ]
    script.answers |= {"GET /api/v1/namespaces/shop/pods/web": pod, LOG: "x"}
    await scripted.ask(mia, "get_logs", pod="web", namespace="shop")
    asked = {dict(request.query)["container"] for _, request in script.sent if request.path.endswith("/log")}
    assert asked == {"web", "wait"}


async def test_many_pods_are_limited_with_the_unready_first(scripted, script, mia):
    pods = [running(f"web-{n:02}") for n in range(30)]
    for pod in pods:
        pod["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    pods[17]["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    script.answers["GET /api/v1/namespaces/shop/pods"] = {"items": pods}
    script.answers |= {f"GET /api/v1/namespaces/shop/pods/web-{n:02}/log": f"log of {n}" for n in range(30)}
    result = await scripted.ask(mia, "get_logs", label_selector="app=web", namespace="shop")
    lines = result.content.splitlines()
    assert lines[0].startswith("[20 more pods left out")
    assert lines[1].startswith("== web-17/web")
    assert result.content.count("== web-") == 10


# --- events ---


async def test_warnings_of_a_namespace_are_merged_newest_last(desk, demo, mia):
    result = await desk.ask(mia, "get_events", namespace="shop", type="Warning")
    lines = result.content.splitlines()
    assert all(" Warning " in line for line in lines)
    assert any(fault(demo, "readiness").pod in line and "404" in line and "(×" in line for line in lines)


async def test_events_about_one_object(desk, demo, mia):
    pod = fault(demo, "crash-loop").pod
    result = await desk.ask(mia, "get_events", namespace="shop", kind="po", name=pod)
    assert all(f"Pod/{pod}" in line for line in result.content.splitlines())


async def test_no_events_and_forbidden_events_are_told_apart(desk, mia, omar):
    assert (await desk.ask(omar, "get_events", namespace="default", type="Warning")).content.startswith(
        "No Warning events"
    )
    with pytest.raises(ToolError, match=r"Forbidden: .*A single namespace may be allowed"):
        await desk.ask(mia, "get_events")


def event(seconds_ago, message="boom", count=1, **more):
    minute, second = divmod(3600 - seconds_ago, 60)
    at = f"2026-11-21T11:{minute:02}:{second:02}Z"
    about = {"kind": "Pod", "name": "web", "namespace": "shop"}
    base = {"type": "Warning", "reason": "BackOff", "message": message, "involvedObject": about, "metadata": {}}
    return {**base, "count": count, "firstTimestamp": at, "lastTimestamp": at, **more}


async def test_repeated_events_are_counted_in_both_ways_of_the_api(scripted, script, mia):
    series = {
        "series": {"count": 5, "lastObservedTime": "2026-11-21T11:59:50.000000Z"},
        "eventTime": "2026-11-21T11:30:00.000000Z",
    }
    script.answers["GET /api/v1/namespaces/shop/events"] = {
        "items": [
            event(30, count=3),
            event(600, count=4),
            event(5, "other"),
            {**event(0, "new style"), **series, "lastTimestamp": None, "firstTimestamp": None, "count": None},
        ]
    }
    result = await scripted.ask(mia, "get_events", namespace="shop")
    assert result.content.splitlines() == [
        "30s  Warning  BackOff  Pod/web  boom (×7 in 10m)",
        "10s  Warning  BackOff  Pod/web  new style (×5 in 30m)",
        "5s   Warning  BackOff  Pod/web  other",
    ]


async def test_events_are_limited_to_the_newest(scripted, script, mia):
    script.answers["GET /api/v1/namespaces/shop/events"] = {"items": [event(n, f"message {n}") for n in range(1, 200)]}
    result = await scripted.ask(mia, "get_events", namespace="shop", limit=2)
    assert result.content.splitlines() == [
        "[197 older ones left out: limit, grep]",
        "2s  Warning  BackOff  Pod/web  message 2",
        "1s  Warning  BackOff  Pod/web  message 1",
    ]
    recent = await scripted.ask(mia, "get_events", namespace="shop", since_seconds=3, grep="message")
    assert len(recent.content.splitlines()) == 3
    assert "message 4" not in recent.content


# --- top ---


async def test_usage_stands_beside_requests_and_limits(desk, mia):
    result = await desk.ask(mia, "top", kind="pods", namespace="shop")
    header, first, *_ = result.content.splitlines()
    assert header.split() == ["POD", "CPU", "REQUEST", "LIMIT", "MEMORY", "REQUEST", "LIMIT", "OF", "LIMIT"]
    assert first.split()[-1].endswith("%")
    memories = [int(line.split()[4].removesuffix("Mi")) for line in result.content.splitlines()[1:]]
    assert memories == sorted(memories, reverse=True)


async def test_usage_of_nodes_containers_and_order(desk, omar):
    nodes = await desk.ask(omar, "top", kind="nodes", sort_by="name")
    assert [line.split()[0] for line in nodes.content.splitlines()[1:]] == [
        "demo-control-plane",
        "demo-worker-1",
        "demo-worker-2",
    ]
    containers = await desk.ask(omar, "top", kind="pods", containers=True, sort_by="cpu", limit=3)
    header, *rows = containers.content.splitlines()
    assert header.split()[:3] == ["NAMESPACE", "POD", "CONTAINER"]
    assert rows[-1].startswith("[")
    cores = [int(row.split()[3].removesuffix("m")) for row in rows[:-1]]
    assert cores == sorted(cores, reverse=True)


async def test_a_cluster_without_metrics_says_so_in_clear_words(desk, demo, mia, omar):
    demo.state.metrics = False
    for identity in (omar, mia):
        with pytest.raises(ToolError, match=r"gives no usage figures: metrics\.k8s\.io is not served"):
            await desk.ask(identity, "top", kind="nodes")


async def test_metrics_that_are_down_are_said_to_be(scripted, script, mia):
    script.answers["GET /apis/metrics.k8s.io/v1beta1/namespaces/shop/pods"] = ApiStatus(
        503, "ServiceUnavailable", "down"
    )
    script.answers["GET /api/v1/namespaces/shop/pods"] = {"items": []}
    with pytest.raises(ToolError, match="gives no usage figures"):
        await scripted.ask(mia, "top", kind="pods", namespace="shop")


async def test_usage_is_shown_without_the_right_to_read_limits(scripted, script, mia):
    metrics = {
        "metadata": {"name": "web", "namespace": "shop"},
        "containers": [{"name": "web", "usage": {"cpu": "5m", "memory": "64Mi"}}],
    }
    script.answers["GET /apis/metrics.k8s.io/v1beta1/namespaces/shop/pods"] = {"items": [metrics]}
    script.answers["GET /api/v1/namespaces/shop/pods"] = ApiStatus(403, "Forbidden", "no")
    result = await scripted.ask(mia, "top", kind="pods", namespace="shop")
    assert result.content.splitlines()[1].split() == ["web", "5m", "-", "-", "64Mi", "-", "-", "-"]
