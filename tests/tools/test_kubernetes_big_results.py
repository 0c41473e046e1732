"""What is too large for the model: an excerpt of it, and the whole, which the loop keeps."""

from typing import Any

import pytest

from kubeai_bot.domain.cluster import CommandOutput
from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.policy import Mode
from kubeai_bot.playground.cluster.logs import ContainerLog, LogLine
from kubeai_bot.playground.cluster.objects import now
from kubeai_bot.tools.kubernetes.tool import MOST_KEPT
from kubeai_bot.tools.kubernetes.toolset import BUDGET, KubernetesTools

SECRET = "AKIAQ3EGRT5KXVZ2YLNB"
"""Like a key of a cloud provider."""
NOT_SHOWN = "the line that nobody is shown"
PODS = "GET /api/v1/namespaces/shop/pods"
EVENTS = "GET /api/v1/namespaces/shop/events"
KEY_LINE = "MIIEpAIBAAKCAQEA7Zq8s5Kf0u3v" * 2


def a_running(demo) -> tuple[str, str]:
    """A pod of the shop and its container."""
    pods = demo.state.store.list(("", "pods"), "shop")
    pod = next(pod for pod in pods if pod["metadata"]["name"].startswith("cart-"))
    return pod["metadata"]["name"], pod["spec"]["containers"][0]["name"]


def write_log(demo, lines: list[str]) -> dict[str, Any]:
    """Into the log of a pod; the arguments that read it."""
    pod, container = a_running(demo)
    demo.state.logs.put("shop", pod, container, ContainerLog([LogLine(now(), line) for line in lines]))
    return {"namespace": "shop", "pod": pod, "container": container}


def chatter(count: int, width: int = 90) -> list[str]:
    return [f"{number:05d} GET /cart {'x' * width}" for number in range(count)]


def event(number: int, message: str) -> dict[str, Any]:
    about = {"kind": "Pod", "name": f"web-{number}", "namespace": "shop"}
    at = f"2026-11-21T11:{number // 60:02}:{number % 60:02}Z"
    return {"type": "Warning", "reason": "BackOff", "message": message, "involvedObject": about, "metadata": {},
            "firstTimestamp": at, "lastTimestamp": at}  # fmt: skip


def configmap(text: str) -> dict[str, Any]:
    return {"metadata": {"name": "big", "namespace": "shop"}, "data": {"app.conf": text}}


# --- logs ---


async def test_of_a_long_log_the_newest_lines_are_shown_and_all_that_was_read_is_handed_on(desk, demo, mia):
    lines = chatter(300)
    lines[40] = f"{NOT_SHOWN}, key {SECRET}"
    result = await desk.ask(mia, "get_logs", **write_log(demo, lines), tail_lines=300)
    assert lines[-1] in result.content
    assert NOT_SHOWN not in result.content
    assert len(result.content) <= BUDGET + 300
    assert all(line in result.whole.split("\n") for line in lines if NOT_SHOWN not in line)
    assert NOT_SHOWN in result.whole
    assert SECRET not in result.whole
    assert "<redacted:" in result.whole


async def test_what_fits_has_no_whole(desk, demo, mia):
    result = await desk.ask(mia, "get_logs", **write_log(demo, chatter(20)))
    assert result.whole == ""


async def test_long_lines_are_whole_where_the_log_fits_and_else_in_what_is_handed_on(desk, demo, mia):
    place = write_log(demo, [f"{'x' * 2000} the cause"])
    assert "the cause" in (await desk.ask(mia, "get_logs", **place)).content
    place = write_log(demo, [f"{number} {'x' * 2000} the cause" for number in range(9)])
    result = await desk.ask(mia, "get_logs", **place)
    assert "… (+" in result.content
    assert "the cause" not in result.content
    assert result.whole.count("the cause") == 9


async def test_every_line_that_grep_found_is_handed_on(desk, demo, mia):
    place = write_log(demo, [f"{line} {'error' if n % 2 else 'fine'}" for n, line in enumerate(chatter(500))])
    result = await desk.ask(mia, "get_logs", **place, grep="error", tail_lines=5)
    assert result.content.count("error") == 5
    assert "[245 older lines left out]" in result.content
    assert (result.whole.count("error"), result.whole.count("fine")) == (250, 0)


