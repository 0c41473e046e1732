"""A change that waits for somebody's word: what it would do, who may allow it, and what was decided. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, TypeVar

from kubeai_bot.domain.identity import Speaker
from kubeai_bot.domain.message import Json, ToolCall
from kubeai_bot.domain.policy import READING, Act, Ask

T = TypeVar("T")
Risk = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would do, found out without doing it (a server-side dry run as the person who asked).

    `objects` as people read them (`Deployment shop/web`); `diff` unified, of YAML without status, managedFields and
    resourceVersion, redacted; `digest` over the objects' uids and that dry run: equal as long as it would do the
    same to the same objects. `warnings` are what the API server, or the tool, warns of.
    """

    objects: tuple[str, ...]
    diff: str
    digest: str
    risk: Risk = "medium"
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Approval:
    """A change that waits. `who` is the requester in Kubernetes, in words; `digest` binds the decision to the arguments
    and to what the dry run showed."""

    id: str
    call: ToolCall
    requester: Speaker
    who: str
    cluster: str
    intent: str
    acts: tuple[Act, ...]
    preview: Preview
    ask: Ask
    asked_at: datetime
    expires_at: datetime

    @property
    def digest(self) -> str:
        return change_digest(self.call, self.preview)


@dataclass(frozen=True, slots=True)
class Grant:
    """A standing approval: changes of one kind, in one namespace of one cluster, wished by one person, until a moment.

    Given on a card ("allow this kind of change here for 30 minutes"), kept in the session, revocable.
    """

    id: str
    cluster: str
    namespace: str
    kinds: tuple[str, ...]
    verbs: tuple[str, ...]
    requester: Speaker
    given_by: Speaker
    until: datetime
    approvers: tuple[tuple[str, ...], ...] = ()
    """The lists of approvers that held who gave it: it does not stand for anybody else's word."""

    def answers(self, ask: Ask) -> bool:
        """Whether it may take the place of the approval that is asked for."""
        return ask.bypass and set(ask.approvers) <= set(self.approvers)

    def covers(self, acts: Sequence[Act], requester: Speaker, now: datetime) -> bool:
        """Whether each changing act lies within the grant."""
        changing = [act for act in acts if act.verb not in READING]
        return (
            bool(changing)
            and requester == self.requester
            and now < self.until
            and all(
                act.cluster == self.cluster
                and act.namespace == self.namespace
                and bool(act.namespace)
                and act.kind in self.kinds
                and act.verb in self.verbs
                for act in changing
            )
        )


@dataclass(frozen=True, slots=True)
class Approvals:
    """What waits in a session, and what stands; the shape of `Session.approval`."""

    pending: tuple[Approval, ...] = ()
    grants: tuple[Grant, ...] = ()

    def find(self, approval_id: str) -> Approval | None:
        return next((approval for approval in self.pending if approval.id == approval_id), None)

    def without(self, approval_id: str) -> Approvals:
        return replace(self, pending=tuple(approval for approval in self.pending if approval.id != approval_id))

    def living(self, now: datetime) -> Approvals:
        """Without grants that are over; approvals that are over stay until somebody touches them."""
        return replace(self, grants=tuple(grant for grant in self.grants if now < grant.until))


DecisionKind = Literal["approve", "deny", "grant", "revoke", "undo"]


@dataclass(frozen=True, slots=True)
class Decision:
    """A click, or typed words, about an approval (or a grant, or an undo) by its id."""

    kind: DecisionKind
    id: str
    reason: str = ""

    @property
    def text(self) -> str:
        """As it travels through the inbox; `parse` reads it back."""
        return " ".join(part for part in (self.kind, self.id, self.reason) if part)

    @staticmethod
    def parse(text: str) -> Decision | None:
        kind, _, rest = text.strip().partition(" ")
        target, _, reason = rest.strip().partition(" ")
        if kind in ("approve", "deny", "grant", "revoke", "undo") and target:
            return Decision(kind, target, reason.strip())
        return None


@dataclass(frozen=True, slots=True)
class Settled:
    """How an approval ended, for the card: `outcome` in one line, by whom."""

    id: str
    outcome: str
    by: Speaker | None = None


