"""get_events, and the events below a description: repeated ones merged, newest last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kubeai_bot.domain.message import Json
from kubeai_bot.domain.tool import ToolResult
from kubeai_bot.errors import ApiStatus, ToolError
from kubeai_bot.tools.kubernetes.arguments import GetEvents
from kubeai_bot.tools.kubernetes.containers import plain_message
from kubeai_bot.tools.kubernetes.failures import explained
from kubeai_bot.tools.kubernetes.known import EVENTS
from kubeai_bot.tools.kubernetes.measures import age, moment
from kubeai_bot.tools.kubernetes.paths import at
from kubeai_bot.tools.kubernetes.reach import Query, Reach, Ref
from kubeai_bot.tools.kubernetes.text import aligned, counted, holds, newest_fitting
from kubeai_bot.tools.kubernetes.tool import MOST_KEPT, Scene, Step

_READ = 2000
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_MESSAGE = 400


@dataclass(frozen=True, slots=True)
class Happening:
    """One or more events that say the same about the same object; `last` is when it was said last."""

    type: str
    reason: str
    namespace: str
    about: str
    message: str
    count: int
    first: datetime
    last: datetime

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        return (self.type, self.reason, self.namespace, self.about, self.message)

    def cells(self, now: datetime, *, with_namespace: bool) -> list[str]:
        times = f" (×{self.count} in {age(self.first.isoformat(), now)})" if self.count > 1 else ""
        about = f"{self.namespace}/{self.about}" if with_namespace and self.namespace else self.about
        return [age(self.last.isoformat(), now), self.type, self.reason, about, f"{self.message}{times}"]


def merged(events: Iterable[Json]) -> list[Happening]:
    """Events with their repetitions counted, oldest first."""
    found: dict[tuple[str, ...], Happening] = {}
    for event in events:
        new = _happening(event)
        known = found.get(new.key)
        found[new.key] = new if known is None else replace(
            known,
            count=known.count + new.count,
            first=min(known.first, new.first),
            last=max(known.last, new.last),
        )  # fmt: skip
    return sorted(found.values(), key=lambda happening: happening.last)


def _happening(event: Json) -> Happening:
    """Both of core/v1's ways to count: `count` with `lastTimestamp`, and `series` with `eventTime`."""
    series = at(event, "series", "lastObservedTime")
    created = at(event, "metadata", "creationTimestamp")
    last = _first_moment(series, event.get("lastTimestamp"), event.get("eventTime"), created)
    first = _first_moment(event.get("firstTimestamp"), event.get("eventTime"), created)
    return Happening(
        str(event.get("type") or "Normal"),
        str(event.get("reason") or ""),
        str(at(event, "involvedObject", "namespace") or ""),
        f"{at(event, 'involvedObject', 'kind')}/{at(event, 'involvedObject', 'name')}",
        plain_message(event.get("message") or "", _MESSAGE),
        int(at(event, "series", "count") or event.get("count") or 1),
        min(first, last),
        last,
    )


def _first_moment(*texts: Any) -> datetime:
    return next((found for found in map(moment, texts) if found is not None), _LONG_AGO)


def event_lines(
    happenings: list[Happening], now: datetime, budget: int, *, with_namespace: bool = False, about: str = ""
) -> list[str]:
    """The newest that fit, newest last, with a word on how many older ones were left out.

    The object is left out of the lines where all of them are about `about`.
    """
    if not happenings:
        return []
    rows = [happening.cells(now, with_namespace=with_namespace) for happening in happenings]
    if about and all(happening.about == about for happening in happenings):
        rows = [[*row[:3], *row[4:]] for row in rows]
    lines = aligned((), rows)
    kept = newest_fitting(lines, budget)
    older = [f"[{counted(len(lines) - kept, 'older event')} left out]"] if kept < len(lines) else []
    return [*older, *lines[-kept:]]


async def events_about(reach: Reach, namespace: str, kind: str, name: str) -> list[Json]:
    """The events about one object. Raises ApiStatus."""
    fields = f"involvedObject.kind={kind},involvedObject.name={name}"
    return list((await reach.items(Ref(EVENTS, namespace), (("fieldSelector", fields),))).items)


def plan_events(arguments: GetEvents, scene: Scene) -> Step:
    ref = Ref(EVENTS, arguments.namespace)
    about = scene.kinds.find(arguments.kind) if arguments.kind else None
    fields = [("involvedObject.kind", about.kind if about else ""), ("involvedObject.name", arguments.name)]
    fields.append(("type", arguments.type))
    selector = ",".join(f"{field}={value}" for field, value in fields if value)
    query: Query = (("fieldSelector", selector),) if selector else ()
    words = " ".join(
        filter(None, (arguments.type, "events", _about_words(about.kind if about else "", arguments.name)))
    )
    place = f"in {arguments.namespace}" if arguments.namespace else "in all namespaces"

    async def run(reach: Reach) -> ToolResult:
        try:
            listed = await reach.items(ref, query, most=_READ)
        except ApiStatus as error:
            if error.code == 403 and not arguments.namespace:
                text = explained(error, scene.identity.on(reach.cluster.name), reach.cluster.name)
                raise ToolError(f"{text} (A single namespace may be allowed: name one.)") from error
            raise
        since = scene.now - timedelta(seconds=arguments.since_seconds) if arguments.since_seconds else _LONG_AGO
        happenings = [
            happening
            for happening in merged(listed.items)
            if happening.last >= since and holds_all(happening, arguments.grep)
        ]
        if not happenings:
            newer = f" of the last {arguments.since_seconds} s" if arguments.since_seconds else ""
            return ToolResult(f"No {words} {place}{newer}. Events are kept for about an hour.", "no events")
        newest = happenings[-arguments.limit :]
        spread = not arguments.namespace
        lines = event_lines(newest, scene.now, scene.budget, with_namespace=spread)
        notes = [f"[{len(happenings) - len(newest)} older ones left out: limit, grep]"] if newest != happenings else []
        more = [f"[only {_READ} events were read; there are more: name a namespace or an object]"]
        more = more if listed.token else []
        every = event_lines(happenings, scene.now, MOST_KEPT, with_namespace=spread)
        shown, whole = "\n".join([*notes, *more, *lines]), "\n".join([*more, *every])
        return ToolResult(shown, counted(len(happenings), "event"), whole=whole)

    return Step(f"Read {words} {place}", scene.acts(("list", ref)), run)


def holds_all(happening: Happening, grep: str) -> bool:
    text = f"{happening.type} {happening.reason} {happening.about} {happening.message}"
    return not grep or holds(text, grep)


def _about_words(kind: str, name: str) -> str:
    if not (kind or name):
        return ""
    return f"about {kind} {name}".replace("  ", " ").strip()
