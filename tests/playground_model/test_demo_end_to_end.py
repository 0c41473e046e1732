"""The demo model with the real provider, the real tools and the demo cluster: it says what the cluster shows."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kubeai_bot.domain.policy import Mode
from kubeai_bot.playground.model.demo import LABEL
from kubeai_bot.playground.model.question import read_question
from tests.playground_model.small_loop import MIA, OMAR, Shop, shop


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(tmp_path) as world:
        yield world


SEEDS = random.Random(20261121).sample(range(10_000), 5)


@pytest.mark.parametrize("seed", [None, *SEEDS])
async def test_every_fault_is_found_wherever_it_is_and_whatever_it_is_called(tmp_path: Path, seed: int | None) -> None:
    async with shop(tmp_path, seed) as world:
        thread = world.thread(OMAR)
        answer = await thread.ask("What is unhealthy in my cluster?")
        for fault in world.scenario.faults:
            (section,) = re.findall(rf"\*\*`{fault.namespace}/{fault.workload}`\*\*.*?(?=\n\n|\Z)", answer, re.DOTALL)
            for words in fault.evidence:
                assert words in section, f"seed {seed}: {fault.kind} of {fault.workload} without {words!r}:\n{section}"
            assert "kubectl" in section
        assert len(re.findall(r"^\*\*`", answer, re.MULTILINE)) == len(world.scenario.faults)
        assert thread.steps == 2


@pytest.mark.parametrize("seed", SEEDS[:3])
async def test_each_fault_is_explained_when_asked_for_by_name(tmp_path: Path, seed: int) -> None:
    async with shop(tmp_path, seed) as world:
        for fault in world.scenario.faults:
            answer = await world.thread(OMAR).ask(f"Why is {fault.workload} not ready?")
            assert f"`{fault.namespace}/{fault.workload}`" in answer
            assert all(words in answer for words in fault.evidence), f"seed {seed}: {fault}\n{answer}"
            others = {other.workload for other in world.scenario.faults} - {fault.workload}
            assert not [other for other in others if f"/{other}`" in answer]


async def test_a_developer_hears_only_of_what_she_may_see_and_what_is_missing(demo: Shop) -> None:
    answer = await demo.thread(MIA).ask("What is unhealthy right now?")
    faults = {fault.workload: fault.namespace for fault in demo.scenario.faults}
    for workload, namespace in faults.items():
        assert (f"`{namespace}/{workload}`" in answer) == (namespace == "shop")
    assert "missing: `list pods` cluster-wide" in answer


async def test_a_namespace_that_is_off_limits_is_reported_as_forbidden(demo: Shop) -> None:
    answer = await demo.thread(MIA).ask("What is wrong in payments?")
    assert "Forbidden" in answer
    assert "`list pods` in namespace `payments`" in answer
    assert "healthy" not in answer.replace("unhealthy", "")


async def test_nothing_wrong_and_nothing_there_are_different_answers(demo: Shop) -> None:
    thread = demo.thread(OMAR)
    assert "Nothing is unhealthy" in await thread.ask("What is wrong in kube-system?")
    assert "There is no namespace nowhere" in await thread.ask("What is wrong in nowhere?")
    assert "found no pod and no deployment called `foobar`" in await thread.ask("why is foobar crashing?")


async def test_follow_ups_use_what_was_said_before(demo: Shop) -> None:
    thread = demo.thread(OMAR)
    fault = next(fault for fault in demo.scenario.faults if fault.kind == "crash-loop")
    await thread.ask(f"Why does the {fault.workload} pod in {fault.namespace} keep crashing?")
    answer = await thread.ask("and its logs?")
    assert fault.evidence[1] in answer
    assert f"`{fault.namespace}/{fault.workload}-" in answer


async def test_the_label_stands_on_the_first_answer_of_a_thread_only(demo: Shop) -> None:
    thread = demo.thread(OMAR)
    answers = [await thread.ask(question) for question in ("hello", "list clusters")]
    assert [answer.startswith(LABEL) for answer in answers] == [True, False]
    assert "demo" in answers[1]


async def test_scaling_is_done_where_it_is_allowed_and_explained_where_not(demo: Shop) -> None:
    done = await demo.thread(OMAR, Mode.AUTO).ask("scale catalog to 4")
    assert re.search(r"Scaled deployment shop/catalog from 2 to 4", done)
    refused = await demo.thread(MIA, Mode.AUTO).ask("scale shop/frontend to 5")
    assert "Not done" in refused
    assert "`update deployments/scale` in namespace `shop`" in refused
    off = await demo.thread(OMAR).ask("scale shop/frontend to 5")
    assert "kubectl" not in refused
    assert "kubectl -n shop scale deployment/frontend --replicas=5" in off


@pytest.mark.parametrize("seed", [None, *SEEDS[:2]])
async def test_the_next_step_is_something_to_say_where_the_bot_has_a_tool_for_it(
    tmp_path: Path, seed: int | None
) -> None:
    actions = {"rollout": "undo", "oom": "resources", "unschedulable": "resources", "image-pull": "image"}
    async with shop(tmp_path, seed) as world:
        faults = [fault for fault in world.scenario.faults if fault.kind in actions]
        assert {fault.kind for fault in faults} == set(actions)
        for fault in faults:
            answer = await world.thread(OMAR, Mode.AUTO).ask(f"Why is {fault.workload} not ready?")
            assert "kubectl" not in answer
            (said,) = re.findall(r"say _(.+)_\.", answer)
            asked = read_question(said)
            assert asked.wish is not None
            assert asked.wish.action == actions[fault.kind]
            assert (asked.names, asked.namespaces) == ((fault.workload,), (fault.namespace,))


async def test_where_the_bot_may_go_back_it_says_how_to_ask_for_it(demo: Shop) -> None:
    assert "To go back: say _roll back search in shop_." in await demo.thread(OMAR, Mode.AUTO).ask(
        "rollout status of search"
    )
    assert "kubectl" not in await demo.thread(OMAR).ask("logs of frontend")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("who am I, and what may I do?", "omar@shop.example (platform-engineers)"),
        ("can I delete pods in kube-system?", "may not delete pods in kube-system"),
        ("which pods use the most memory in shop?", "OF LIMIT"),
        ("how loaded are the nodes, cpu?", "demo-worker-1"),
        ("what changed in cart?", "Revision 4 against 3"),
        ("rollout status of search", "progress deadline exceeded"),
        ("which clusters are there?", "Kubernetes v1."),
        ("what deployments run in payments?", "payments-api"),
        ("how are the nodes doing?", "demo-control-plane"),
        ("show me the secrets in shop", "off limits"),
        ("restart checkout", "kubectl -n shop rollout restart deployment/checkout"),
        ("logs of frontend", "level=info"),
        ("logs of deployment/checkout", "log-shipper"),
        ("why is the frontend slow?", "looks healthy"),
        ("why was recommendations killed?", "is killed for using more memory than its limit of `96Mi`"),
        ("what is wrong with cart?", "kubectl -n shop rollout undo deployment/cart"),
        ("scale cart", "To how many replicas"),
        ("rollout status of ca", "Which one?"),
        ("rollout status of foobar", "found no workload called `foobar`"),
        ("delete pod frontend-1", "found no pod called `frontend-1`"),
        ("and its logs?", "Of which pod?"),
    ],
)
async def test_questions_are_answered_from_the_cluster(demo: Shop, question: str, expected: str) -> None:
    assert expected in await demo.thread(OMAR).ask(question)
