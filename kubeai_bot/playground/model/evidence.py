"""From what the tools say of a workload in trouble to a conclusion: what is wrong, which words prove it, what to do.

Each reading looks for one well-known way to fail. Nothing is concluded that no result shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace

from kubeai_bot.playground.model.tables import code, lines_with, missing_right

_BAD_LINE = re.compile(
    r"\b(?:fatal|panic|error|exception|traceback|critical|emerg|denied|refused|cannot|failed|unable)\b", re.IGNORECASE
)
_LOUD_LINE = re.compile(r"\b(?:fatal|panic|critical|emerg)\b", re.IGNORECASE)
_MODEST = {"cpu": "1", "memory": "1Gi"}
"""Requests that most nodes have room for."""
_WARNING = re.compile(r"^\S+ +Warning +(?P<reason>\S+) +(?:[A-Z]\w+/[\w.-]+ +)?(?P<message>.+)$")


@dataclass(frozen=True, slots=True)
class Case:
    """What was asked about one workload. `pod` and `workload` are names ("" where there is none), `owner` is like
    `deployment`; the rest are results, "" where a tool was not asked."""

    namespace: str
    workload: str
    owner: str
    pod: str
    status: str = ""
    pod_text: str = ""
    owner_text: str = ""
    logs: str = ""

    @property
    def title(self) -> str:
        return f"{self.namespace}/{self.workload or self.pod}" if self.namespace else self.workload or self.pod

    @property
    def target(self) -> str:
        """For kubectl: the workload where it is known, else the pod."""
        return f"{self.owner}/{self.workload}" if self.owner and self.workload else f"pod/{self.pod}"

    @property
    def named(self) -> str:
        """For the bot: the same in plain words."""
        return f"{self.workload or self.pod}{f' in {self.namespace}' if self.namespace else ''}"

    def kubectl(self, command: str) -> str:
        return f"kubectl -n {self.namespace} {command}" if self.namespace else f"kubectl {command}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A conclusion in one sentence, the words that prove it, and the next step with a command; where the bot can do
    that too, what to say to it (`wish`), and the `tool` that it needs for that."""

    says: str
    proof: tuple[str, ...]
    advice: str
    command: str
    wish: str = ""
    tool: str = ""

    def next_step(self, tools: Container[str]) -> str:
        """What to do now, where the bot has these tools."""
        by_bot = self.wish and self.tool in tools
        return f"{self.advice} say _{self.wish}_." if by_bot else f"{self.advice} {code(self.command)}"


def conclude(case: Case) -> Finding:
    """The first reading that fits; else what is known without an explanation."""
    for reading in _READINGS:
        if (finding := reading(case)) is not None:
            return _with_rollout(case, finding)
    if case.owner_text and (stuck := _stuck(case.owner_text)):
        wish = f"what is the rollout status of {case.named}?"
        found = Finding("is not rolled out", stuck, "See what holds it up:", _describe(case), wish, "rollout_status")
        return _with_rollout(case, found)
    state = case.status or "its state"
    told = next(lines_with(case.pod_text, r"STATE: (?!running)"), "").removeprefix("STATE: ")
    proof = (told, *_warnings(case.pod_text)[-2:], *_bad_lines(case.logs)[-2:])
    return Finding(
        f"is in trouble ({code(state)}); I know no rule that says why", proof, "Look closer:", _describe(case)
    )


# --- readings ---


def _unschedulable(case: Case) -> Finding | None:
    message = next(iter(_warnings(case.pod_text, "FailedScheduling")), "") or _after(
        case.pod_text, r"PodScheduled=False[^:]*: (.+)"
    )
    if not message:
        return None
    requests = _after(case.pod_text, r"resources: requests ([^;\n]+)")
    lack = re.search(r"Insufficient (\S+?)[.,\s]", message + " ")
    resource = lack[1] if lack else ""
    wants = f"; it requests {code(requests)}" if requests else ""
    short_of = f" ({code('Insufficient ' + resource)})" if resource else ""
    says = f"cannot be scheduled: no node has room{short_of}{wants}"
    advice = (
        f"Lower the {resource} request, or add a node that is large enough:" if resource else "Compare with the nodes:"
    )
    command = case.kubectl(f"edit {case.target}") if resource else "kubectl describe nodes"
    wish = f"set the {resource} request of {case.named} to {_MODEST[resource]}" if resource in _MODEST else ""
    return Finding(says, (message,), advice, command, wish, "set_resources")


