"""What a rule finds, and how findings are put in order. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from kubeai_bot.tools.kubernetes.diagnose.picture import Picture


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `about` is `Kind namespace/name`, `evidence` lines that name their field or object.

    Findings of one rule with the same `group` are one: that of the first, and a count. `adjust` is added to the rule's
    score where this case is stronger (or weaker) than usual.
    """

    about: str
    says: str
    evidence: tuple[str, ...] = ()
    group: str = ""
    adjust: int = 0
    count: int = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """`score` is how likely what it finds is the root cause, 0 to 100: causes above 75, causes as a rule above 55,
    symptoms below."""

    name: str
    score: int
    look: Callable[[Picture], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Ranked:
    score: int
    rule: str
    finding: Finding


def ranked(rules: Sequence[Rule], picture: Picture) -> list[Ranked]:
    """All findings, the likeliest root cause first; those alike are merged."""
    found: dict[tuple[str, str], Ranked] = {}
    for rule in rules:
        for finding in rule.look(picture):
            key = (rule.name, finding.group or f"{finding.about} {finding.says}")
            new = Ranked(rule.score + finding.adjust, rule.name, finding)
            found[key] = _together(found[key], new) if key in found else new
    return sorted(found.values(), key=lambda one: -one.score)


def _together(one: Ranked, other: Ranked) -> Ranked:
    """Two that are alike as one: the one with more to show for it, counted."""
    best = max(one, other, key=lambda ranked: (ranked.score, len(ranked.finding.evidence)))
    return replace(best, finding=replace(best.finding, count=one.finding.count + 1))
