"""Roles and bindings that every API server makes at its start, with the rules that a 1.36 server gives them.

Left out is the API group `extensions`, which no server has served since 1.22.
"""

from __future__ import annotations

from kubeai_bot.playground.cluster.authn import AUTHENTICATED, MASTERS, UNAUTHENTICATED
from kubeai_bot.playground.cluster.objects import Obj

_RBAC = "rbac.authorization.k8s.io"
READ = ["get", "list", "watch"]
WRITE = ["create", "delete", "deletecollection", "patch", "update"]
AGGREGATE = f"{_RBAC}/aggregate-to-"
_DEFAULTS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_STREAMS = ["pods/attach", "pods/exec", "pods/portforward", "pods/proxy"]
_PUBLIC_PATHS = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_DISCOVERY_PATHS = sorted(["/api", "/api/*", "/apis", "/apis/*", *_PUBLIC_PATHS, "/openapi", "/openapi/*"])


def rule(groups: list[str], resources: list[str], verbs: list[str], names: list[str] | None = None) -> Obj:
    made: Obj = {"apiGroups": groups, "resources": resources, "verbs": verbs}
    if names:
        made["resourceNames"] = names
    return made


def cluster_role(name: str, rules: list[Obj], labels: dict[str, str] | None = None) -> Obj:
    metadata: Obj = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules}


def _aggregated(name: str, into: str = "") -> Obj:
    """A role that collects the rules labelled for it, and is itself collected `into` another one."""
    labels = {**_DEFAULTS, **({f"{AGGREGATE}{into}": "true"} if into else {})}
    selectors = [{"matchLabels": {f"{AGGREGATE}{name}": "true"}}]
    return {**cluster_role(name, [], labels), "aggregationRule": {"clusterRoleSelectors": selectors}}


def _source(name: str, rules: list[Obj]) -> Obj:
    return cluster_role(f"system:aggregate-to-{name}", rules, {**_DEFAULTS, f"{AGGREGATE}{name}": "true"})


def subject(kind: str, name: str, namespace: str = "") -> Obj:
    if kind == "ServiceAccount":
        return {"kind": kind, "name": name, "namespace": namespace}
    return {"kind": kind, "apiGroup": _RBAC, "name": name}


def binding(name: str, role: str, who: list[Obj], namespace: str = "") -> Obj:
    """A binding to a ClusterRole: a RoleBinding in `namespace`, or a ClusterRoleBinding without one."""
    metadata: Obj = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": metadata,
        "subjects": who,
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
    }


def bootstrap_rbac() -> list[Obj]:
    """What a fresh cluster has: cluster-admin, admin, edit, view, and discovery for everybody."""
    everything = rule(["*"], ["*"], ["*"])
    all_paths = {"nonResourceURLs": ["*"], "verbs": ["*"]}
    authenticated, unauthenticated = subject("Group", AUTHENTICATED), subject("Group", UNAUTHENTICATED)
    reviews = [
        rule(["authorization.k8s.io"], ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], ["create"]),
        rule(["authentication.k8s.io"], ["selfsubjectreviews"], ["create"]),
    ]
    return [
        cluster_role("cluster-admin", [everything, all_paths]),
        binding("cluster-admin", "cluster-admin", [subject("Group", MASTERS)]),
        cluster_role("system:discovery", [{"nonResourceURLs": _DISCOVERY_PATHS, "verbs": ["get"]}]),
        binding("system:discovery", "system:discovery", [authenticated]),
        cluster_role("system:public-info-viewer", [{"nonResourceURLs": _PUBLIC_PATHS, "verbs": ["get"]}]),
        binding("system:public-info-viewer", "system:public-info-viewer", [authenticated, unauthenticated]),
        cluster_role("system:basic-user", reviews),
        binding("system:basic-user", "system:basic-user", [authenticated]),
        _aggregated("view", into="edit"),
        _aggregated("edit", into="admin"),
        _aggregated("admin"),
        _source("view", _view_rules()),
        _source("edit", _edit_rules()),
        _source("admin", _admin_rules()),
    ]


def _with_status(*resources: str) -> list[str]:
    return [name for resource in resources for name in (resource, f"{resource}/status")]


def _view_rules() -> list[Obj]:
    """The readable part of a namespace: no Secrets, no RBAC objects."""
    scalable = ["deployments/scale", "replicasets/scale", "statefulsets/scale"]
    workloads = [*_with_status("daemonsets", "deployments", "replicasets", "statefulsets"), *scalable]
    core = ["configmaps", "endpoints", *_with_status("persistentvolumeclaims"), "pods", "serviceaccounts"]
    counted = [
        *_with_status("resourcequotas"),
        "bindings",
        "limitranges",
        "namespaces/status",
        "pods/log",
        "pods/status",
    ]
    return [
        rule([""], [*core, "replicationcontrollers", "replicationcontrollers/scale", *_with_status("services")], READ),
        rule([""], [*counted, "pods/log", "pods/status", "replicationcontrollers/status"], READ),
        rule([""], ["namespaces"], READ),
        rule(["", "events.k8s.io"], ["events"], READ),
        rule(["discovery.k8s.io"], ["endpointslices"], READ),
        rule(["apps"], ["controllerrevisions", *workloads], READ),
        rule(["autoscaling"], _with_status("horizontalpodautoscalers"), READ),
        rule(["batch"], _with_status("cronjobs", "jobs"), READ),
        rule(["policy"], _with_status("poddisruptionbudgets"), READ),
        rule(["networking.k8s.io"], [*_with_status("ingresses"), "networkpolicies"], READ),
        rule(["resource.k8s.io"], [*_with_status("resourceclaims"), "resourceclaimtemplates"], READ),
    ]


def _edit_rules() -> list[Obj]:
    """The writable part of a namespace; edit also reads Secrets and runs commands in containers."""
    core = ["configmaps", "persistentvolumeclaims", "replicationcontrollers", "replicationcontrollers/scale"]
    scalable = ["deployments/scale", "replicasets/scale", "statefulsets/scale"]
    workloads = ["daemonsets", "deployments", "deployments/rollback", "replicasets", "statefulsets", *scalable]
    return [
        rule([""], [*_STREAMS, "secrets", "services/proxy"], READ),
        rule([""], ["serviceaccounts"], ["impersonate"]),
        rule([""], ["pods", *_STREAMS], WRITE),
        rule([""], ["pods/eviction"], ["create"]),
        rule([""], [*core, "secrets", "serviceaccounts", "services", "services/proxy"], WRITE),
        rule([""], ["serviceaccounts/token"], ["create"]),
        rule(["", "events.k8s.io"], ["events"], WRITE),
        rule(["apps"], workloads, WRITE),
        rule(["autoscaling"], ["horizontalpodautoscalers"], WRITE),
        rule(["batch"], ["cronjobs", "jobs"], WRITE),
        rule(["policy"], ["poddisruptionbudgets"], WRITE),
        rule(["networking.k8s.io"], ["ingresses", "networkpolicies"], WRITE),
        rule(["coordination.k8s.io"], ["leases"], [*WRITE, *READ]),
        rule(["resource.k8s.io"], ["resourceclaims", "resourceclaimtemplates"], WRITE),
    ]


def _admin_rules() -> list[Obj]:
    return [
        rule(["authorization.k8s.io"], ["localsubjectaccessreviews"], ["create"]),
        rule([_RBAC], ["rolebindings", "roles"], [*WRITE, *READ]),
    ]
