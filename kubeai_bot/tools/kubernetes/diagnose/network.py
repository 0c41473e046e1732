"""Rules about Services and what stands before them."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from kubeai_bot.domain.message import Json
from kubeai_bot.tools.kubernetes import known
from kubeai_bot.tools.kubernetes.containers import is_ready
from kubeai_bot.tools.kubernetes.diagnose.finding import Finding
from kubeai_bot.tools.kubernetes.diagnose.kinds import INGRESSES, SERVICES
from kubeai_bot.tools.kubernetes.diagnose.picture import Picture, event_text, labels_of, name_of
from kubeai_bot.tools.kubernetes.diagnose.selecting import labels_text
from kubeai_bot.tools.kubernetes.paths import at, items, mapping
from kubeai_bot.tools.kubernetes.text import one_line


def service_without_pods(picture: Picture) -> Iterator[Finding]:
    """Services whose selector matches no pod, with the pods whose labels come nearest."""
    if picture.labels is None:
        return
    for service in picture.of(SERVICES):
        selector = mapping(service, "spec", "selector")
        if not selector or any(selector.items() <= labels.items() for labels in picture.labels.values()):
            continue
        near = _nearest(picture, name_of(service), selector)
        evidence = [f".spec.selector: {labels_text(selector)}; matches 0 of {len(picture.labels)} pods"]
        if near:
            there = mapping(picture.labels, near)
            differs = [
                f"{key}={there.get(key, '(none)')}" for key, value in selector.items() if there.get(key) != value
            ]
            evidence.append(f"Pod {picture.namespace}/{near} .metadata.labels: {', '.join(differs)}")
        says = "selects no pods, so it has no endpoints"
        yield Finding(picture.ref(SERVICES, service), says, tuple(evidence), "", 0 if near else -20)


def _nearest(picture: Picture, service: str, selector: Json) -> str:
    """A pod that shares a label with the selector, has one that reads alike, or is named like the Service."""
    best = ("", 0)
    for name, labels in (picture.labels or {}).items():
        same = sum(2 for key, value in selector.items() if labels.get(key) == value)
        alike = sum(bool(get_close_matches(str(v), [str(labels.get(k, ""))], cutoff=0.7)) for k, v in selector.items())
        points = same + alike + int(name.startswith(f"{service}-"))
        if points > best[1]:
            best = (name, points)
    return best[0]


def service_port(picture: Picture) -> Iterator[Finding]:
    """Target ports that no container of the selected pods has."""
    for service in picture.of(SERVICES):
        pods = _selected(picture, service)
        if not pods:
            continue
        ports = [port for container in items(pods[0], "spec", "containers") for port in items(container, "ports")]
        names, numbers = {p.get("name") for p in ports}, {p.get("containerPort") for p in ports}
        for entry in items(service, "spec", "ports"):
            wanted = entry.get("targetPort", entry.get("port"))
            named = isinstance(wanted, str) and not wanted.isdigit()
            if wanted in names if named else (not numbers or int(str(wanted)) in numbers):
                continue
            listed = ", ".join(f"{p.get('name') or '-'}={p.get('containerPort')}" for p in ports) or "none"
            evidence = (
                f".spec.ports[{entry.get('name') or '-'}]: port {entry.get('port')} → targetPort {wanted}",
                f"Pod {picture.namespace}/{name_of(pods[0])} .spec.containers[*].ports: {listed}",
                *([] if named else ["a container may listen on a port that it does not declare"]),
            )
            says = f"sends to port {wanted}, which its pods do not have"
            yield Finding(picture.ref(SERVICES, service), says, evidence, "", 6 if named else 0)


def service_not_ready(picture: Picture) -> Iterator[Finding]:
    for service in picture.of(SERVICES):
        pods = _selected(picture, service)
        if pods and not any(map(is_ready, pods)) and len(pods) == _selected_in_all(picture, service):
            says = f"has no ready endpoint: 0 of {len(pods)} pods ready"
            yield Finding(picture.ref(SERVICES, service), says)


def load_balancer(picture: Picture) -> Iterator[Finding]:
    for service in picture.of(SERVICES):
        if at(service, "spec", "type") == "LoadBalancer" and not items(service, "status", "loadBalancer", "ingress"):
            told = [event_text(e) for e in picture.about("Service", name_of(service))[:1]]
            evidence = (".status.loadBalancer.ingress: none", *told)
            yield Finding(picture.ref(SERVICES, service), "has no load balancer address yet", evidence)


def ingress_backend(picture: Picture) -> Iterator[Finding]:
    for ingress in picture.of(INGRESSES):
        for path in backends(ingress):
            name, port = str(at(path, "service", "name")), mapping(path, "service", "port")
            service = picture.named(SERVICES, name)
            if service is None and picture.lacks(SERVICES, name):
                yield Finding(
                    picture.ref(INGRESSES, ingress), f"points at Service {name}, which does not exist", (), name
                )
            elif service is not None:
                has = [(p.get("port"), p.get("name")) for p in items(service, "spec", "ports")]
                if not any(
                    port.get("number") == number or (port.get("name") and port.get("name") == word)
                    for number, word in has
                ):
                    listed = ", ".join(f"{word or '-'}={number}" for number, word in has)
                    line = f"Service {picture.namespace}/{name} .spec.ports: {listed}"
                    asked = port.get("number") or port.get("name")
                    says = f"points at port {asked} of Service {name}, which has none such"
                    yield Finding(picture.ref(INGRESSES, ingress), says, (line,), name)


def backends(ingress: Json) -> Iterator[Json]:
    if default := mapping(ingress, "spec", "defaultBackend"):
        yield default
    for rule in items(ingress, "spec", "rules"):
        for path in items(rule, "http", "paths"):
            yield mapping(path, "backend")


def not_reached(picture: Picture) -> Iterator[Finding]:
    """Warnings of Services and Ingresses themselves."""
    for resource in (SERVICES, INGRESSES):
        for obj in picture.of(resource):
            told = [e for e in picture.about(resource.kind, name_of(obj)) if e.type == "Warning"]
            if told:
                says = f"its controller reports {one_line(told[0].reason, 60)}"
                yield Finding(picture.ref(resource, obj), says, (event_text(told[0]),))


def _selected_in_all(picture: Picture, service: Json) -> int:
    """How many pods of the namespace it selects, those that are not looked at included."""
    selector = mapping(service, "spec", "selector")
    return sum(selector.items() <= labels.items() for labels in (picture.labels or {}).values())


def _selected(picture: Picture, service: Json) -> list[Json]:
    selector = mapping(service, "spec", "selector")
    return [p for p in picture.of(known.PODS) if selector and selector.items() <= labels_of(p).items()]
