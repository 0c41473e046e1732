"""Rules about claims, and about what pods refer to and is not there."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from kubeai_bot.domain.cluster import Resource
from kubeai_bot.domain.message import Json
from kubeai_bot.tools.kubernetes import known
from kubeai_bot.tools.kubernetes.diagnose.finding import Finding
from kubeai_bot.tools.kubernetes.diagnose.kinds import CLAIMS, CONFIG_MAPS, SERVICE_ACCOUNTS, STORAGE_CLASSES
from kubeai_bot.tools.kubernetes.diagnose.picture import Picture, event_text, name_of, pod_spec_of
from kubeai_bot.tools.kubernetes.paths import at, items, mapping
from kubeai_bot.tools.kubernetes.text import one_line

_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_HOLDERS = (known.DEPLOYMENTS, known.STATEFULSETS, known.DAEMONSETS, known.CRONJOBS, known.JOBS, known.PODS)


def claim_unbound(picture: Picture) -> Iterator[Finding]:
    for claim in picture.of(CLAIMS):
        phase = at(claim, "status", "phase")
        if phase not in ("Pending", "Lost"):
            continue
        wanted = at(claim, "spec", "storageClassName")
        told = picture.about("PersistentVolumeClaim", name_of(claim))
        asks = at(claim, "spec", "resources", "requests", "storage")
        modes = ", ".join(map(str, at(claim, "spec", "accessModes") or ()))
        evidence = [f".status.phase: {phase}; .spec: storageClassName {wanted or '(none)'}, {asks}, {modes}"]
        evidence += [event_text(e) for e in told[:1]]
        says, line = _class(picture, wanted)
        waits = any(e.reason == "WaitForFirstConsumer" for e in told[:1])
        users = [name_of(p) for p in picture.pods if name_of(claim) in claims_of(pod_spec_of(p))]
        used = [f"used by Pod {one_line(', '.join(users), 100)}"] if users else []
        lines = (*evidence, *([line] if line else []), *used)
        yield Finding(picture.ref(CLAIMS, claim), says or f"is {phase}", lines, "", -40 if waits and not users else 0)


def _class(picture: Picture, wanted: object) -> tuple[str, str]:
    """What is wrong with its storage class, and which classes there are."""
    classes = picture.objects.get(STORAGE_CLASSES)
    if classes is None:
        return ("names no storage class and is bound to no volume", "") if not wanted else ("", "")
    names = [
        name_of(c) + (" (default)" if at(c, "metadata", "annotations", _DEFAULT) == "true" else "") for c in classes
    ]
    line = f"StorageClasses: {', '.join(names) or 'none'}"
    if wanted and wanted not in [name_of(c) for c in classes]:
        return f"wants storage class {wanted}, which does not exist", line
    if not wanted and not any("(default)" in name for name in names):
        return "names no storage class, and the cluster has no default one", line
    return "", line


def missing_references(picture: Picture) -> Iterator[Finding]:
    """Objects that a pod template (or pod) names and that do not exist. Of Secrets only their events can tell."""
    for resource in _HOLDERS:
        for obj in picture.of(resource):
            if resource in (known.PODS, known.JOBS) and items(obj, "metadata", "ownerReferences"):
                continue  # the owner says it
            if at(obj, "status", "phase") in ("Succeeded", "Failed"):
                continue
            for target, name, field in references(pod_spec_of(obj)):
                if picture.lacks(target, name):
                    says = f"refers to {target.kind} {picture.namespace}/{name}, which does not exist"
                    evidence = [f"{field}: {name}"]
                    evidence += _near(picture.names.get(target) or frozenset(), name)
                    yield Finding(picture.ref(resource, obj), says, tuple(evidence), f"{target.kind}/{name}")


def references(spec: Json) -> Iterator[tuple[Resource, str, str]]:
    """(resource, name, field) of what a pod spec cannot do without. Secrets are left out: they are never read."""
    account = spec.get("serviceAccountName")
    if account and account != "default":
        yield SERVICE_ACCOUNTS, str(account), ".spec.serviceAccountName"
    for volume in items(spec, "volumes"):
        source, place = mapping(volume, "configMap"), f".spec.volumes[{volume.get('name')}]"
        sources = [source, *(mapping(s, "configMap") for s in items(volume, "projected", "sources"))]
        for found in sources:
            if found.get("name") and not found.get("optional"):
                yield CONFIG_MAPS, str(found["name"]), f"{place}.configMap"
    for name in claims_of(spec):
        yield CLAIMS, name, ".spec.volumes[*].persistentVolumeClaim"
    for container in (*items(spec, "initContainers"), *items(spec, "containers")):
        place = f".spec.containers[{container.get('name')}]"
        for entry, key in (
            *((e, "configMapKeyRef") for e in (mapping(v, "valueFrom") for v in items(container, "env"))),
            *((e, "configMapRef") for e in items(container, "envFrom")),
        ):
            found = mapping(entry, key)
            if found.get("name") and not found.get("optional"):
                yield CONFIG_MAPS, str(found["name"]), f"{place}.{'env' if key == 'configMapKeyRef' else 'envFrom'}"


def claims_of(spec: Json) -> list[str]:
    found = (at(volume, "persistentVolumeClaim", "claimName") for volume in items(spec, "volumes"))
    return [str(name) for name in found if name]


def _near(names: frozenset[str], name: str) -> list[str]:
    near = get_close_matches(name, sorted(names), n=3, cutoff=0.6)
    return [f"similar: {', '.join(near)}"] if near else []
