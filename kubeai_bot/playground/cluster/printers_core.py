"""Columns of the core, networking, RBAC and coordination kinds (pkg/printers/internalversion of Kubernetes)."""

from __future__ import annotations

from typing import Any

from kubeai_bot.playground.cluster.columns import Printer, columns, created, label_text, selector_text
from kubeai_bot.playground.cluster.durations import age
from kubeai_bot.playground.cluster.objects import Obj, dig, name_of

_ACCESS_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
_ROLE_LABEL = "node-role.kubernetes.io/"


def _config_map(obj: Obj) -> list[Any]:
    return [name_of(obj), len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), created(obj)]


def _secret(obj: Obj) -> list[Any]:
    return [name_of(obj), obj.get("type", "Opaque"), len(obj.get("data") or {}), created(obj)]


def _namespace(obj: Obj) -> list[Any]:
    return [name_of(obj), dig(obj, "status", "phase", default=""), created(obj)]


def _name_and_age(obj: Obj) -> list[Any]:
    return [name_of(obj), created(obj)]


def _name_and_creation(obj: Obj) -> list[Any]:
    return [name_of(obj), dig(obj, "metadata", "creationTimestamp")]


def _event(obj: Obj) -> list[Any]:
    first = age(obj.get("firstTimestamp") or obj.get("eventTime"))
    last = age(obj["lastTimestamp"]) if obj.get("lastTimestamp") else first
    count = obj.get("count") or 1
    if series := obj.get("series"):
        last, count = age(series["lastObservedTime"]), series["count"]
    involved = obj.get("involvedObject") or {}
    target = str(involved.get("kind", "")).lower()
    if involved.get("name"):
        target = f"{target}/{involved['name']}"
    source = [
        dig(obj, "source", "component", default="") or obj.get("reportingComponent", ""),
        dig(obj, "source", "host", default="") or obj.get("reportingInstance", ""),
    ]
    return [
        last,
        obj.get("type", ""),
        obj.get("reason", ""),
        target,
        involved.get("fieldPath", ""),
        ", ".join(filter(None, source)),
        str(obj.get("message", "")).strip(),
        first,
        count,
        name_of(obj),
    ]


def _node(obj: Obj) -> list[Any]:
    conditions = dig(obj, "status", "conditions", default=[])
    ready = next((condition for condition in conditions if condition["type"] == "Ready"), None)
    status = "Unknown" if ready is None else "Ready" if ready["status"] == "True" else "NotReady"
    if dig(obj, "spec", "unschedulable"):
        status += ",SchedulingDisabled"
    labels = dig(obj, "metadata", "labels", default={})
    roles = sorted(key.removeprefix(_ROLE_LABEL) for key in labels if key.startswith(_ROLE_LABEL))
    info = dig(obj, "status", "nodeInfo", default={})
    kernel = info.get("kernelVersion") or "<unknown>"
    if info.get("architecture"):
        kernel += f" ({info['architecture']})"
    return [
        name_of(obj),
        status,
        ",".join(roles) or "<none>",
        created(obj),
        info.get("kubeletVersion", ""),
        _address(obj, "InternalIP"),
        _address(obj, "ExternalIP"),
        info.get("osImage") or "<unknown>",
        kernel,
        info.get("containerRuntimeVersion") or "<unknown>",
    ]


def _address(node: Obj, kind: str) -> str:
    addresses = dig(node, "status", "addresses", default=[])
    return next((address["address"] for address in addresses if address["type"] == kind), "<none>")


def _service(obj: Obj) -> list[Any]:
    spec = obj.get("spec") or {}
    ports = ",".join(_port(port) for port in spec.get("ports") or ()) or "<none>"
    return [
        name_of(obj),
        spec.get("type", "ClusterIP"),
        dig(spec, "clusterIPs", 0, default="<none>"),
        _external_ip(obj),
        ports,
        created(obj),
        label_text(spec.get("selector")),
    ]


def _port(port: Obj) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node_port}/{port.get('protocol', 'TCP')}"


def _external_ip(service: Obj) -> str:
    spec = service.get("spec") or {}
    declared = spec.get("externalIPs") or []
    if spec.get("type") == "ExternalName":
        return spec.get("externalName", "")
    if spec.get("type") != "LoadBalancer":
        return ",".join(declared) or "<none>"
    ingress = dig(service, "status", "loadBalancer", "ingress", default=[])
    given = sorted(filter(None, (item.get("ip") or item.get("hostname") for item in ingress)))
    return ",".join([*given, *declared]) or "<pending>"


def _endpoints(obj: Obj) -> list[Any]:
    listed: list[str] = []
    for subset in obj.get("subsets") or ():
        addresses = [address["ip"] for address in subset.get("addresses") or ()]
        ports = subset.get("ports") or ()
        listed += [f"{ip}:{port['port']}" for port in ports for ip in addresses] if ports else addresses
    text = ",".join(listed[:3])
    if len(listed) > 3:
        text = f"{text} + {len(listed) - 3} more..."
    return [name_of(obj), text if obj.get("subsets") else "<none>", created(obj)]


