"""The shop's runbooks: what its engineers wrote down for the next time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Runbook:
    """`fault` is the kind of the scenario's fault that it is for, `words` what people call it; `body` is Markdown."""

    id: str
    title: str
    fault: str
    words: str
    body: str


RUNBOOKS: tuple[Runbook, ...] = (
    Runbook(
        "RB-101",
        "A container restarts in a loop",
        "crash-loop",
        "crash crashes crashing crashloop crashloopbackoff loop restart restarts restarting backoff exit",
        "1. Read the logs of the run before the last restart; the last line usually says why.\n"
        "2. `missing environment variable`: compare the ConfigMap with the one in the shop's Git repository.\n"
        "3. Only after a release: roll back first, look for the cause second.\n"
        "4. Tell #shop-oncall what the last line said.",
    ),
    Runbook(
        "RB-102",
        "A container is killed for its memory",
        "oom",
        "oom oomkilled memory killed kill limit ram 137",
        "1. Compare the usage with the limit; look whether it grows with time or jumps with the load.\n"
        "2. A jump: raise the limit by half, and no further without the team that owns the code.\n"
        "3. Growth: restart to win time, take a heap dump, open a ticket.",
    ),
    Runbook(
        "RB-103",
        "An image cannot be pulled",
        "image-pull",
        "image pull pulled errimagepull imagepullbackoff registry tag",
        "1. `not found`: the tag was never pushed; look at the pipeline of the release.\n"
        "2. `unauthorized`: the pull secret of the namespace has expired; #platform renews it.\n"
        "3. Until then roll back: the old replicas are still serving.",
    ),
    Runbook(
        "RB-104",
        "A pod stays Pending",
        "unschedulable",
        "pending schedule scheduled unschedulable scheduling insufficient cpu capacity node nodes",
        "1. Read the event `FailedScheduling`: it says which resource is short.\n"
        "2. A request larger than any node is a typing error; correct the request.\n"
        "3. All nodes full: #platform adds one, it takes ten minutes.",
    ),
    Runbook(
        "RB-105",
        "A pod runs and is never ready",
        "readiness",
        "ready readiness probe probes unready health healthz 404 endpoint",
        "1. Ask the probe's path from inside the pod.\n"
        "2. 404: the path moved with a release; correct the probe.\n"
        "3. Do not delete the probe to make it green.",
    ),
    Runbook(
        "RB-106",
        "A rollout does not come to its end",
        "rollout",
        "rollout release deploy deployment stuck progress deadline progressdeadlineexceeded rollback revision",
        "1. Look at the newest ReplicaSet's pods; the old ones still serve.\n"
        "2. `kubectl rollout undo` when customers notice anything.\n"
        "3. Freeze the pipeline of that service until the cause is known.",
    ),
)

_WORD = re.compile(r"[a-z0-9]+")
_LONGEST = 1_000


def search(query: str, runbooks: Sequence[Runbook] = RUNBOOKS) -> list[Runbook]:
    """Those that share words with the query, best first; all of them for an empty one."""
    wanted = set(_WORD.findall(query[:_LONGEST].lower()))
    if not wanted:
        return list(runbooks)
    scored = [(len(wanted & set(_WORD.findall(f"{book.id.lower()} {book.words}"))), book) for book in runbooks]
    return [book for score, book in sorted(scored, key=lambda each: -each[0]) if score]


def runbook_for(fault: str) -> Runbook | None:
    return next((book for book in RUNBOOKS if book.fault == fault), None)


def find(runbook_id: str) -> Runbook | None:
    wanted = runbook_id.strip().upper()
    return next((book for book in RUNBOOKS if book.id == wanted), None)
