"""Server-side tables: the columns kubectl prints, and the statuses the server computes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from contract_backend import MERGE, TABLE, Api, column

_PODS = "/api/v1/namespaces/alpha/pods"


def _ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _container(name: str, state: Any, *, ready: bool = False, restarts: int = 0, last: Any = None) -> Any:
    return {
        "name": name,
        "image": f"registry.example/{name}:1",
        "imageID": "",
        "ready": ready,
        "restartCount": restarts,
        "state": state,
        "lastState": last or {},
    }


def _set_status(admin: Api, name: str, status: Any) -> None:
    admin.patch(f"{_PODS}/{name}/status", {"status": status}, MERGE)


@pytest.fixture
def statuses(admin: Api) -> None:
    """The states a kubelet would report."""
    ended = {"exitCode": 137, "reason": "OOMKilled", "startedAt": _ago(minutes=3), "finishedAt": _ago(seconds=150)}
    crashing = [
        _container("app", {"waiting": {"reason": "CrashLoopBackOff"}}, restarts=7, last={"terminated": ended}),
        _container("sidecar", {"running": {"startedAt": _ago(hours=2)}}, ready=True),
    ]
    _set_status(admin, "crashing", {"phase": "Running", "containerStatuses": crashing, "podIPs": [{"ip": "10.0.9.9"}]})
    pulling = [_container("app", {"waiting": {"reason": "ImagePullBackOff"}})]
    _set_status(admin, "pulling", {"phase": "Pending", "containerStatuses": pulling})
    killed = [_container("app", {"terminated": ended}, restarts=2, last={"terminated": ended})]
    _set_status(admin, "unlabelled", {"phase": "Running", "containerStatuses": killed})


@pytest.mark.usefixtures("statuses")
def test_pods_show_the_computed_status(admin: Api) -> None:
    table = admin.table(_PODS)
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert table["metadata"]["resourceVersion"]
    rows = dict(zip(column(table, "Name"), table["rows"], strict=True))
    assert list(rows) == ["crashing", "plain", "pulling", "unlabelled"]
    assert rows["crashing"]["cells"][1:4] == ["1/2", "CrashLoopBackOff", "7 (2m30s ago)"]
    assert rows["pulling"]["cells"][1:4] == ["0/1", "ImagePullBackOff", "0"]
    assert rows["unlabelled"]["cells"][1:4] == ["0/1", "OOMKilled", "2 (2m30s ago)"]
    assert rows["plain"]["cells"][1:4] == ["0/1", "Pending", "0"]
    assert rows["crashing"]["cells"][5:] == ["10.0.9.9", "<none>", "<none>", "<none>"]


def test_pod_columns_carry_names_types_and_priorities(admin: Api) -> None:
    definitions = admin.table(_PODS)["columnDefinitions"]
    shown = [(one["name"], one["type"], one["format"], one["priority"]) for one in definitions]
    assert shown == [
        ("Name", "string", "name", 0),
        ("Ready", "string", "", 0),
        ("Status", "string", "", 0),
        ("Restarts", "string", "", 0),
        ("Age", "string", "", 0),
        ("IP", "string", "", 1),
        ("Node", "string", "", 1),
        ("Nominated Node", "string", "", 1),
        ("Readiness Gates", "string", "", 1),
    ]


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("/apis/apps/v1/deployments", "Name Ready Up-to-date Available Age Containers Images Selector"),
        ("/apis/apps/v1/replicasets", "Name Desired Current Ready Age Containers Images Selector"),
        ("/apis/apps/v1/statefulsets", "Name Ready Age Containers Images"),
        (
            "/apis/apps/v1/daemonsets",
            "Name Desired Current Ready Up-to-date Available Node_Selector Age Containers Images Selector",
        ),
        ("/apis/batch/v1/jobs", "Name Status Completions Duration Age Containers Images Selector"),
        (
            "/apis/batch/v1/cronjobs",
            "Name Schedule Timezone Suspend Active Last_Schedule Age Containers Images Selector",
        ),
        ("/api/v1/services", "Name Type Cluster-IP External-IP Port(s) Age Selector"),
        (
            "/api/v1/nodes",
            "Name Status Roles Age Version Internal-IP External-IP OS-Image Kernel-Version Container-Runtime",
        ),
        ("/api/v1/namespaces", "Name Status Age"),
        ("/api/v1/configmaps", "Name Data Age"),
        ("/api/v1/secrets", "Name Type Data Age"),
        ("/api/v1/serviceaccounts", "Name Age"),
        ("/api/v1/endpoints", "Name Endpoints Age"),
        (
            "/api/v1/events",
            "Last_Seen Type Reason Object Subobject Source Message First_Seen Count Name",
        ),
        (
            "/api/v1/persistentvolumeclaims",
            "Name Status Volume Capacity Access_Modes StorageClass VolumeAttributesClass Age VolumeMode",
        ),
        (
            "/api/v1/persistentvolumes",
            (
                "Name Capacity Access_Modes Reclaim_Policy Status Claim StorageClass VolumeAttributesClass Reason "
                "Age VolumeMode"
            ),
        ),
        ("/apis/autoscaling/v2/horizontalpodautoscalers", "Name Reference Targets MinPods MaxPods Replicas Age"),
        ("/apis/networking.k8s.io/v1/ingresses", "Name Class Hosts Address Ports Age"),
        ("/apis/networking.k8s.io/v1/networkpolicies", "Name Pod-Selector Age"),
        ("/apis/policy/v1/poddisruptionbudgets", "Name Min_Available Max_Unavailable Allowed_Disruptions Age"),
        ("/apis/coordination.k8s.io/v1/leases", "Name Holder Age"),
        ("/apis/rbac.authorization.k8s.io/v1/roles", "Name Created_At"),
        ("/apis/rbac.authorization.k8s.io/v1/clusterroles", "Name Created_At"),
        ("/apis/rbac.authorization.k8s.io/v1/rolebindings", "Name Role Age Users Groups ServiceAccounts"),
        (
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            "Name Role Age Users Groups ServiceAccounts",
        ),
        ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "Name Created_At"),
        (
            "/apis/events.k8s.io/v1/events",
            "Last_Seen Type Reason Object Subobject Source Message First_Seen Count Name",
        ),
        ("/apis/shop.example/v1/backups", "Name Source Keep Phase Last_Run"),
    ],
)
def test_every_kind_has_the_columns_of_the_real_server(admin: Api, path: str, columns: str) -> None:
    definitions = admin.table(path)["columnDefinitions"]
    assert " ".join(one["name"].replace(" ", "_") for one in definitions) == columns


def test_deployments_show_ready_and_selector(admin: Api) -> None:
    table = admin.table("/apis/apps/v1/namespaces/alpha/deployments/web")
    assert column(table, "Ready") == ["0/2"]
    assert column(table, "Up-to-date") == [0]
    assert column(table, "Containers") == ["app"]
    assert column(table, "Images") == ["registry.example/app:1"]
    assert column(table, "Selector") == ["app=web"]


def test_config_maps_count_their_keys(admin: Api) -> None:
    assert column(admin.table("/api/v1/namespaces/alpha/configmaps/two"), "Data") == [2]


def test_events_show_object_count_and_source(admin: Api) -> None:
    table = admin.table("/api/v1/namespaces/alpha/events", fieldSelector="metadata.name=crashing.1")
    assert column(table, "Object") == ["pod/crashing"]
    assert column(table, "Type") == ["Warning"]
    assert column(table, "Reason") == ["BackOff"]
    assert column(table, "Count") == [7]
    assert column(table, "Source") == ["kubelet, node-1"]


def test_custom_resources_use_their_printer_columns(admin: Api) -> None:
    path = "/apis/shop.example/v1/namespaces/alpha/backups/nightly"
    admin.patch(f"{path}/status", {"status": {"phase": "Completed", "lastRun": _ago(hours=5)}})
    table = admin.table(path)
    assert table["rows"][0]["cells"] == ["nightly", "orders", 3, "Completed", "5h"]
    other = admin.table("/apis/shop.example/v1/namespaces/beta/backups/hourly")
    assert other["rows"][0]["cells"] == ["hourly", "ledger", 3, None, None]


def test_rows_carry_metadata_unless_asked_otherwise(admin: Api) -> None:
    path = f"{_PODS}/plain"
    metadata = admin.table(path)["rows"][0]["object"]
    assert (metadata["kind"], metadata["apiVersion"]) == ("PartialObjectMetadata", "meta.k8s.io/v1")
    assert metadata["metadata"]["name"] == "plain"
    assert "spec" not in metadata
    whole = admin.table(path, includeObject="Object")["rows"][0]["object"]
    assert (whole["kind"], whole["spec"]["containers"][0]["name"]) == ("Pod", "app")
    assert admin.table(path, includeObject="None")["rows"][0]["object"] is None


def test_an_unknown_include_object_is_refused(admin: Api) -> None:
    status = admin.refused("GET", _PODS, accept=TABLE, includeObject="Everything")
    assert (status["code"], status["reason"]) == (400, "BadRequest")


def test_the_first_acceptable_form_wins(admin: Api) -> None:
    assert admin.get(_PODS, accept=f"application/json;as=Table;v=v9;g=meta.k8s.io,{TABLE}")["kind"] == "Table"
    assert admin.get(_PODS, accept=f"application/json,{TABLE}")["kind"] == "PodList"
    assert admin.get(_PODS, accept="*/*")["kind"] == "PodList"


def test_metadata_only_lists_are_served(admin: Api) -> None:
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    listed = admin.get(_PODS, accept=accept)
    assert listed["kind"] == "PartialObjectMetadataList"
    assert "spec" not in listed["items"][0]


def test_a_form_that_cannot_be_served_is_not_acceptable(admin: Api) -> None:
    status = admin.refused("GET", _PODS, accept="application/json;as=Drawing;v=v1;g=meta.k8s.io")
    assert (status["code"], status["reason"]) == (406, "NotAcceptable")
    assert status["message"].startswith("only the following media types are accepted: application/json")
