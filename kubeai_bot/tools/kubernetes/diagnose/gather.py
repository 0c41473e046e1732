"""Reads everything that one diagnosis needs, side by side, in three rounds: what there is, what is wrong with it (logs,
ConfigMap keys, nodes, storage classes), and what the logs point at (cluster DNS)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from kubeai_bot.domain.cluster import Resource
from kubeai_bot.domain.message import Json
from kubeai_bot.tools.kubernetes import known
from kubeai_bot.tools.kubernetes.containers import is_ready
from kubeai_bot.tools.kubernetes.diagnose.excerpt import Excerpt, excerpt
from kubeai_bot.tools.kubernetes.diagnose.kinds import (
    CLAIMS,
    CONFIG_MAPS,
    IN_NAMESPACE,
    SERVICE_ACCOUNTS,
    SERVICES,
    STORAGE_CLASSES,
)  # fmt: skip
from kubeai_bot.tools.kubernetes.diagnose.logs_seen import DNS
from kubeai_bot.tools.kubernetes.diagnose.narrow import concerning, narrowed
from kubeai_bot.tools.kubernetes.diagnose.picture import Box, Picture, labels_of, name_of
from kubeai_bot.tools.kubernetes.diagnose.reading import Reading
from kubeai_bot.tools.kubernetes.events import Happening, merged
from kubeai_bot.tools.kubernetes.family import selector_text
from kubeai_bot.tools.kubernetes.paths import at, items, mapping
from kubeai_bot.tools.kubernetes.reach import NAMES, Query, Ref
from kubeai_bot.tools.kubernetes.tool import Scene

DNS_SPACE = "kube-system"
_DNS_SERVICE = "kube-dns"
_TAIL = 300
_STREAMS = 6
_CONFIGS = 4
_NODES = 3

_OTHERS = frozenset({known.STATEFULSETS, known.DAEMONSETS, known.JOBS, known.CRONJOBS, known.DEPLOYMENTS})
_NEEDLESS: Mapping[Resource, frozenset[Resource]] = {
    known.DEPLOYMENTS: _OTHERS | {known.CONTROLLER_REVISIONS},
    known.STATEFULSETS: _OTHERS | {known.REPLICASETS},
    known.DAEMONSETS: _OTHERS | {known.REPLICASETS},
    known.JOBS: (_OTHERS - {known.CRONJOBS}) | {known.REPLICASETS, known.CONTROLLER_REVISIONS},
    known.CRONJOBS: (_OTHERS - {known.JOBS}) | {known.REPLICASETS, known.CONTROLLER_REVISIONS},
}
"""What need not be listed for a named workload."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is diagnosed: an object, or (None) a namespace. `wider`: also outside of the namespace."""

    namespace: str
    target: Ref | None
    subject: Json | None
    wider: bool


async def gather(reading: Reading, wanted: Wanted, scene: Scene) -> Picture:
    picture = await _what_there_is(reading, wanted, scene)
    excerpts, keys, around = await asyncio.gather(
        _logs(reading, picture), _config_keys(reading, picture), _around(reading, picture, wider=wanted.wider)
    )
    objects, neighbours = around
    picture = replace(
        picture,
        objects={**picture.objects, **objects},
        excerpts=excerpts,
        config_keys=keys,
        neighbours=neighbours,
    )
    unresolved = any(DNS.pattern.search(line) for said in excerpts for line in said.lines)
    dns = await _dns(reading) if wanted.wider and unresolved else None
    return replace(picture, dns=dns, gaps=tuple(reading.gaps))


