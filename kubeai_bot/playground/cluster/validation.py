"""The checks of the real server that a client of the demo can run into; each answers 422 with the real texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from kubeai_bot.playground.cluster.kinds import Kind
from kubeai_bot.playground.cluster.objects import Obj, dig, name_of
from kubeai_bot.playground.cluster.quantities import as_bytes, as_millicores
from kubeai_bot.playground.cluster.status import Fault422, invalid
from kubeai_bot.playground.cluster.typed.shape import Shape

_NAME = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_NAME_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_PART = re.compile(r"^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$")
_LABEL_KEY_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_LABEL_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_RBAC_KINDS = {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}
_TEMPLATED = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}
_STATEFUL_FREE = (
    *("replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit"),
    *("persistentVolumeClaimRetentionPolicy", "minReadySeconds"),
)
_STATEFUL_RULE = (
    "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are "
    "forbidden"
)
_POD_RULE = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n"
)


def validate(kind: Kind, obj: Obj, shape: Shape, old: Obj | None = None) -> None:
    """ApiError 422 with every fault of `obj`, the next state of `old`."""
    causes = [*_metadata(kind, obj, old), *_replicas(obj)]
    if kind.custom:
        causes += _custom(obj, shape, "")
    if kind.kind in _TEMPLATED:
        causes += _template_owner(obj, old)
    match kind.kind:
        case "Pod":
            causes += _pod(obj, old)
        case "Job" if old is not None and _changed(old, obj, "template"):
            causes.append(Fault422("spec.template", f"Invalid value: {_go_json(obj)}: field is immutable"))
        case "Job" if dig(obj, "spec", "template", "spec", "restartPolicy") not in {"OnFailure", "Never"}:
            text = 'Required value: valid values: "OnFailure", "Never"'
            causes.append(Fault422("spec.template.spec.restartPolicy", text, "FieldValueRequired"))
        case "StatefulSet" if old is not None and _stateful_change(old, obj):
            causes.append(Fault422("spec", _STATEFUL_RULE, "FieldValueForbidden"))
        case "PodDisruptionBudget":
            causes += _budget(obj)
        case _:
            pass
    if causes:
        raise invalid(kind.group, kind.kind, name_of(obj), *causes)


def _go_json(obj: Obj) -> str:
    return json.dumps(dig(obj, "spec", "template"), separators=(",", ":"))


def _changed(old: Obj, new: Obj, field: str) -> bool:
    return dig(old, "spec", field) != dig(new, "spec", field)


def _stateful_change(old: Obj, new: Obj) -> bool:
    fixed = [{k: v for k, v in one["spec"].items() if k not in _STATEFUL_FREE} for one in (old, new)]
    return fixed[0] != fixed[1]


def _metadata(kind: Kind, obj: Obj, old: Obj | None) -> Iterator[Fault422]:
    name = name_of(obj)
    if not name:
        yield Fault422("metadata.name", "Required value: name or generateName is required", "FieldValueRequired")
    elif kind.kind not in _RBAC_KINDS and not _NAME.match(name):
        yield Fault422("metadata.name", f'Invalid value: "{name}": {_NAME_RULE}')
    for key, value in dig(obj, "metadata", "labels", default={}).items():
        if not _LABEL_PART.match(key.rpartition("/")[2]):
            yield Fault422("metadata.labels", f'Invalid value: "{key}": {_LABEL_KEY_RULE}')
        if value and not _LABEL_PART.match(str(value)):
            yield Fault422("metadata.labels", f'Invalid value: "{value}": {_LABEL_VALUE_RULE}')
    if old is not None and "deletionTimestamp" in old["metadata"]:
        before, after = (dig(one, "metadata", "finalizers", default=[]) for one in (old, obj))
        new = [f'"{one}"' for one in after if one not in before]
        if new:
            text = "no new finalizers can be added if the object is being deleted, found new finalizers []string"
            yield Fault422("metadata.finalizers", f"Forbidden: {text}{{{', '.join(new)}}}", "FieldValueForbidden")


def _replicas(obj: Obj) -> Iterator[Fault422]:
    replicas = dig(obj, "spec", "replicas")
    if isinstance(replicas, int) and replicas < 0:
        yield Fault422("spec.replicas", f"Invalid value: {replicas}: must be greater than or equal to 0")


def _custom(value: Any, shape: Shape, path: str) -> Iterator[Fault422]:
    """Types and required fields of a custom resource, as its schema has them."""
    wanted = {"numeric": int | float, "string": str, "boolean": bool}.get(shape.scalar)
    if path and wanted and not isinstance(value, wanted):
        given = {str: "string", bool: "boolean", dict: "object", list: "array"}.get(type(value), "number")
        text = f'Invalid value: "{given}": {path} in body must be of type {shape.type}: "{given}"'
        yield Fault422(path, text, "FieldValueTypeInvalid")
    if isinstance(value, dict) and not path.startswith("metadata"):
        for name in shape.required:
            if name not in value:
                yield Fault422(f"{path}.{name}".lstrip("."), "Required value", "FieldValueRequired")
        for name, child in value.items():
            if child_shape := shape.field(name):
                yield from _custom(child, child_shape, f"{path}.{name}".lstrip("."))


def _template_owner(obj: Obj, old: Obj | None) -> Iterator[Fault422]:
    """Deployment and its like: the selector, the template's labels, and the template itself."""
    spec: Obj = obj.get("spec") or {}
    selector = spec.get("selector")
    if selector is None:
        yield Fault422("spec.selector", "Required value", "FieldValueRequired")
    labels: Obj = dig(spec, "template", "metadata", "labels", default={})
    if not (selector and dig(selector, "matchLabels", default={}).items() <= labels.items()):
        shown = json.dumps(labels, separators=(",", ":"))
        text = f"Invalid value: {shown}: `selector` does not match template `labels`"
        yield Fault422("spec.template.metadata.labels", text)
    if old is not None and _changed(old, obj, "selector"):
        text = f"Invalid value: {json.dumps(selector, separators=(',', ':'))}: field is immutable"
        yield Fault422("spec.selector", text)
    if dig(spec, "strategy", "type") == "Recreate" and dig(spec, "strategy", "rollingUpdate") is not None:
        text = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
        yield Fault422("spec.strategy.rollingUpdate", text, "FieldValueForbidden")
    yield from _containers(dig(spec, "template", "spec", default={}), "spec.template.spec")


