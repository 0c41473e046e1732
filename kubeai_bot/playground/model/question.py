"""What a question is about, by its words alone. Names are what is left when the words of the trade are taken away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from kubeai_bot.playground.model.stopwords import STOPWORDS
from kubeai_bot.playground.model.wishes import Wish, read_wish

Intent = Literal[
    "unhealthy", "why", "logs", "list", "scale", "change", "rights", "top", "rollout", "clusters", "help",
    "runbook", "incidents", "acknowledge",
]  # fmt: skip

KINDS: Mapping[str, str] = {
    word: plural
    for plural, words in {
        "pods": "pod pods po",
        "deployments": "deployment deployments deploy deploys workload workloads",
        "statefulsets": "statefulset statefulsets sts",
        "daemonsets": "daemonset daemonsets ds",
        "replicasets": "replicaset replicasets rs",
        "jobs": "job jobs",
        "cronjobs": "cronjob cronjobs",
        "services": "service services svc",
        "ingresses": "ingress ingresses",
        "configmaps": "configmap configmaps cm",
        "secrets": "secret secrets",
        "nodes": "node nodes",
        "namespaces": "namespace namespaces ns",
        "events": "event events",
        "persistentvolumeclaims": "pvc pvcs persistentvolumeclaim persistentvolumeclaims",
        "horizontalpodautoscalers": "hpa hpas",
    }.items()
    for word in words.split()
}


def singular(plural: str) -> str:
    return next((word for word in (plural[:-1], plural[:-2]) if KINDS.get(word) == plural), plural)


_IN_TROUBLE = (
    r"\b(?:un)?health\w*|\b(?:broken|wrong|problems?|issues?|troubles?|down|errors?|ready|pending|stuck|restarting|sick)\b"
    r"|\b(?:fail|crash|oom|imagepull)\w*|\b(?:killed|why|fix|repair|doing|ok|okay|diagnose|debug)\b"
    r"|\b(?:describe|check|going on)\b"
    r"|\bwhat'?s up\b"
)
_PATTERNS: tuple[tuple[Intent, str], ...] = (
    ("help", r"\bhow are you\b|^(?:hi|hello|hey|thanks?|thank you)\b[^?]*$"),
    ("acknowledge", r"\backnowledge\b|\back\b|\btake (?:over )?(?:the )?(?:incident|inc-\d)"),
    ("runbook", r"\brunbooks?\b|\bplaybooks?\b|\brb-\d+\b"),
    ("incidents", r"\bincidents?\b|\binc-\d+\b|\bstatus ?page\b"),
    ("scale", r"\bscale\b|\breplicas?\b.*\bto\b"),
    ("rights", r"\bwho am i\b|\bwhoami\b|\b(?:may|can|could) i\b|\b(?:rights|permissions?|allowed)\b"),
    ("clusters", r"\bclusters\b|\bwhich cluster\b"),
    ("rollout", r"\broll(?:ed|ing)?[ -]?outs?\b|\bchanged?\b|\bhistory\b|\brevisions?\b"),
    ("change", r"\b(?:delete|remove|roll ?back|undo|patch|apply|create|evict|drain|cordon)\b"),
    ("logs", r"\blogs?\b|\bprints?\b"),
    ("unhealthy", _IN_TROUBLE),
    ("top", r"\btop\b|\bcpu\b|\bmemory\b|\bram\b|\busage\b|\bconsum\w*|\bmost resources\b|\bresources\b"),
    ("list", r"\b(?:list|show|which|what|get|how many|are there|is there|running|runs|see)\b"),
)

_TOKEN = re.compile(r"[a-z0-9](?:[a-z0-9./-]*[a-z0-9])?")
_PLACE = re.compile(
    r"(?:\bin|\bwithin|\binside|\bnamespaces?|\bns|(?<!\w)-n|--namespace)[ =]+(?:the )?(?:namespaces? )?"
)
_PLACE_AFTER = re.compile(r"(?<![a-z0-9-])([a-z0-9][a-z0-9-]*)(?:'s)? namespace\b")
LONGEST = 4_000
"""Characters of a question that are read."""

DECISION = re.compile(r"<@\w+> (?:(?:approved|denied) the change \S+[: ]|wants: )")
"""How the bot tells what somebody decided on a change: no question."""

_SECRET = re.compile(r"\b(?:passwords?|credentials?|tokens?|api[ -]?keys?)\b")
_DIAGNOSED = ("", "pods", "deployments", "replicasets", "namespaces")
_AGAIN = re.compile(r"^(?:<@\w+>[:,]?\s*)?(?:and|also|what about|how about)\b", re.IGNORECASE)
_FOLLOW_UP = re.compile(r"\b(?:its?|that|this one|their|them|same)\b|^(?:and|also)\b")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the rules see it. `kind` is a plural or "", `number` a count that was named."""

    intent: Intent
    names: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    kind: str = ""
    number: int | None = None
    verb: str = ""
    follows_up: bool = False
    wish: Wish | None = None


