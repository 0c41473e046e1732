"""The users, and the objects that the contract suite creates through the API on every backend."""

from __future__ import annotations

from typing import Any

from contract_backend import TIMEOUT_SECONDS, Api

from tests.waiting import until_now

ADMIN_TOKEN = "contract-admin"
BOT_TOKEN = "contract-bot"
VIEWER_TOKEN = "contract-viewer"
BOT = "system:serviceaccount:kubeai:kubeai-bot"
BOT_GROUPS = ("system:serviceaccounts", "system:serviceaccounts:kubeai")

TOKENS: dict[str, tuple[str, tuple[str, ...]]] = {
    ADMIN_TOKEN: ("contract-admin", ("system:masters",)),
    BOT_TOKEN: (BOT, BOT_GROUPS),
    VIEWER_TOKEN: ("vera", ("viewers",)),
}

ALICE = ("alice@shop.example", "devs", "oncall")
BELLA = ("bella@shop.example", "ops")
READ = ["get", "list", "watch"]
_RBAC = "rbac.authorization.k8s.io"
RBAC_PATH = f"/apis/{_RBAC}/v1"
CRD_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def rule(groups: list[str], resources: list[str], verbs: list[str], names: list[str] | None = None) -> Any:
    made: Any = {"apiGroups": groups, "resources": resources, "verbs": verbs}
    return {**made, "resourceNames": names} if names else made


def cluster_role(name: str, *rules: Any) -> Any:
    return {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": list(rules)}


def binding(name: str, role: str, kind: str, subject: str, namespace: str = "") -> Any:
    """A binding of a ClusterRole; a RoleBinding where a namespace is given."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    who: Any = {"kind": kind, "name": subject, "apiGroup": _RBAC}
    if kind == "ServiceAccount":
        place, _, account = subject.partition("/")
        who = {"kind": kind, "name": account, "namespace": place}
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": metadata,
        "subjects": [who],
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
    }


def pod(name: str, *containers: str, labels: dict[str, str] | None = None) -> Any:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"containers": [{"name": one, "image": f"registry.example/{one}:1"} for one in containers or ("app",)]},
    }


def deployment(name: str, replicas: int) -> Any:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "registry.example/app:1"}]},
            },
        },
    }


def config_map(name: str, **data: str) -> Any:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def backup(name: str, source: str) -> Any:
    return {
        "apiVersion": "shop.example/v1",
        "kind": "Backup",
        "metadata": {"name": name},
        "spec": {"source": source, "keep": 3},
    }


def backup_crd() -> Any:
    text = {"type": "string"}
    spec = {"type": "object", "properties": {"source": text, "keep": {"type": "integer"}}}
    status = {"type": "object", "properties": {"phase": text, "lastRun": {"type": "string", "format": "date-time"}}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": status}}},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            {"name": "Source", "type": "string", "jsonPath": ".spec.source"},
            {"name": "Keep", "type": "integer", "jsonPath": ".spec.keep"},
            {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
            {"name": "Last Run", "type": "date", "jsonPath": ".status.lastRun"},
        ],
    }
    names = {
        "kind": "Backup",
        "listKind": "BackupList",
        "plural": "backups",
        "singular": "backup",
        "shortNames": ["bak"],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "backups.shop.example"},
        "spec": {"group": "shop.example", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def _event() -> Any:
    involved = {"kind": "Pod", "namespace": "alpha", "name": "crashing", "apiVersion": "v1", "uid": "u-1"}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "crashing.1"},
        "involvedObject": involved,
        "reason": "BackOff",
        "message": "back-off 5m0s restarting failed container",
        "type": "Warning",
        "count": 7,
        "source": {"component": "kubelet", "host": "node-1"},
        "reportingComponent": "kubelet",
        "reportingInstance": "node-1",
        "firstTimestamp": "2026-01-01T10:00:00Z",
        "lastTimestamp": "2026-01-01T10:30:00Z",
    }


def _roles() -> list[Any]:
    developer = cluster_role(
        "contract-developer",
        rule([""], ["pods", "pods/log", "configmaps", "events"], READ),
        rule(["apps"], ["deployments", "deployments/scale"], [*READ, "update", "patch"]),
        rule(["shop.example"], ["backups"], READ),
    )
    return [
        developer,
        cluster_role("contract-ops", rule([""], ["pods"], READ), rule(["shop.example"], ["backups"], READ)),
        cluster_role("contract-one-secret", rule([""], ["secrets"], ["get"], ["allowed"])),
        cluster_role(
            "contract-bot",
            rule([""], ["users"], ["impersonate"], [ALICE[0], BELLA[0]]),
            rule([""], ["groups"], ["impersonate"], ["devs", "oncall", "ops"]),
            rule(["authentication.k8s.io"], ["userextras/kubeai-bot.io/slack-user"], ["impersonate"], ["U0ALICE"]),
        ),
    ]


def _bindings() -> list[Any]:
    return [
        binding("devs", "contract-developer", "Group", "devs", "alpha"),
        binding("bella", "contract-ops", "User", BELLA[0], "beta"),
        binding("vera", "contract-one-secret", "Group", "viewers", "alpha"),
        binding("lost-role", "no-such-role", "Group", "viewers", "beta"),
        binding("contract-bot", "contract-bot", "ServiceAccount", "kubeai/kubeai-bot"),
    ]


def seed(admin: Api) -> None:
    """Creates everything the suite reads, in an order that a real server accepts."""
    for name in ("alpha", "beta", "gamma"):
        admin.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for role in _roles():
        admin.post(f"{RBAC_PATH}/clusterroles", role)
    for bound in _bindings():
        place = bound["metadata"].get("namespace")
        path = f"{RBAC_PATH}/namespaces/{place}/rolebindings" if place else f"{RBAC_PATH}/clusterrolebindings"
        admin.post(path, bound)
    for made in (
        pod("plain", labels={"app": "plain", "tier": "front"}),
        pod("crashing", "app", "sidecar", labels={"app": "crashing", "tier": "back"}),
        pod("pulling", labels={"app": "pulling", "tier": "back"}),
        pod("unlabelled"),
    ):
        admin.post("/api/v1/namespaces/alpha/pods", made)
    admin.post("/api/v1/namespaces/beta/pods", pod("elsewhere", labels={"app": "plain"}))
    for number in range(5):
        admin.post("/api/v1/namespaces/beta/configmaps", config_map(f"page-{number}", number=str(number)))
    admin.post("/api/v1/namespaces/alpha/configmaps", config_map("two", one="1", two="2"))
    admin.post("/apis/apps/v1/namespaces/alpha/deployments", deployment("web", 2))
    admin.post("/api/v1/namespaces/alpha/events", _event())
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "allowed"}, "stringData": {"k": "v"}}
    admin.post("/api/v1/namespaces/alpha/secrets", secret)
    admin.post(CRD_PATH, backup_crd())
    _wait_until_served(admin, "/apis/shop.example/v1/backups")
    admin.post("/apis/shop.example/v1/namespaces/alpha/backups", backup("nightly", "orders"))
    admin.post("/apis/shop.example/v1/namespaces/beta/backups", backup("hourly", "ledger"))


def _wait_until_served(admin: Api, path: str) -> None:
    served = until_now(lambda: admin.send("GET", path).status_code == 200, TIMEOUT_SECONDS)
    assert served, f"{path} is not served"