async def test_of_a_log_beyond_what_is_kept_the_newest_lines_are_handed_on(desk, demo, mia):
    lines = chatter(2000, 900)
    result = await desk.ask(mia, "get_logs", **write_log(demo, lines), tail_lines=2000)
    assert sum(map(len, lines)) > MOST_KEPT
    assert MOST_KEPT // 2 < len(result.whole) <= MOST_KEPT + 200
    assert lines[-1] in result.whole
    assert "older lines left out]" in result.whole


async def test_control_sequences_are_dropped_from_what_is_handed_on(desk, demo, mia):
    place = write_log(demo, ["\x1b[31mred\x1b[0m\u202e\x07", *chatter(100)])
    result = await desk.ask(mia, "get_logs", **place, tail_lines=200)
    assert "\nred\n" in result.whole
    assert not any(char in result.whole for char in "\x1b\u202e\x07")


# --- lists, objects, events ---


async def test_every_row_of_a_long_list_is_handed_on(scripted, script, mia, make_table):
    rows = [[f"web-{n:04}", "Running", "x" * 60] for n in range(400)]
    script.answers[PODS] = make_table(["Name", "Status", "Note"], rows)
    result = await scripted.ask(mia, "list_resources", kind="pods", namespace="shop", limit=500)
    assert "web-0399" not in result.content
    assert [line.split()[0] for line in result.whole.splitlines()[1:]] == [row[0] for row in rows]


async def test_rows_beyond_the_asked_limit_are_handed_on_where_they_are_many(scripted, script, mia, make_table):
    rows = [[f"web-{n:04}", str(n), "x" * 60] for n in range(400)]
    script.answers[PODS] = make_table(["Name", "Restarts", "Note"], rows)
    asked = {"kind": "pods", "namespace": "shop", "sort_by": "-restarts", "limit": 2}
    result = await scripted.ask(mia, "list_resources", **asked)
    assert result.content.count("web-") == 2
    assert result.whole.count("web-") == 400
    script.answers[PODS] = make_table(["Name", "Restarts", "Note"], rows[:40])
    assert (await scripted.ask(mia, "list_resources", **asked)).whole == ""


async def test_a_long_list_of_yaml_is_handed_on_whole(desk, demo, omar):
    result = await desk.ask(omar, "list_resources", kind="pods", output="yaml")
    pods = demo.state.store.list(("", "pods"))
    assert len(result.content) <= BUDGET + 500
    assert result.content.count("\nkind: Pod") < len(pods)
    assert result.whole.count("\nkind: Pod") == len(pods)


async def test_a_big_object_is_handed_on_whole_and_without_secrets(scripted, script, mia):
    text = "\n".join([*chatter(200), f"{NOT_SHOWN}, key {SECRET}", *chatter(200)])
    script.answers["GET /api/v1/namespaces/shop/configmaps/big"] = configmap(text)
    result = await scripted.ask(mia, "get_resource", kind="cm", name="big", namespace="shop")
    assert "lines left out: ask for a part with `path`" in result.content
    assert NOT_SHOWN not in result.content
    assert NOT_SHOWN in result.whole
    assert SECRET not in result.whole


async def test_every_event_that_was_read_is_handed_on(scripted, script, mia):
    script.answers[EVENTS] = {"items": [event(n, f"event number {n:04}. {'x' * 80}") for n in range(700)]}
    result = await scripted.ask(mia, "get_events", namespace="shop", limit=200)
    assert "event number 0699" in result.content
    assert "event number 0003" not in result.content
    assert result.whole.count("event number") == 700
    assert "left out" not in result.whole


