"""exec: one command in a container, without a shell."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, replace

from kubeai_bot.domain.approval import Preview
from kubeai_bot.domain.cluster import Command, CommandOutput
from kubeai_bot.domain.message import Json
from kubeai_bot.domain.redaction.redactor import Redactor
from kubeai_bot.domain.tool import CallContext, ToolResult
from kubeai_bot.errors import Drifted, ToolError, Unreachable
from kubeai_bot.tools.kubernetes.arguments_write import Exec
from kubeai_bot.tools.kubernetes.change import DRIFTED
from kubeai_bot.tools.kubernetes.known import PODS
from kubeai_bot.tools.kubernetes.paths import at, items
from kubeai_bot.tools.kubernetes.reach import Reach, Ref
from kubeai_bot.tools.kubernetes.risk import of_places
from kubeai_bot.tools.kubernetes.text import cut_middle, escaped, one_line, shares
from kubeai_bot.tools.kubernetes.tool import ChangeStep, Scene

_SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh", "ksh", "mksh", "csh", "tcsh", "fish", "pwsh", "powershell"})
_WRAPPERS = frozenset(
    {
        "busybox", "toybox", "env", "nice", "ionice", "nohup", "timeout", "time", "setsid", "stdbuf", "xargs", "sudo",
        "doas", "su", "chroot", "nsenter", "unshare", "script", "watch", "find", "setpriv", "runuser", "flock", "tini",
        "dumb-init", "gosu", "su-exec", "strace", "ssh",
    }
)  # fmt: skip
"""Programs that run what their arguments name."""
_OUTPUT_BYTES = 256 * 1024


def plan_exec(arguments: Exec, scene: Scene) -> ChangeStep:
    if not scene.allow_shell and (shell := shell_in(arguments.command)):
        raise ToolError(
            f"Shells are not run ({shell}): give the program and its arguments, one by one, such as "
            '["cat", "/etc/hosts"]. Pipes, variables and wildcards need a shell and are not there.'
        )
    pod = Ref(PODS, arguments.namespace, arguments.pod)
    door = Ref(PODS, arguments.namespace, arguments.pod, "exec")
    words = one_line(" ".join(arguments.command), 100)
    acts = scene.acts(("get", pod), ("get", door), ("create", door))
    return ChangeStep(f"Run in {pod}: {words}", acts, _Run(arguments, pod, door, scene.budget))


def shell_in(command: list[str]) -> str:
    """The shell that a command would start, "" for none that shows."""
    first = _program(command[0])
    if first in _SHELLS:
        return first
    if first in _WRAPPERS:
        return next((word for word in map(_program, command[1:]) if word in _SHELLS), "")
    return ""


def _program(word: str) -> str:
    return word.strip().rpartition("/")[2].lower().removesuffix(".exe")


@dataclass(frozen=True, slots=True)
class _Run:
    arguments: Exec
    pod: Ref
    door: Ref
    budget: int

    async def preview(self, reach: Reach, context: CallContext) -> Preview:
        container, digest = await self._look(reach)
        command = escaped(context.redactor.text(json.dumps(self.arguments.command, ensure_ascii=False)).text)
        reasons = [f"High risk: {why}." for _, why in of_places(reach.cluster.name, [self.pod])]
        warnings = (
            "High risk: what a command does inside a container cannot be tried out.",
            *dict.fromkeys(reasons),
        )
        return Preview(
            (str(self.pod),), f"Run in container {container} of {self.pod}:\n{command}", digest, "high", warnings
        )

    async def carry_out(self, reach: Reach, context: CallContext) -> ToolResult:
        container, digest = await self._look(reach)
        if context.approved is not None and context.approved != digest:
            raise Drifted(DRIFTED)
        place = (self.pod.namespace, self.pod.name, container)
        command = Command(*place, tuple(self.arguments.command), float(self.arguments.seconds), _OUTPUT_BYTES)
        output = await reach.execute(self.door, command)
        return self._told(await asyncio.to_thread(_clean, output, context.redactor), container, reach)

    async def _look(self, reach: Reach) -> tuple[str, str]:
        """The container, and a digest of what would be run where."""
        try:
            pod = await reach.get(self.pod)
        except Unreachable as error:
            raise ToolError(f"{error}. Nothing was run.") from error
        container = self._container(pod)
        image = next(c.get("image") for c in items(pod, "spec", "containers") if c.get("name") == container)
        said = [at(pod, "metadata", "uid"), container, image, self.arguments.command]
        return container, hashlib.sha256(json.dumps(said).encode()).hexdigest()

    def _container(self, pod: Json) -> str:
        names = [str(container.get("name")) for container in items(pod, "spec", "containers")]
        chosen = self.arguments.container or (names[0] if len(names) == 1 else "")
        if chosen not in names:
            word = f"no container {chosen!r}" if chosen else "several containers"
            raise ToolError(f"{self.pod} has {word}: choose `container` of {', '.join(names)}.")
        return chosen

    def _told(self, output: CommandOutput, container: str, reach: Reach) -> ToolResult:
        if output.exit_code is not None:
            ending = f"exit code {output.exit_code}"
        elif output.truncated:
            ending = f"more output than {_OUTPUT_BYTES // 1024} KiB, so it was no longer read; it may be running still"
        else:
            ending = f"not ended after {self.arguments.seconds} s; it may be running still"
        first = f"Ran in container {container} of {self.pod} in cluster {reach.cluster.name}: {ending}."
        wrote = {name: text.rstrip() for name, text in (("stdout", output.stdout), ("stderr", output.stderr)) if text}
        rooms = shares([len(text) for text in wrote.values()], self.budget)
        shown = [
            f"{name}:\n{cut_middle(text, room, 'see the end')}"
            for (name, text), room in zip(wrote.items(), rooms, strict=True)
        ]
        whole = [f"{name}:\n{text}" for name, text in wrote.items()]
        return ToolResult(
            "\n".join([first, *(shown or ["It wrote nothing."])]),
            one_line(ending, 100),
            ok=output.exit_code == 0,
            audit_ids=(output.audit_id,) if output.audit_id else (),
            whole="\n".join([first, *whole]),
        )


def _clean(output: CommandOutput, redactor: Redactor) -> CommandOutput:
    """Without secrets, before anything is cut off it."""
    return replace(output, stdout=redactor.text(output.stdout).text, stderr=redactor.text(output.stderr).text)
