"""The rule for changes: find what is meant, call the tool for it, and say from the results what came of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kubeai_bot.playground.model.container import ContainerSeen, chosen_container
from kubeai_bot.playground.model.conversation import Conversation
from kubeai_bot.playground.model.outcome import is_done, outcome
from kubeai_bot.playground.model.places import CLUSTER_WIDE, look, one_workload
from kubeai_bot.playground.model.question import Asked, singular
from kubeai_bot.playground.model.replies import Call
from kubeai_bot.playground.model.steps import Calls, Result, Rule
from kubeai_bot.playground.model.tables import code, missing_right, sentence
from kubeai_bot.playground.model.wishes import Action, Wish

_ROLLOUTS = frozenset({"scale", "rollout_restart", "rollout_undo", "set_image", "set_resources"})
_FOLLOW_FOR = 60


@dataclass(frozen=True, slots=True)
class Plan:
    """The call that makes a change, the command that does the same by hand, and what has to be said about it."""

    call: Call
    by_hand: str
    remark: str = ""


Planning = Generator[Calls, list[Result], Plan | str]
"""Gives the plan, or why there is none."""


def make_change(asked: Asked, conversation: Conversation) -> Rule:
    wish = asked.wish
    if wish is None:
        return "Please say what I should change: restart NAME, roll back NAME, scale NAME to 3, delete pod NAME."
    if not asked.names and asked.namespaces:  # "in cart": a workload as well as a namespace
        asked = replace(asked, names=asked.namespaces, namespaces=())
    plan = yield from _PLANNING[wish.action](asked, wish, conversation)
    if isinstance(plan, str):
        return plan
    (done,) = yield [plan.call]
    if not done.looked:
        return f"I have no tool that changes anything here. You can run it yourself: {code(plan.by_hand)}"
    if not is_done(done.content):
        right = missing_right(done.content)
        if right:
            return f"Not done: you lack the right {right}. Somebody who has it can ask me for the same."
        return f"Not done: {sentence(done.content).rstrip('.')}."
    looks = _looks_after(plan.call, conversation)
    if not looks and plan.call.tool in _ROLLOUTS and isinstance(plan.call.arguments, Mapping):
        where = {key: plan.call.arguments[key] for key in ("kind", "namespace", "name")}
        (status,) = yield [Call("rollout_status", {**where, "wait_seconds": _FOLLOW_FOR})]
        looks = [status.content] if status.looked else []
    return "\n\n".join(filter(None, (plan.remark, outcome(done.content, looks))))


def _looks_after(call: Call, conversation: Conversation) -> list[str]:
    """What was looked at after the change, by the bot of its own accord too."""
    made = conversation.now.made
    at = max((number for number, each in enumerate(made) if each.tool == call.tool), default=len(made))
    return [each.content for each in made[at + 1 :]]


# --- what each wish comes to ---


def _scale(asked: Asked, wish: Wish, conversation: Conversation) -> Planning:
    if asked.number is None or not asked.names:
        return "To how many replicas, and what? Ask, for example: scale NAME in NAMESPACE to 3."
    found = yield from one_workload(asked, conversation)
    if isinstance(found, str):
        return found
    kind, place, name = found
    by_hand = f"kubectl -n {place} scale {kind}/{name} --replicas={asked.number}"
    return Plan(Call(wish.action, {**_where(found), "replicas": asked.number}), by_hand)


def _restart(asked: Asked, _wish: Wish, conversation: Conversation) -> Planning:
    found = yield from _workload(asked, conversation, "restart NAME")
    if isinstance(found, str):
        return found
    kind, place, name = found
    return Plan(Call("rollout_restart", _where(found)), f"kubectl -n {place} rollout restart {kind}/{name}")


def _undo(asked: Asked, wish: Wish, conversation: Conversation) -> Planning:
    if not asked.names or (asked.follows_up and _changed_before(conversation)):
        if _changed_before(conversation):
            return "To take back what was changed here, press *Undo* below that answer. Or say: roll back NAME."
        return "Of which workload? Ask, for example: roll back NAME."
    found = yield from one_workload(asked, conversation)
    if isinstance(found, str):
        return found
    kind, place, name = found
    to = {"to_revision": wish.revision} if wish.revision else {}
    flag = f" --to-revision={wish.revision}" if wish.revision else ""
    return Plan(Call("rollout_undo", {**_where(found), **to}), f"kubectl -n {place} rollout undo {kind}/{name}{flag}")


def _image(asked: Asked, wish: Wish, conversation: Conversation) -> Planning:
    if not wish.value:
        return "To which image? Ask, for example: set the image of NAME to REGISTRY/NAME:TAG."
    found = yield from _workload(asked, conversation, "set the image of NAME to REGISTRY/NAME:TAG")
    if isinstance(found, str):
        return found
    kind, place, name = found
    container = yield from _container(found, wish)
    image = wish.value
    if container and "/" not in image:  # only a tag, or the last part of the name and a tag
        image = f"{container.repository}:{image.rpartition(':')[2]}"
    chosen = {"container": container.name} if container else {}
    by_hand = f"kubectl -n {place} set image {kind}/{name} {container.name if container else '*'}={image}"
    return Plan(Call("set_image", {**_where(found), **chosen, "image": image}), by_hand)


def _resources(asked: Asked, wish: Wish, conversation: Conversation) -> Planning:
    found = yield from _workload(asked, conversation, "raise the memory limit of NAME to 512Mi")
    if isinstance(found, str):
        return found
    kind, place, name = found
    container = yield from _container(found, wish)
    now = container.amount(wish.resource, wish.part) if container else ""
    value, remark = wish.value, ""
    if not value:
        if not now:
            return f"{code(f'{place}/{name}')} has no {wish.resource} {wish.part} that I could raise: say to how much."
        value = re.sub(r"\d+", lambda number: str(2 * int(number[0])), now, count=1)
        remark = f"You named no amount, so I doubled its {wish.resource} {wish.part} of {code(now)}."
    chosen = {"container": container.name} if container else {}
    on = f" -c {container.name}" if container else ""
    by_hand = f"kubectl -n {place} set resources {kind}/{name}{on} --{wish.part}s={wish.resource}={value}"
    return Plan(
        Call("set_resources", {**_where(found), **chosen, f"{wish.resource}_{wish.part}": value}), by_hand, remark
    )


def _delete(asked: Asked, _wish: Wish, conversation: Conversation) -> Planning:
    kind = asked.kind or "pods"
    if not asked.names:
        return "Delete what? Ask, for example: delete pod NAME in NAMESPACE."
    listing = yield from look([kind], asked, conversation, "|".join(asked.names))
    rows = [(row["NAMESPACE"], row.get("NAME", "")) for row in listing.of(kind)]
    exact = [row for row in rows if row[1] in asked.names] or rows
    if not exact:
        wanted = ", ".join(map(code, asked.names))
        nothing = f"I found no {singular(kind)} called {wanted} in {listing.looked}."
        return "\n\n".join([nothing, *listing.remarks])
    if len(exact) > 1:
        return f"Which one? {', '.join(code(f'{place}/{name}') for place, name in exact[:10])}"
    [(place, name)] = exact
    scope = {} if kind in CLUSTER_WIDE else {"namespace": place}
    by_hand = f"kubectl {f'-n {place} ' if scope else ''}delete {singular(kind)} {name}"
    return Plan(Call("delete", {"kind": singular(kind), "name": name, **scope}), by_hand)


def _node(asked: Asked, wish: Wish, _conversation: Conversation) -> Planning:
    yield from ()
    if not asked.names:
        return f"Which node? Ask, for example: {wish.action} NAME."
    flags = " --ignore-daemonsets" if wish.action == "drain" else ""
    return Plan(Call(wish.action, {"node": asked.names[0]}), f"kubectl {wish.action} {asked.names[0]}{flags}")


_PLANNING: Mapping[Action, Callable[[Asked, Wish, Conversation], Planning]] = {
    "scale": _scale,
    "restart": _restart,
    "undo": _undo,
    "image": _image,
    "resources": _resources,
    "delete": _delete,
    "cordon": _node,
    "uncordon": _node,
    "drain": _node,
}


def _workload(
    asked: Asked, conversation: Conversation, example: str
) -> Generator[Calls, list[Result], tuple[str, str, str] | str]:
    if not asked.names:
        return f"Of which workload? Ask, for example: {example}."
    return (yield from one_workload(asked, conversation))


def _container(found: tuple[str, str, str], wish: Wish) -> Generator[Calls, list[Result], ContainerSeen | None]:
    (described,) = yield [Call("describe_resource", _where(found))]
    repository = wish.value.rpartition(":")[0] if wish.action == "image" else ""
    return chosen_container(described.content, wish.container, found[2], repository)


def _where(found: tuple[str, str, str]) -> dict[str, Any]:
    kind, place, name = found
    return {"kind": kind, "namespace": place, "name": name}


def _changed_before(conversation: Conversation) -> bool:
    return any(is_done(made.content) for exchange in conversation.earlier for made in exchange.made)