async def test_a_description_is_handed_on_with_all_its_pods_and_events(scripted, script, mia):
    owner = [{"kind": "Deployment", "name": "web", "uid": "u-1", "controller": True}]
    sets = [{"metadata": {"name": "web-1", "uid": "u-2", "ownerReferences": owner}}]
    below = [{"kind": "ReplicaSet", "name": "web-1", "uid": "u-2", "controller": True}]
    pods = [{"metadata": {"name": f"web-1-{n:03}", "ownerReferences": below}, "status": {"phase": "Running"}}
            for n in range(90)]  # fmt: skip
    spec = {"selector": {"matchLabels": {"app": "web"}}}
    apps = "/apis/apps/v1/namespaces/shop"
    script.answers |= {
        f"GET {apps}/deployments/web": {"kind": "Deployment", "metadata": {"name": "web", "uid": "u-1"}, "spec": spec},
        f"GET {apps}/replicasets": {"items": sets},
        PODS: {"items": pods},
        EVENTS: {"items": [event(n, f"event number {n:04}. {'x' * 80}") for n in range(200)]},
    }
    result = await scripted.ask(mia, "describe_resource", kind="deploy", name="web", namespace="shop")
    assert "[75 more pods left out]" in result.content
    assert "older events left out" in result.content
    assert all(f"  web-1-{n:03}" in result.whole for n in range(90))
    assert result.whole.count("event number") == 200


async def test_the_findings_that_a_diagnosis_leaves_out_are_handed_on(desk, demo, mia):
    for n in range(150):
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"to-{n:03}", "namespace": "shop"}}
        spec = {"selector": {"app": f"nobody-{n}"}, "ports": [{"port": 80}]}
        demo.state.store.create(("", "services"), {**service, "spec": spec})
    result = await desk.ask(mia, "diagnose", namespace="shop")
    assert "lesser findings left out" in result.content
    assert "lesser finding" not in result.whole
    assert all(f"Service shop/to-{n:03}: " in result.whole for n in range(150))


async def test_however_large_an_object_is_no_more_than_the_cap_is_handed_on(scripted, script, mia):
    for text in ("\n".join(chatter(30_000)), "one line of words " * 200_000):
        script.answers["GET /api/v1/namespaces/shop/configmaps/big"] = configmap(text)
        result = await scripted.ask(mia, "get_resource", kind="cm", name="big", namespace="shop")
        assert BUDGET < len(result.whole) <= 2 * MOST_KEPT
        assert len(result.content) <= 2 * BUDGET
        assert "more than is kept" in result.whole


async def test_with_several_clusters_the_whole_names_its_own(script, mia, make_context):
    script.answers["GET /api/v1/namespaces/shop/configmaps/big"] = configmap("\n".join(chatter(200)))
    tools = KubernetesTools({"demo": script, "other": script}, "demo", Mode.AUTO)
    asked = {"kind": "cm", "name": "big", "namespace": "shop"}
    planned = await tools.plan(ToolCall("1", "get_resource", asked), mia)
    result = await tools.call(planned, mia, make_context())
    assert result.content.startswith("Cluster demo:\n")
    assert result.whole.startswith("Cluster demo:\nmetadata:")


# --- exec ---


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
async def test_what_a_command_wrote_is_redacted_before_it_is_cut(script, mia, make_context, stream):
    block = [
        "-----BEGIN RSA PRIVATE KEY-----",
        *(KEY_LINE for _ in range(260)),
        "-----END RSA PRIVATE KEY-----",
    ]
    wrote = {"stdout": "fine", "stderr": "", stream: "\n".join([*chatter(20), *block, *chatter(60)])}

    async def run(identity, command):
        return CommandOutput(**wrote, exit_code=0)

    script.exec = run
    pod = {"metadata": {"name": "web", "uid": "u"}, "spec": {"containers": [{"name": "web", "image": "w:1"}]}}
    script.answers[f"{PODS}/web"] = pod
    tools = KubernetesTools({"demo": script}, "demo", Mode.AUTO, exec_enabled=True)
    asked = {"namespace": "shop", "pod": "web", "command": ["cat", "/k"]}
    planned = await tools.plan(ToolCall("1", "exec", asked), mia)
    result = await tools.call(planned, mia, make_context())
    assert "MIIEp" not in result.content + result.whole
    assert "<redacted:" in result.whole
    assert chatter(60)[-1] in result.whole
