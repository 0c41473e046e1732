"""rollout_status, rollout_history and scale."""

import pytest

from kubeai_bot.domain.policy import Act, Effect, Mode, Policy, Refuse, judge
from kubeai_bot.errors import ToolError

SCALE = "/apis/apps/v1/namespaces/shop/deployments/cart/scale"


def scale_requests(demo):
    return [(record.method, record.status) for record in demo.requests if record.path.endswith("/scale")]


async def test_a_rollout_gone_wrong_is_told_with_its_reason_and_pods(desk, demo, mia):
    found = next(found for found in demo.scenario.faults if found.kind == "rollout")
    result = await desk.ask(mia, "rollout_status", name=found.workload, namespace="shop")
    first, *rest = result.content.splitlines()
    assert first.startswith(f"Deployment shop/{found.workload}: FAILED, progress deadline exceeded (1 of 2 updated")
    assert any(found.pod in line and "CrashLoopBackOff" in line for line in rest)
    assert any("revision 4" in line for line in rest)


@pytest.mark.parametrize(
    ("kind", "name", "namespace"),
    [
        ("deployment", "frontend", "shop"),
        ("statefulset", "ledger-db", "payments"),
        ("daemonset", "node-agent", "kube-system"),
    ],
)
async def test_a_finished_rollout_is_complete(desk, omar, kind, name, namespace):
    result = await desk.ask(omar, "rollout_status", kind=kind, name=name, namespace=namespace)
    assert ": complete: " in result.content
    assert len(result.content.splitlines()) == 1


def deployment(spec=None, conditions=(), generation=1, **status):
    return {
        "kind": "Deployment",
        "metadata": {"name": "web", "generation": generation, "uid": "u"},
        "spec": {"replicas": 3, **(spec or {})},
        "status": {"observedGeneration": 1, "conditions": list(conditions), **status},
    }


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (deployment(generation=2), "waiting: the controller has not seen"),
        (deployment(updatedReplicas=1, replicas=3), "in progress: 1 of 3 updated, 0 available"),
        (deployment(updatedReplicas=3, replicas=4, availableReplicas=3), "in progress: 1 old replicas are still to go"),
        (deployment(updatedReplicas=3, replicas=3, availableReplicas=2), "in progress: 3 of 3 updated, 2 available"),
        (deployment(updatedReplicas=3, replicas=3, availableReplicas=3), "complete: 3 of 3 updated, 3 available"),
        (deployment({"paused": True}, updatedReplicas=1, replicas=3), "PAUSED"),
        (deployment({"replicas": 0}), "complete: 0 of 0 updated"),
    ],
)
async def test_progress_is_judged_as_kubectl_does(scripted, script, mia, found, words):
    script.answers["GET /apis/apps/v1/namespaces/shop/deployments/web"] = found
    result = await scripted.ask(mia, "rollout_status", name="web", namespace="shop")
    assert words in result.content


async def test_a_stateful_set_waits_for_ready_and_minds_its_partition(scripted, script, mia):
    def stateful(ready, updated, partition=0):
        update = {"rollingUpdate": {"partition": partition}}
        return {
            "kind": "StatefulSet",
            "metadata": {"name": "db", "uid": "u"},
            "spec": {"replicas": 3, "updateStrategy": update},
            "status": {
                "readyReplicas": ready,
                "updatedReplicas": updated,
                "currentRevision": "a",
                "updateRevision": "b",
            },
        }

    async def verdict(obj):
        script.answers["GET /apis/apps/v1/namespaces/shop/statefulsets/db"] = obj
        result = await scripted.ask(mia, "rollout_status", kind="statefulset", name="db", namespace="shop")
        return result.content

    assert "in progress: 3 of 3 updated, 2 ready" in await verdict(stateful(2, 3))
    assert "in progress: 2 of 3 updated" in await verdict(stateful(3, 2))
    assert "complete: 3 of 3 updated" in await verdict(stateful(3, 3))
    assert "complete up to partition 2" in await verdict(stateful(3, 1, partition=2))


async def test_a_rollout_is_followed_with_progress_until_it_is_complete(scripted, script, mia):
    steps = [
        deployment(generation=2),
        deployment(updatedReplicas=1, replicas=4, readyReplicas=3),
        deployment(updatedReplicas=3, replicas=3, readyReplicas=3, availableReplicas=3),
    ]
    script.answers["GET /apis/apps/v1/namespaces/shop/deployments/web"] = lambda _: steps.pop(0)
    result = await scripted.ask(mia, "rollout_status", name="web", namespace="shop", wait_seconds=30)
    assert "complete: 3 of 3 updated" in result.content
    assert scripted.lines == [
        "waiting: the controller has not seen the newest change yet",
        "0 of 3 new pods ready",
        "3 of 3 new pods ready",
    ]
    assert scripted.planned[0].timeout > 30