def read_question(text: str) -> Asked:
    """By itself, without what was said before."""
    clean = " ".join(re.sub(r"<[@#!][^>]*>|[`*_\"“”]", " ", text[:LONGEST]).replace("’", "'").split())
    wish, rest = read_wish(clean) or (None, clean)
    plain = re.sub(r"^(?:(?:and|also|so|ok) )*(?:what|how) about\b", "and", rest.lower())
    namespaces = list(_places(plain))
    names: list[str] = []
    kind = ""
    for token in _TOKEN.findall(plain):
        front, slash, back = token.partition("/")
        if token in KINDS:
            kind = kind or ("" if token in ("namespace", "ns") and namespaces else KINDS[token])
        elif slash and front in KINDS:
            kind = KINDS[front]
            names.append(back)
        elif slash and back:
            namespaces.append(front)
            names.append(back)
        elif token not in STOPWORDS and not token.isdigit() and token not in namespaces:
            names.append(token)
    intent = ("scale" if wish.action == "scale" else "change") if wish else _intent(plain)
    if intent == "unhealthy":
        intent = "list" if kind not in _DIAGNOSED else "why" if names else intent
    if intent == "list" and not kind and _SECRET.search(plain):
        kind = "secrets"
    number = re.search(r"\b(?:to|=)\s*(\d{1,4})\b", plain)
    verb = re.search(r"\b(?:may|can|could) i (?:please )?([a-z]+)", plain)
    return Asked(
        intent,
        tuple(dict.fromkeys(names)),
        tuple(dict.fromkeys(namespaces)),
        kind,
        int(number[1]) if number else None,
        verb[1] if verb else "",
        bool(_FOLLOW_UP.search(plain)),
        wish,
    )


def _intent(plain: str) -> Intent:
    for intent, pattern in _PATTERNS:
        if re.search(pattern, plain):
            return intent
    return "help"


def _places(plain: str) -> Iterator[str]:
    """Namespaces: what stands behind `in`, `namespace` or `-n`, with `and` and commas between several."""
    for found in _PLACE.finditer(plain):
        for part in re.split(r",? and |, ?", plain[found.end() :]):
            token = _TOKEN.match(part)
            if token is None or "/" in token[0] or token[0] in STOPWORDS or token[0] in KINDS:
                break
            yield token[0]
            if token.end() != len(part):
                break
    for found in _PLACE_AFTER.finditer(plain):
        if found[1] not in STOPWORDS and found[1] not in KINDS:
            yield found[1]


def understand(questions: Iterable[str]) -> Asked:
    """The last question, with what it leaves out taken from those before it."""
    asked = before = Asked("help")
    for text in questions:
        if DECISION.match(text):
            continue
        asked = read_question(text)
        leaves_out = asked.follows_up and (not asked.names or asked.intent == "help")
        if leaves_out or (asked.intent == "help" and asked.namespaces):
            asked = _completed(asked, before) if _may_complete(asked, before, text) else asked
        if asked.intent != "help":
            before = asked
    return asked


def _may_complete(asked: Asked, before: Asked, text: str) -> bool:
    """A change is wished for again only in so many words: "thanks, that was all" must not repeat it."""
    if asked.intent != "help" or before.wish is None:
        return True
    return bool(_AGAIN.match(text) and (asked.names or asked.namespaces))


def _completed(asked: Asked, before: Asked) -> Asked:
    if asked.intent == "help" and asked.names and before.namespaces and not before.names:
        asked = replace(asked, names=(), namespaces=asked.names)  # "what about payments?"
    intent = before.intent if asked.intent == "help" else asked.intent
    names = asked.names or before.names
    return replace(
        asked,
        intent="why" if intent == "unhealthy" and names else intent,
        names=names,
        namespaces=asked.namespaces or before.namespaces,
        kind=asked.kind or (before.kind if intent == before.intent else ""),
        number=asked.number if asked.number is not None else before.number,
        wish=asked.wish or (before.wish if intent == before.intent else None),
    )
