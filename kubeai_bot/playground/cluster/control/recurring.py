"""What happens to broken pods again and again: crashing containers start anew, warnings are given once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from kubeai_bot.playground.cluster.control.podlife import PODS
from kubeai_bot.playground.cluster.control.workbench import Workbench
from kubeai_bot.playground.cluster.kubelet import OutcomeKind
from kubeai_bot.playground.cluster.objects import Obj, copied, dig, moment, namespace_of, now, stamp

EVENTS = ("", "events")
_EVERY = 30.0
"""Seconds between two looks at the pods."""
_BACK_OFF = timedelta(minutes=5)
"""How long a kubelet waits before it starts a container again that has crashed many times."""
_WARNINGS: Mapping[OutcomeKind, tuple[frozenset[str], timedelta]] = {
    "crash": (frozenset({"BackOff"}), timedelta(seconds=15)),
    "oom": (frozenset({"BackOff"}), timedelta(seconds=15)),
    "image": (frozenset({"BackOff"}), timedelta(seconds=15)),
    "unready": (frozenset({"Unhealthy"}), timedelta(seconds=10)),
    "unschedulable": (frozenset({"FailedScheduling"}), timedelta(minutes=5)),
}
"""By what is wrong with a pod: the events that are counted up, and how often one is given."""


class Recurring:
    """Keeps the times of what is broken near the present, as long as it is broken."""

    def __init__(self, bench: Workbench, clock: Callable[[], datetime] = now) -> None:
        self._bench = bench
        self._clock = clock

    def start(self) -> None:
        self._bench.later(self.step, None, _EVERY)

    def step(self, _argument: None = None) -> None:
        """One look at all pods, and the next one later."""
        at = self._clock()
        for pod in self._bench.store.list(PODS):
            if "deletionTimestamp" in pod["metadata"]:
                continue
            ended = _last_end(pod)
            if ended is not None and at - ended >= _BACK_OFF:
                self._bench.pods.crash_again(pod, at)
            self._warn_again(pod, at)
        self.start()

    def _warn_again(self, pod: Obj, at: datetime) -> None:
        reasons, every = _WARNINGS.get(self._bench.pods.fate(pod).kind, (frozenset[str](), timedelta()))
        newest: dict[str, Obj] = {}
        for event in self._bench.store.list(EVENTS, namespace_of(pod)):
            about = dig(event, "involvedObject", "uid")
            if about == pod["metadata"]["uid"] and event["reason"] in reasons:
                known = newest.get(event["reason"])
                if known is None or known["lastTimestamp"] <= event["lastTimestamp"]:
                    newest[event["reason"]] = event
        for event in newest.values():
            times = int((at - (moment(event["lastTimestamp"]) or at)) / every)
            if times > 0:
                again = copied(event)
                again.update(lastTimestamp=stamp(at), count=event["count"] + times)
                self._bench.store.replace(EVENTS, again)


def _last_end(pod: Obj) -> datetime | None:
    """When the container ended last that waits to be started again; None where there is none."""
    for status in dig(pod, "status", "containerStatuses", default=[]):
        if "running" not in status["state"] and dig(status, "lastState", "terminated"):
            return moment(status["lastState"]["terminated"]["finishedAt"])
    return None
