"""Listing things where the person may look: everywhere if that is allowed, else in the namespaces that are known of."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field

from kubeai_bot.playground.model.conversation import Conversation
from kubeai_bot.playground.model.question import Asked, read_question
from kubeai_bot.playground.model.replies import Call
from kubeai_bot.playground.model.steps import Calls, Result
from kubeai_bot.playground.model.tables import Row, code, is_forbidden, missing_right, read_table, remarks, sentence

_MOST_PLACES = 8
_ROWS = 500
CLUSTER_WIDE = ("nodes", "namespaces")
"""Kinds of the question's vocabulary that live in no namespace."""


@dataclass(slots=True)
class Listing:
    """Rows by kind, each with its NAMESPACE, and how completely was looked. `looked` names the places; `remarks` are
    whole sentences on what was refused, left out or not there."""

    rows: dict[str, list[Row]] = field(default_factory=dict[str, list[Row]])
    looked: str = ""
    remarks: list[str] = field(default_factory=list[str])
    complete: bool = True
    """Whether at least one place could be looked at."""

    def of(self, kind: str) -> list[Row]:
        return self.rows.get(kind, [])


Looking = Generator[Calls, list[Result], Listing]


def look(kinds: Sequence[str], asked: Asked, conversation: Conversation, grep: str = "") -> Looking:
    """List these kinds: in the namespaces of the question, else in all, else where it is allowed."""
    cluster_wide = not set(kinds).isdisjoint(CLUSTER_WIDE)
    if asked.namespaces and not cluster_wide:
        return (yield from _in_places(kinds, asked.namespaces, grep))
    results = yield [_list(kind, "", grep) for kind in kinds]
    forbidden = any(result.forbidden for result in results)
    if cluster_wide or not forbidden:
        listing = Listing(looked="the cluster" if cluster_wide else "all namespaces", complete=not forbidden)
        for kind, result in zip(kinds, results, strict=True):
            _take(listing, kind, result)
        return listing
    rights = [str(right) for result in results if (right := missing_right(result.content))]
    refused = f"You may not look at all namespaces (missing: {', '.join(rights) or 'the right to list'})"
    places, why = yield from known_places(conversation)
    if not places:
        return Listing({}, "nowhere", [f"{refused}, and I know of no single one to look at: name one."], complete=False)
    listing = yield from _in_places(kinds, places, grep)
    listing.remarks.insert(0, f"{refused}, so I looked only at {why}.")
    return listing


def known_places(conversation: Conversation) -> Generator[Calls, list[Result], tuple[list[str], str]]:
    """Namespaces to try when the cluster as a whole is off limits, and why these."""
    made_before = [made for exchange in conversation.earlier for made in exchange.made]
    named = [
        *(place for exchange in conversation.exchanges for text in exchange.questions for place in _places_in(text)),
        *(str(made.arguments.get("namespace") or "") for made in made_before),
    ]
    closed = {str(made.arguments.get("namespace") or "") for made in made_before if is_forbidden(made.content)}
    if places := _distinct(name for name in named if name not in closed):
        return places, "the namespaces named in this thread"
    listed, me = yield [Call("list_resources", {"kind": "namespaces", "output": "names"}), Call("whoami")]
    if listed.looked and not listed.forbidden:
        names = [line.strip() for line in listed.content.splitlines() if re.fullmatch(r"[a-z0-9-]+", line.strip())]
        if places := _distinct(names):
            return places, "the namespaces you may list"
    groups = re.findall(r"\b([a-z0-9]+)(?:-[a-z0-9]+)+\b", me.content if me.looked else "")
    return _distinct(groups), "namespaces that your groups are named after"


def one_workload(
    asked: Asked, conversation: Conversation
) -> Generator[Calls, list[Result], tuple[str, str, str] | str]:
    """(kind, namespace, name) of the one workload that was meant, or the sentence that says why there is none."""
    kinds = [asked.kind] if asked.kind in ("statefulsets", "replicasets") else ["deployments", "statefulsets"]
    listing = yield from look(kinds, asked, conversation, "|".join(asked.names))
    rows = [
        (kind.removesuffix("s"), row["NAMESPACE"], row.get("NAME", "")) for kind in kinds for row in listing.of(kind)
    ]
    exact = [row for row in rows if row[2] in asked.names]
    wanted = ", ".join(map(code, asked.names))
    match exact or rows:
        case []:
            return "\n\n".join([f"I found no workload called {wanted} in {listing.looked}.", *listing.remarks])
        case [only]:
            return only
        case several:
            names = ", ".join(code(f"{place}/{name}") for _, place, name in several[:10])
            return f"Which one? {wanted} may be {names}. Ask again with NAMESPACE/NAME."


def _in_places(kinds: Sequence[str], places: Sequence[str], grep: str) -> Looking:
    places = places[:_MOST_PLACES]
    results = yield [_list(kind, place, grep) for place in places for kind in kinds]
    listing = Listing(looked=" and ".join(f"`{place}`" for place in places), complete=False)
    for result in results:
        _take(listing, result.argument("kind"), result, result.argument("namespace"))
        listing.complete = listing.complete or (result.looked and not result.forbidden)
    return listing


def _list(kind: str, namespace: str, grep: str) -> Call:
    scope = {"namespace": namespace} if namespace else {}
    return Call("list_resources", {"kind": kind, **scope, "limit": _ROWS, "grep": grep})


def _take(listing: Listing, kind: str, result: Result, namespace: str = "") -> None:
    rows = read_table(result.content)
    for row in rows:
        row.setdefault("NAMESPACE", namespace)
    listing.rows.setdefault(kind, []).extend(rows)
    if not result.looked:
        listing.remarks.append(f"Not looked: I had no tool to list {kind}.")
    elif result.forbidden:
        right = missing_right(result.content)
        missing = str(right) if right else sentence(result.content)
        listing.remarks.append(
            f"Forbidden, so not looked at: {kind}{f' in `{namespace}`' if namespace else ''} (missing: {missing})."
        )
    elif not rows:
        if not re.match(r"(?:there are )?no\b", result.content, re.IGNORECASE):
            listing.remarks.append(sentence(result.content))
    else:
        listing.remarks += [f"The list of {kind} is not complete: {remark}." for remark in remarks(result.content)]


def _places_in(text: str) -> tuple[str, ...]:
    return read_question(text).namespaces


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for name in names if name))[:_MOST_PLACES]
