"""The rest of the demo cluster: namespaces, nodes, kube-system, and one of each other kind in the shop."""

from __future__ import annotations

from datetime import timedelta

from kubeai_bot.playground.cluster.apps import App
from kubeai_bot.playground.cluster.defaults import established
from kubeai_bot.playground.cluster.disruption import budget_status
from kubeai_bot.playground.cluster.objects import Obj, labels_of, stamp
from kubeai_bot.playground.cluster.podstatus import node_ip
from kubeai_bot.playground.cluster.scene import WORKERS, Scene

CLUSTER_AGE = timedelta(days=94, hours=5)
CONTROL_PLANE = "demo-control-plane"
_SETTLED = timedelta(days=31, hours=2)


def namespace(name: str) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def draw_furniture(scene: Scene, apps: list[App]) -> None:
    """Everything but the apps, their system workloads and RBAC."""
    for name in ("default", "kube-system", "kubeai", "shop", "payments"):
        scene.add(namespace(name), CLUSTER_AGE)
        scene.add(_service_account("default", name), CLUSTER_AGE)
    scene.add(_service_account("kubeai-bot", "kubeai"), _SETTLED)
    for node in (CONTROL_PLANE, *WORKERS):
        scene.add(_node(scene, node), CLUSTER_AGE)
    _draw_edges(scene, apps[0])
    _draw_secrets(scene)
    _draw_backups(scene)


def _service_account(name: str, place: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": place}}


def _node(scene: Scene, name: str) -> Obj:
    control_plane = name == CONTROL_PLANE
    beat, turned = stamp(scene.now), stamp(scene.ago(CLUSTER_AGE))
    good = [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ]
    conditions = [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": beat,
            "lastTransitionTime": turned,
        }
        for kind, status, reason, message in good
    ]
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/zone": "demo-a",
    }
    taint = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    if control_plane:
        labels["node-role.kubernetes.io/control-plane"] = ""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"podCIDR": "10.244.0.0/24", **({"taints": [taint]} if control_plane else {})},
        "status": {
            "capacity": {"cpu": "8", "memory": "32778836Ki", "pods": "110"},
            "allocatable": {"cpu": "7910m", "memory": "31703636Ki", "pods": "110"},
            "conditions": conditions,
            "addresses": [
                {"type": "InternalIP", "address": node_ip(name)},
                {"type": "Hostname", "address": name},
            ],
            "nodeInfo": {
                "kubeletVersion": "v1.36.2",
                "osImage": "Debian GNU/Linux 13 (trixie)",
                "kernelVersion": "6.12.41",
                "containerRuntimeVersion": "containerd://2.2.1",
                "architecture": "amd64",
                "bootID": scene.uid(),
                "machineID": scene.uid().replace("-", ""),
                "systemUUID": scene.uid(),
                "kubeProxyVersion": "",
                "operatingSystem": "linux",
            },
        },
    }


