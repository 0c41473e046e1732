"""The cells of kinds other than plain pods, from objects with a status that a controller or kubelet would write."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from contract_backend import MERGE, TIMEOUT_SECONDS, Api

from tests.waiting import until_now

_POD_SPEC = {"containers": [{"name": "app", "image": "registry.example/app:1"}]}
_TEMPLATE = {"metadata": {"labels": {"app": "cells"}}, "spec": _POD_SPEC}
_SELECTOR = {"matchLabels": {"app": "cells"}}


def _ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _cells(admin: Api, collection: str, body: Any, status: Any = None) -> list[Any]:
    """The row of an object that is created, given a status, printed and deleted again; Age is left out."""
    name = body["metadata"]["name"]
    admin.post(collection, body)
    try:
        if status is not None:
            admin.patch(f"{collection}/{name}/status", {"status": status}, MERGE)
        table = admin.table(f"{collection}/{name}")
        names = [column["name"] for column in table["columnDefinitions"]]
        row = table["rows"][0]
        return [cell for column, cell in zip(names, row["cells"], strict=True) if column != "Age"]
    finally:
        admin.send("DELETE", f"{collection}/{name}", {"propagationPolicy": "Background", "gracePeriodSeconds": 0})


def _obj(api_version: str, kind: str, name: str, spec: Any = None, **fields: Any) -> Any:
    body: Any = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}
    return {**body, "spec": spec} if spec is not None else body


def _pod_row(admin: Api, name: str, status: Any, spec: Any = None) -> list[Any]:
    body = _obj("v1", "Pod", name, spec or _POD_SPEC)
    return _cells(admin, "/api/v1/namespaces/beta/pods", body, status)[:4]


def _status(name: str, state: Any, **fields: Any) -> Any:
    return {"name": name, "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": state, **fields}


@pytest.mark.parametrize(
    ("name", "state", "shown"),
    [
        ("completed", {"terminated": {"exitCode": 0, "reason": "Completed"}}, "Completed"),
        ("by-code", {"terminated": {"exitCode": 3}}, "ExitCode:3"),
        ("by-signal", {"terminated": {"exitCode": 137, "signal": 9}}, "Signal:9"),
        ("creating", {"waiting": {"reason": "ContainerCreating"}}, "ContainerCreating"),
    ],
)
def test_a_pod_shows_how_its_container_ended_or_waits(admin: Api, name: str, state: Any, shown: str) -> None:
    row = _pod_row(admin, name, {"phase": "Running", "containerStatuses": [_status("app", state)]})
    assert row == [name, "0/1", shown, "0"]


def test_a_ready_pod_is_running_and_an_evicted_one_says_so(admin: Api) -> None:
    running = _status("app", {"running": {"startedAt": _ago(hours=1)}}, ready=True, restartCount=1)
    assert _pod_row(admin, "ready", {"phase": "Running", "containerStatuses": [running]}) == [
        "ready",
        "1/1",
        "Running",
        "1",
    ]
    assert _pod_row(admin, "evicted", {"phase": "Failed", "reason": "Evicted"}) == ["evicted", "0/1", "Evicted", "0"]


@pytest.mark.parametrize(
    ("name", "state", "shown"),
    [
        ("init-waits", {"waiting": {"reason": "PodInitializing"}}, "Init:0/1"),
        ("init-crashes", {"waiting": {"reason": "CrashLoopBackOff"}}, "Init:CrashLoopBackOff"),
        ("init-failed", {"terminated": {"exitCode": 1, "reason": "Error"}}, "Init:Error"),
    ],
)
def test_a_pod_that_initializes_shows_its_init_container(admin: Api, name: str, state: Any, shown: str) -> None:
    spec = {**_POD_SPEC, "initContainers": [{"name": "setup", "image": "registry.example/setup:1"}]}
    status = {
        "phase": "Pending",
        "initContainerStatuses": [_status("setup", state, restartCount=2)],
        "containerStatuses": [_status("app", {"waiting": {"reason": "PodInitializing"}})],
    }
    assert _pod_row(admin, name, status, spec) == [name, "0/1", shown, "2"]


def test_a_pod_whose_init_container_is_done_shows_its_own_container(admin: Api) -> None:
    spec = {**_POD_SPEC, "initContainers": [{"name": "setup", "image": "registry.example/setup:1"}]}
    status = {
        "phase": "Running",
        "conditions": [{"type": "Initialized", "status": "True"}],
        "initContainerStatuses": [_status("setup", {"terminated": {"exitCode": 0, "reason": "Completed"}})],
        "containerStatuses": [_status("app", {"running": {"startedAt": _ago(hours=1)}}, ready=True)],
    }
    assert _pod_row(admin, "init-done", status, spec) == ["init-done", "1/1", "Running", "0"]


def test_workloads_count_their_pods(admin: Api) -> None:
    apps = "/apis/apps/v1/namespaces/beta"
    spec = {"replicas": 3, "selector": _SELECTOR, "template": _TEMPLATE}
    counts = {"replicas": 3, "readyReplicas": 2, "availableReplicas": 2, "updatedReplicas": 1}
    tail = ["app", "registry.example/app:1"]
    body = _obj("apps/v1", "Deployment", "cells", spec)
    assert _cells(admin, f"{apps}/deployments", body, counts) == ["cells", "2/3", 1, 2, *tail, "app=cells"]
    body = _obj("apps/v1", "ReplicaSet", "cells", spec)
    status = {"replicas": 3, "readyReplicas": 2}
    assert _cells(admin, f"{apps}/replicasets", body, status) == ["cells", 3, 3, 2, *tail, "app=cells"]
    body = _obj("apps/v1", "StatefulSet", "cells", {**spec, "serviceName": "cells"})
    assert _cells(admin, f"{apps}/statefulsets", body, status) == ["cells", "2/3", *tail]
    template = {**_TEMPLATE, "spec": {**_POD_SPEC, "nodeSelector": {"disk": "ssd"}}}
    body = _obj("apps/v1", "DaemonSet", "cells", {"selector": _SELECTOR, "template": template})
    status = {
        "desiredNumberScheduled": 3,
        "currentNumberScheduled": 3,
        "numberMisscheduled": 0,
        "numberReady": 2,
        "updatedNumberScheduled": 1,
        "numberAvailable": 2,
    }
    shown = ["cells", 3, 3, 2, 1, 2, "disk=ssd", *tail, "app=cells"]
    assert _cells(admin, f"{apps}/daemonsets", body, status) == shown


def test_jobs_show_status_completions_and_duration(admin: Api) -> None:
    jobs = "/apis/batch/v1/namespaces/beta/jobs"
    template = {"spec": {**_POD_SPEC, "restartPolicy": "Never"}}
    body = _obj("batch/v1", "Job", "cells", {"completions": 2, "template": template})
    running = {"startTime": _ago(minutes=5), "succeeded": 1}
    row = _cells(admin, jobs, body, running)
    assert row[:3] == ["cells", "Running", "1/2"]
    assert row[3].startswith("5m")
    times = {"startTime": "2026-01-01T10:00:00Z", "completionTime": "2026-01-01T10:02:00Z", "succeeded": 2}
    conditions = [{"type": kind, "status": "True"} for kind in ("SuccessCriteriaMet", "Complete")]
    assert _cells(admin, jobs, body, {**times, "conditions": conditions})[:4] == ["cells", "Complete", "2/2", "2m"]


def test_cron_jobs_show_their_schedule(admin: Api) -> None:
    template = {"spec": {"template": {"spec": {**_POD_SPEC, "restartPolicy": "Never"}}}}
    spec = {"schedule": "30 1 * * *", "jobTemplate": template, "timeZone": "Europe/Berlin"}
    path = "/apis/batch/v1/namespaces/beta/cronjobs"
    row = _cells(admin, path, _obj("batch/v1", "CronJob", "cells", spec), {"lastScheduleTime": _ago(hours=9)})
    assert row[:6] == ["cells", "30 1 * * *", "Europe/Berlin", "False", 0, "9h"]


def test_autoscalers_show_current_and_wanted_use(admin: Api) -> None:
    target = {"type": "Utilization", "averageUtilization": 70}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 8,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    path = "/apis/autoscaling/v2/namespaces/beta/horizontalpodautoscalers"
    body = _obj("autoscaling/v2", "HorizontalPodAutoscaler", "cells", spec)
    assert _cells(admin, path, body) == ["cells", "Deployment/web", "cpu: <unknown>/70%", "2", 8, 0]
    current = {"name": "cpu", "current": {"averageUtilization": 41, "averageValue": "41m"}}
    status = {
        "currentReplicas": 3,
        "desiredReplicas": 3,
        "currentMetrics": [{"type": "Resource", "resource": current}],
    }
    assert _cells(admin, path, body, status) == ["cells", "Deployment/web", "cpu: 41%/70%", "2", 8, 3]


def test_services_show_type_addresses_and_ports(admin: Api) -> None:
    path = "/api/v1/namespaces/beta/services"
    ports = [{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    row = _cells(admin, path, _obj("v1", "Service", "cells", {"selector": {"app": "cells"}, "ports": ports}))
    assert row[:2] == ["cells", "ClusterIP"]
    assert row[3:] == ["<none>", "80/TCP,53/UDP", "app=cells"]
    headless = {"clusterIP": "None", "ports": ports[:1]}
    assert _cells(admin, path, _obj("v1", "Service", "cells", headless)) == [
        "cells",
        "ClusterIP",
        "None",
        "<none>",
        "80/TCP",
        "<none>",
    ]
    external = {"type": "ExternalName", "externalName": "db.example"}
    assert _cells(admin, path, _obj("v1", "Service", "cells", external)) == [
        "cells",
        "ExternalName",
        "<none>",
        "db.example",
        "<none>",
        "<none>",
    ]


def test_endpoints_name_three_addresses(admin: Api) -> None:
    addresses = [{"ip": f"10.1.0.{number}"} for number in range(1, 6)]
    subsets = [{"addresses": addresses, "ports": [{"port": 8080}]}]
    path = "/api/v1/namespaces/beta/endpoints"
    row = _cells(admin, path, _obj("v1", "Endpoints", "cells", subsets=subsets))
    assert row == ["cells", "10.1.0.1:8080,10.1.0.2:8080,10.1.0.3:8080 + 2 more..."]
    assert _cells(admin, path, _obj("v1", "Endpoints", "cells")) == ["cells", "<none>"]


def test_nodes_show_readiness_roles_and_versions(admin: Api) -> None:
    body = _obj("v1", "Node", "cells", {"unschedulable": True})
    body["metadata"]["labels"] = {"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/edge": ""}
    info = {
        "machineID": "",
        "systemUUID": "",
        "bootID": "",
        "kubeProxyVersion": "",
        "kubeletVersion": "v1.36.2",
        "osImage": "Debian",
        "kernelVersion": "6.12",
        "containerRuntimeVersion": "containerd://2.2.1",
        "operatingSystem": "linux",
        "architecture": "amd64",
    }
    status = {
        "conditions": [{"type": "Ready", "status": "False"}],
        "addresses": [{"type": "InternalIP", "address": "10.0.0.9"}],
        "nodeInfo": info,
    }
    assert _cells(admin, "/api/v1/nodes", body, status) == [
        "cells",
        "NotReady,SchedulingDisabled",
        "edge,worker",
        "v1.36.2",
        "10.0.0.9",
        "<none>",
        "Debian",
        "6.12 (amd64)",
        "containerd://2.2.1",
    ]


def test_claims_show_what_they_are_bound_to(admin: Api) -> None:
    path = "/api/v1/namespaces/beta/persistentvolumeclaims"
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "standard",
        "volumeName": "pv-cells",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    status = {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "2Gi"}}
    body = _obj("v1", "PersistentVolumeClaim", "cells", spec)
    assert _cells(admin, path, body, status)[:6] == ["cells", "Bound", "pv-cells", "2Gi", "RWO", "standard"]


def test_ingresses_policies_and_budgets(admin: Api) -> None:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    rules = [{"host": f"{number}.example", "http": {"paths": [path]}} for number in range(4)]
    spec = {"ingressClassName": "nginx", "rules": rules, "tls": [{"hosts": ["0.example"]}]}
    networking = "/apis/networking.k8s.io/v1/namespaces/beta"
    body = _obj("networking.k8s.io/v1", "Ingress", "cells", spec)
    status = {"loadBalancer": {"ingress": [{"ip": "203.0.113.9"}]}}
    hosts = "0.example,1.example,2.example + 1 more..."
    assert _cells(admin, f"{networking}/ingresses", body, status) == [
        "cells",
        "nginx",
        hosts,
        "203.0.113.9",
        "80, 443",
    ]
    expressions = [{"key": "tier", "operator": "In", "values": ["b", "a"]}, {"key": "old", "operator": "DoesNotExist"}]
    selector = {"matchLabels": {"app": "cells"}, "matchExpressions": expressions}
    body = _obj("networking.k8s.io/v1", "NetworkPolicy", "cells", {"podSelector": selector})
    assert _cells(admin, f"{networking}/networkpolicies", body) == ["cells", "app=cells,!old,tier in (a,b)"]
    body = _obj("policy/v1", "PodDisruptionBudget", "cells", {"maxUnavailable": "25%", "selector": _SELECTOR})
    budgets = "/apis/policy/v1/namespaces/beta/poddisruptionbudgets"
    assert _cells(admin, budgets, body) == ["cells", "N/A", "25%", 0]


def test_bindings_and_leases(admin: Api) -> None:
    group = "rbac.authorization.k8s.io"
    subjects = [
        {"kind": "User", "name": "mia", "apiGroup": group},
        {"kind": "Group", "name": "devs", "apiGroup": group},
        {"kind": "ServiceAccount", "name": "bot", "namespace": "kubeai"},
    ]
    role = {"apiGroup": group, "kind": "ClusterRole", "name": "view"}
    body = _obj(f"{group}/v1", "RoleBinding", "cells", subjects=subjects, roleRef=role)
    path = f"/apis/{group}/v1/namespaces/beta/rolebindings"
    assert _cells(admin, path, body) == ["cells", "ClusterRole/view", "mia", "devs", "kubeai/bot"]
    body = _obj("coordination.k8s.io/v1", "Lease", "cells", {"holderIdentity": "node-1"})
    assert _cells(admin, "/apis/coordination.k8s.io/v1/namespaces/beta/leases", body) == ["cells", "node-1"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (45, "45s"),
        (119, "119s"),
        (125, "2m5s"),
        (9 * 60, "9m"),
        (600, "10m"),
        (170 * 60, "170m"),
        (3 * 3600, "3h"),
        (7 * 3600 + 1800, "7h30m"),
        (47 * 3600, "47h"),
        (3 * 86400 + 7200, "3d2h"),
        (300 * 86400, "300d"),
        (3 * 365 * 86400, "3y"),
        (3 * 365 * 86400 + 40 * 86400, "3y40d"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_ages_are_rounded_as_kubectl_does(admin: Api, seconds: int, shown: str) -> None:
    """Read off an event, whose times are given by the client; a moment passes between the two clocks."""
    path, tries = "/api/v1/namespaces/beta/events", itertools.count()
    cells: list[str] = []

    def as_shown() -> bool:
        name = f"aged-{seconds}-{next(tries)}"
        last = (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name},
            "involvedObject": {"kind": "Pod", "name": "x", "namespace": "beta"},
            "type": "Normal",
            "lastTimestamp": last,
            "firstTimestamp": last,
        }
        admin.post(path, body)
        cells.append(admin.table(f"{path}/{name}")["rows"][0]["cells"][0])
        return cells[-1] in {shown, _later(shown)}

    assert until_now(as_shown, TIMEOUT_SECONDS), cells


def _later(shown: str) -> str:
    """The same age a second later, where seconds are shown."""
    texts = {"45s": "46s", "119s": "2m", "2m5s": "2m6s", "9m": "9m1s"}
    return texts.get(shown, shown)
