"""Owners above an object and children below it: which are looked at, declared before any request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kubeai_bot.domain.cluster import Resource
from kubeai_bot.domain.message import Json
from kubeai_bot.errors import ApiStatus
from kubeai_bot.tools.kubernetes import known
from kubeai_bot.tools.kubernetes.paths import at, items, mapping
from kubeai_bot.tools.kubernetes.reach import Query, Reach, Ref

_CHILDREN_READ = 500
_LONGEST_CHAIN = 4

# Owners that are fetched to find the owner above them; any other is named and not fetched.
_LINKS: Mapping[str, Resource] = {"ReplicaSet": known.REPLICASETS, "Job": known.JOBS}

_CHILDREN: Mapping[tuple[str, str], tuple[Resource, ...]] = {
    ("apps", "deployments"): (known.REPLICASETS, known.PODS),
    ("apps", "replicasets"): (known.PODS,),
    ("apps", "statefulsets"): (known.PODS,),
    ("apps", "daemonsets"): (known.PODS,),
    ("batch", "jobs"): (known.PODS,),
    ("batch", "cronjobs"): (known.JOBS,),
    ("", "services"): (known.PODS,),
    ("", "nodes"): (known.PODS,),
}


@dataclass(frozen=True, slots=True)
class Children:
    """Objects of one kind below another; `refused` says why they could not be listed."""

    resource: Resource
    found: tuple[Json, ...] = ()
    refused: str = ""


def family_refs(ref: Ref) -> list[tuple[str, Ref]]:
    """(verb, what) of everything that `owner_chain` and `children` may ask for."""
    below = _CHILDREN.get((ref.resource.group, ref.resource.name), ())
    return [
        *(("get", Ref(resource, ref.namespace)) for resource in _links(ref).values()),
        *(("list", Ref(resource, ref.namespace)) for resource in below),
    ]


def _links(ref: Ref) -> Mapping[str, Resource]:
    return _LINKS if (ref.resource.group, ref.resource.name) == ("", "pods") else {}


async def owner_chain(reach: Reach, ref: Ref, obj: Json) -> list[str]:
    """`Kind/name` of the controlling owners, nearest first."""
    chain: list[str] = []
    here = obj
    while (owner := _controller(here)) and len(chain) < _LONGEST_CHAIN:
        kind, name = str(owner.get("kind")), str(owner.get("name"))
        chain.append(f"{kind}/{name}")
        if kind not in _links(ref):
            break
        try:
            here = await reach.get(Ref(_LINKS[kind], ref.namespace, name))
        except ApiStatus:
            break  # the chain ends where the person's rights, or the objects, end
    return chain


def _controller(obj: Json) -> Json | None:
    owners = items(obj, "metadata", "ownerReferences")
    return next((owner for owner in owners if owner.get("controller")), None)


async def children(reach: Reach, ref: Ref, obj: Json) -> list[Children]:
    """What an object controls, selects or carries, by kind."""
    found: list[Children] = []
    for resource in _CHILDREN.get((ref.resource.group, ref.resource.name), ()):
        selection = _selection(ref, obj)
        if selection is None:
            continue
        try:
            listed = await reach.items(Ref(resource, ref.namespace), selection, most=_CHILDREN_READ)
        except ApiStatus as error:
            found.append(Children(resource, refused=error.message))
            continue
        found.append(Children(resource, tuple(_own(ref, obj, resource, listed.items, found))))
    return found


def _selection(ref: Ref, obj: Json) -> Query | None:
    """The query that finds candidates; None where nothing is selected."""
    match ref.resource.name:
        case "nodes":
            return (("fieldSelector", f"spec.nodeName={ref.name}"),)
        case "services":
            labels = mapping(obj, "spec", "selector")
            return (("labelSelector", ",".join(f"{k}={v}" for k, v in labels.items())),) if labels else None
        case "cronjobs":
            return ()
        case _:
            text = selector_text(mapping(obj, "spec", "selector"))
            return (("labelSelector", text),) if text else None


def _own(ref: Ref, obj: Json, resource: Resource, candidates: Sequence[Json], before: list[Children]) -> list[Json]:
    """Those that really belong to the object: selectors of two owners may overlap."""
    if ref.resource.name in ("nodes", "services"):
        return list(candidates)
    uids = {at(obj, "metadata", "uid")}
    if ref.resource.name == "deployments" and resource is known.PODS:
        uids = {at(child, "metadata", "uid") for child in before[0].found} if before[0].found else set()
        if before[0].refused:
            return list(candidates)
    return [c for c in candidates if {owner.get("uid") for owner in items(c, "metadata", "ownerReferences")} & uids]


def selector_text(selector: Json) -> str:
    """A LabelSelector object in the words of the `labelSelector` parameter."""
    terms = [f"{key}={value}" for key, value in mapping(selector, "matchLabels").items()]
    for expression in items(selector, "matchExpressions"):
        key, values = expression.get("key"), ",".join(map(str, expression.get("values") or ()))
        match expression.get("operator"):
            case "In":
                terms.append(f"{key} in ({values})")
            case "NotIn":
                terms.append(f"{key} notin ({values})")
            case "Exists":
                terms.append(str(key))
            case _:
                terms.append(f"!{key}")
    return ",".join(terms)
