"""Section `policy` of CONFIG_FILE."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, StringConstraints, model_validator

from kubeai_bot.domain.policy import Mode, Rule
from kubeai_bot.settings.strict import Strict

VERBS = frozenset({"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "call"})

_APPROVER = re.compile(r"[UW][A-Z0-9]{2,}|group:\S.*")


def _verb(verb: str) -> str:
    if verb not in VERBS and not set(verb) & set("*?["):
        raise ValueError(f"{verb!r} is no verb of the Kubernetes API: use {', '.join(sorted(VERBS))}, or a pattern")
    return verb


def _approver(name: str) -> str:
    if not _APPROVER.fullmatch(name):
        raise ValueError("an approver is a Slack user id like U012ABCDEF, or group:NAME for a Kubernetes group")
    return name


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Pattern = Annotated[str, StringConstraints(min_length=1, max_length=253)]
Verb = Annotated[str, AfterValidator(_verb)]
Approver = Annotated[str, AfterValidator(_approver)]
ModeName = Annotated[Mode, BeforeValidator(_lower)]


class RuleEntry(Strict):
    """One entry of `policy.rules`: see `domain.policy.Rule`."""

    name: str
    clusters: tuple[Pattern, ...] = ()
    namespaces: tuple[Pattern, ...] = ()
    kinds: tuple[Pattern, ...] = ()
    names: tuple[Pattern, ...] = ()
    verbs: tuple[Verb, ...] = ()
    channels: tuple[Pattern, ...] = ()
    groups: tuple[Pattern, ...] = ()
    users: tuple[Pattern, ...] = ()
    mode: ModeName | None = None
    ceiling: ModeName | None = None
    never: bool = False
    always_ask: bool = False
    second_person: bool = False
    approvers: tuple[Approver, ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.mode or self.ceiling or self.never or self.always_ask or self.second_person or self.approvers):
            raise ValueError(
                f"the rule {self.name!r} decides nothing: give it mode, ceiling, never, always_ask, second_person or"
                " approvers"
            )
        return self

    @property
    def rule(self) -> Rule:
        return Rule(**{name: getattr(self, name) for name in type(self).model_fields})


class PolicySection(Strict):
    """`rules`: all that match an act count together, the strictest word wins."""

    rules: tuple[RuleEntry, ...] = ()
