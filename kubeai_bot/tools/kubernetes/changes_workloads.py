"""scale, rollout_restart, rollout_pause, rollout_resume, set_image, set_env, set_resources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kubeai_bot.domain.cluster import Resource
from kubeai_bot.domain.message import Json
from kubeai_bot.errors import ToolError
from kubeai_bot.tools.kubernetes import arguments_write as said
from kubeai_bot.tools.kubernetes.change import Change, final, these
from kubeai_bot.tools.kubernetes.edits import MERGE, STRATEGIC, Done, Edit, containers, pod_template
from kubeai_bot.tools.kubernetes.inverse import Undo, follow_up, taken_back
from kubeai_bot.tools.kubernetes.known import CRONJOBS, DEPLOYMENTS, WORKLOADS
from kubeai_bot.tools.kubernetes.paths import at, mapping
from kubeai_bot.tools.kubernetes.reach import Ref
from kubeai_bot.tools.kubernetes.risk import Reasons
from kubeai_bot.tools.kubernetes.rollout import revision_of
from kubeai_bot.tools.kubernetes.text import counted
from kubeai_bot.tools.kubernetes.tool import ChangeStep, Scene

if TYPE_CHECKING:
    from kubeai_bot.domain.redaction.redactor import Redactor

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


def plan_scale(arguments: said.Scale, scene: Scene) -> ChangeStep:
    ref = Ref(WORKLOADS[arguments.kind], arguments.namespace, arguments.name, "scale")
    what = f"{arguments.kind} {arguments.namespace}/{arguments.name}"
    place = {"kind": arguments.kind, "name": arguments.name, "namespace": arguments.namespace}

    def wanted(live: Json) -> Json:
        return {**live, "spec": {**mapping(live, "spec"), "replicas": arguments.replicas}}

    def undo(done: Sequence[Done], _: Redactor) -> Undo:
        old = _replicas(done[0].live)
        return follow_up("scale", **place, replicas=old), f"Scale {what} back to {counted(old, 'replica')}"

    reasons: Reasons = () if arguments.replicas else (("high", f"{what} is left without replicas"),)
    change = Change(
        these(Edit(ref, "update", wanted)),
        lambda done: f"Scaled {what} from {_replicas(done[0].live)} to {_replicas(done[0].result)}",
        summary=lambda done: f"{_replicas(done[0].live)} → {_replicas(done[0].result)}",
        undo=undo,
        reasons=reasons,
    )
    intent = f"Scale {what} to {counted(arguments.replicas, 'replica')}"
    return ChangeStep(intent, scene.acts(("get", ref), ("update", ref)), change)


def _replicas(scale: Json) -> int:
    return int(at(scale, "spec", "replicas") or 0)


def plan_restart(arguments: said.RolloutRestart, scene: Scene) -> ChangeStep:
    ref = Ref(WORKLOADS[arguments.kind], arguments.namespace, arguments.name)
    moment = scene.now.isoformat(timespec="seconds")

    def wanted(live: Json) -> Json:
        refuse_paused(live, ref)
        return {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: moment}}}}}

    moment_path = ("spec", "template", "metadata", "annotations", RESTARTED_AT)
    edit = Edit(ref, "patch", wanted, STRATEGIC, fleeting=(moment_path,))
    return _patched(f"Restart {ref}", ref, Change(these(edit), lambda _: f"Restarted {ref}", undo=final), scene)


def refuse_paused(live: Json, ref: Ref) -> None:
    if at(live, "spec", "paused"):
        raise ToolError(f"{ref} is paused, so nothing would roll out: rollout_resume first.")


def plan_pause(arguments: said.RolloutPause, scene: Scene) -> ChangeStep:
    return _pausing(Ref(DEPLOYMENTS, arguments.namespace, arguments.name), True, scene)


def plan_resume(arguments: said.RolloutResume, scene: Scene) -> ChangeStep:
    return _pausing(Ref(DEPLOYMENTS, arguments.namespace, arguments.name), False, scene)


def _pausing(ref: Ref, pause: bool, scene: Scene) -> ChangeStep:
    edit = Edit(ref, "patch", lambda _: {"spec": {"paused": pause or None}}, MERGE)
    word, done, back = ("Pause", "Paused", "rollout_resume") if pause else ("Resume", "Resumed", "rollout_pause")

    def undo(_: Sequence[Done], __: Redactor) -> Undo:
        other = "Resume" if pause else "Pause"
        return follow_up(back, name=ref.name, namespace=ref.namespace), f"{other} the rollout of {ref}"

    change = Change(
        these(edit), lambda _: f"{done} the rollout of {ref}", undo=undo, usual="low" if pause else "medium"
    )
    return _patched(f"{word} the rollout of {ref}", ref, change, scene)


def plan_image(arguments: said.SetImage, scene: Scene) -> ChangeStep:
    ref, image = _templated(arguments.kind, arguments.namespace, arguments.name), arguments.image
    edit = _container_edit(ref, arguments.container, {"image": image})

    def undo(done: Sequence[Done], redactor: Redactor) -> Undo | None:
        _, found = chosen(done[0].live, arguments.container, ref)
        container, old = str(found.get("name")), str(found.get("image"))
        if redactor.value(old) != old:
            return None
        place = {"kind": arguments.kind, "name": ref.name, "namespace": ref.namespace, "container": container}
        return follow_up("set_image", **place, image=old), f"Set the image of {ref} back to {old}"

    change = Change(these(edit), lambda _: f"Set the image of {ref} to {image}", undo=undo)
    return _patched(f"Set the image of {ref} to {image}", ref, change, scene)


def plan_env(arguments: said.SetEnv, scene: Scene) -> ChangeStep:
    ref = _templated(arguments.kind, arguments.namespace, arguments.name)
    plain = [(name, value) for name, _, value in (text.partition("=") for text in arguments.variables)]
    env: list[dict[str, Any]] = [
        *({"name": name, "value": value, "valueFrom": None} for name, value in plain),
        *(_reference(text, "secretKeyRef") for text in arguments.from_secret),
        *(_reference(text, "configMapKeyRef") for text in arguments.from_config_map),
        *({"name": name, "$patch": "delete"} for name in arguments.remove),
    ]
    names = ", ".join(str(entry["name"]) for entry in env)

    def check(redactor: Redactor) -> None:
        for name, value in plain:
            probe = {"kind": "Pod", "spec": {"containers": [{"name": "app", "env": [{"name": name, "value": value}]}]}}
            if redactor.value(probe) != probe:
                raise ToolError(
                    f"The value of {name} looks like a secret, which does not belong into a workload's manifest: put "
                    f"it into a Secret (not through this bot) and refer to it: from_secret=['{name}=SECRET/KEY']."
                )

    edit = _container_edit(ref, arguments.container, {"env": env})
    change = Change(these(edit), lambda _: f"Changed {names} of {ref}", undo=_revision_back, check=check)
    return _patched(f"Change environment variables of {ref}: {names}", ref, change, scene)


def _reference(text: str, source: str) -> dict[str, Any]:
    name, _, where = text.partition("=")
    holder, slash, key = where.partition("/")
    if not slash or not holder or not key:
        raise ToolError(f"{text!r} must be NAME=object/key.")
    return {"name": name, "value": None, "valueFrom": {source: {"name": holder, "key": key}}}


def plan_resources(arguments: said.SetResources, scene: Scene) -> ChangeStep:
    ref = _templated(arguments.kind, arguments.namespace, arguments.name)
    given = {
        "requests": {"cpu": arguments.cpu_request, "memory": arguments.memory_request},
        "limits": {"cpu": arguments.cpu_limit, "memory": arguments.memory_limit},
    }
    resources = {
        part: {name: None if value == "-" else value for name, value in values.items() if value}
        for part, values in given.items()
        if any(values.values())
    }
    words = ", ".join(f"{n} {p[:-1]} {v or 'removed'}" for p, values in resources.items() for n, v in values.items())
    edit = _container_edit(ref, arguments.container, {"resources": resources})
    change = Change(these(edit), lambda _: f"Set resources of {ref}: {words}", undo=_revision_back)
    return _patched(f"Set resources of {ref}: {words}", ref, change, scene)


def _revision_back(done: Sequence[Done], redactor: Redactor) -> Undo | None:
    """Back to the revision of before, which the Deployment keeps; a patch for the others."""
    ref, revision = done[0].edit.ref, revision_of(done[0].live)
    if ref.resource.name != DEPLOYMENTS.name or not revision:
        return taken_back(done, redactor)
    place = {"kind": "deployment", "name": ref.name, "namespace": ref.namespace}
    return follow_up("rollout_undo", **place, to_revision=revision), f"Take {ref} back to revision {revision}"


def _templated(kind: str, namespace: str, name: str) -> Ref:
    resource: Resource = CRONJOBS if kind == "cronjob" else WORKLOADS[kind]
    return Ref(resource, namespace, name)


def _container_edit(ref: Ref, container: str, fields: Json) -> Edit:
    """A strategic merge patch of one container that exists; it would add one that does not."""

    def wanted(live: Json) -> Json:
        part, found = chosen(live, container, ref)
        body: Any = {"spec": {part: [{"name": found.get("name"), **fields}]}}
        for step in reversed(pod_template(live)):
            body = {step: body}
        return body

    return Edit(ref, "patch", wanted, STRATEGIC)


def chosen(live: Json, container: str, ref: Ref) -> tuple[str, Json]:
    """The container of that name; without one, the only one. Raises ToolError."""
    every = containers(live)
    if container:
        found = [(part, each) for part, each in every if each.get("name") == container]
    else:
        found = [(part, each) for part, each in every if part == "containers"]
    if len(found) == 1:
        return found[0]
    names = ", ".join(str(each.get("name")) for _, each in every)
    if container:
        raise ToolError(f"{ref} has no container {container!r}. It has: {names}.")
    raise ToolError(f"{ref} has several containers: choose `container` of {names}.")


def _patched(intent: str, ref: Ref, change: Change, scene: Scene) -> ChangeStep:
    return ChangeStep(intent, scene.acts(("get", ref), ("patch", ref)), change)
