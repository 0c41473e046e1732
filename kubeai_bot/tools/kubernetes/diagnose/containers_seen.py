"""Rules about containers: images, configuration, ends of runs, probes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubeai_bot.tools.kubernetes import known
from kubeai_bot.tools.kubernetes.containers import plain_message, state
from kubeai_bot.tools.kubernetes.diagnose.excerpt import telling
from kubeai_bot.tools.kubernetes.diagnose.finding import Finding
from kubeai_bot.tools.kubernetes.diagnose.kinds import CONFIG_MAPS
from kubeai_bot.tools.kubernetes.diagnose.picture import Box, Picture, event_text, name_of
from kubeai_bot.tools.kubernetes.diagnose.probes import probe_findings
from kubeai_bot.tools.kubernetes.measures import cpu, memory, quantity
from kubeai_bot.tools.kubernetes.paths import at, items, mapping
from kubeai_bot.tools.kubernetes.text import one_line

LOG_LINES = 4
_PULLING = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable",
            "ImageInspectError", "SignatureValidationFailed")  # fmt: skip
_MISCONFIGURED = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError")
_PULL_CAUSES = (
    (r"\b401\b|unauthorized|authentication required|no basic auth", "the registry wants credentials it did not get"),
    (r"\b403\b|denied|forbidden", "the registry refuses access (or the repository does not exist)"),
    (r"not found|manifest unknown|\b404\b", "the image or its tag is not in the registry"),
    (r"toomanyrequests|\b429\b|rate limit", "the registry limits the rate of pulls"),
    (r"no such host|i/o timeout|connection refused|x509|TLS|deadline", "the registry cannot be reached"),
    (r"no match for platform|exec format", "the image has no build for this node's architecture"),
)
_EXITS = {
    126: "the command is not executable", 127: "the command does not exist in the image",
    134: "aborted (SIGABRT)", 137: "killed (SIGKILL)", 139: "segmentation fault", 143: "asked to end (SIGTERM)",
}  # fmt: skip


def image_pull(picture: Picture) -> Iterator[Finding]:
    for box in picture.boxes():
        waiting = mapping(box.status, "state", "waiting")
        if waiting.get("reason") not in _PULLING:
            continue
        pod, image = name_of(box.pod), str(box.spec.get("image"))
        told = [str(waiting.get("message") or "")]
        told += [e.message for e in picture.about("Pod", pod, "Failed", "InspectFailed", "ErrImageNeverPull")]
        message = next((text for text in told if _cause(text)), told[0])
        secrets = [str(s.get("name")) for s in items(box.pod, "spec", "imagePullSecrets")]
        evidence = [f"{box.field}.state.waiting: {waiting.get('reason')}: {_once(plain_message(message), image)}"]
        evidence.append(f".spec.imagePullSecrets: {', '.join(secrets) or 'none'}")
        missing = picture.about("Pod", pod, "FailedToRetrieveImagePullSecret")
        evidence += [event_text(e) for e in missing[:1]]
        says = f"container {box.name} cannot pull {image}: {_cause(message) or 'see message'}"
        yield Finding(picture.ref(known.PODS, box.pod), says, tuple(evidence), box.group)


def _cause(message: str) -> str:
    return next((words for pattern, words in _PULL_CAUSES if re.search(pattern, message, re.IGNORECASE)), "")


def _once(message: str, image: str) -> str:
    """The message with the image in it once: kubelets say it three times."""
    head, found, rest = message.partition(image)
    return one_line(f"{head}{found}{re.sub(rf'[^ ]*{re.escape(image)}[^ ]*', '…', rest)}", 260)


def container_config(picture: Picture) -> Iterator[Finding]:
    for box in picture.boxes():
        waiting = mapping(box.status, "state", "waiting")
        if waiting.get("reason") in _MISCONFIGURED:
            message = plain_message(waiting.get("message") or "", 260)
            evidence = [f"{box.field}.state.waiting: {waiting['reason']}: {message}", *config_lines(picture, box)]
            says = f"container {box.name} cannot be created: {one_line(message, 120)}"
            yield Finding(picture.ref(known.PODS, box.pod), says, tuple(evidence), box.group)


def out_of_memory(picture: Picture) -> Iterator[Finding]:
    for box in picture.boxes():
        if box.ended.get("reason") != "OOMKilled":
            continue
        limit = at(box.spec, "resources", "limits", "memory")
        says = f"container {box.name} is killed for memory: limit {limit or 'none set (the node ran out)'}"
        request = at(box.spec, "resources", "requests", "memory") or "none"
        sizes = f"limits.memory={limit or 'none'}, requests.memory={request}"
        evidence = [
            f"{box.field}: {state(box.status, picture.now)}",
            f".spec.containers[{box.name}].resources: {sizes}",
        ]
        evidence += usage_lines(picture, box)
        weight = -15 if box.status.get("ready") else 0  # it is over, for now
        yield Finding(picture.ref(known.PODS, box.pod), says, tuple(evidence), box.group, weight)


def crash(picture: Picture) -> Iterator[Finding]:
    """Runs that ended with an error, save for those that other rules explain (memory, probes)."""
    for box in picture.boxes():
        code = box.ended.get("exitCode")
        waits = at(box.status, "state", "waiting", "reason") == "CrashLoopBackOff"
        settled = box.status.get("ready") and mapping(box.status, "state", "running")
        if box.ended.get("reason") == "OOMKilled" or not (waits or code) or (settled and code in (0, 143)):
            continue
        meaning = f" ({_EXITS[code]})" if code in _EXITS else ""
        word = "init container" if box.kind == "init" else "container"
        ends = f"exits with {code}{meaning}" if code is not None else "does not stay up"
        says = f"{word} {box.name} {ends}" + ("; the command ends by itself" if waits and code == 0 else "")
        evidence = [f"{box.field}: {state(box.status, picture.now)}"]
        evidence += log_lines(picture, box)
        if box.kind == "init":
            evidence.append("the pod's own containers wait for it")
        evidence += config_lines(picture, box)
        weight = -25 if settled else 3 if box.kind == "init" else 0
        yield Finding(picture.ref(known.PODS, box.pod), says, tuple(evidence), box.group, weight)


def probes(picture: Picture) -> Iterator[Finding]:
    for box in picture.boxes():
        extra = (*usage_lines(picture, box), *log_lines(picture, box, last_words=False))
        yield from probe_findings(picture, box, extra)


def log_lines(picture: Picture, box: Box, *, last_words: bool = True) -> list[str]:
    """The telling lines of the run that ended (the previous one, if it was read)."""
    found = sorted(picture.said(name_of(box.pod), box.name), key=lambda e: not e.previous)
    for one in found:
        if lines := telling(one.lines, LOG_LINES, last_words=last_words):
            word = "log (previous run)" if one.previous else "log"
            return [f"{word}: {line}" for line in lines]
    return []


def config_lines(picture: Picture, box: Box) -> list[str]:
    """The ConfigMaps that the container takes its environment from, with the keys they have (never values)."""
    whole = [str(at(e, "configMapRef", "name")) for e in items(box.spec, "envFrom") if mapping(e, "configMapRef")]
    refs = [mapping(e, "valueFrom", "configMapKeyRef") for e in items(box.spec, "env")]
    wanted: dict[str, list[str]] = {name: [] for name in whole}
    for ref in filter(None, refs):
        wanted.setdefault(str(ref.get("name")), []).append(str(ref.get("key")))
    lines: list[str] = []
    for name, keys in list(wanted.items())[:3]:
        uses = f"key {', '.join(keys[:6])}" if keys else "all keys"
        there = picture.config_keys.get(name)
        has = f"it has: {one_line(', '.join(there) or 'none', 160)}" if there is not None else ""
        if picture.lacks(CONFIG_MAPS, name):
            has = "it does not exist"
        lines.append(f"env from ConfigMap {picture.namespace}/{name} ({uses}){'; ' if has else ''}{has}")
    return lines


def usage_lines(picture: Picture, box: Box) -> list[str]:
    """What metrics say it uses now, beside its limits."""
    metrics = picture.named(known.POD_METRICS, name_of(box.pod))
    found = next((c for c in items(metrics, "containers") if c.get("name") == box.name), None)
    if found is None:
        return []
    parts: list[str] = []
    for name, shown in (("cpu", cpu), ("memory", memory)):
        limit = quantity(at(box.spec, "resources", "limits", name))
        used = quantity(at(found, "usage", name))
        if used is not None:
            parts.append(f"{name} {shown(used)}" + (f" of limit {shown(limit)}" if limit else ""))
    return [f"uses now: {', '.join(parts)}"] if parts else []