async def _what_there_is(reading: Reading, wanted: Wanted, scene: Scene) -> Picture:
    space, target, subject = wanted.namespace, wanted.target, wanted.subject
    own = _own_selector(target, subject)
    objects, events, names, labels, itself = await asyncio.gather(
        _lists(reading, space, target, own),
        _events(reading, space),
        _names(reading, space),
        _labels(reading, space) if own else _nothing(),
        reading.get(Ref(known.NAMESPACES, "", space)),
    )
    for resource in (SERVICES, CLAIMS):
        if resource in objects and resource not in reading.cut:
            names[resource] = frozenset(map(name_of, objects[resource]))
    if not own and known.PODS in objects and known.PODS not in reading.cut:
        labels = {name_of(pod): labels_of(pod) for pod in objects[known.PODS]}
    if target and subject is not None:
        same = {name_of(obj): obj for obj in (*objects.get(target.resource, ()), subject)}
        objects = narrowed({**objects, target.resource: tuple(same.values())}, target, subject)
        events = concerning(events, objects)
    if itself:
        objects[known.NAMESPACES] = (itself,)
    return Picture(space, scene.now, target, subject, objects, events, names=names, labels=labels)


async def _lists(reading: Reading, space: str, target: Ref | None, own: Query) -> dict[Resource, tuple[Json, ...]]:
    """What the rules look at with its content; what could not be listed is not among it."""
    skipped = _NEEDLESS.get(target.resource, frozenset[Resource]()) if target else frozenset[Resource]()
    listed = [known.PODS, *(resource for resource in IN_NAMESPACE if resource not in skipped)]
    selected = {known.PODS, known.REPLICASETS, known.CONTROLLER_REVISIONS}
    found = await asyncio.gather(*(reading.list(Ref(r, space), own if r in selected else ()) for r in listed))
    return {resource: some for resource, some in zip(listed, found, strict=True) if some is not None}


async def _events(reading: Reading, space: str) -> tuple[Happening, ...]:
    """Warnings by themselves, so that a page of what is normal does not crowd them out."""
    found = await asyncio.gather(
        *(reading.list(Ref(known.EVENTS, space), (("fieldSelector", f"type={t}"),)) for t in ("Warning", "Normal"))
    )
    return tuple(merged(event for events in found for event in events or ()))


async def _names(reading: Reading, space: str) -> dict[Resource, frozenset[str]]:
    """The names that exist, of kinds whose content is not needed. Without those of which there are too many."""
    kinds = (CONFIG_MAPS, SERVICE_ACCOUNTS)
    found = await asyncio.gather(*(reading.list(Ref(kind, space), accept=NAMES) for kind in kinds))
    return {
        kind: frozenset(map(name_of, some))
        for kind, some in zip(kinds, found, strict=True)
        if some is not None and kind not in reading.cut
    }


def _own_selector(target: Ref | None, subject: Json | None) -> Query:
    """The selector of a named workload; () where all pods of the namespace are looked at."""
    if target is None or target.resource not in (*known.WORKLOADS.values(),):
        return ()
    text = selector_text(mapping(subject, "spec", "selector"))
    return (("labelSelector", text),) if text else ()


async def _labels(reading: Reading, space: str) -> Mapping[str, Json] | None:
    """Labels of all pods of the namespace, by name: enough to say which Service selects what."""
    listed = await reading.list(Ref(known.PODS, space), accept=NAMES)
    if listed is None or known.PODS in reading.cut:
        return None
    return {name_of(pod): labels_of(pod) for pod in listed}


async def _nothing() -> None:
    return None


def in_trouble(box: Box) -> bool:
    """Whether a container's log and configuration are worth a look."""
    done = at(box.status, "state", "terminated", "exitCode") == 0 and box.kind == "init"
    return not done and (not box.status.get("ready") or bool(box.status.get("restartCount")))


async def _logs(reading: Reading, picture: Picture) -> tuple[Excerpt, ...]:
    """The newest lines of containers in trouble, one for each kind of them; of a named object that is well, of one."""
    chosen: dict[str, Box] = {}
    for box in sorted(picture.boxes(), key=lambda box: int(box.status.get("restartCount") or 0), reverse=True):
        if in_trouble(box) and _has_run(box):
            chosen.setdefault(box.group, box)
    if not chosen and picture.target:
        chosen = {box.group: box for box in picture.boxes() if _has_run(box) and box.kind == "container"}
    wanted: list[tuple[Box, bool]] = []
    for box in list(chosen.values())[:_STREAMS]:
        running = bool(mapping(box.status, "state", "running"))
        wanted.append((box, False))
        if running and mapping(box.status, "lastState", "terminated"):
            wanted.append((box, True))
    found = await asyncio.gather(*(_log(reading, picture, *one) for one in wanted[: _STREAMS + 2]))
    return tuple(one for one in found if one is not None)