def _image(case: Case) -> Finding | None:
    if not re.search(r"ImagePull|ErrImage|InvalidImageName", case.status + case.pod_text):
        return None
    failed = [
        message for message in _warnings(case.pod_text, "Failed") if "image" in message.lower() and ":" in message
    ]
    proof = next((message for message in failed if "pull" in message), "") or _after(
        case.pod_text, r"STATE: (waiting .+)"
    )
    image = _after(proof, r"image \"([^\"]+)\"")
    cause = next(
        (word for word in ("not found", "unauthorized", "denied", "timeout", "no such host") if word in proof), ""
    )
    says = f"cannot pull its image{f' {code(image)}' if image else ''}{f': {cause}' if cause else ''}"
    container = _after(case.pod_text, rf"^([\w.-]+): {re.escape(image)}$") if image else ""
    repository = image.rpartition(":")[0] or image
    command = f"set image {case.target} {container or '<container>'}={repository or '<image>'}:<existing tag>"
    wish = f"set the image of {case.named} to {repository}:TAG" if repository else ""
    return Finding(
        says, (proof,), "Set a tag that exists (or push this one):", case.kubectl(command), wish, "set_image"
    )


def _out_of_memory(case: Case) -> Finding | None:
    killed = _after(case.pod_text, r"STATE: (.*OOMKilled.*)")
    if not killed:
        return None
    exit_text = _after(killed, r"((?:exit \d+ )?OOMKilled[^;]*)")
    limit = _after(_container_block(case.pod_text, "OOMKilled"), r"limits [^\n]*?memory=(\S+)").rstrip(";")
    says = (
        f"is killed for using more memory than its limit{f' of {code(limit)}' if limit else ''} ({code('OOMKilled')})"
    )
    grown = tuple(line for line in _log_lines(case.logs) if re.search(r"memory|heap|oom", line, re.IGNORECASE))[-2:]
    command = case.kubectl(f"set resources {case.target} --limits=memory=<more than {limit or 'now'}>")
    advice, wish = "Raise the limit, or find what eats the memory:", f"give {case.named} more memory"
    return Finding(says, (exit_text, *grown), advice, command, wish, "set_resources")


def _crash(case: Case) -> Finding | None:
    ended = _after(case.pod_text, r"STATE: (.*(?:exit [1-9]\d*).*)")
    looping = "CrashLoopBackOff" in case.status + case.pod_text
    if not ended and not looping:
        return None
    block = _container_block(case.pod_text, r"exit [1-9]|CrashLoopBackOff")
    container = _after(block, r"^([\w.-]+):")
    exit_text = _after(ended, r"(exit \d+[^;]*)")
    restarts = _after(ended, r"(\d+ restarts?)")
    code_number = _after(exit_text, r"exit (\d+)")
    what = f"crashes again and again ({code('CrashLoopBackOff')})" if looping else "crashed"
    where = f": container {code(container)}" if container else ""
    how = f" ended with exit code {code_number}" if code_number and where else ""
    says = f"{what}{where}{how}{f', {restarts}' if restarts else ''}"
    proof = (*_bad_lines(_log_of(case.logs, container))[-2:], exit_text)
    config = re.findall(r"<ConfigMap ([\w.-]+)", block)
    about_config = any(re.search(r"config|key|environment|variable", line, re.IGNORECASE) for line in proof)
    if config and about_config:
        says += f"; it reads its configuration from ConfigMap {code(config[0])}"
        return Finding(says, proof, "Correct what the log line names:", case.kubectl(f"edit configmap {config[0]}"))
    follow = f" -c {container}" if container else ""
    command = case.kubectl(f"logs {case.pod}{follow} --previous")
    wish = f"show the logs of {replace(case, workload='').named}"
    return Finding(says, proof, "Read the whole of its last log:", command, wish, "get_logs")