def _pod(obj: Obj, old: Obj | None) -> Iterator[Fault422]:
    yield from _containers(obj.get("spec") or {}, "spec")
    if old is not None and _fixed_part(old) != _fixed_part(obj):
        yield Fault422("spec", _POD_RULE, "FieldValueForbidden")


def _fixed_part(pod: Obj) -> Obj:
    free = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds")
    spec = {key: value for key, value in pod["spec"].items() if key not in free}
    for group in ("containers", "initContainers"):
        spec[group] = [{**one, "image": "", "imagePullPolicy": ""} for one in spec.get(group) or ()]
    return spec


def _containers(spec: Obj, path: str) -> Iterator[Fault422]:
    if not spec.get("containers"):
        yield Fault422(f"{path}.containers", "Required value", "FieldValueRequired")
    seen: set[str] = set()
    for group in ("initContainers", "containers"):
        for number, container in enumerate(spec.get(group) or ()):
            here = f"{path}.{group}[{number}]"
            for field in ("name", "image"):
                if not container.get(field):
                    yield Fault422(f"{here}.{field}", "Required value", "FieldValueRequired")
            name = container.get("name", "")
            if name in seen:
                yield Fault422(f"{here}.name", f'Duplicate value: "{name}"', "FieldValueDuplicate")
            seen.add(name)
            yield from _ports(container, here)
            yield from _resources(container, here)


def _ports(container: Obj, path: str) -> Iterator[Fault422]:
    names: set[str] = set()
    for index, port in enumerate(container.get("ports") or ()):
        here, name = f"{path}.ports[{index}]", port.get("name", "")
        if name and name in names:
            yield Fault422(f"{here}.name", f'Duplicate value: "{name}"', "FieldValueDuplicate")
        names.add(name)
        if not port.get("containerPort"):
            yield Fault422(f"{here}.containerPort", "Required value", "FieldValueRequired")


def _resources(container: Obj, path: str) -> Iterator[Fault422]:
    limits: Obj = dig(container, "resources", "limits", default={})
    requests: Obj = dig(container, "resources", "requests", default={})
    for resource, wanted in requests.items():
        read = {"cpu": as_millicores, "memory": as_bytes}.get(resource)
        if read and resource in limits and read(wanted) > read(limits[resource]):
            text = f'Invalid value: "{wanted}": must be less than or equal to {resource} limit of {limits[resource]}'
            yield Fault422(f"{path}.resources.requests", text)


def _budget(obj: Obj) -> Iterator[Fault422]:
    spec: Obj = obj.get("spec") or {}
    if "minAvailable" in spec and "maxUnavailable" in spec:
        shown = {
            "MinAvailable": spec["minAvailable"],
            "Selector": spec.get("selector"),
            "MaxUnavailable": spec["maxUnavailable"],
            "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
        }
        text = f"Invalid value: {json.dumps(shown, separators=(',', ':'))}"
        yield Fault422("spec", f"{text}: minAvailable and maxUnavailable cannot be both set")
    allowed = dig(obj, "status", "disruptionsAllowed", default=0)
    if allowed < 0:
        text = f"Invalid value: {allowed}: must be greater than or equal to 0"
        yield Fault422("status.disruptionsAllowed", text)