def _has_run(box: Box) -> bool:
    state = mapping(box.status, "state")
    return bool(state.get("running") or state.get("terminated") or mapping(box.status, "lastState", "terminated"))


async def _log(reading: Reading, picture: Picture, box: Box, previous: bool) -> Excerpt | None:
    pod = name_of(box.pod)
    query: Query = (("container", box.name), ("tailLines", str(_TAIL)))
    if previous:
        query = (*query, ("previous", "true"))
    text = await reading.log(Ref(known.PODS, picture.namespace, pod, "log"), query)
    return None if text is None else excerpt(pod, box.name, text, previous=previous)


async def _config_keys(reading: Reading, picture: Picture) -> Mapping[str, tuple[str, ...]]:
    """Keys (values are dropped here) of the ConfigMaps that containers in trouble take their environment from."""
    wanted: dict[str, None] = {}
    for box in filter(in_trouble, picture.boxes()):
        refs = [mapping(e, "configMapRef") for e in items(box.spec, "envFrom")]
        refs += [mapping(e, "valueFrom", "configMapKeyRef") for e in items(box.spec, "env")]
        for ref in filter(None, refs):
            if not picture.lacks(CONFIG_MAPS, str(ref.get("name"))):
                wanted[str(ref.get("name"))] = None
    names = list(wanted)[:_CONFIGS]
    found = await asyncio.gather(*(reading.get(Ref(CONFIG_MAPS, picture.namespace, name)) for name in names))
    return {
        name: tuple(sorted({*mapping(config, "data"), *mapping(config, "binaryData")}))
        for name, config in zip(names, found, strict=True)
        if config is not None
    }


Around = tuple[dict[Resource, tuple[Json, ...]], tuple[Json, ...] | None]


async def _around(reading: Reading, picture: Picture, *, wider: bool) -> Around:
    """Nodes, the pods on them, storage classes: only where something here depends on them."""
    if not wider:
        return {}, None
    homeless = any(not at(p, "spec", "nodeName") and at(p, "status", "phase") == "Pending" for p in picture.pods)
    pending = any(at(claim, "status", "phase") == "Pending" for claim in picture.of(CLAIMS))
    nodes, everywhere, classes = await asyncio.gather(
        reading.list(Ref(known.NODES)) if homeless else _their_nodes(reading, picture),
        reading.list(Ref(known.PODS), pages=4) if homeless else _nothing(),
        reading.list(Ref(STORAGE_CLASSES)) if pending else _nothing(),
    )
    found = {known.NODES: nodes, STORAGE_CLASSES: classes}
    complete = everywhere if Ref(known.PODS).resource not in reading.cut else None
    return {resource: some for resource, some in found.items() if some is not None}, complete


async def _their_nodes(reading: Reading, picture: Picture) -> tuple[Json, ...]:
    """The nodes of pods in trouble, or of the named object's pods."""
    pods = [p for p in picture.pods if picture.target or not is_ready(p)]
    names = dict.fromkeys(str(at(p, "spec", "nodeName")) for p in pods if at(p, "spec", "nodeName"))
    found = await asyncio.gather(*(reading.get(Ref(known.NODES, "", name)) for name in list(names)[:_NODES]))
    return tuple(node for node in found if node is not None)


async def _dns(reading: Reading) -> tuple[Json, ...] | None:
    """The pods of the cluster's DNS: what the Service kube-dns selects, else what has its usual label or name."""
    service = await reading.get(Ref(SERVICES, DNS_SPACE, _DNS_SERVICE))
    labels = mapping(service, "spec", "selector") or {"k8s-app": _DNS_SERVICE}
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    found = await reading.list(Ref(known.PODS, DNS_SPACE), (("labelSelector", selector),))
    if found == ():
        everything = await reading.list(Ref(known.PODS, DNS_SPACE)) or ()
        found = tuple(pod for pod in everything if name_of(pod).startswith(("coredns", _DNS_SERVICE)))
    return found
