"""Rules about what containers say in their logs: a table of signs, and what the cluster knows about each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kubeai_bot.tools.kubernetes import known
from kubeai_bot.tools.kubernetes.containers import is_ready, pod_state
from kubeai_bot.tools.kubernetes.diagnose.excerpt import Excerpt
from kubeai_bot.tools.kubernetes.diagnose.finding import Finding
from kubeai_bot.tools.kubernetes.diagnose.kinds import NETWORK_POLICIES, SERVICES
from kubeai_bot.tools.kubernetes.diagnose.picture import Picture, name_of, owner_of
from kubeai_bot.tools.kubernetes.paths import at, mapping
from kubeai_bot.tools.kubernetes.text import one_line

_LINE = 240
_BY_CHANCE = 3
"""Lines of a ready pod that are so few say little."""


@dataclass(frozen=True, slots=True)
class Sign:
    """Words in a log line that point at a cause; `adjust` raises or lowers what the rule gives."""

    name: str
    pattern: re.Pattern[str]
    says: str
    adjust: int = 0


def _sign(name: str, pattern: str, says: str, adjust: int = 0) -> Sign:
    return Sign(name, re.compile(pattern, re.IGNORECASE), says, adjust)


DNS = _sign(
    "dns",
    r"no such host|name or service not known|temporary failure in name resolution|could not resolve|"
    r"NXDOMAIN|EAI_AGAIN|ENOTFOUND|server misbehaving|lookup \S+ on \S+:53|UnknownHostException",
    "cannot resolve a name",
    2,
)
SIGNS = (
    _sign(
        "rbac",
        r"serviceaccount:\S+.{0,40}cannot \w+ resource|is forbidden: User",
        "its service account lacks a right",
        6,
    ),
    DNS,
    _sign("certificate", r"x509|certificate (has expired|verify failed|is not valid)|tls: ", "TLS fails"),
    _sign(
        "login",
        r"password authentication failed|access denied for user|invalid credentials|\b401 unauthorized|unauthorized\b",
        "a login is refused",
    ),
    _sign("disk", r"no space left|read-only file system|disk quota exceeded", "cannot write to disk"),
    _sign("permission", r"permission denied|operation not permitted|EACCES", "an access is denied by the system", -4),
    _sign("memory", r"OutOfMemoryError|heap out of memory|MemoryError|cannot allocate memory", "runs out of memory"),
    _sign("port", r"address already in use|EADDRINUSE", "its port is taken"),
    _sign("command", r"exec format error|executable file not found", "cannot run its command"),
    _sign(
        "reach",
        r"connection refused|ECONNREFUSED|i/o timeout|connection timed out|no route to host|"
        r"context deadline exceeded|connect timeout",
        "cannot reach another service",
        -2,
    ),
)
"""To teach a new sign, add a row; what else the cluster knows about it is `_more`."""

_SERVICE = re.compile(r"\b([a-z0-9][a-z0-9-]*)\.([a-z0-9][a-z0-9-]*)(?:\.svc)(?:\.[a-z.]+)?(?::(\d+))?")


def log_signs(picture: Picture) -> Iterator[Finding]:
    """One finding for each sign and workload, with its newest line and how often there were such lines."""
    pods = {name_of(pod): pod for pod in picture.pods}
    for sign in SIGNS:
        done: set[str] = set()
        for said in picture.excerpts:
            lines = [line for line in said.lines if sign.pattern.search(line)]
            pod = pods.get(said.pod)
            group = f"{sign.name}/{owner_of(pod) if pod else said.pod}/{said.container}"
            if not lines or group in done:
                continue
            done.add(group)
            ready = pod is not None and is_ready(pod)
            evidence = (
                f"{said.title} ({len(lines)} of {len(said.lines)} lines): {one_line(lines[-1], _LINE)}",
                *_more(picture, sign, said, lines[-1]),
            )
            chance = ready and len(lines) < _BY_CHANCE
            weight = sign.adjust - (30 if chance else 0)
            yield Finding(
                f"Pod {picture.namespace}/{said.pod}",
                f"container {said.container}: {sign.says}",
                evidence,
                group,
                weight,
            )


def _more(picture: Picture, sign: Sign, said: Excerpt, line: str) -> Iterator[str]:
    if sign is DNS:
        yield from _dns(picture)
    if sign.name in ("dns", "reach"):
        yield from _service(picture, line)
    if sign.name == "reach":
        policies = [name_of(p) for p in picture.of(NETWORK_POLICIES)]
        if policies:
            yield f"NetworkPolicies in {picture.namespace}: {one_line(', '.join(policies), 120)}"
    if sign.name == "rbac":
        pod = picture.named(known.PODS, said.pod)
        yield f".spec.serviceAccountName: {at(pod, 'spec', 'serviceAccountName') or 'default'}"


def _service(picture: Picture, line: str) -> Iterator[str]:
    """What is known of the Service that the line names."""
    for name, namespace, port in _SERVICE.findall(line)[:1]:
        if namespace != picture.namespace:
            yield f"Service {namespace}/{name} is in another namespace: not looked at"
        elif picture.lacks(SERVICES, name):
            yield f"Service {namespace}/{name} does not exist"
        elif (service := picture.named(SERVICES, name)) is not None and picture.labels is not None:
            selector = mapping(service, "spec", "selector")
            chosen = sum(bool(selector) and selector.items() <= labels.items() for labels in picture.labels.values())
            yield f"Service {namespace}/{name} exists, selects {chosen} pods" + (
                f" (asked port {port})" if port else ""
            )


def _dns(picture: Picture) -> Iterator[str]:
    if picture.dns is None:
        return
    if not picture.dns:
        yield "cluster DNS: none of its pods found in kube-system"
        return
    ready = sum(map(is_ready, picture.dns))
    yield f"cluster DNS: {ready} of {len(picture.dns)} pods ready in kube-system"
    for pod in [pod for pod in picture.dns if not is_ready(pod)][:2]:
        yield f"Pod kube-system/{name_of(pod)}: {pod_state(pod)}"