def change_digest(call: ToolCall, preview: Preview) -> str:
    """Of the arguments and of what they would do."""
    said = json.dumps([call.name, call.arguments, preview.digest], sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()


# --- as JSON: the session's record and the transcript keep approvals in this form ---


def approval_to_json(approval: Approval) -> dict[str, Any]:
    return {
        "id": approval.id,
        "call": {"id": approval.call.id, "name": approval.call.name, "arguments": approval.call.arguments},
        "requester": [approval.requester.team_id, approval.requester.user_id],
        "who": approval.who,
        "cluster": approval.cluster,
        "intent": approval.intent,
        "acts": [[*_act_fields(act), act.namespaced] for act in approval.acts],
        "preview": {
            "objects": list(approval.preview.objects),
            "diff": approval.preview.diff,
            "digest": approval.preview.digest,
            "risk": approval.preview.risk,
            "warnings": list(approval.preview.warnings),
        },
        "ask": [[list(names) for names in approval.ask.approvers], approval.ask.second_person, approval.ask.bypass],
        "asked_at": approval.asked_at.isoformat(),
        "expires_at": approval.expires_at.isoformat(),
    }


def approval_from_json(given: Json) -> Approval:
    call, preview, ask = given["call"], given["preview"], given["ask"]
    return Approval(
        id=given["id"],
        call=ToolCall(call["id"], call["name"], call["arguments"]),
        requester=Speaker(*given["requester"]),
        who=given["who"],
        cluster=given["cluster"],
        intent=given["intent"],
        acts=tuple(Act(*fields, namespaced=namespaced) for *fields, namespaced in given["acts"]),
        preview=Preview(
            tuple(preview["objects"]),
            preview["diff"],
            preview["digest"],
            preview["risk"],
            tuple(preview["warnings"]),
        ),
        ask=Ask(tuple(tuple(names) for names in ask[0]), ask[1], ask[2]),
        asked_at=datetime.fromisoformat(given["asked_at"]),
        expires_at=datetime.fromisoformat(given["expires_at"]),
    )


def approvals_to_json(approvals: Approvals) -> dict[str, Any]:
    """Empty where nothing waits and nothing stands."""
    pending = [approval_to_json(approval) for approval in approvals.pending]
    grants = [
        {
            "id": grant.id,
            "cluster": grant.cluster,
            "namespace": grant.namespace,
            "kinds": list(grant.kinds),
            "verbs": list(grant.verbs),
            "requester": [grant.requester.team_id, grant.requester.user_id],
            "given_by": [grant.given_by.team_id, grant.given_by.user_id],
            "until": grant.until.isoformat(),
            "approvers": [list(names) for names in grant.approvers],
        }
        for grant in approvals.grants
    ]
    return {name: value for name, value in (("pending", pending), ("grants", grants)) if value}


def approvals_from_json(given: Json) -> Approvals:
    """Without what cannot be read, as from another version of this program: it then no longer waits or stands."""
    return Approvals(
        tuple(_readable(approval_from_json, given.get("pending", ()))),
        tuple(_readable(_grant_from_json, given.get("grants", ()))),
    )


def read_approval(given: Any) -> Approval | None:
    """None where it cannot be read."""
    return next(_readable(approval_from_json, (given,)), None)


def _readable(read: Callable[[Any], T], given: Iterable[Any]) -> Iterator[T]:
    for each in given:
        try:
            value = read(each)
        except (LookupError, TypeError, ValueError):
            continue
        yield value


def _grant_from_json(given: Json) -> Grant:
    return Grant(
        given["id"],
        given["cluster"],
        given["namespace"],
        tuple(given["kinds"]),
        tuple(given["verbs"]),
        Speaker(*given["requester"]),
        Speaker(*given["given_by"]),
        datetime.fromisoformat(given["until"]),
        tuple(tuple(names) for names in given.get("approvers", ())),
    )


def _act_fields(act: Act) -> list[str]:
    return [act.cluster, act.verb, act.group, act.resource, act.subresource, act.namespace, act.name]
