"""What may be done: decided on parsed resources, never on words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase

from kubeai_bot.domain.identity import Identity, KubeUser


class Effect(StrEnum):
    """What running a tool can do to the world."""

    READ = "read"
    WRITE = "write"
    SENSITIVE = "sensitive"
    """Runs something inside a workload: its output and its effects are not the API server's to bound."""


class Mode(StrEnum):
    """MODIFY_RESOURCES."""

    NONE = "none"
    ALLOW = "allow"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Act:
    """One thing done to one kind of resource, in the API server's own terms. "" = the core group, or no
    subresource, all namespaces, no single name.

    A call of an MCP tool is `Act("", "call", "mcp", server, name=tool)`.
    """

    cluster: str
    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    namespaced: bool = field(default=True, compare=False)
    """Whether objects of the resource live in namespaces: then namespace "" means all of them."""

    @property
    def kind(self) -> str:
        """What rules name: `deployments.apps`, `pods`, `pods/exec`, `github.mcp`."""
        plain = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{plain}/{self.subresource}" if self.subresource else plain


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of section `policy`. It matches where every pattern list that is given has a match (shell patterns,
    case matters; an empty list matches everything): `kinds` are `Act.kind`, `groups` the asker's Kubernetes groups,
    `users` Slack user ids, `channels` Slack channel ids.

    Where it matches: `never` refuses, reads too; `mode` stands in place of MODIFY_RESOURCES; `ceiling` lowers the mode;
    `always_ask` and `second_person` ask for an approval whatever the mode, the latter by somebody else; `approvers`
    (Slack user ids, or `group:NAME` for a Kubernetes group) says who may give it.
    """

    name: str
    clusters: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    mode: Mode | None = None
    ceiling: Mode | None = None
    never: bool = False
    always_ask: bool = False
    second_person: bool = False
    approvers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """MODIFY_RESOURCES and the rules beside it. With mode none nothing is ever changed, whatever the rules say."""

    mode: Mode = Mode.NONE
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """Go ahead."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Only after an approval. `approvers` empty: whoever may do it themselves. Each tuple of `approvers` must hold the
    one who approves. `second_person`: not by the one who asked. `bypass`: a standing grant may take its place."""

    approvers: tuple[tuple[str, ...], ...] = ()
    second_person: bool = False
    bypass: bool = True


@dataclass(frozen=True, slots=True)
class Refuse:
    """Not to be done; `reason` is written for the model and the person alike."""

    reason: str


Verdict = Run | Ask | Refuse

UNREADABLE = frozenset({("", "secrets")})
"""(group, resource) whose objects this program never asks an API server for."""

READING = frozenset({"get", "list", "watch"})

SECRETS_REFUSED = (
    "Secrets are off limits: this bot never reads them, whoever asks and whatever their rights. "
    "Other objects that refer to a Secret show its name, which is usually enough."
)

WRITES_OFF = (
    "Changes are switched off (MODIFY_RESOURCES=none). Give the person the exact kubectl command so that they can "
    "run it themselves."
)

_ORDER = (Mode.NONE, Mode.ALLOW, Mode.AUTO)


def judge(effect: Effect, acts: Sequence[Act], policy: Policy, identity: Identity | None, channel: str = "") -> Verdict:
    """Decide one planned tool call. `identity` None (nobody was resolved) is always refused; `channel` is the Slack
    channel it was asked for in. The strictest answer to any of the acts counts."""
    if identity is None:
        return Refuse("There is no Kubernetes identity for this person, so nothing is asked of a cluster.")
    if any((act.group, act.resource) in UNREADABLE for act in acts):
        return Refuse(SECRETS_REFUSED)
    matching = [(act, [rule for rule in policy.rules if _matches(rule, act, identity, channel)]) for act in acts]
    if never := next(((act, rule) for act, rules in matching for rule in rules if rule.never), None):
        act, rule = never
        return Refuse(f"The policy rule {rule.name!r} never allows {act.verb} of {act.kind} here.")
    if effect is Effect.READ:
        return Run()
    if policy.mode is Mode.NONE:
        return Refuse(WRITES_OFF)
    changing = [(act, rules) for act, rules in matching if act.verb not in READING] or matching
    if not changing:  # what it would touch is not known: nothing to decide on
        return Ask()
    return _strictest([_one(effect, act, policy.mode, rules) for act, rules in changing])


def may_approve(ask: Ask, requester: Identity, approver: Identity, cluster: str) -> str:
    """Why `approver` may not approve what `requester` asked for; "" where policy lets them."""
    same = requester.speaker.user_id == approver.speaker.user_id  # in whichever of an organisation's workspaces
    if ask.second_person and same:
        return "This change needs a second person: somebody other than the one who asked."
    kube = _kube(approver, cluster)
    held = {approver.speaker.user_id, *(f"group:{group}" for group in (kube.groups if kube else ()))}
    for wanted in ask.approvers:
        if not held & set(wanted):
            return f"This change may be approved by {', '.join(_shown(name) for name in wanted)} only."
    return ""


def _one(effect: Effect, act: Act, default: Mode, rules: Sequence[Rule]) -> Verdict:
    modes = [rule.mode if _inside(rule, act) else _lower(rule.mode, default) for rule in rules if rule.mode is not None]
    mode = _lower(*(modes or [default]), *(rule.ceiling for rule in rules if rule.ceiling is not None))
    if mode is Mode.NONE:
        names = ", ".join(repr(rule.name) for rule in rules if Mode.NONE in (rule.mode, rule.ceiling))
        return Refuse(f"The policy switches changes off here (rule {names}: {act.verb} of {act.kind}).")
    second = any(rule.second_person for rule in rules)
    always = second or any(rule.always_ask for rule in rules)
    if mode is Mode.AUTO and not always and effect is Effect.WRITE:
        return Run()
    approvers = tuple(rule.approvers for rule in rules if rule.approvers)
    return Ask(approvers, second, bypass=not always and effect is Effect.WRITE)


def _lower(*modes: Mode) -> Mode:
    return min(modes, key=_ORDER.index)


def _strictest(verdicts: Sequence[Verdict]) -> Verdict:
    if refusal := next((verdict for verdict in verdicts if isinstance(verdict, Refuse)), None):
        return refusal
    asks = [verdict for verdict in verdicts if isinstance(verdict, Ask)]
    if not asks:
        return Run()
    approvers = tuple(dict.fromkeys(wanted for ask in asks for wanted in ask.approvers))
    return Ask(approvers, any(ask.second_person for ask in asks), all(ask.bypass for ask in asks))


def _matches(rule: Rule, act: Act, identity: Identity, channel: str) -> bool:
    """Whether the rule is about the act, or about a part of it: what is done to all namespaces (or names) is done to
    those of the rule too, and what is done to a subresource is done to the object."""
    kube = _kube(identity, act.cluster)
    return (
        _any(rule.clusters, act.cluster)
        and (_any(rule.namespaces, _namespace(act)) or (act.namespaced and not act.namespace))
        and (_any(rule.kinds, act.kind) or _any(rule.kinds, replace(act, subresource="").kind))
        and (_any(rule.names, act.name) or not act.name)
        and _any(rule.verbs, act.verb)
        and _any(rule.channels, channel)
        and _any(rule.users, identity.speaker.user_id)
        and (not rule.groups or any(_any(rule.groups, group) for group in (kube.groups if kube else ())))
    )


def _inside(rule: Rule, act: Act) -> bool:
    """Whether the whole of the act lies where the rule matches."""
    within = _any(rule.namespaces, _namespace(act)) and _any(rule.names, act.name)
    return within and _any(rule.kinds, act.kind)


def _namespace(act: Act) -> str:
    return act.name if (act.group, act.resource) == ("", "namespaces") else act.namespace


def _any(patterns: Sequence[str], value: str) -> bool:
    return not patterns or any(fnmatchcase(value, pattern) for pattern in patterns)


def _kube(identity: Identity, cluster: str) -> KubeUser | None:
    here = identity.on(cluster)
    return here if isinstance(here, KubeUser) else None


def _shown(name: str) -> str:
    return name if name.startswith("group:") else f"<@{name}>"
