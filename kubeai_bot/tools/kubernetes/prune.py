"""Objects without noise: what people wrote and what controllers report, not the bookkeeping in between."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import yaml
from yaml.representer import SafeRepresenter

_BOOKKEEPING = frozenset({"managedFields", "uid", "resourceVersion", "selfLink", "generateName"})
_ANNOTATIONS = frozenset(
    {"kubectl.kubernetes.io/last-applied-configuration", "control-plane.alpha.kubernetes.io/leader"}
)
_NODE_NOISE = frozenset({"images", "daemonEndpoints", "volumesInUse", "runtimeHandlers", "features"})
_LONG_ANNOTATION = 300
_DEFAULTS: Mapping[str, object] = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "enableServiceLinks": True,
    "preemptionPolicy": "PreemptLowerPriority",
    "securityContext": {},
    "revisionHistoryLimit": 10,
    "progressDeadlineSeconds": 600,
    "internalTrafficPolicy": "Cluster",
    "sessionAffinity": "None",
    "ipFamilyPolicy": "SingleStack",
    "terminationGracePeriodSeconds": 30,
    "restartPolicy": "Always",
    "protocol": "TCP",
    "scheme": "HTTP",
    "successThreshold": 1,
    "timeoutSeconds": 1,
    "priority": 0,
    "serviceAccount": "default",
    "serviceAccountName": "default",
}
"""Fields of spec that the API server fills in; left out where they hold its default."""
_TOKEN_VOLUME = "kube-api-access-"  # noqa: S105  # the prefix of a volume's name


def prune(obj: Mapping[str, Any]) -> dict[str, Any]:
    """A copy for reading. Keeps creationTimestamp, labels, owners, spec and status."""
    kept = {key: value for key, value in obj.items() if key != "metadata"}
    metadata = _metadata(cast("Mapping[str, Any]", obj.get("metadata") or {}), kept.get("status"))
    spec = kept.pop("spec", None)
    ordered = {key: kept.pop(key) for key in ("apiVersion", "kind") if key in kept}
    pruned: dict[str, Any] = {**ordered, "metadata": metadata}
    if spec is not None:
        pruned["spec"] = _spec(spec)
    for key, value in kept.items():
        pruned[key] = _status(value) if key == "status" else value
    if obj.get("kind") == "Node":
        pruned["status"] = {key: value for key, value in pruned.get("status", {}).items() if key not in _NODE_NOISE}
    return pruned


def _metadata(metadata: Mapping[str, Any], status: object) -> dict[str, Any]:
    kept = {key: value for key, value in metadata.items() if key not in _BOOKKEEPING and value not in (None, {}, [])}
    observed = cast("Mapping[str, Any]", status).get("observedGeneration") if isinstance(status, Mapping) else None
    if "generation" in kept and observed in (None, kept["generation"]):
        del kept["generation"]
    annotations = {
        key: _short(str(value))
        for key, value in (kept.pop("annotations", None) or {}).items()
        if key not in _ANNOTATIONS
    }
    if annotations:
        kept["annotations"] = annotations
    if owners := kept.get("ownerReferences"):
        kept["ownerReferences"] = [f"{owner.get('kind')}/{owner.get('name')}" for owner in owners]
    return kept


def _short(text: str) -> str:
    return text if len(text) <= _LONG_ANNOTATION else f"{text[:_LONG_ANNOTATION]}… ({len(text)} characters)"


def _spec(value: Any) -> Any:
    if isinstance(value, list):
        return [_spec(item) for item in cast("list[Any]", value) if not _is_token_volume(item)]
    if not isinstance(value, Mapping):
        return value
    kept: dict[str, Any] = {}
    for key, inner in cast("Mapping[str, Any]", value).items():
        if inner is None or (key in _DEFAULTS and _DEFAULTS[key] == inner) or _is_routine_toleration(key, inner):
            continue
        kept[key] = _spec(inner)
        if key in ("volumes", "volumeMounts", "resources", "metadata") and not kept[key]:
            del kept[key]
    return kept


def _is_token_volume(item: Any) -> bool:
    name = cast("Mapping[str, Any]", item).get("name") if isinstance(item, Mapping) else None
    return isinstance(name, str) and name.startswith(_TOKEN_VOLUME)


def _is_routine_toleration(key: str, value: Any) -> bool:
    """The two tolerations that admission adds to every pod."""
    routine = {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}
    return key == "tolerations" and isinstance(value, list) and all(
        isinstance(item, Mapping) and cast("Mapping[str, Any]", item).get("key") in routine
        for item in cast("list[Any]", value)
    )  # fmt: skip


def _status(value: Any) -> Any:
    if isinstance(value, list):
        return [_status(item) for item in cast("list[Any]", value)]
    if not isinstance(value, Mapping):
        return value
    status = cast("Mapping[str, Any]", value)
    dropped = {
        "containerID",
        "observedGeneration",
        "lastProbeTime",
        "lastUpdateTime",
        "volumeMounts",
        "allocatedResources",
    }
    return {key: _status(inner) for key, inner in status.items() if key not in dropped and inner not in (None, {})}


class _Plain(SafeRepresenter):
    """Texts of several lines as blocks, no aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # the base class's signature
        return True

    def text(self, text: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Plain.add_representer(str, _Plain.text)


class _Dumper(_Plain, yaml.SafeDumper): ...


class _FastDumper(_Plain, yaml.CSafeDumper):
    """By libyaml, which the wheels of PyYAML bring."""


def to_yaml(value: Any) -> str:
    try:
        return _dumped(value, _FastDumper)
    except UnicodeEncodeError:  # half a surrogate pair, which libyaml cannot write
        return _dumped(value, _Dumper)


def _dumped(value: Any, dumper: type[_Dumper | _FastDumper]) -> str:
    return yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, width=1000, default_flow_style=False)


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