def _claim(obj: Obj) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    bound = bool(spec.get("volumeName"))
    return [
        name_of(obj),
        status.get("phase", ""),
        spec.get("volumeName", ""),
        dig(status, "capacity", "storage", default="") if bound else "",
        _modes(status.get("accessModes")) if bound else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName", "<unset>"),
        created(obj),
        spec.get("volumeMode", "<unset>"),
    ]


def _volume(obj: Obj) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    claim = spec.get("claimRef")
    return [
        name_of(obj),
        dig(spec, "capacity", "storage", default=""),
        _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        status.get("phase", ""),
        f"{claim['namespace']}/{claim['name']}" if claim else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName", "<unset>"),
        status.get("reason", ""),
        created(obj),
        spec.get("volumeMode", "<unset>"),
    ]


def _modes(modes: list[str] | None) -> str:
    return ",".join(_ACCESS_MODES.get(mode, mode) for mode in modes or ())


def _ingress(obj: Obj) -> list[Any]:
    spec = obj.get("spec") or {}
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    text = ",".join(hosts[:3]) or "*"
    if len(hosts) > 3:
        text = f"{text} + {len(hosts) - 3} more..."
    ingress = dig(obj, "status", "loadBalancer", "ingress", default=[])
    address = ",".join(sorted(filter(None, (item.get("ip") or item.get("hostname") for item in ingress))))
    ports = "80, 443" if spec.get("tls") else "80"
    return [name_of(obj), spec.get("ingressClassName") or "<none>", text, address, ports, created(obj)]


def _network_policy(obj: Obj) -> list[Any]:
    return [name_of(obj), selector_text(dig(obj, "spec", "podSelector")), created(obj)]


def _binding(obj: Obj) -> list[Any]:
    subjects = obj.get("subjects") or []
    users = [subject["name"] for subject in subjects if subject["kind"] == "User"]
    groups = [subject["name"] for subject in subjects if subject["kind"] == "Group"]
    accounts = [f"{s.get('namespace', '')}/{s['name']}" for s in subjects if s["kind"] == "ServiceAccount"]
    ref = obj["roleRef"]
    role = f"{ref['kind']}/{ref['name']}"
    return [name_of(obj), role, created(obj), ", ".join(users), ", ".join(groups), ", ".join(accounts)]


def _lease(obj: Obj) -> list[Any]:
    return [name_of(obj), dig(obj, "spec", "holderIdentity", default=""), created(obj)]


_RBAC = "rbac.authorization.k8s.io"
_BINDING = Printer(columns("Name", "Role", "Age", "Users+", "Groups+", "ServiceAccounts+"), _binding)

PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "configmaps"): Printer(columns("Name", "Data", "Age"), _config_map),
    ("", "secrets"): Printer(columns("Name", "Type", "Data", "Age"), _secret),
    ("", "namespaces"): Printer(columns("Name", "Status", "Age"), _namespace),
    ("", "serviceaccounts"): Printer(columns("Name", "Age"), _name_and_age),
    ("", "events"): Printer(
        columns(
            "Last Seen",
            "Type",
            "Reason",
            "Object",
            "Subobject+",
            "Source+",
            "Message",
            "First Seen+",
            "Count+",
            "Name+",
        ),
        _event,
    ),
    ("", "nodes"): Printer(
        columns(
            "Name",
            "Status",
            "Roles",
            "Age",
            "Version",
            "Internal-IP+",
            "External-IP+",
            "OS-Image+",
            "Kernel-Version+",
            "Container-Runtime+",
        ),
        _node,
    ),
    ("", "services"): Printer(
        columns("Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector+"), _service
    ),
    ("", "endpoints"): Printer(columns("Name", "Endpoints", "Age"), _endpoints),
    ("", "persistentvolumeclaims"): Printer(
        columns(
            "Name",
            "Status",
            "Volume",
            "Capacity",
            "Access Modes",
            "StorageClass",
            "VolumeAttributesClass",
            "Age",
            "VolumeMode+",
        ),
        _claim,
    ),
    ("", "persistentvolumes"): Printer(
        columns(
            "Name",
            "Capacity",
            "Access Modes",
            "Reclaim Policy",
            "Status",
            "Claim",
            "StorageClass",
            "VolumeAttributesClass",
            "Reason",
            "Age",
            "VolumeMode+",
        ),
        _volume,
    ),
    ("networking.k8s.io", "ingresses"): Printer(columns("Name", "Class", "Hosts", "Address", "Ports", "Age"), _ingress),
    ("networking.k8s.io", "networkpolicies"): Printer(columns("Name", "Pod-Selector", "Age"), _network_policy),
    ("coordination.k8s.io", "leases"): Printer(columns("Name", "Holder", "Age"), _lease),
    (_RBAC, "roles"): Printer(columns("Name", "Created At:date"), _name_and_creation),
    (_RBAC, "clusterroles"): Printer(columns("Name", "Created At:date"), _name_and_creation),
    (_RBAC, "rolebindings"): _BINDING,
    (_RBAC, "clusterrolebindings"): _BINDING,
    ("apiextensions.k8s.io", "customresourcedefinitions"): Printer(
        columns("Name", "Created At:date"), _name_and_creation
    ),
}
