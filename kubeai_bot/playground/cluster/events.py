"""Events in their two forms: stored as core/v1, also served as events.k8s.io/v1."""

from __future__ import annotations

import uuid

from kubeai_bot.playground.cluster.objects import Obj, dig, name_of, namespace_of, now, stamp

_WARNINGS = frozenset({"BackOff", "Failed", "FailedScheduling", "Unhealthy"})

_RENAMED = {
    "regarding": "involvedObject",
    "note": "message",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
    "reportingController": "reportingComponent",
}
_KEPT = ("metadata", "reason", "type", "eventTime", "series", "action", "related", "reportingInstance")


def to_events_group(event: Obj) -> Obj:
    """A core event as events.k8s.io/v1 names its fields."""
    converted = {new: event[old] for new, old in _RENAMED.items() if old in event}
    converted.update({key: event[key] for key in _KEPT if key in event})
    return {"apiVersion": "events.k8s.io/v1", "kind": "Event", **converted}


def to_core(event: Obj) -> Obj:
    """An events.k8s.io/v1 event as it is stored."""
    converted = {old: event[new] for new, old in _RENAMED.items() if new in event}
    converted.update({key: event[key] for key in _KEPT if key in event})
    return {"apiVersion": "v1", "kind": "Event", **converted}


def event_about(about: Obj, reason: str, message: str, source: str, *, uid: str = "") -> Obj:
    """A core/v1 Event that happened once, now; Warning if its reason is one of a failure."""
    uid = uid or str(uuid.uuid4())
    host = dig(about, "spec", "nodeName", default="") if source == "kubelet" else ""
    at = stamp(now())
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{name_of(about)}.{uid.replace('-', '')[:16]}",
            "namespace": namespace_of(about) or "default",
            "uid": uid,
            "creationTimestamp": at,
        },
        "involvedObject": {
            "kind": about["kind"],
            "namespace": namespace_of(about),
            "name": name_of(about),
            "uid": about["metadata"]["uid"],
            "apiVersion": about["apiVersion"],
            "resourceVersion": dig(about, "metadata", "resourceVersion", default="1000"),
        },
        "reason": reason,
        "message": message,
        "source": {"component": source, **({"host": host} if host else {})},
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
        "type": "Warning" if reason in _WARNINGS else "Normal",
        "eventTime": None,
        "reportingComponent": source,
        "reportingInstance": host,
    }
