"""The rules for "what is unhealthy" and "why is this one broken": list, pick, look closer side by side, conclude."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from kubeai_bot.playground.model.conversation import Conversation
from kubeai_bot.playground.model.evidence import Case, conclude
from kubeai_bot.playground.model.places import Listing, look
from kubeai_bot.playground.model.question import Asked
from kubeai_bot.playground.model.replies import Call
from kubeai_bot.playground.model.steps import Calls, Result, Rule
from kubeai_bot.playground.model.tables import Row, code, missing_right, quoted, sentence

_MOST_CASES = 7
_LOG_LINES = 40
_FINE = frozenset({"Running", "Completed", "Succeeded"})
_STARTING = frozenset({"ContainerCreating", "PodInitializing", "Pending", "Terminating"})
_GENERATED = re.compile(r"(?:-[a-z0-9]{6,10})?-[a-z0-9]{5}$")


@dataclass(frozen=True, slots=True)
class Suspect:
    """A workload with a pod that is worth a closer look. `pods` counts those in trouble."""

    case: Case
    restarted: bool
    pods: int = 1


def find_unhealthy(asked: Asked, conversation: Conversation) -> Rule:
    """Everything that is not well, each with its cause."""
    listing = yield from look(["pods", "deployments"], asked, conversation)
    suspects = _suspects(listing)
    if not suspects:
        seen = len(listing.of("pods"))
        said = f"Nothing is unhealthy: I looked at {seen} pods in {listing.looked}, and all are fine."
        return _with_remarks(said if seen else _nothing_seen(listing), listing.remarks)
    chosen = suspects[:_MOST_CASES]
    cases = yield from _examine(chosen)
    places = {suspect.case.namespace for suspect in suspects}
    head = (
        f"**{len(suspects)} {'workload is' if len(suspects) == 1 else 'workloads are'} unhealthy** in"
        f" {' and '.join(code(place) for place in sorted(places))} (of {len(listing.of('pods'))} pods in"
        f" {listing.looked})."
    )
    sections = [_section(case, suspect.pods, conversation) for case, suspect in zip(cases, chosen, strict=True)]
    if left_out := suspects[_MOST_CASES:]:
        names = ", ".join(code(suspect.case.title) for suspect in left_out)
        listing.remarks.append(f"Not looked at more closely: {names}. Ask for them by name.")
    return _with_remarks("\n\n".join([head, *sections]), listing.remarks)


def explain_one(asked: Asked, conversation: Conversation) -> Rule:
    """What is wrong with the thing that was named."""
    listing = yield from look(["pods", "deployments"], asked, conversation, "|".join(asked.names))
    wanted = ", ".join(code(name) for name in asked.names)
    if not listing.of("pods") and not listing.of("deployments"):
        said = f"I found no pod and no deployment called {wanted} in {listing.looked}."
        return _with_remarks(said if listing.complete else f"I could not look for {wanted}.", listing.remarks)
    suspects = _suspects(listing)
    if suspects:
        cases = yield from _examine(suspects[:3])
        sections = [_section(case, suspect.pods, conversation) for case, suspect in zip(cases, suspects, strict=False)]
        return _with_remarks("\n\n".join(sections), listing.remarks)
    rows = [*listing.of("deployments"), *listing.of("pods")][:10]
    facts = [f"{row['NAMESPACE']}/{row.get('NAME', '?')}  {_state_of(row)}" for row in rows]
    (events,) = yield [
        Call("get_events", {"namespace": rows[0]["NAMESPACE"], "type": "Warning", "grep": asked.names[0]})
    ]
    warned = events.looked and not events.forbidden and not events.content.startswith("No ")
    more = f"\n\nIts recent warnings:\n{quoted(events.content.splitlines()[-3:])}" if warned else ""
    said = f"{wanted} looks healthy in {listing.looked}: everything is ready and nothing restarts."
    return _with_remarks(f"{said}\n{quoted(facts)}{more}", listing.remarks)


def _nothing_seen(listing: Listing) -> str:
    return f"I saw no pods in {listing.looked}." if listing.complete else "I could not look."


def _state_of(row: Row) -> str:
    return " ".join(row[column] for column in ("READY", "STATUS") if row.get(column))


# --- picking ---


def _suspects(listing: Listing) -> list[Suspect]:
    """One for each workload in trouble: deployments with the pod that fares worst, then what else is not well."""
    deployments = listing.of("deployments")
    found: dict[tuple[str, str], Suspect] = {}
    for row in listing.of("pods"):
        if not _is_bad(row):
            continue
        place, pod = row["NAMESPACE"], row.get("NAME", "")
        owner = _deployment_of(place, pod, deployments)
        key = (place, owner or _GENERATED.sub("", pod))
        case = Case(place, owner, "deployment" if owner else "", pod, row.get("STATUS", ""))
        known = found.get(key)
        if known is None:
            found[key] = Suspect(case, _restarts(row) > 0)
        elif _restarts(row) > 0 and not known.restarted:
            found[key] = Suspect(case, restarted=True, pods=known.pods + 1)
        else:
            found[key] = replace(known, pods=known.pods + 1)
    for row in deployments:
        place, name = row["NAMESPACE"], row.get("NAME", "")
        if (place, name) not in found and _is_short(row):
            found[place, name] = Suspect(Case(place, name, "deployment", "", f"{row.get('READY', '')} ready"), False, 0)
    return [found[key] for key in sorted(found)]


def _is_bad(row: Row) -> bool:
    status, ready = row.get("STATUS", ""), row.get("READY", "")
    if status in ("Completed", "Succeeded"):
        return False
    if status in _STARTING and _seconds(row.get("AGE", "")) < 120:
        return False
    just_restarted = re.search(r"\((\S+) ago\)", row.get("RESTARTS", ""))
    unstable = _restarts(row) >= 3 and just_restarted is not None and _seconds(just_restarted[1]) < 3600
    return status not in _FINE or _is_short(row) or unstable or not ready


def _is_short(row: Row) -> bool:
    ready = re.fullmatch(r"(\d+)/(\d+)", row.get("READY", ""))
    return ready is not None and int(ready[1]) < int(ready[2])


def _restarts(row: Row) -> int:
    count = re.match(r"\d{1,9}", row.get("RESTARTS", ""))
    return int(count[0]) if count else 0


def _seconds(age: str) -> int:
    units = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d{1,6})([dhms])", age)) if age else 10**9


def _deployment_of(place: str, pod: str, deployments: Sequence[Row]) -> str:
    """The deployment whose pods are named like this one; "" where there is none."""
    names = [row.get("NAME", "") for row in deployments if row["NAMESPACE"] == place]
    stems = [
        name for name in names if name and re.fullmatch(re.escape(name) + _GENERATED.pattern.removesuffix("$"), pod)
    ]
    return max(stems, key=len, default="")


# --- looking closer ---


def _examine(suspects: Sequence[Suspect]) -> Generator[Calls, list[Result], list[Case]]:
    """Describe, logs and owner of each, all side by side."""
    wanted = [_closer(suspect) for suspect in suspects]
    results = yield [call for calls in wanted for call in calls.values()]
    cases: list[Case] = []
    for suspect, calls in zip(suspects, wanted, strict=True):
        own, results = results[: len(calls)], results[len(calls) :]
        texts = {part: result.content if result.looked else "" for part, result in zip(calls, own, strict=False)}
        cases.append(replace(suspect.case, **texts))
    return cases


def _closer(suspect: Suspect) -> dict[str, Call]:
    case = suspect.case
    calls: dict[str, Call] = {}
    if case.pod:
        calls["pod_text"] = _describe("pod", case.namespace, case.pod)
        if case.status not in ("Pending", "ImagePullBackOff", "ErrImagePull", "ContainerCreating"):
            logs = {"namespace": case.namespace, "pod": case.pod, "tail_lines": _LOG_LINES}
            calls["logs"] = Call("get_logs", {**logs, "previous": True} if suspect.restarted else logs)
    if case.workload:
        calls["owner_text"] = _describe(case.owner, case.namespace, case.workload)
    return calls


def _describe(kind: str, namespace: str, name: str) -> Call:
    return Call("describe_resource", {"kind": kind, "namespace": namespace, "name": name})


def _section(case: Case, pods: int, conversation: Conversation) -> str:
    """What is wrong with one workload, with its proof and the next step."""
    finding = conclude(case)
    count = f"{pods} pods, for example" if pods > 1 else "pod"
    which = f" ({count} {code(case.pod)})" if case.pod and case.workload else ""
    lines = [f"**{code(case.title)}** {finding.says}{which}."]
    proof = [line for line in finding.proof if line]
    if proof:
        lines.append(quoted(proof))
    for part, text in (("describe it", case.pod_text or case.owner_text), ("read its logs", case.logs)):
        if (right := missing_right(text)) is not None:
            lines.append(f"I may not {part}: {right} is missing.")
        elif text and text.startswith(("Cluster ", "There is no", "Not found")):
            lines.append(f"I could not {part}: {sentence(text)}")
    lines.append(finding.next_step(conversation.tools))
    return "\n".join(lines)


def _with_remarks(said: str, remarks: Sequence[str]) -> str:
    return "\n\n".join([said, *dict.fromkeys(remarks)])
