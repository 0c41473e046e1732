"""The status a kubelet would report for a pod with a given outcome."""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta

from kubeai_bot.playground.cluster.kubelet import Outcome
from kubeai_bot.playground.cluster.objects import Obj, copied, dig, name_of, namespace_of, stamp
from kubeai_bot.playground.cluster.workload_defaults import quality_of

UNSCHEDULABLE = (
    "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, "
    "2 Insufficient cpu. preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, "
    "2 No preemption victims found for incoming pod."
)
UNSCHEDULABLE_REASON = "Unschedulable"
_CRASH_SPAN = timedelta(seconds=3)
_OOM_SPAN = timedelta(seconds=41)


def pull_error(image: str) -> str:
    return f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": {image}: not found'


def back_off_image(image: str) -> str:
    return f'Back-off pulling image "{image}": ErrImagePull: {pull_error(image)}'


def back_off_restart(pod: Obj, container: str) -> str:
    uid = pod["metadata"]["uid"]
    return f"back-off 5m0s restarting failed container={container} pod={name_of(pod)}_{namespace_of(pod)}({uid})"


def starting_status(pod: Obj, at: datetime) -> Obj:
    """Scheduled, with containers being created."""
    waiting = {"waiting": {"reason": "ContainerCreating"}}
    statuses = [_container(pod, spec, 0, waiting, ready=False) for spec in pod["spec"]["containers"]]
    return _status(pod, "Pending", at, statuses, ready=False)


def unscheduled_status(pod: Obj, why: str, at: datetime) -> Obj:
    """Pending without a node."""
    condition = _condition("PodScheduled", at, ready=False)
    condition.update(reason=UNSCHEDULABLE_REASON, message=why)
    return {"phase": "Pending", "conditions": [condition], "qosClass": quality_of(pod["spec"])}


def ended_status(pod: Obj, at: datetime, *, failed: bool = False) -> Obj:
    """Succeeded (or Failed) at `at`: all containers have ended by themselves."""
    status = copied(pod["status"])
    status["phase"] = "Failed" if failed else "Succeeded"
    for condition in status["conditions"]:
        if condition["type"] in {"Ready", "ContainersReady"}:
            reason = "PodFailed" if failed else "PodCompleted"
            condition.update(status="False", reason=reason, lastTransitionTime=stamp(at))
            condition.pop("message", None)
    for container in status["containerStatuses"]:
        started = dig(container, "state", "running", "startedAt", default=stamp(at))
        ended = {
            "exitCode": 1 if failed else 0,
            "reason": "Error" if failed else "Completed",
            "startedAt": started,
            "finishedAt": stamp(at),
        }
        container.update(state={"terminated": ended}, ready=False, started=False, lastState={}, restartCount=0)
    return status


def pod_status(pod: Obj, outcome: Outcome, at: datetime, *, restarts: int, last_end: datetime) -> Obj:
    """The settled status of a pod that was started at `at`.

    `restarts` and `last_end` (when the failing container ended last) matter for crashing containers only.
    """
    if outcome.kind == "unschedulable":
        return unscheduled_status(pod, UNSCHEDULABLE, at)
    statuses: list[Obj] = []
    for spec in pod["spec"]["containers"]:
        if spec["name"] != outcome.container or outcome.kind == "healthy":
            statuses.append(_container(pod, spec, 0, _running(at), ready=True))
        elif outcome.kind == "unready":
            statuses.append(_container(pod, spec, 0, _running(at), ready=False))
        elif outcome.kind == "image":
            waiting = {"reason": "ImagePullBackOff", "message": back_off_image(spec["image"])}
            statuses.append(_container(pod, spec, 0, {"waiting": waiting}, ready=False))
        else:
            statuses.append(_crashed(pod, spec, outcome, restarts, last_end))
    phase = "Pending" if outcome.kind == "image" and len(statuses) == 1 else "Running"
    return _status(pod, phase, at, statuses, ready=outcome.kind == "healthy")


def _crashed(pod: Obj, spec: Obj, outcome: Outcome, restarts: int, last_end: datetime) -> Obj:
    span = _OOM_SPAN if outcome.kind == "oom" else _CRASH_SPAN
    ended = {
        "exitCode": outcome.exit_code,
        "reason": "OOMKilled" if outcome.kind == "oom" else "Error",
        "startedAt": stamp(last_end - span),
        "finishedAt": stamp(last_end),
        "containerID": _container_id(pod, spec["name"], restarts - 1),
    }
    waiting = {"reason": "CrashLoopBackOff", "message": back_off_restart(pod, spec["name"])}
    status = _container(pod, spec, restarts, {"waiting": waiting}, ready=False)
    status["lastState"] = {"terminated": ended}
    status["started"] = False
    return status


def _running(at: datetime) -> Obj:
    return {"running": {"startedAt": stamp(at + timedelta(seconds=2))}}


def _container(pod: Obj, spec: Obj, restarts: int, state: Obj, *, ready: bool) -> Obj:
    running = "running" in state
    digest = f"{zlib.crc32(spec['image'].encode()):08x}" * 8
    return {
        "name": spec["name"],
        "state": state,
        "lastState": {},
        "ready": ready,
        "restartCount": restarts,
        "image": spec["image"],
        "imageID": f"{spec['image'].rpartition(':')[0]}@sha256:{digest}" if running or restarts else "",
        **({"containerID": _container_id(pod, spec["name"], restarts)} if running or restarts else {}),
        "started": running,
    }


def _container_id(pod: Obj, container: str, run: int) -> str:
    seed = f"{pod['metadata']['uid']}/{container}/{run}".encode()
    return "containerd://" + f"{zlib.crc32(seed):08x}{zlib.adler32(seed):08x}" * 4


def _status(pod: Obj, phase: str, at: datetime, statuses: list[Obj], *, ready: bool) -> Obj:
    unready = " ".join(status["name"] for status in statuses if not status["ready"])
    conditions = [
        _condition("PodReadyToStartContainers", at + timedelta(seconds=1), ready=True),
        _condition("Initialized", at, ready=True),
        _condition("Ready", at + timedelta(seconds=4), ready=ready),
        _condition("ContainersReady", at + timedelta(seconds=4), ready=ready),
        _condition("PodScheduled", at, ready=True),
    ]
    if not ready:
        message = f"containers with unready status: [{unready}]"
        for condition in conditions[2:4]:
            condition.update(reason="ContainersNotReady", message=message)
    ip, host = _pod_ip(pod), node_ip(pod["spec"]["nodeName"])
    return {
        "phase": phase,
        "conditions": conditions,
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "startTime": stamp(at),
        "containerStatuses": statuses,
        "qosClass": quality_of(pod["spec"]),
    }


def _condition(kind: str, at: datetime, *, ready: bool) -> Obj:
    return {
        "type": kind,
        "status": "True" if ready else "False",
        "lastProbeTime": None,
        "lastTransitionTime": stamp(at),
    }


def node_ip(node: str) -> str:
    """The address of one of the demo's nodes, told by the digit its name ends in."""
    return f"10.20.0.1{node[-1]}" if node[-1:].isdigit() else "10.20.0.10"


def _pod_ip(pod: Obj) -> str:
    number = zlib.crc32(pod["metadata"]["uid"].encode())
    return f"10.244.{number % 3}.{number // 3 % 250 + 2}"
