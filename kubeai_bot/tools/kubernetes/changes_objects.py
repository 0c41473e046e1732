"""apply, patch, delete, label, annotate: changes of any kind of object."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from kubeai_bot.domain.message import Json
from kubeai_bot.errors import ToolError
from kubeai_bot.tools.kubernetes import arguments_write as said
from kubeai_bot.tools.kubernetes.change import Change, these
from kubeai_bot.tools.kubernetes.edits import APPLY, JSON_PATCH, MERGE, STRATEGIC, Done, Edit, refuse_secrets
from kubeai_bot.tools.kubernetes.inverse import Undo, follow_up, place_of
from kubeai_bot.tools.kubernetes.manifests import documents, objects
from kubeai_bot.tools.kubernetes.paths import mapping
from kubeai_bot.tools.kubernetes.reach import Ref
from kubeai_bot.tools.kubernetes.resolve import full_name
from kubeai_bot.tools.kubernetes.risk import Reasons
from kubeai_bot.tools.kubernetes.target import one_object
from kubeai_bot.tools.kubernetes.text import counted, one_line
from kubeai_bot.tools.kubernetes.tool import ChangeStep, Scene

if TYPE_CHECKING:
    from kubeai_bot.domain.redaction.redactor import Redactor

_PATCHES: Mapping[str, str] = {"merge": MERGE, "strategic": STRATEGIC, "json": JSON_PATCH}
_PROPAGATION = {"background": "Background", "foreground": "Foreground", "orphan": "Orphan"}


def plan_apply(arguments: said.Apply, scene: Scene) -> ChangeStep:
    found = objects(arguments.manifest, arguments.namespace, scene.kinds)
    query = (("force", "true"),) if arguments.force else ()
    edits = [Edit(ref, "apply", _same(body), APPLY, query) for ref, body in found]
    names = ", ".join(str(ref) for ref, _ in found)
    reasons: Reasons = (("high", "takes over fields that other managers own"),) if arguments.force else ()
    # Creating by apply needs the right to create as well, and which it will be is not known before.
    acts = scene.acts(*((verb, ref) for ref, _ in found for verb in ("get", "patch", "create")))
    told = f"Applied {counted(len(found), 'object')}: {names}"
    return ChangeStep(
        f"Apply {names}" if len(found) == 1 else f"Apply {len(found)} objects: {names}",
        acts,
        Change(these(*edits), lambda _: told, reasons=reasons),
    )


def _same(body: Any) -> Callable[[Json], Any]:
    """The same, however the object is."""

    def made(live: Json) -> Any:
        del live
        return body

    return made


def plan_patch(arguments: said.Patch, scene: Scene) -> ChangeStep:
    ref = one_object(arguments.kind, arguments.namespace, arguments.name, scene, "patch")
    parsed = documents(arguments.patch)
    if len(parsed) != 1:
        raise ToolError("`patch` must hold one document.")
    body: Any = parsed[0]
    refuse_secrets(body)
    wanted, word = (list, "a list of operations") if arguments.type == "json" else (Mapping, "an object")
    if not isinstance(body, wanted):
        raise ToolError(f"A patch of type {arguments.type} is {word}.")
    edit = Edit(ref, "patch", _same(body), _PATCHES[arguments.type])
    return ChangeStep(f"Patch {ref}", _get_and("patch", ref, scene), Change(these(edit), lambda _: f"Patched {ref}"))


def plan_delete(arguments: said.Delete, scene: Scene) -> ChangeStep:
    ref = one_object(arguments.kind, arguments.namespace, arguments.name, scene, "delete")
    options: dict[str, Any] = {"propagationPolicy": _PROPAGATION[arguments.propagation]}
    reasons: list[tuple[Literal["high"], str]] = []
    if arguments.grace_seconds >= 0:
        options["gracePeriodSeconds"] = arguments.grace_seconds
    if arguments.grace_seconds == 0:
        reasons.append(("high", "kills at once, without waiting for a clean end"))
    if (ref.resource.group, ref.resource.name) == ("", "namespaces"):
        reasons.append(("high", f"everything in namespace {ref.name} goes with it"))
    # gone, or going: a list says so, while to get it would be an error
    place = {"namespace": ref.namespace} if ref.namespace else {}
    look = follow_up(
        "list_resources", kind=full_name(ref.resource), **place, field_selector=f"metadata.name={ref.name}"
    )
    change = Change(
        these(Edit(ref, "delete", _same(options))),
        lambda _: f"Deleted {ref}",
        usual="high",
        reasons=tuple(reasons),
        verify=look,
    )
    return ChangeStep(f"Delete {ref}", _get_and("delete", ref, scene), change)


def plan_label(arguments: said.Label, scene: Scene) -> ChangeStep:
    ref = one_object(arguments.kind, arguments.namespace, arguments.name, scene, "patch")
    return _marked("label", "labels", arguments.labels, ref, scene)


def plan_annotate(arguments: said.Annotate, scene: Scene) -> ChangeStep:
    ref = one_object(arguments.kind, arguments.namespace, arguments.name, scene, "patch")
    return _marked("annotate", "annotations", arguments.annotations, ref, scene)


def _marked(
    tool: str, field: Literal["labels", "annotations"], marks: Sequence[str], ref: Ref, scene: Scene
) -> ChangeStep:
    values = dict(map(_mark, marks))
    edit = Edit(ref, "patch", _same({"metadata": {field: values}}), MERGE)

    def undo(done: Sequence[Done], redactor: Redactor) -> Undo | None:
        before = mapping(done[0].live, "metadata", field)
        old = {key: before.get(key) for key in values}
        if redactor.value({"metadata": {field: old}}) != {"metadata": {field: old}}:
            return None
        back = [f"{key}-" if value is None else f"{key}={value}" for key, value in old.items()]
        return follow_up(tool, **place_of(ref), **{field: back}), f"Put the {field} of {ref} back"

    what = one_line(", ".join(marks), 100)
    change = Change(these(edit), lambda _: f"Changed {field} of {ref}: {what}", usual="low", undo=undo)
    return ChangeStep(f"Change {field} of {ref}: {what}", _get_and("patch", ref, scene), change)


def _mark(text: str) -> tuple[str, str | None]:
    key, equals, value = text.partition("=")
    return (key, value) if equals else (text[:-1], None)


def _get_and(verb: str, ref: Ref, scene: Scene) -> Any:
    return scene.acts(("get", ref), (verb, ref))
