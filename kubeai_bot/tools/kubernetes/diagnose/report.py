"""A diagnosis as text: a head, the findings in order, and what was not seen. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kubeai_bot.domain.history import estimate_tokens
from kubeai_bot.tools.kubernetes import known
from kubeai_bot.tools.kubernetes.containers import is_ready, pod_state
from kubeai_bot.tools.kubernetes.diagnose.finding import Ranked
from kubeai_bot.tools.kubernetes.diagnose.picture import Picture, name_of
from kubeai_bot.tools.kubernetes.paths import at, items
from kubeai_bot.tools.kubernetes.text import counted, one_line
from kubeai_bot.tools.kubernetes.tool import MOST_KEPT

_SYMPTOM = 55
_CAUSE = 75


@dataclass(frozen=True, slots=True)
class Detail:
    """How much is shown: tokens in all, findings with their evidence, lines of evidence of the first and of others,
    further findings by their title."""

    tokens: int
    findings: int
    lines: int
    other_lines: int
    titles: int


DETAILS = {
    "short": Detail(400, 2, 4, 2, 2),
    "normal": Detail(1500, 4, 9, 6, 4),
    "full": Detail(4000, 12, 20, 12, 20),
}
EVERYTHING = Detail(MOST_KEPT // 4, 1000, 1000, 1000, 0)
"""For the report that is kept where it is a large one."""


def report(picture: Picture, found: Sequence[Ranked], detail: Detail) -> str:
    """Findings until the budget is used up; the head and what was not seen are always there."""
    ends = [head(picture), *not_seen(picture)]
    left = detail.tokens - estimate_tokens("\n".join(ends))
    shown: list[str] = []
    relevant = _without_mere_symptoms(found)
    told: set[str] = set()
    for number, one in enumerate(relevant, 1):
        text = "\n".join(_lines(number, one, relevant[0].score, detail, told))
        if not text or estimate_tokens(text) > left or number > detail.findings + detail.titles:
            shown.append(
                f"[{counted(len(relevant) - number + 1, 'lesser finding')} left out: detail=full, or name one]"
            )
            break
        left -= estimate_tokens(text)
        shown.append(text)
    return "\n".join([ends[0], *(shown or [_nothing_wrong(picture)]), *ends[1:]])


def _without_mere_symptoms(found: Sequence[Ranked]) -> list[Ranked]:
    """That pods are not ready is only worth saying where nothing says why."""
    if not found or found[0].score < _CAUSE:
        return list(found)
    return [one for one in found if one.score >= _SYMPTOM // 2]


def _lines(number: int, one: Ranked, best: int, detail: Detail, told: set[str]) -> Iterator[str]:
    finding = one.finding
    like = f" (and {finding.count - 1} more like it)" if finding.count > 1 else ""
    yield f"{number}. {finding.about}: {finding.says}{like}"
    if number > detail.findings or (one.score < _SYMPTOM <= best):
        return
    most = detail.lines if number == 1 else detail.other_lines
    fresh = [line for line in finding.evidence if line.strip() not in told]
    told.update(line.strip() for line in fresh)
    yield from (f"   {line}" for line in fresh[:most])


def head(picture: Picture) -> str:
    pods = [pod for pod in picture.pods if at(pod, "status", "phase") != "Succeeded"]
    ready = f"{sum(map(is_ready, pods))} of {counted(len(pods), 'pod')} ready" if pods else "no pods"
    if known.PODS not in picture.objects:
        ready = "pods could not be read"
    if picture.target is None:
        return f"Namespace {picture.namespace}: {ready}. Likeliest root cause first:"
    chain = _owners(picture)
    owned = f" (owned by {' < '.join(chain)})" if chain else ""
    word = f", {pod_state(picture.subject or {})}" if picture.target.resource is known.PODS else ""
    return f"{picture.target}{owned}: {ready}{word}. Likeliest root cause first:"


def _owners(picture: Picture) -> list[str]:
    chain: list[str] = []
    here = picture.subject
    while here is not None and len(chain) < 4:
        owner = next((o for o in items(here, "metadata", "ownerReferences") if o.get("controller")), None)
        if owner is None:
            break
        chain.append(f"{owner.get('kind')}/{owner.get('name')}")
        here = next(
            (o for objs in picture.objects.values() for o in objs if at(o, "metadata", "uid") == owner.get("uid")), None
        )
    return chain


def _nothing_wrong(picture: Picture) -> str:
    if known.PODS not in picture.objects:
        return "Nothing can be said about its health: the pods could not be read."
    read = ", ".join(f"{len(objs)} {resource.name}" for resource, objs in picture.objects.items() if objs)
    pods = ", ".join(sorted({said.pod for said in picture.excerpts}))
    logs = f", {sum(len(said.lines) for said in picture.excerpts)} log lines of {pods}"
    return f"Nothing wrong found in what was read: {read}{logs if picture.excerpts else ''}."


def not_seen(picture: Picture) -> Iterator[str]:
    """What was forbidden, failed or cut, and what was not looked at on purpose: none of it is known to be well."""
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for gap in dict.fromkeys(picture.gaps):
        by_reason[gap.why].append(gap.what)
    words = {"forbidden": "Forbidden to the asker (403)", "not served": "Not served by this cluster"}
    for why, whats in by_reason.items():
        yield f"{words.get(why, f'Not read ({why})')}: {one_line(', '.join(_by_verb(whats)), 300)}"
    read = {said.pod for said in picture.excerpts}
    others = sum(name_of(pod) not in read for pod in picture.pods)
    skipped = ["Secrets", *([f"logs of {counted(others, 'other pod')}"] if others else [])]
    if known.NODES not in picture.objects:
        skipped.append("nodes")
    yield f"Not looked at: {', '.join(skipped)}"


def _by_verb(whats: Sequence[str]) -> Iterator[str]:
    """`list a, list b` as `list a, b`."""
    last = ""
    for what in sorted(whats):
        verb, _, rest = what.partition(" ")
        yield rest if verb == last else what
        last = verb
