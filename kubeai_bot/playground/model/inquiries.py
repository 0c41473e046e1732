"""The rules for everything that is looked up in one or two steps."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence

from kubeai_bot.playground.model.conversation import Conversation
from kubeai_bot.playground.model.places import known_places, look, one_workload
from kubeai_bot.playground.model.question import Asked, singular
from kubeai_bot.playground.model.replies import Call
from kubeai_bot.playground.model.steps import Calls, Result, Rule
from kubeai_bot.playground.model.tables import Row, code, missing_right, quoted, read_table, sentence

_ROWS_SHOWN = 40
_LINES_SHOWN = 30
_DEMO_ABILITIES = (
    "I can answer questions like these:",
    "- What is unhealthy in my cluster? What is wrong in namespace NAME?",
    "- Why is NAME crashing, pending, not ready?",
    "- Show the logs of NAME. And its logs?",
    "- Which pods, deployments, services run in NAME?",
    "- Which pods use the most memory? How loaded are the nodes?",
    "- What is the rollout status of NAME? What changed in NAME?",
    "- Scale NAME to 3. Restart NAME. Roll back NAME. Set the image of NAME to IMAGE. Give NAME more memory.",
    "- Delete pod NAME. Cordon, uncordon or drain node NAME.",
    "- Is there a runbook for a crash loop? Are there open incidents? Acknowledge INC-NUMBER.",
    "- Who am I, and what may I do? Which clusters are there?",
)


def list_things(asked: Asked, conversation: Conversation) -> Rule:
    kind = asked.kind or "pods"
    listing = yield from look([kind], asked, conversation, "|".join(asked.names))
    rows = listing.of(kind)
    if not rows:
        said = f"There are no {kind} in {listing.looked}." if listing.complete and not listing.remarks else ""
        return _lines(said or f"I have no {kind} to show.", *listing.remarks)
    more = [f"{len(rows) - _ROWS_SHOWN} more are not shown; name a namespace."] if len(rows) > _ROWS_SHOWN else []
    head = f"{len(rows)} {singular(kind) if len(rows) == 1 else kind} in {listing.looked}:"
    return _lines(head, _grid(rows[:_ROWS_SHOWN]), *more, *listing.remarks)


def show_logs(asked: Asked, conversation: Conversation) -> Rule:
    if not asked.names:
        return (yield from _logs_of_it(asked, conversation))
    listing = yield from look(["pods"], asked, conversation, "|".join(asked.names))
    rows = listing.of("pods")
    if not rows:
        wanted = ", ".join(map(code, asked.names))
        return _lines(f"I found no pod called {wanted} in {listing.looked}.", *listing.remarks)
    row = next((row for row in rows if row.get("STATUS") not in ("Running", "Completed")), rows[0])
    others = [f"This is one of {len(rows)} pods that match."] if len(rows) > 1 else []
    return (yield from _logs_of(row["NAMESPACE"], row.get("NAME", ""), [*others, *listing.remarks]))


def _logs_of_it(asked: Asked, conversation: Conversation) -> Rule:
    """The logs of a pod that was looked at before in this thread, in the exchange nearest to now."""
    for exchange in reversed(conversation.earlier):
        looked_at = (
            (str(made.arguments.get("namespace") or ""), str(made.arguments.get("pod") or made.arguments.get("name")))
            for made in exchange.made
            if made.arguments.get("pod") or (made.arguments.get("kind") == "pod" and made.arguments.get("name"))
        )
        pods = [pod for pod in dict.fromkeys(looked_at) if not asked.namespaces or pod[0] in asked.namespaces]
        if pods:
            names = ", ".join(code(f"{place}/{pod}") for place, pod in pods[1:])
            notes = [f"I had looked at {names} too: ask for their logs by name."] if names else []
            return (yield from _logs_of(*pods[0], notes))
    return "Of which pod? Ask, for example: show the logs of NAME in NAMESPACE."


def _logs_of(place: str, pod: str, notes: Sequence[str]) -> Rule:
    where = {"namespace": place, "pod": pod, "tail_lines": _LINES_SHOWN}
    now, before = yield [Call("get_logs", where), Call("get_logs", {**where, "previous": True})]
    title = code(f"{place}/{pod}")
    if refused := _refused(now, f"read the logs of {title}"):
        return _lines(refused, *notes)
    said = _lines(f"The newest log lines of {title}:", quoted(_newest(now.content)))
    lines = [line for line in before.content.splitlines() if line.strip() and not line.startswith(("==", "["))]
    if before.looked and not before.forbidden and lines and not all(line in now.content for line in lines):
        said = _lines(said, "And of the run before its last restart:", quoted(lines[-_LINES_SHOWN:]))
    return _lines(said, *notes)


def _newest(logs: str) -> list[str]:
    """The last lines of each container, so that a talkative one does not hide the others."""
    streams = [stream.splitlines() for stream in re.split(r"^(?=== )", logs, flags=re.MULTILINE) if stream.strip()]
    share = max(_LINES_SHOWN // max(len(streams), 1), 3)
    return [
        line for stream in streams for line in (stream if len(stream) <= share else [stream[0], *stream[1 - share :]])
    ]


def tell_rights(asked: Asked, conversation: Conversation) -> Rule:
    if asked.verb not in ("", "do", "have", "use"):
        verbs = {"remove": "delete", "restart": "patch", "see": "list", "read": "get", "scale": "update"}
        kind = "deployments/scale" if asked.verb == "scale" else asked.kind or "pods"
        wishes = [(verbs.get(asked.verb, asked.verb), kind)]
    else:
        wishes = [("list", "pods"), ("get", "pods/log"), ("update", "deployments/scale"), ("list", "nodes")]
    (me,) = yield [Call("whoami")]
    parts = [me.content if me.looked else "I have no tool to ask who you are."]
    answers = yield from _may(wishes, asked.namespaces or ("",))
    parts.append("\n".join(answers))
    if not asked.namespaces and any(answer.startswith("- No") for answer in answers):
        places, why = yield from known_places(conversation)
        single = yield from _may([wish for wish in wishes if wish[1] != "nodes"], places[:3])
        parts += [f"In {why}:", "\n".join(single)] if single else []
    return _lines(*parts)


def _may(wishes: Sequence[tuple[str, str]], places: Sequence[str]) -> Generator[Calls, list[Result], list[str]]:
    """One line for each wish in each place ("": everywhere), as the cluster answers it."""
    answers = yield [
        Call("can_i", {"verb": verb, "kind": kind, "namespace": place}) for place in places for verb, kind in wishes
    ]
    return [f"- {sentence(answer.content)}" for answer in answers if answer.looked]


def show_usage(asked: Asked, conversation: Conversation) -> Rule:
    kinds = ["nodes"] if asked.kind == "nodes" else ["pods"] if asked.kind or asked.namespaces else ["nodes", "pods"]
    calls = [_top(kind, place) for kind in kinds for place in asked.namespaces or ("",)]
    results = yield calls
    parts = [_usage(result) for result in results]
    if not asked.namespaces and any(result.forbidden and _kind(result) == "pods" for result in results):
        places, why = yield from known_places(conversation)
        if places:
            single = yield [_top("pods", place) for place in places]
            parts += [f"So I looked only at {why}.", *map(_usage, single)]
    return _lines(*parts)


def _top(kind: str, place: str) -> Call:
    return Call("top", {"kind": kind, "resource": kind, **({"namespace": place} if place and kind == "pods" else {})})


def _kind(result: Result) -> str:
    return result.argument("kind") or result.argument("resource")


def _usage(result: Result) -> str:
    place = result.argument("namespace")
    title = f"{_kind(result)}{f' in {code(place)}' if place else ''}"
    if refused := _refused(result, f"see the usage of {title}"):
        return refused
    if read_table(result.content):
        return _lines(f"Usage of {title}, highest first:", quoted(result.content.splitlines()[: _ROWS_SHOWN // 2]))
    return sentence(result.content)


def follow_rollout(asked: Asked, conversation: Conversation) -> Rule:
    if not asked.names and asked.namespaces:  # "what changed in cart": a workload as well as a namespace
        asked = Asked(asked.intent, asked.namespaces, (), asked.kind)
    if not asked.names:
        return "Of which workload? Ask, for example: what is the rollout status of NAME?"
    found = yield from one_workload(asked, conversation)
    if isinstance(found, str):
        return found
    kind, place, name = found
    where = {"kind": kind, "namespace": place, "name": name}
    status, history = yield [Call("rollout_status", where), Call("rollout_history", where)]
    title = code(f"{place}/{name}")
    parts = [_refused(status, f"see the rollout of {title}") or _lines(f"Rollout of {title}:", quoted(_short(status)))]
    parts += [_refused(history, "see its history") or _lines("Its revisions:", quoted(_short(history)))]
    by_hand = code(f"kubectl -n {place} rollout undo {kind}/{name}")
    back = f"say _roll back {name} in {place}_." if "rollout_undo" in conversation.tools else by_hand
    return _lines(*parts, f"To go back: {back}")


def list_clusters(_asked: Asked, _conversation: Conversation) -> Rule:
    (clusters,) = yield [Call("list_clusters")]
    return _refused(clusters, "list the clusters") or _lines("The clusters I can ask:", quoted(_short(clusters)))


def offer_help(_asked: Asked, _conversation: Conversation) -> Rule:
    yield from ()
    return "\n".join(_DEMO_ABILITIES)


def _refused(result: Result, action: str) -> str:
    """Why there is nothing to read, in a sentence; "" where there is."""
    if not result.looked:
        return f"Not looked: I have no tool to {action}."
    if result.forbidden:
        right = missing_right(result.content)
        return f"Forbidden: you may not {action}. Missing: {right or sentence(result.content)}."
    return ""


def _short(result: Result) -> list[str]:
    return result.content.splitlines()[:_ROWS_SHOWN]


def _grid(rows: Sequence[Row]) -> str:
    """The rows as an aligned table, in the order of the columns of the first."""
    place = ["NAMESPACE"] if any(row["NAMESPACE"] for row in rows) else []
    columns = [*place, *(column for column in rows[0] if column != "NAMESPACE")]
    cells = [columns, *([row.get(column, "") for column in columns] for row in rows)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in cells]
    return quoted(lines)


def _lines(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
