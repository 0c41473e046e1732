"""Roles and bindings: those every API server bootstraps, and those of the demo's people."""

from __future__ import annotations

from kubeai_bot.playground.cluster.authn import AUTHENTICATED, MASTERS, UNAUTHENTICATED
from kubeai_bot.playground.cluster.objects import Obj

_RBAC = "rbac.authorization.k8s.io"
READ = ["get", "list", "watch"]
WRITE = ["create", "delete", "deletecollection", "patch", "update"]
_AGGREGATE = f"{_RBAC}/aggregate-to-"
_CORE_READABLE = [
    "configmaps",
    "endpoints",
    "events",
    "namespaces",
    "persistentvolumeclaims",
    "pods",
    "pods/log",
    "pods/status",
    "serviceaccounts",
    "services",
]
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


def _aggregated(name: str, *sources: str) -> Obj:
    selectors = [{"matchLabels": {f"{_AGGREGATE}{source}": "true"}} for source in sources]
    role = cluster_role(name, [], {"kubernetes.io/bootstrapping": "rbac-defaults"})
    return {**role, "aggregationRule": {"clusterRoleSelectors": selectors}}


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
        _aggregated("view", "view"),
        _aggregated("edit", "edit", "view"),
        _aggregated("admin", "admin", "edit", "view"),
        cluster_role("system:aggregate-to-view", _view_rules(), {f"{_AGGREGATE}view": "true"}),
        cluster_role("system:aggregate-to-edit", _edit_rules(), {f"{_AGGREGATE}edit": "true"}),
    ]


def _view_rules() -> list[Obj]:
    """The readable part of a namespace: no Secrets, no RBAC objects."""
    workloads = ["daemonsets", "deployments", "deployments/scale", "replicasets", "replicasets/scale"]
    return [
        rule([""], _CORE_READABLE, READ),
        rule(["apps"], [*workloads, "statefulsets", "statefulsets/scale"], READ),
        rule(["autoscaling"], ["horizontalpodautoscalers"], READ),
        rule(["batch"], ["cronjobs", "jobs"], READ),
        rule(["events.k8s.io"], ["events"], READ),
        rule(["metrics.k8s.io"], ["pods"], READ),
        rule(["networking.k8s.io"], ["ingresses", "networkpolicies"], READ),
        rule(["policy"], ["poddisruptionbudgets"], READ),
    ]


def _edit_rules() -> list[Obj]:
    """The writable part of a namespace. Unlike upstream's edit it leaves Secrets out: nobody reads them here."""
    scalable = ["deployments", "deployments/scale", "replicasets", "replicasets/scale"]
    core = ["configmaps", "endpoints", "events", "persistentvolumeclaims", "pods", "serviceaccounts", "services"]
    return [
        rule([""], core, WRITE),
        rule(["apps"], ["daemonsets", *scalable, "statefulsets", "statefulsets/scale"], WRITE),
        rule(["autoscaling"], ["horizontalpodautoscalers"], WRITE),
        rule(["batch"], ["cronjobs", "jobs"], WRITE),
        rule(["networking.k8s.io"], ["ingresses", "networkpolicies"], WRITE),
        rule(["policy"], ["poddisruptionbudgets"], WRITE),
    ]


IMPERSONATED_USERS = ["mia@shop.example", "omar@shop.example", "root@shop.example", "kubeai-shared"]
IMPERSONATED_GROUPS = ["shop-developers", "platform-engineers", "shop-admins", "kubeai-readers"]


def people_rbac() -> list[Obj]:
    """Who may do what in the shop, and whom the bot may impersonate."""
    impersonate = [
        rule([""], ["users"], ["impersonate"], IMPERSONATED_USERS),
        rule([""], ["groups"], ["impersonate"], IMPERSONATED_GROUPS),
    ]
    cluster_view = [rule([""], ["nodes", "namespaces", "persistentvolumes"], READ)]
    cluster_view.append(rule(["metrics.k8s.io"], ["nodes", "pods"], READ))
    cluster_view.append(rule(["apiextensions.k8s.io"], ["customresourcedefinitions"], READ))
    platform = [subject("Group", "platform-engineers")]
    return [
        cluster_role("kubeai-bot-impersonator", impersonate),
        binding(
            "kubeai-bot-impersonator",
            "kubeai-bot-impersonator",
            [subject("ServiceAccount", "kubeai-bot", "kubeai")],
        ),
        cluster_role("shop-backups-view", [rule(["shop.example"], ["backups"], READ)], {f"{_AGGREGATE}view": "true"}),
        cluster_role("shop-backups-edit", [rule(["shop.example"], ["backups"], WRITE)], {f"{_AGGREGATE}edit": "true"}),
        cluster_role("cluster-viewer", cluster_view),
        binding("shop-developers-view", "view", [subject("Group", "shop-developers")], "shop"),
        binding("platform-engineers-view", "view", platform),
        binding("platform-engineers-cluster-view", "cluster-viewer", platform),
        binding("platform-engineers-edit", "edit", platform, "shop"),
        binding("platform-engineers-edit", "edit", platform, "payments"),
        binding("kubeai-readers-view", "view", [subject("Group", "kubeai-readers")]),
        binding("shop-admins", "cluster-admin", [subject("Group", "shop-admins")]),
    ]
