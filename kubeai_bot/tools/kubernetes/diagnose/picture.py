"""Everything that was read for one diagnosis, and how the rules look at it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from kubeai_bot.domain.cluster import Resource
from kubeai_bot.domain.message import Json
from kubeai_bot.tools.kubernetes import known
from kubeai_bot.tools.kubernetes.containers import container_specs, statuses
from kubeai_bot.tools.kubernetes.diagnose.excerpt import Excerpt
from kubeai_bot.tools.kubernetes.diagnose.reading import Gap
from kubeai_bot.tools.kubernetes.events import Happening
from kubeai_bot.tools.kubernetes.paths import at, items, mapping
from kubeai_bot.tools.kubernetes.reach import Ref

Objects = Mapping[Resource, tuple[Json, ...]]


@dataclass(frozen=True, slots=True)
class Box:
    """A container of a pod: its spec and status. `kind` is `init`, `container` or `ephemeral`."""

    pod: Json
    kind: str
    spec: Json
    status: Json

    @property
    def name(self) -> str:
        return str(self.spec.get("name"))

    @property
    def field(self) -> str:
        return f".status.{'initContainerStatuses' if self.kind == 'init' else 'containerStatuses'}[{self.name}]"

    @property
    def group(self) -> str:
        """The same for the same container of sibling pods."""
        return f"{owner_of(self.pod)}/{self.name}"

    @property
    def ended(self) -> Json:
        """How its run ended: this one, or the one before; empty where none did."""
        return mapping(self.status, "state", "terminated") or mapping(self.status, "lastState", "terminated")


@dataclass(frozen=True)
class Picture:
    """`objects` holds what was listed, by resource; a resource that is missing in it was not (wholly) read, so that
    nothing can be said about what does not exist. Cluster-wide: nodes, storage classes. `neighbours` are the pods of
    all namespaces, `labels` name and labels of each pod of this one, `config_keys` the keys of the ConfigMaps that
    containers in trouble use. `template` is that of the named workload, if one is named.
    """

    namespace: str
    now: datetime
    target: Ref | None
    subject: Json | None
    objects: Objects
    events: tuple[Happening, ...] = ()
    excerpts: tuple[Excerpt, ...] = ()
    names: Mapping[Resource, frozenset[str]] = field(default_factory=dict[Resource, frozenset[str]])
    labels: Mapping[str, Json] | None = None
    config_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    neighbours: tuple[Json, ...] | None = None
    dns: tuple[Json, ...] | None = None
    gaps: tuple[Gap, ...] = ()

    def of(self, resource: Resource) -> tuple[Json, ...]:
        return self.objects.get(resource, ())

    @property
    def pods(self) -> tuple[Json, ...]:
        return self.of(known.PODS)

    def boxes(self) -> Iterator[Box]:
        """All containers of all pods that are not done and not on their way out."""
        for pod in self.pods:
            if at(pod, "status", "phase") == "Succeeded" or at(pod, "metadata", "deletionTimestamp"):
                continue
            states = statuses(pod)
            for kind, spec in container_specs(pod):
                yield Box(pod, kind, spec, states.get(str(spec.get("name")), {}))

    def named(self, resource: Resource, name: str) -> Json | None:
        return next((obj for obj in self.of(resource) if name_of(obj) == name), None)

    def lacks(self, resource: Resource, name: str) -> bool:
        """Whether there certainly is no such object: all names were read, and it is none of them."""
        known_names = self.names.get(resource)
        return known_names is not None and name not in known_names

    def about(self, kind: str, name: str, *reasons: str) -> list[Happening]:
        """Events about an object, newest first."""
        found = [e for e in self.events if e.about == f"{kind}/{name}" and (not reasons or e.reason in reasons)]
        return found[::-1]

    def said(self, pod: str, container: str = "") -> Iterator[Excerpt]:
        return (e for e in self.excerpts if e.pod == pod and container in ("", e.container))

    def ref(self, resource: Resource, obj: Json) -> str:
        """`Pod shop/web-1`."""
        return str(Ref(resource, self.namespace if resource.namespaced else "", name_of(obj)))


def name_of(obj: Json) -> str:
    return str(at(obj, "metadata", "name"))


def labels_of(obj: Json) -> Json:
    return mapping(obj, "metadata", "labels")


def owner_of(obj: Json) -> str:
    """Name of the controlling owner, or its own."""
    owners = items(obj, "metadata", "ownerReferences")
    return next((str(owner.get("name")) for owner in owners if owner.get("controller")), name_of(obj))


def owned_by(obj: Json, uids: frozenset[str]) -> bool:
    return any(str(owner.get("uid")) in uids for owner in items(obj, "metadata", "ownerReferences"))


def uid_of(obj: Json) -> str:
    return str(at(obj, "metadata", "uid"))


def pod_spec_of(obj: Json) -> Json:
    """The pod spec of a workload's template, of a CronJob's, or of a pod."""
    for place in (("spec", "template", "spec"), ("spec", "jobTemplate", "spec", "template", "spec")):
        if found := mapping(obj, *place):
            return found
    return mapping(obj, "spec") if items(obj, "spec", "containers") else {}


def template_labels(obj: Json) -> Json:
    return mapping(obj, "spec", "template", "metadata", "labels") or mapping(
        obj, "spec", "jobTemplate", "spec", "template", "metadata", "labels"
    )


def event_text(happening: Happening) -> str:
    """`event FailedMount ×12: MountVolume.SetUp failed …`."""
    times = f" ×{happening.count}" if happening.count > 1 else ""
    return f"event {happening.reason}{times}: {happening.message}"
