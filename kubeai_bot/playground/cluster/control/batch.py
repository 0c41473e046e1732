"""The Job and CronJob controllers. Time makes no CronJob due here: jobs come from people and from the scenario."""

from __future__ import annotations

from kubeai_bot.playground.cluster.admission import random_suffix
from kubeai_bot.playground.cluster.control.podlife import PODS
from kubeai_bot.playground.cluster.control.workbench import Workbench
from kubeai_bot.playground.cluster.derived import is_ready
from kubeai_bot.playground.cluster.objects import Obj, dig, name_of, now, stamp
from kubeai_bot.playground.cluster.store import Place

JOBS: Place = ("batch", "jobs")
CRON_JOBS: Place = ("batch", "cronjobs")
_SOURCE = "job-controller"


class Jobs:
    """Runs pods until enough of them have succeeded, or too many have failed."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    def step(self, job: Obj) -> None:
        if is_finished(job):
            return
        pods = self._bench.owned(PODS, job)
        active = self._bench.active_pods(job)
        done, failed = (sum(dig(pod, "status", "phase") == one for pod in pods) for one in ("Succeeded", "Failed"))
        spec: Obj = job["spec"]
        completions = spec.get("completions") or 1
        exhausted = failed > spec.get("backoffLimit", 6)
        if spec.get("suspend") or exhausted:
            for pod in active:
                self._bench.pods.delete(job, pod, _SOURCE)
            active = []
        else:
            missing = min(spec.get("parallelism") or 1, completions - done) - len(active)
            for _ in range(missing):
                pod = self._bench.pods.fresh(job, f"{name_of(job)}-{random_suffix()}")
                self._bench.pods.create(job, pod, _SOURCE)
            active = self._bench.active_pods(job)
        self._report(job, active, done, failed, exhausted=exhausted)

    def _report(self, job: Obj, active: list[Obj], done: int, failed: int, *, exhausted: bool) -> None:
        at = stamp(now())
        counts = {"active": len(active), "succeeded": done, "failed": failed}
        status: Obj = {key: value for key, value in counts.items() if value}
        status["ready"] = sum(1 for pod in active if is_ready(pod))
        status["startTime"] = dig(job, "status", "startTime", default=at)
        if job["spec"].get("suspend"):
            status.pop("startTime")
            status["conditions"] = [_condition("Suspended", "JobSuspended", "Job suspended", at)]
        elif exhausted:
            text = "Job has reached the specified backoff limit"
            status["conditions"] = [
                _condition("FailureTarget", "BackoffLimitExceeded", text, at),
                _condition("Failed", "BackoffLimitExceeded", text, at),
            ]
            self._bench.pods.note(job, "BackoffLimitExceeded", text, _SOURCE)
        elif done >= (job["spec"].get("completions") or 1):
            text = "Reached expected number of succeeded pods"
            status["conditions"] = [
                _condition("SuccessCriteriaMet", "CompletionsReached", text, at),
                _condition("Complete", "CompletionsReached", text, at),
            ]
            status["completionTime"] = at
            self._bench.pods.note(job, "Completed", "Job completed", _SOURCE)
        self._bench.set_status(JOBS, job, status)


class CronJobs:
    """Keeps count of the jobs that run for a CronJob."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    def step(self, cron: Obj) -> None:
        jobs = self._bench.owned(JOBS, cron)
        status: Obj = {key: value for key, value in dig(cron, "status", default={}).items() if key != "active"}
        active = [_reference(job) for job in jobs if not is_finished(job)]
        if active:
            status["active"] = active
        ended = [dig(job, "status", "completionTime", default="") for job in jobs]
        latest = max([*ended, status.get("lastSuccessfulTime", "")])
        if latest:
            status["lastSuccessfulTime"] = latest
        self._bench.set_status(CRON_JOBS, cron, status)


def is_finished(job: Obj) -> bool:
    conditions = dig(job, "status", "conditions", default=[])
    return any(c["type"] in {"Complete", "Failed"} and c["status"] == "True" for c in conditions)


def _reference(job: Obj) -> Obj:
    metadata = job["metadata"]
    own = {key: metadata[key] for key in ("name", "namespace", "resourceVersion", "uid")}
    return {"apiVersion": "batch/v1", "kind": "Job", **own}


def _condition(kind: str, reason: str, message: str, at: str) -> Obj:
    return {
        "type": kind,
        "status": "True",
        "lastProbeTime": at,
        "lastTransitionTime": at,
        "reason": reason,
        "message": message,
    }