def _unready(case: Case) -> Finding | None:
    failed = [message for message in _warnings(case.pod_text, "Unhealthy") if "probe failed" in message]
    if not failed:
        return None
    kind = _after(failed[-1], r"^(\w+) probe").lower() or "readiness"
    probe = _after(case.pod_text, rf"{kind}: ((?:GET|exec|tcp|grpc)[^\n]*)")
    path = _after(probe, r"GET \S+?://[^/\s]*(/\S*)")
    asks_for = f" ({code('GET ' + path)})" if path else ""
    says = f"runs, but its {kind} probe fails{asks_for}"
    asked = tuple(line for line in _log_lines(case.logs) if path and path in line)[-1:]
    served = tuple(line for line in _log_lines(case.logs) if "routes" in line)[-1:]
    advice = "Make the probe ask for a path that the program serves:" if path else "Look at the probe:"
    return Finding(says, (failed[-1], *served, *asked), advice, case.kubectl(f"edit {case.target}"))


_READINGS: tuple[Callable[[Case], Finding | None], ...] = (_unschedulable, _image, _out_of_memory, _crash, _unready)


def _with_rollout(case: Case, finding: Finding) -> Finding:
    """Adds that a rollout is stuck while the version before it still serves, and how to go back."""
    stuck = _stuck(case.owner_text)
    sets = re.findall(
        r"^  (\S+)  +revision (\d+)  +(\d+)/(\d+) ready  +age \S+ +(\S.*)$", case.owner_text, re.MULTILINE
    )
    alive = sorted(((int(number), int(ready), images) for _, number, ready, wanted, images in sets if int(wanted)))
    if not stuck or len(alive) < 2 or alive[-1][1] > 0 or not any(ready for _, ready, _ in alive[:-1]):
        return replace(finding, proof=(*finding.proof, *stuck[:1]))
    new, old = alive[-1], alive[-2]
    says = (
        f"has a rollout that does not get on: revision {new[0]} ({code(new[2])}) {finding.says}, while revision"
        f" {old[0]} ({code(old[2])}) still serves"
    )
    command = case.kubectl(f"rollout undo {case.target}")
    proof, wish = (*finding.proof, *stuck[:1]), f"roll back {case.named}"
    return Finding(says, proof, "Go back until it is repaired:", command, wish, "rollout_undo")


# --- reading texts ---


def _stuck(owner_text: str) -> tuple[str, ...]:
    return tuple(lines_with(owner_text, r"ProgressDeadlineExceeded|progress deadline exceeded"))


def _describe(case: Case) -> str:
    return case.kubectl(f"describe {case.target}")


def _warnings(text: str, reason: str = "") -> list[str]:
    """The messages of the warning events with this reason, or of all."""
    found = (_WARNING.match(line.strip()) for line in text.splitlines())
    return [match["message"] for match in found if match and reason in ("", match["reason"])]


def _after(text: str, pattern: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1].strip() if found else ""


def _container_block(text: str, pattern: str) -> str:
    """The lines about the container whose STATE matches."""
    blocks = re.split(r"^(?=[\w.-]+(?: \([a-z]+\))?: \S+$)", text, flags=re.MULTILINE)
    return next((block for block in blocks if re.search(rf"STATE: .*(?:{pattern})", block)), "")


def _log_of(logs: str, container: str) -> str:
    """The part of the logs that comes from one container."""
    parts = re.split(r"^== ", logs, flags=re.MULTILINE)
    return next((part for part in parts if container and re.match(rf"\S+/{re.escape(container)}\b", part)), logs)


def _log_lines(logs: str) -> list[str]:
    """What containers wrote, without the tool's own headings and remarks."""
    lines = logs.splitlines() if not missing_right(logs) else []
    return [line.strip() for line in lines if line.strip() and not re.match(r"== |\[.*\]$|\S+/\S+ \(", line)]


def _bad_lines(logs: str) -> tuple[str, ...]:
    """Lines that complain, the loudest kind if there is one; without any, the last line."""
    lines = _log_lines(logs)
    loud: Sequence[str] = [line for line in lines if _LOUD_LINE.search(line)]
    return tuple(loud or [line for line in lines if _BAD_LINE.search(line)] or lines[-1:])
