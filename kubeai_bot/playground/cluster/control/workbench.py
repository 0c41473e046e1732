"""What every controller works with: the store, the pods' life, and who owns what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubeai_bot.playground.cluster.control.podlife import PODS, Later, PodLife
from kubeai_bot.playground.cluster.kubelet import Kubelet
from kubeai_bot.playground.cluster.objects import Obj, controller_of, copied, dig, name_of, namespace_of
from kubeai_bot.playground.cluster.state import ClusterState
from kubeai_bot.playground.cluster.store import Place

_ENDED = {"Succeeded", "Failed"}


class Workbench:
    """Shared by the controllers of one running cluster."""

    def __init__(self, state: ClusterState, kubelet: Kubelet, later: Later) -> None:
        self.state = state
        self.store = state.store
        self.pods = PodLife(state, kubelet, later)
        self.later = later

    def owned(self, place: Place, owner: Obj) -> list[Obj]:
        """The objects of a resource that `owner` controls."""
        uid = owner["metadata"]["uid"]
        return [
            obj for obj in self.store.list(place, namespace_of(owner)) if (controller_of(obj) or {}).get("uid") == uid
        ]

    def active_pods(self, owner: Obj) -> list[Obj]:
        """The owner's pods that are neither over nor on their way out."""
        return [
            pod
            for pod in self.owned(PODS, owner)
            if "deletionTimestamp" not in pod["metadata"] and dig(pod, "status", "phase") not in _ENDED
        ]

    def fresh(self, place: Place, obj: Obj) -> Obj:
        """The object as it is stored now, after the writes of this pass."""
        return self.store.get(place, namespace_of(obj), name_of(obj)) or obj

    def change(self, place: Place, obj: Obj, change: Callable[[Obj], Any]) -> Obj:
        """Stores what `change` makes of a copy of the present state; an unchanged one is no write."""
        fresh = copied(self.fresh(place, obj))
        change(fresh)
        return self.store.replace(place, fresh)

    def set_status(self, place: Place, obj: Obj, status: Obj) -> Obj:
        """Stores a status; conditions keep their times while they say the same."""
        known = {c["type"]: c for c in dig(self.fresh(place, obj), "status", "conditions", default=[])}
        if "conditions" in status:
            status["conditions"] = [_kept(known.get(c["type"]), c) for c in status["conditions"]]
        return self.change(place, obj, lambda fresh: fresh.update(status=status))


def _kept(known: Obj | None, fresh: Obj) -> Obj:
    same = ("status", "reason", "message")
    if known is not None and all(known.get(key) == fresh.get(key) for key in same):
        return known
    if known is not None and known.get("status") == fresh["status"]:
        return {**fresh, "lastTransitionTime": known["lastTransitionTime"]}
    return fresh
