"""Keeps the ControllerRevisions of a workload in step with its template."""

from __future__ import annotations

import uuid
from datetime import datetime

from kubeai_bot.playground.cluster.control.workbench import Workbench
from kubeai_bot.playground.cluster.objects import Obj, name_of
from kubeai_bot.playground.cluster.revisions import revision_name, revision_of
from kubeai_bot.playground.cluster.store import Place

REVISIONS: Place = ("apps", "controllerrevisions")


def newest_revision(bench: Workbench, owner: Obj, at: datetime) -> Obj:
    """The revision of the present template: a known one (with a new number if it was rolled back to) or a new one."""
    known = bench.owned(REVISIONS, owner)
    highest = max((one["revision"] for one in known), default=0)
    name = revision_name(owner)
    same = next((one for one in known if name_of(one) == name), None)
    if same is None:
        return bench.store.create(REVISIONS, revision_of(owner, highest + 1, at, str(uuid.uuid4())))
    if same["revision"] != highest:
        return bench.change(REVISIONS, same, lambda fresh: fresh.update(revision=highest + 1))
    return same