def _draw_edges(scene: Scene, front: App) -> None:
    """What stands around the first app: Ingress, autoscaler, network policy."""
    metadata = {"name": front.name, "namespace": front.namespace, "labels": {"app": front.name}}
    backend = {"service": {"name": front.name, "port": {"number": 80}}}
    rules = [{"host": "shop.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]
    _applied(
        scene,
        "networking.k8s.io/v1",
        "Ingress",
        metadata,
        {"ingressClassName": "nginx", "rules": rules, "tls": [{"hosts": ["shop.example"]}]},
        {"loadBalancer": {"ingress": [{"ip": "203.0.113.20"}]}},
    )
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": front.name}
    target = {"type": "Utilization", "averageUtilization": 70}
    current = {"averageUtilization": 41, "averageValue": "41m"}
    _applied(
        scene,
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        metadata,
        {
            "scaleTargetRef": reference,
            "minReplicas": front.replicas,
            "maxReplicas": 8,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
        {
            "currentReplicas": front.replicas,
            "desiredReplicas": front.replicas,
            "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": current}}],
        },
    )
    _applied(
        scene,
        "networking.k8s.io/v1",
        "NetworkPolicy",
        {"name": "default-deny-ingress", "namespace": "payments"},
        {"podSelector": {}, "policyTypes": ["Ingress"]},
    )
    lease = {"holderIdentity": f"{CONTROL_PLANE}_7d1c", "leaseDurationSeconds": 15}
    _applied(
        scene,
        "coordination.k8s.io/v1",
        "Lease",
        {"name": "kube-scheduler", "namespace": "kube-system"},
        {**lease, "renewTime": scene.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")},
    )


def draw_budgets(scene: Scene, apps: list[App]) -> None:
    """Disruption budgets: the first app can spare one pod; the second none, so that a drain is refused at first."""
    for app, least in ((apps[0], apps[0].replicas - 1), (apps[1], apps[1].replicas)):
        metadata = {"name": app.name, "namespace": app.namespace, "labels": {"app": app.name}, "generation": 1}
        spec = {"minAvailable": least, "selector": {"matchLabels": {"app": app.name}}}
        budget = _applied(scene, "policy/v1", "PodDisruptionBudget", metadata, spec)
        mine = [obj for obj in scene.objects if obj["kind"] == "Pod" and labels_of(obj).get("app") == app.name]
        budget["status"] = budget_status(budget, mine, app.replicas, scene.ago(_SETTLED))


def _applied(scene: Scene, api_version: str, kind: str, metadata: Obj, spec: Obj, status: Obj | None = None) -> Obj:
    obj: Obj = {"apiVersion": api_version, "kind": kind, "metadata": dict(metadata), "spec": spec}
    if status is not None:
        obj["status"] = status
    return scene.add(obj, _SETTLED, applied=True)


def _draw_secrets(scene: Scene) -> None:
    """Secrets with recognisable values, so that a leak is seen."""
    for place, name, key in (("shop", "db-credentials", "password"), ("payments", "card-gateway", "api-key")):
        secret: Obj = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": place},
            "type": "Opaque",
            # base64 of "demo-secret-do-not-show"
            "data": {key: "ZGVtby1zZWNyZXQtZG8tbm90LXNob3c="},
        }
        scene.add(secret, _SETTLED)


def backup_crd() -> Obj:
    """The CustomResourceDefinition of backups.shop.example."""
    text, number = {"type": "string"}, {"type": "integer", "format": "int64"}
    spec_schema = {
        "type": "object",
        "description": "What to save, where to, and how often.",
        "required": ["source"],
        "properties": {
            "source": {**text, "description": "The database to save."},
            "schedule": {**text, "description": "When to save, as a cron expression."},
            "retentionDays": {**number, "description": "How many days a backup is kept."},
        },
    }
    status_schema = {
        "type": "object",
        "description": "What became of the last run.",
        "properties": {
            "phase": {**text, "description": "Completed, Running or Failed."},
            "sizeBytes": number,
            "lastRun": {"type": "string", "format": "date-time"},
            "message": text,
        },
    }
    schema = {
        "type": "object",
        "description": "Backup is a saved copy of one of the shop's databases.",
        "properties": {"spec": spec_schema, "status": status_schema},
    }
    columns = [
        {"name": "Source", "type": "string", "jsonPath": ".spec.source"},
        {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
        {"name": "Last Run", "type": "date", "jsonPath": ".status.lastRun"},
        {"name": "Message", "type": "string", "jsonPath": ".status.message", "priority": 1},
    ]
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
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
        "spec": {"group": "shop.example", "names": names, "scope": "Namespaced", "versions": [version]},
    }


def _draw_backups(scene: Scene) -> None:
    crd = scene.add(backup_crd(), _SETTLED)
    crd["status"] = established(crd)
    rows = (
        ("shop", "catalog-nightly", "catalog", "Completed", timedelta(hours=8), ""),
        ("shop", "orders-nightly", "orders", "Failed", timedelta(hours=7), "bucket shop-backups: quota exceeded"),
        ("payments", "ledger-hourly", "ledger", "Completed", timedelta(minutes=22), ""),
    )
    for place, name, source, phase, age, message in rows:
        status: Obj = {"phase": phase, "lastRun": stamp(scene.ago(age)), "sizeBytes": 48_231_424}
        if message:
            status["message"] = message
        backup: Obj = {
            "apiVersion": "shop.example/v1",
            "kind": "Backup",
            "metadata": {"name": name, "namespace": place, "generation": 1},
            "spec": {"source": source, "schedule": "0 2 * * *", "retentionDays": 14},
            "status": status,
        }
        scene.add(backup, _SETTLED, applied=True)