@pytest.mark.parametrize("found", [deployment({"paused": True}), deployment(updatedReplicas=1, replicas=3)])
async def test_following_ends_where_nothing_moves_or_the_time_is_up(scripted, script, mia, found):
    script.answers["GET /apis/apps/v1/namespaces/shop/deployments/web"] = found
    result = await scripted.ask(mia, "rollout_status", name="web", namespace="shop", wait_seconds=1)
    assert "PAUSED" in result.content or "in progress: 1 of 3 updated" in result.content


async def test_history_shows_images_causes_and_what_changed(desk, demo, mia):
    found = next(found for found in demo.scenario.faults if found.kind == "rollout")
    result = await desk.ask(mia, "rollout_history", name=found.workload, namespace="shop")
    assert result.content.splitlines()[0].split() == ["REVISION", "AGE", "NOW", "IMAGES", "CHANGE-CAUSE"]
    assert "Revision 4 against 3:" in result.content
    assert any(line.startswith("+") and "image:" in line and ":1.26.0" in line for line in result.content.splitlines())
    older = await desk.ask(mia, "rollout_history", name=found.workload, namespace="shop", revision=2)
    assert "Revision 2 against 1:" in older.content
    first = await desk.ask(mia, "rollout_history", name=found.workload, namespace="shop", revision=1)
    assert "Revision 1 is the oldest kept" in first.content
    with pytest.raises(ToolError, match=r"There is no revision 9. There are: 1, 2, 3, 4"):
        await desk.ask(mia, "rollout_history", name=found.workload, namespace="shop", revision=9)


async def test_history_of_a_stateful_set_comes_from_controller_revisions(scripted, script, mia):
    owner = [{"kind": "StatefulSet", "uid": "u", "controller": True}]

    def revision(number, image):
        template = {"spec": {"containers": [{"name": "db", "image": image}]}}
        metadata = {"name": f"db-{number}", "ownerReferences": owner, "creationTimestamp": "2026-11-21T11:00:00Z"}
        return {"metadata": metadata, "revision": number, "data": {"spec": {"template": template}}}

    script.answers |= {
        "GET /apis/apps/v1/namespaces/shop/statefulsets/db": {"metadata": {"uid": "u"}, "spec": {}},
        "GET /apis/apps/v1/namespaces/shop/controllerrevisions": {
            "items": [revision(2, "db:2"), revision(1, "db:1"), {**revision(9, "x"), "metadata": {"name": "foreign"}}]
        },
    }
    result = await scripted.ask(mia, "rollout_history", kind="statefulset", name="db", namespace="shop")
    assert "+    image: db:2" in result.content.splitlines()
    assert "Revision 2 against 1:" in result.content
    assert result.summary == "2 revisions"


# --- scale ---


async def test_scaling_reads_then_replaces_and_says_old_and_new(desk, demo, omar):
    result = await desk.ask(omar, "scale", kind="deployment", name="cart", namespace="shop", replicas=5)
    assert result.content.startswith("Scaled deployment shop/cart from 2 to 5 in cluster demo.")
    assert result.verify.name == "rollout_status"
    assert result.summary == "2 → 5"
    assert demo.find("apps", "deployments", "shop", "cart")["spec"]["replicas"] == 5
    assert scale_requests(demo) == [("GET", 200), ("PUT", 200), ("PUT", 200)]
    planned = desk.planned[0]
    assert (planned.effect, planned.intent) == (Effect.WRITE, "Scale deployment shop/cart to 5 replicas")
    assert planned.acts == (
        Act("demo", "get", "apps", "deployments", "scale", "shop", "cart"),
        Act("demo", "update", "apps", "deployments", "scale", "shop", "cart"),
    )
    verdict = judge(planned.effect, planned.acts, Policy(Mode.NONE), omar)
    assert isinstance(verdict, Refuse)
    assert "kubectl" in verdict.reason


async def test_scaling_to_and_from_zero(desk, demo, omar):
    down = await desk.ask(omar, "scale", kind="deployment", name="cart", namespace="shop", replicas=0)
    up = await desk.ask(omar, "scale", kind="deployment", name="cart", namespace="shop", replicas=1)
    assert (down.summary, up.summary) == ("2 → 0", "0 → 1")


async def test_a_person_without_the_right_changes_nothing(desk, demo, mia):
    with pytest.raises(
        ToolError, match=r'Forbidden: mia@shop.example .*cannot (get|update) resource "deployments/scale"'
    ):
        await desk.ask(mia, "scale", kind="deployment", name="cart", namespace="shop", replicas=5)
    assert demo.find("apps", "deployments", "shop", "cart")["spec"]["replicas"] == 2
