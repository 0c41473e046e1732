"""From everything in a namespace to what concerns one object: its family, and what points at it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches

from kubeai_bot.domain.cluster import Resource
from kubeai_bot.domain.message import Json
from kubeai_bot.tools.kubernetes import known
from kubeai_bot.tools.kubernetes.diagnose.kinds import (
    AUTOSCALERS,
    BUDGETS,
    CLAIMS,
    INGRESSES,
    NETWORK_POLICIES,
    SERVICES,
)  # fmt: skip
from kubeai_bot.tools.kubernetes.diagnose.network import backends
from kubeai_bot.tools.kubernetes.diagnose.picture import (
    Objects,
    labels_of,
    name_of,
    owned_by,
    pod_spec_of,
    template_labels,
    uid_of,
)  # fmt: skip
from kubeai_bot.tools.kubernetes.diagnose.selecting import selects
from kubeai_bot.tools.kubernetes.diagnose.storage import claims_of
from kubeai_bot.tools.kubernetes.events import Happening
from kubeai_bot.tools.kubernetes.paths import at, items, mapping
from kubeai_bot.tools.kubernetes.reach import Ref

_FAMILY = (known.DEPLOYMENTS, known.REPLICASETS, known.STATEFULSETS, known.DAEMONSETS, known.CRONJOBS, known.JOBS,
           known.PODS)  # fmt: skip
_GENERATIONS = 3


def narrowed(objects: Objects, target: Ref, subject: Json) -> dict[Resource, tuple[Json, ...]]:
    """What of `objects` concerns `subject`: owners, what it owns, Services and budgets over its pods, its claims."""
    uids = _family_uids(objects, _seeds(objects, target, subject), down=target.resource is not known.PODS)
    kept: dict[Resource, tuple[Json, ...]] = {
        resource: tuple(obj for obj in objects.get(resource, ()) if uid_of(obj) in uids) for resource in _FAMILY
    }
    workloads = frozenset(uid_of(obj) for obj in kept[known.DEPLOYMENTS])
    siblings = tuple(rs for rs in objects.get(known.REPLICASETS, ()) if owned_by(rs, workloads))
    kept[known.REPLICASETS] = tuple({uid_of(rs): rs for rs in (*kept[known.REPLICASETS], *siblings)}.values())
    family = [obj for resource in _FAMILY for obj in kept[resource]]
    labels = [found for obj in family if (found := template_labels(obj) or labels_of(obj))]
    names = {name_of(obj) for obj in family}
    keep: Mapping[Resource, Callable[[Json], bool]] = {
        known.CONTROLLER_REVISIONS: lambda obj: owned_by(obj, uids),
        known.POD_METRICS: lambda obj: name_of(obj) in names,
        SERVICES: lambda obj: _serves(obj, labels, names),
        CLAIMS: lambda obj: name_of(obj) in set(_claims(family)),
        AUTOSCALERS: lambda obj: at(obj, "spec", "scaleTargetRef", "name") in names,
        BUDGETS: lambda obj: any(selects(mapping(obj, "spec", "selector"), one) for one in labels),
        NETWORK_POLICIES: lambda obj: any(selects(mapping(obj, "spec", "podSelector"), one) for one in labels),
    }
    for resource, wanted in keep.items():
        kept[resource] = tuple(o for o in objects.get(resource, ()) if wanted(o) or uid_of(o) == uid_of(subject))
    services = {name_of(obj) for obj in kept[SERVICES]}
    kept[INGRESSES] = tuple(
        obj for obj in objects.get(INGRESSES, ()) if services & {at(b, "service", "name") for b in backends(obj)}
    )
    rest = {resource: found for resource, found in objects.items() if resource not in kept}
    return {**rest, **{resource: found for resource, found in kept.items() if resource in objects}}


def concerning(events: Iterable[Happening], objects: Objects) -> tuple[Happening, ...]:
    """Events about these objects, and about pods that are gone by now."""
    about = {f"{resource.kind}/{name_of(obj)}" for resource, found in objects.items() for obj in found}
    makers = tuple(
        f"Pod/{name_of(obj)}-"
        for resource in (known.REPLICASETS, known.STATEFULSETS, known.DAEMONSETS, known.JOBS)
        for obj in objects.get(resource, ())
    )
    return tuple(e for e in events if e.about in about or (makers and e.about.startswith(makers)))


def _seeds(objects: Objects, target: Ref, subject: Json) -> list[Json]:
    pods = objects.get(known.PODS, ())
    if target.resource is SERVICES:
        selector = mapping(subject, "spec", "selector")
        return [pod for pod in pods if selector and selector.items() <= labels_of(pod).items()]
    if target.resource is CLAIMS:
        return [pod for pod in pods if target.name in claims_of(pod_spec_of(pod))]
    if target.resource is AUTOSCALERS:
        wanted = mapping(subject, "spec", "scaleTargetRef")
        return [
            obj
            for resource in _FAMILY
            for obj in objects.get(resource, ())
            if (resource.kind, name_of(obj)) == (wanted.get("kind"), wanted.get("name"))
        ]
    return [subject]


def _family_uids(objects: Objects, seeds: list[Json], *, down: bool) -> frozenset[str]:
    everybody = [obj for resource in _FAMILY for obj in objects.get(resource, ())]
    below = frozenset(uid_of(obj) for obj in seeds)
    above = below
    for _ in range(_GENERATIONS):
        if down:
            below |= {uid_of(obj) for obj in everybody if owned_by(obj, below)}
        above |= {
            str(owner.get("uid"))
            for obj in (*everybody, *seeds)
            if uid_of(obj) in above
            for owner in items(obj, "metadata", "ownerReferences")
        }
    return below | above


def _serves(service: Json, labels: list[Json], names: set[str]) -> bool:
    """Whether a Service is meant for these pods: it selects them, is named like them, or nearly selects them."""
    selector = mapping(service, "spec", "selector")
    if not selector:
        return False
    if name_of(service) in names or any(selector.items() <= one.items() for one in labels):
        return True
    return any(
        all(get_close_matches(str(value), [str(one.get(key, ""))], cutoff=0.8) for key, value in selector.items())
        for one in labels
    )


def _claims(family: list[Json]) -> Iterator[str]:
    for obj in family:
        yield from claims_of(pod_spec_of(obj))
        for template in items(obj, "spec", "volumeClaimTemplates"):
            for number in range(int(at(obj, "spec", "replicas") or 0)):
                yield f"{name_of(template)}-{name_of(obj)}-{number}"
