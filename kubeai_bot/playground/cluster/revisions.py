"""ControllerRevisions: the templates that a StatefulSet or DaemonSet has had, and which pod is of which."""

from __future__ import annotations

from datetime import datetime

from kubeai_bot.playground.cluster.derived import template_hash
from kubeai_bot.playground.cluster.objects import Obj, copied, labels_of, name_of, namespace_of, owner_reference, stamp

REVISION_LABEL = "controller-revision-hash"


def revision_name(owner: Obj) -> str:
    """The name of the revision of the owner's present template."""
    return f"{name_of(owner)}-{template_hash(owner['spec']['template'])}"


def revision_of(owner: Obj, number: int, at: datetime, uid: str) -> Obj:
    """The ControllerRevision of the owner's present template."""
    template = {**copied(owner["spec"]["template"]), "$patch": "replace"}
    name = revision_name(owner)
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": name,
            "namespace": namespace_of(owner),
            "uid": uid,
            "creationTimestamp": stamp(at),
            "labels": {**owner["spec"]["selector"].get("matchLabels", {}), REVISION_LABEL: _label(owner, name)},
            "ownerReferences": [owner_reference(owner)],
        },
        "data": {"spec": {"template": template}},
        "revision": number,
    }


def _label(owner: Obj, name: str) -> str:
    """StatefulSets label their pods with the revision's whole name, DaemonSets with its hash."""
    return name if owner["kind"] == "StatefulSet" else name.rpartition("-")[2]


def revision_label(revision: Obj) -> str:
    return labels_of(revision)[REVISION_LABEL]


def is_of(pod: Obj, revision: Obj) -> bool:
    return labels_of(pod).get(REVISION_LABEL) == revision_label(revision)
