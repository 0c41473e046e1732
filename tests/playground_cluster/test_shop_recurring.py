"""What is broken stays fresh: restarts, back-offs and warnings move with the clock while the demo runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from kubeai_bot.playground.cluster.control.recurring import Recurring
from kubeai_bot.playground.cluster.control.workbench import Workbench
from kubeai_bot.playground.cluster.objects import moment, now
from kubeai_bot.playground.cluster.scenario import Fault
from kubeai_bot.playground.cluster.server import DemoCluster

Steps = Callable[[timedelta], datetime]


@pytest.fixture
def look_after(shop: DemoCluster) -> Steps:
    """Has the pods looked at as if so much time had gone by; gives that moment."""
    kubelet = shop.scenario.kubelet
    assert kubelet is not None

    def step(span: timedelta) -> datetime:
        at = now() + span
        Recurring(Workbench(shop.state, kubelet, lambda *_: None), lambda: at).step()
        return at

    return step


def _fault(shop: DemoCluster, kind: str) -> Fault:
    return next(fault for fault in shop.scenario.faults if fault.kind == kind)


def _crashed(shop: DemoCluster, kind: str) -> Any:
    fault = _fault(shop, kind)
    pod = shop.find("", "pods", fault.namespace, fault.pod)
    assert pod is not None
    return next(status for status in pod["status"]["containerStatuses"] if status["lastState"])


def _warnings(shop: DemoCluster, kind: str, reason: str) -> list[Any]:
    fault = _fault(shop, kind)
    found = shop.state.store.list(("", "events"), fault.namespace)
    return [event for event in found if event["involvedObject"]["name"] == fault.pod and event["reason"] == reason]


@pytest.mark.parametrize("kind", ["crash-loop", "oom"])
async def test_a_crashing_container_has_crashed_again_a_while_later(
    shop: DemoCluster, look_after: Steps, kind: str
) -> None:
    before = _crashed(shop, kind)
    at = look_after(timedelta(hours=1))
    after = _crashed(shop, kind)
    assert after["restartCount"] == before["restartCount"] + 1
    ended = moment(after["lastState"]["terminated"]["finishedAt"])
    assert ended is not None
    assert abs(at - ended) < timedelta(seconds=2)
    assert after["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    fault = _fault(shop, kind)
    log = shop.state.logs.of(fault.namespace, fault.pod, after["name"])
    assert at - timedelta(minutes=1) < log.current[-1].at <= at
    look_after(timedelta(hours=1, minutes=1))
    assert _crashed(shop, kind)["restartCount"] == after["restartCount"], "it backs off for five minutes"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("crash-loop", "BackOff"),
        ("image-pull", "BackOff"),
        ("readiness", "Unhealthy"),
        ("unschedulable", "FailedScheduling"),
    ],
)
async def test_the_warnings_of_a_broken_pod_are_counted_up(
    shop: DemoCluster, look_after: Steps, kind: str, reason: str
) -> None:
    (before,) = _warnings(shop, kind, reason)
    at = look_after(timedelta(hours=1))
    (after,) = _warnings(shop, kind, reason)
    assert after["count"] > before["count"]
    last = moment(after["lastTimestamp"])
    assert last is not None
    assert abs(at - last) < timedelta(seconds=2)
    assert after["firstTimestamp"] == before["firstTimestamp"]


async def test_what_is_well_is_left_alone(shop: DemoCluster, look_after: Steps) -> None:
    well = {
        pod["metadata"]["name"]: pod["metadata"]["resourceVersion"]
        for pod in shop.state.store.list(("", "pods"))
        if all("running" in status["state"] for status in pod["status"].get("containerStatuses", [{"state": {}}]))
    }
    assert well
    look_after(timedelta(hours=1))
    after = {pod["metadata"]["name"]: pod["metadata"]["resourceVersion"] for pod in shop.state.store.list(("", "pods"))}
    assert {name: after[name] for name in well} == well
