"""What becomes of a pod: whether it is scheduled, pulls its image, starts, stays up and gets ready.

The verdict depends on the objects alone (image, config, limits, requests, probe), so a fault goes away when what
causes it is put right, as in a real cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from kubeai_bot.playground.cluster.objects import Obj, dig, labels_of, namespace_of
from kubeai_bot.playground.cluster.quantities import as_bytes, as_millicores

OutcomeKind = Literal["healthy", "crash", "oom", "image", "unschedulable", "unready"]
ConfigReader = Callable[[str, str], Mapping[str, str] | None]
"""(namespace, name) to the data of a ConfigMap, None if there is none."""

SERVED_HEALTH_PATH = "/health"
NODE_MILLICORES = 7910


@dataclass(frozen=True)
class Program:
    """What the image of one repository does. `broken` maps a tag to the last words of that release."""

    repository: str
    tags: frozenset[str]
    required_key: str = ""
    """The config key without which the program does not start."""
    memory_needed: int = 0
    """Bytes it uses once warm; a lower limit gets it killed."""
    broken: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


@dataclass(frozen=True)
class Outcome:
    """The fate of a pod. `container` is the one it concerns, `words` what it logs at its end."""

    kind: OutcomeKind
    container: str = ""
    exit_code: int = 0
    words: tuple[str, ...] = ()


HEALTHY = Outcome("healthy")


class Kubelet:
    """Judges pods by what is known of the programs in their images."""

    def __init__(self, programs: Mapping[str, Program]) -> None:
        self._programs = programs

    def judge(self, pod: Obj, read_config: ConfigReader) -> Outcome:
        containers: list[Obj] = pod["spec"]["containers"]
        wanted = [as_millicores(dig(c, "resources", "requests", "cpu", default=0)) for c in containers]
        if sum(wanted) > NODE_MILLICORES:
            return Outcome("unschedulable")
        for container in containers:
            outcome = self._judge_container(pod, container, read_config)
            if outcome is not HEALTHY:
                return outcome
        return HEALTHY

    def _judge_container(self, pod: Obj, container: Obj, read_config: ConfigReader) -> Outcome:
        repository, _, tag = str(container["image"]).rpartition(":")
        name = container["name"]
        program = self._programs.get(repository)
        if program is None or tag not in program.tags:
            return Outcome("image", name)
        if tag in program.broken:
            return Outcome("crash", name, 1, program.broken[tag])
        if program.required_key:
            missing = self._missing_key(pod, container, program.required_key, read_config)
            if missing is not None:
                return Outcome("crash", name, 1, missing)
        limit = dig(container, "resources", "limits", "memory")
        if program.memory_needed and limit is not None and as_bytes(limit) < program.memory_needed:
            return Outcome("oom", name, 137)
        path = dig(container, "readinessProbe", "httpGet", "path")
        if path not in {None, SERVED_HEALTH_PATH}:
            return Outcome("unready", name)
        return HEALTHY

    def _missing_key(self, pod: Obj, container: Obj, key: str, read_config: ConfigReader) -> tuple[str, ...] | None:
        known: list[str] = []
        for source in container.get("envFrom", ()):
            known += read_config(namespace_of(pod), dig(source, "configMapRef", "name", default="")) or {}
        if key in known:
            return None
        app = labels_of(pod).get("app", container["name"])
        stem = key.split("_", maxsplit=1)[0].rstrip("S")
        close = next((other for other in known if other.startswith(stem)), None)
        hint = f" (found {close!r}, which is not a known key)" if close else ""
        return (
            f'level=info msg="starting {app}" config_keys={len(known)}',
            f"level=fatal msg=\"invalid configuration: required key '{key}' is not set{hint}\"",
        )
