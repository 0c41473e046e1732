"""create_job_from_cronjob, suspend_cronjob, resume_cronjob."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kubeai_bot.domain.message import Json
from kubeai_bot.tools.kubernetes import arguments_write as said
from kubeai_bot.tools.kubernetes.change import Change, these
from kubeai_bot.tools.kubernetes.edits import MERGE, Done, Edit
from kubeai_bot.tools.kubernetes.inverse import Undo, follow_up
from kubeai_bot.tools.kubernetes.known import CRONJOBS, JOBS
from kubeai_bot.tools.kubernetes.paths import at, mapping
from kubeai_bot.tools.kubernetes.reach import Reach, Ref
from kubeai_bot.tools.kubernetes.tool import ChangeStep, Scene

if TYPE_CHECKING:
    from kubeai_bot.domain.redaction.redactor import Redactor

_LONGEST = 63


def plan_job(arguments: said.CreateJobFromCronJob, scene: Scene) -> ChangeStep:
    """As `kubectl create job --from=cronjob/NAME` does."""
    cronjob = Ref(CRONJOBS, arguments.namespace, arguments.cronjob)
    name = arguments.job_name or f"{arguments.cronjob[: _LONGEST - 7]}-manual"
    job = Ref(JOBS, arguments.namespace, name)

    async def edits(reach: Reach) -> Sequence[Edit]:
        body = _job(await reach.get(cronjob), name)
        return [Edit(Ref(JOBS, arguments.namespace), "create", lambda _: body)]

    def undo(_: Sequence[Done], __: Redactor) -> Undo:
        return follow_up("delete", kind="jobs.batch", name=name, namespace=job.namespace), f"Delete {job}"

    verify = follow_up("list_resources", kind="jobs", namespace=job.namespace, field_selector=f"metadata.name={name}")
    change = Change(edits, lambda _: f"Created {job} from {cronjob}", undo=undo, verify=verify)
    acts = scene.acts(("get", cronjob), ("create", Ref(JOBS, arguments.namespace)))
    return ChangeStep(f"Run {cronjob} now, as {job}", acts, change)


def _job(cronjob: Json, name: str) -> Json:
    template, metadata = mapping(cronjob, "spec", "jobTemplate"), mapping(cronjob, "metadata")
    owner = {
        "apiVersion": CRONJOBS.api_version,
        "kind": CRONJOBS.kind,
        "name": metadata.get("name"),
        "uid": metadata.get("uid"),
        "controller": True,
    }
    return {
        "apiVersion": JOBS.api_version,
        "kind": JOBS.kind,
        "metadata": {
            "name": name,
            "namespace": metadata.get("namespace"),
            "labels": dict(mapping(template, "metadata", "labels")),
            "annotations": {
                **mapping(template, "metadata", "annotations"),
                "cronjob.kubernetes.io/instantiate": "manual",
            },
            "ownerReferences": [owner],
        },
        "spec": at(template, "spec"),
    }


def plan_suspend(arguments: said.SuspendCronJob, scene: Scene) -> ChangeStep:
    return _suspending(Ref(CRONJOBS, arguments.namespace, arguments.cronjob), True, scene)


def plan_unsuspend(arguments: said.ResumeCronJob, scene: Scene) -> ChangeStep:
    return _suspending(Ref(CRONJOBS, arguments.namespace, arguments.cronjob), False, scene)


def _suspending(ref: Ref, suspend: bool, scene: Scene) -> ChangeStep:
    edit = Edit(ref, "patch", lambda _: {"spec": {"suspend": suspend}}, MERGE)
    word, back = ("Suspend", "resume_cronjob") if suspend else ("Resume", "suspend_cronjob")

    def undo(_: Sequence[Done], __: Redactor) -> Undo:
        return follow_up(back, cronjob=ref.name, namespace=ref.namespace), f"{'Resume' if suspend else 'Suspend'} {ref}"

    change = Change(these(edit), lambda _: f"{word}{'ed' if suspend else 'd'} {ref}", undo=undo)
    return ChangeStep(f"{word} {ref}", scene.acts(("get", ref), ("patch", ref)), change)
