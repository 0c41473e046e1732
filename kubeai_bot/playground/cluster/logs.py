"""Container logs: what was written, and how the pods/log subresource reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from kubeai_bot.playground.cluster.objects import Obj, dig, moment, name_of, now
from kubeai_bot.playground.cluster.quantities import read_number
from kubeai_bot.playground.cluster.status import Fault422, bad_request, invalid

ContainerKey = tuple[str, str, str]
"""(namespace, pod, container)."""


@dataclass(frozen=True)
class LogLine:
    """One line without its newline, and when the container wrote it."""

    at: datetime
    text: str

    def shown(self, *, timestamps: bool) -> str:
        if not timestamps:
            return f"{self.text}\n"
        at = self.at.astimezone(UTC)
        return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond * 1000:09d}Z {self.text}\n"


@dataclass
class ContainerLog:
    """The lines of the running (or last) instance, and of the one before if there was one."""

    current: list[LogLine] = field(default_factory=list[LogLine])
    previous: list[LogLine] | None = None


class LogBook:
    """The logs of all containers; followers are woken by `append`."""

    def __init__(self) -> None:
        self._logs: dict[ContainerKey, ContainerLog] = {}
        self._appended = asyncio.Event()

    def of(self, namespace: str, pod: str, container: str) -> ContainerLog:
        return self._logs.setdefault((namespace, pod, container), ContainerLog())

    def put(self, namespace: str, pod: str, container: str, log: ContainerLog) -> None:
        self._logs[namespace, pod, container] = log

    def append(self, namespace: str, pod: str, container: str, text: str) -> None:
        self.of(namespace, pod, container).current.append(LogLine(now(), text))
        self._wake()

    def forget(self, namespace: str, pod: str) -> None:
        for key in [key for key in self._logs if key[:2] == (namespace, pod)]:
            del self._logs[key]
        self._wake()

    def _wake(self) -> None:
        self._appended.set()
        self._appended = asyncio.Event()

    async def wait_for_news(self, timeout: float) -> None:
        """Returns when a line is appended to any log or a log is gone, or after `timeout` seconds."""
        try:
            await asyncio.wait_for(self._appended.wait(), timeout)
        except TimeoutError:
            return


@dataclass(frozen=True)
class LogOptions:
    """The PodLogOptions of a request."""

    container: str
    follow: bool
    previous: bool
    timestamps: bool
    since: datetime | None
    tail: int | None
    limit_bytes: int | None

    def select(self, lines: Iterable[LogLine]) -> list[LogLine]:
        """The asked part of existing lines: those since, then the last `tail` of them."""
        chosen = [line for line in lines if self.since is None or line.at >= self.since]
        return chosen if self.tail is None else chosen[max(len(chosen) - self.tail, 0) :]

    def text(self, lines: Iterable[LogLine]) -> bytes:
        joined = "".join(line.shown(timestamps=self.timestamps) for line in lines).encode()
        return joined if self.limit_bytes is None else joined[: self.limit_bytes]


def read_options(query: Mapping[str, str], pod: Obj) -> LogOptions:
    """Checked options of a log request on `pod`; ApiError 400 or 422 with the real texts."""
    causes = [*_number_faults(query)]
    if "sinceSeconds" in query and "sinceTime" in query:
        message = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"
        causes.append(Fault422("[]", message, "FieldValueForbidden"))
    if causes:
        raise invalid("", "PodLogOptions", name_of(pod), *causes)
    since = moment(query.get("sinceTime"))
    if "sinceSeconds" in query:
        since = now() - timedelta(seconds=int(query["sinceSeconds"]))
    return LogOptions(
        container=chosen_container(query.get("container", ""), pod),
        follow=_flag(query, "follow"),
        previous=_flag(query, "previous"),
        timestamps=_flag(query, "timestamps"),
        since=since,
        tail=int(query["tailLines"]) if "tailLines" in query else None,
        limit_bytes=int(query["limitBytes"]) if "limitBytes" in query else None,
    )


def _flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "") in {"1", "true", "True"}


def _number_faults(query: Mapping[str, str]) -> Iterable[Fault422]:
    for name, least in (("tailLines", 0), ("sinceSeconds", 1), ("limitBytes", 1)):
        text = query.get(name)
        if text is None:
            continue
        if read_number(text) < least:
            bound = "greater than or equal to 0" if least == 0 else "greater than 0"
            yield Fault422(name, f"Invalid value: {text}: must be {bound}")


def chosen_container(asked: str, pod: Obj) -> str:
    """The container that a log or exec request is about; ApiError 400 if it is unknown or has to be named."""
    names = [container["name"] for container in dig(pod, "spec", "containers", default=[])]
    init = [container["name"] for container in dig(pod, "spec", "initContainers", default=[])]
    if asked:
        if asked not in [*names, *init]:
            raise bad_request(f"container {asked} is not valid for pod {name_of(pod)}")
        return asked
    if len(names) == 1 and not init:
        return names[0]
    also = f" or one of the init containers: [{' '.join(init)}]" if init else ""
    raise bad_request(
        f"a container name must be specified for pod {name_of(pod)}, choose one of: [{' '.join(names)}]{also}"
    )


def check_readable(pod: Obj, options: LogOptions) -> None:
    """ApiError 400 while the container has no log: never started, or without a previous instance."""
    statuses = [
        *dig(pod, "status", "containerStatuses", default=[]),
        *dig(pod, "status", "initContainerStatuses", default=[]),
    ]
    status: Obj = next((status for status in statuses if status["name"] == options.container), {})
    title = f'container "{options.container}" in pod "{name_of(pod)}"'
    has_ended_before = dig(status, "lastState", "terminated") is not None
    if options.previous:
        if not has_ended_before:
            raise bad_request(f"previous terminated {title} not found")
        return
    waiting = dig(status, "state", "waiting")
    if waiting is None or has_ended_before:
        return
    raise bad_request(f"{title} is waiting to start: {_why_waiting(waiting.get('reason', ''))}")


def _why_waiting(reason: str) -> str:
    texts = {
        "ErrImagePull": "image can't be pulled",
        "ImagePullBackOff": "trying and failing to pull image",
    }
    return texts.get(reason, reason or "ContainerCreating")
