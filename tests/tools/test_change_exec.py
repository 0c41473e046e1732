"""exec: off unless enabled, no shell, and bound to the container that was shown."""

import copy

import pytest

from kubeai_bot.domain.message import ToolCall
from kubeai_bot.domain.policy import Ask, Effect, Mode, Policy, Run, judge
from kubeai_bot.errors import Drifted, ToolError
from kubeai_bot.tools.kubernetes.command import shell_in
from kubeai_bot.tools.kubernetes.toolset import KubernetesTools


def pod(demo):
    return next(
        found
        for found in demo.state.store.list(("", "pods"))
        if found["metadata"]["name"].startswith("frontend-") and found["status"]["phase"] == "Running"
    )


def call(demo, *command, **more):
    place = {"pod": pod(demo)["metadata"]["name"], "namespace": "shop"}
    return ToolCall("call-1", "exec", {**place, "command": list(command), **more})


@pytest.fixture
def tools(desk):
    return KubernetesTools(desk.tools._clusters, "demo", Mode.AUTO, exec_enabled=True)


async def test_exec_is_neither_offered_nor_run_unless_it_is_enabled(desk, demo, omar, tools):
    assert "exec" not in {spec.name for spec in desk.tools.specs(omar)}
    with pytest.raises(ToolError, match="There is no tool 'exec'"):
        await desk.tools.plan(call(demo, "hostname"), omar)
    assert {spec.name: spec.effect for spec in tools.specs(omar)}["exec"] is Effect.SENSITIVE


async def test_exec_waits_for_an_approval_even_in_mode_auto(demo, omar, tools):
    planned = await tools.plan(call(demo, "hostname"), omar)
    verdict = judge(planned.effect, planned.acts, Policy(Mode.AUTO), omar)
    assert isinstance(verdict, Ask)
    assert not isinstance(verdict, Run)
    assert not verdict.bypass
    name = pod(demo)["metadata"]["name"]
    assert {(act.verb, act.kind, act.name) for act in planned.acts} == {
        ("get", "pods", name),
        ("get", "pods/exec", name),
        ("create", "pods/exec", name),
    }


async def test_a_command_is_shown_then_run_with_its_exit_code(demo, omar, tools, make_context):
    planned = await tools.plan(call(demo, "hostname"), omar)
    preview = await tools.preview(planned, omar, make_context())
    assert preview.risk == "high"
    assert '["hostname"]' in preview.diff
    result = await tools.call(planned, omar, make_context(preview.digest))
    assert result.ok
    assert result.summary == "exit code 0"
    assert pod(demo)["metadata"]["name"] in result.content


async def test_a_program_that_is_not_there_is_told(demo, omar, tools, make_context):
    planned = await tools.plan(call(demo, "no-such-program"), omar)
    with pytest.raises(ToolError, match="not found"):
        await tools.call(planned, omar, make_context())


async def test_who_may_not_run_commands_is_refused_by_the_cluster(demo, mia, tools, make_context):
    planned = await tools.plan(call(demo, "hostname"), mia)
    with pytest.raises(ToolError, match=r"Forbidden: mia@shop.example"):
        await tools.call(planned, mia, make_context())


async def test_another_pod_under_the_same_name_voids_the_approval(demo, omar, tools, make_context):
    planned = await tools.plan(call(demo, "hostname"), omar)
    preview = await tools.preview(planned, omar, make_context())
    other = copy.deepcopy(pod(demo))
    other["spec"]["containers"][0]["image"] = "evil/image:1"
    demo.state.store.replace(("", "pods"), other)
    with pytest.raises(Drifted):
        await tools.call(planned, omar, make_context(preview.digest))
    assert not [record for record in demo.requests if record.path.endswith("/exec")]


@pytest.mark.parametrize(
    "command",
    [
        ["sh", "-c", "id"],
        ["/bin/bash", "-lc", "id"],
        [" sh", "-c", "id"],
        ["env", "FOO=1", "sh", "-c", "id"],
        ["/usr/bin/env", "-i", "/bin/dash"],
        ["busybox", "ash", "-c", "id"],
        ["timeout", "5", "zsh", "-c", "id"],
        ["find", "/", "-exec", "sh", "-c", "id", ";"],
        ["xargs", "bash"],
        ["POWERSHELL.exe", "-Command", "id"],
    ],
)
async def test_shells_are_refused_unless_they_are_allowed(desk, demo, omar, tools, command):
    with pytest.raises(ToolError, match="Shells are not run"):
        await tools.plan(call(demo, *command), omar)
    liberal = KubernetesTools(desk.tools._clusters, "demo", Mode.AUTO, exec_enabled=True, allow_shell=True)
    assert (await liberal.plan(call(demo, *command), omar)).effect is Effect.SENSITIVE


@pytest.mark.parametrize("command", [["ls", "/bin/sh"], ["cat", "/etc/shells"], ["env"], ["ps", "-C", "bash"]])
def test_programs_that_only_speak_of_shells_are_none(command):
    assert shell_in(command) == ""
