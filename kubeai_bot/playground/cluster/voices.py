"""What the demo's containers write to their logs."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from kubeai_bot.playground.cluster.kubelet import SERVED_HEALTH_PATH, Outcome
from kubeai_bot.playground.cluster.logs import ContainerLog, LogLine
from kubeai_bot.playground.cluster.objects import Obj, dig, labels_of, name_of, now

_CALLS = ("GET /api/items", "GET /api/items/4711", "POST /api/items", "GET /metrics", "GET /api/search?q=lamp")
_STATUSES = (200, 200, 200, 200, 201, 304)
_RECENT_LINES = 60


def container_log(pod: Obj, container: Obj, outcome: Outcome, at: datetime, last_end: datetime) -> ContainerLog:
    """The log of one container of a pod started at `at`; the text follows from the outcome."""
    speak = _SPEAKERS[outcome.kind if outcome.container in {"", container["name"]} else "healthy"]
    rng = random.Random(f"{pod['metadata']['uid']}/{container['name']}")  # noqa: S311 - log noise
    return speak(pod, container, outcome, rng, at, last_end)


def last_line(pod: Obj) -> str:
    """What a job's container writes when it is done."""
    return f'level=info msg="done" job="{labels_of(pod).get("batch.kubernetes.io/job-name", name_of(pod))}"'


def _lines(start: datetime, texts: list[str], step: timedelta) -> list[LogLine]:
    return [LogLine(start + step * index, text) for index, text in enumerate(texts)]


def _startup(pod: Obj, container: Obj) -> list[str]:
    app = labels_of(pod).get("app", container["name"])
    version = str(container["image"]).rpartition(":")[2]
    port = dig(container, "ports", 0, "containerPort", default=8080)
    return [
        f'level=info msg="starting {app}" version={version}',
        'level=info msg="configuration loaded"',
        f'level=info msg="listening" address=0.0.0.0:{port}',
    ]


def _requests(rng: random.Random, count: int) -> list[str]:
    return [
        f'level=info msg="request" call="{rng.choice(_CALLS)}" status={rng.choice(_STATUSES)} '
        f"duration_ms={rng.randint(2, 180)}"
        for _ in range(count)
    ]


def _steady(
    pod: Obj, container: Obj, _outcome: Outcome, rng: random.Random, at: datetime, _end: datetime
) -> ContainerLog:
    return ContainerLog(_since_start(at, _startup(pod, container), _requests(rng, _RECENT_LINES)))


def _since_start(at: datetime, startup: list[str], recent: list[str]) -> list[LogLine]:
    """Start-up lines when the container started, and recent lines up to a moment ago."""
    lines = _lines(at + timedelta(seconds=2), startup, timedelta(milliseconds=350))
    step = timedelta(seconds=10)
    first = max(now() - step * len(recent), lines[-1].at)
    return [*lines, *(line for line in _lines(first, recent, step) if line.at <= now())]


def _crash(
    _pod: Obj, _container: Obj, outcome: Outcome, _rng: random.Random, _at: datetime, end: datetime
) -> ContainerLog:
    texts = list(outcome.words)
    step = timedelta(milliseconds=240)
    # while it waits to be restarted, the last instance is the current one and the previous one
    last = _lines(end - step * len(texts), texts, step)
    return ContainerLog(last, list(last))


def _oom(pod: Obj, container: Obj, _outcome: Outcome, rng: random.Random, _at: datetime, end: datetime) -> ContainerLog:
    limit = dig(container, "resources", "limits", "memory", default="")
    texts = [
        *_startup(pod, container),
        *_requests(rng, 3),
        'level=info msg="warming model cache" items=184000',
        f'level=warn msg="heap grows fast" heap_mb=71 memory_limit={limit}',
        f'level=warn msg="heap grows fast" heap_mb=93 memory_limit={limit}',
    ]
    last = _lines(end - timedelta(seconds=40), texts, timedelta(seconds=4))
    return ContainerLog(last, list(last))


def _unready(
    pod: Obj, container: Obj, _outcome: Outcome, _rng: random.Random, at: datetime, _end: datetime
) -> ContainerLog:
    path = dig(container, "readinessProbe", "httpGet", "path", default="")
    served = f'level=info msg="routes ready" routes="/api/*,/metrics,{SERVED_HEALTH_PATH}"'
    probes = [
        f'level=warn msg="request" call="GET {path}" status=404 user_agent="kube-probe/1.36" duration_ms=0'
        for _ in range(_RECENT_LINES)
    ]
    return ContainerLog(_since_start(at, [*_startup(pod, container), served], probes))


def _silent(
    _pod: Obj, _container: Obj, _outcome: Outcome, _rng: random.Random, _at: datetime, _end: datetime
) -> ContainerLog:
    return ContainerLog()


_Speaker = Callable[[Obj, Obj, Outcome, random.Random, datetime, datetime], ContainerLog]
_SPEAKERS: dict[str, _Speaker] = {
    "healthy": _steady,
    "crash": _crash,
    "oom": _oom,
    "unready": _unready,
    "image": _silent,
    "unschedulable": _silent,
}
