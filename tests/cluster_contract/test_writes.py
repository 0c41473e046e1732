"""Create, change and delete, with dry runs; status apart from spec."""

from __future__ import annotations

from contract_backend import STRATEGIC, Api
from seeding import backup, config_map, deployment, pod

_MAPS = "/api/v1/namespaces/alpha/configmaps"


def test_a_created_object_gets_identity_and_version(admin: Api) -> None:
    made = admin.post(_MAPS, config_map("made", a="1"))
    assert (made["kind"], made["apiVersion"], made["metadata"]["namespace"]) == ("ConfigMap", "v1", "alpha")
    for field in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
        assert made["metadata"][field]
    assert admin.get(f"{_MAPS}/made") == made


def test_a_generated_name_has_five_letters_more(admin: Api) -> None:
    body = config_map("ignored")
    body["metadata"] = {"generateName": "made-"}
    name = admin.post(_MAPS, body)["metadata"]["name"]
    assert name.startswith("made-")
    assert len(name) == len("made-") + 5


def test_a_dry_run_creates_nothing(admin: Api) -> None:
    dry = admin.post(_MAPS, config_map("dry", a="1"), dryRun="All")
    assert dry["metadata"]["uid"]
    assert "resourceVersion" not in dry["metadata"]
    assert admin.send("GET", f"{_MAPS}/dry").status_code == 404


def test_a_merge_patch_removes_with_null(admin: Api) -> None:
    admin.post(_MAPS, config_map("patched", a="1", b="2"))
    assert admin.patch(f"{_MAPS}/patched", {"data": {"a": None, "c": "3"}})["data"] == {"b": "2", "c": "3"}


def test_an_unchanged_object_keeps_its_version(admin: Api) -> None:
    made = admin.post(_MAPS, config_map("same", a="1"))
    again = admin.patch(f"{_MAPS}/same", {"data": {"a": "1"}})
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_a_json_patch_is_applied_or_refused_as_a_whole(admin: Api) -> None:
    admin.post(_MAPS, config_map("json-patched", a="1"))
    content_type = "application/json-patch+json"
    path = f"{_MAPS}/json-patched"
    patched = admin.patch(path, [{"op": "add", "path": "/data/b", "value": "2"}], content_type)
    assert patched["data"] == {"a": "1", "b": "2"}
    status = admin.refused("PATCH", path, [{"op": "remove", "path": "/data/none"}], content_type=content_type)
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["message"] == "the server rejected our request due to an error in our request"


def test_a_strategic_patch_merges_containers_by_name(admin: Api) -> None:
    path = "/apis/apps/v1/namespaces/alpha/deployments"
    admin.post(path, deployment("strategic", 1))
    body = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "registry.example/app:2"}]}}}}
    patched = admin.patch(f"{path}/strategic", body, STRATEGIC)
    container = patched["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "registry.example/app:2"
    assert container["terminationMessagePath"] == "/dev/termination-log"
    assert patched["metadata"]["generation"] == 2


def test_spec_and_status_are_written_apart(admin: Api) -> None:
    path = "/apis/shop.example/v1/namespaces/beta/backups"
    body = backup("apart", "stock")
    body["status"] = {"phase": "Invented"}
    made = admin.post(path, body)
    assert "status" not in made
    patched = admin.patch(f"{path}/apart/status", {"status": {"phase": "Running"}, "spec": {"keep": 99}})
    assert (patched["status"]["phase"], patched["spec"]["keep"]) == ("Running", 3)
    patched = admin.patch(f"{path}/apart", {"spec": {"keep": 4}, "status": {"phase": "Invented"}})
    assert (patched["status"]["phase"], patched["spec"]["keep"]) == ("Running", 4)
    assert patched["metadata"]["generation"] == 2


def test_defaults_are_filled_in(admin: Api) -> None:
    made = admin.post("/api/v1/namespaces/alpha/pods", pod("defaults", labels={"app": "defaults"}), dryRun="All")
    spec = made["spec"]
    assert (spec["restartPolicy"], spec["dnsPolicy"], spec["schedulerName"]) == (
        "Always",
        "ClusterFirst",
        "default-scheduler",
    )
    assert spec["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    assert (made["status"]["phase"], made["status"]["qosClass"]) == ("Pending", "BestEffort")
    strategy = admin.get("/apis/apps/v1/namespaces/alpha/deployments/web")["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}


def test_a_deletion_is_answered_with_a_status(admin: Api) -> None:
    made = admin.post(_MAPS, config_map("deleted"))
    answer = admin.send("DELETE", f"{_MAPS}/deleted").json()
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    assert answer["details"] == {"name": "deleted", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    assert admin.send("GET", f"{_MAPS}/deleted").status_code == 404


def test_a_deleted_pod_is_answered_with_the_pod(admin: Api) -> None:
    path = "/api/v1/namespaces/alpha/pods"
    admin.post(path, pod("deleted", labels={"app": "deleted"}))
    answer = admin.send("DELETE", f"{path}/deleted").json()
    assert (answer["kind"], answer["metadata"]["name"]) == ("Pod", "deleted")
    assert answer["metadata"]["deletionTimestamp"]
    assert admin.send("GET", f"{path}/deleted").status_code == 404


def test_a_dry_run_and_a_wrong_uid_delete_nothing(admin: Api) -> None:
    path = f"{_MAPS}/kept"
    admin.post(_MAPS, config_map("kept"))
    assert admin.send("DELETE", path, dryRun="All").status_code == 200
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "another"}}
    status = admin.refused("DELETE", path, options)
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert "the UID in the precondition (another) does not match the UID in record" in status["message"]
    assert admin.get(path)["metadata"]["name"] == "kept"


def test_a_secret_is_stored_as_base64(admin: Api) -> None:
    secret = admin.get("/api/v1/namespaces/alpha/secrets/allowed")
    assert (secret["type"], secret["data"]) == ("Opaque", {"k": "dg=="})


def test_events_are_one_resource_in_two_groups(admin: Api) -> None:
    event = admin.get("/apis/events.k8s.io/v1/namespaces/alpha/events/crashing.1")
    assert (event["apiVersion"], event["note"]) == ("events.k8s.io/v1", "back-off 5m0s restarting failed container")
    assert event["regarding"]["name"] == "crashing"
    assert (event["deprecatedCount"], event["deprecatedSource"]["component"]) == (7, "kubelet")
    core = admin.get("/api/v1/namespaces/alpha/events/crashing.1")
    assert core["metadata"]["uid"] == event["metadata"]["uid"]


def test_items_of_builtin_lists_carry_no_type(admin: Api) -> None:
    listed = admin.get("/api/v1/namespaces/alpha/configmaps")
    assert (listed["kind"], listed["apiVersion"]) == ("ConfigMapList", "v1")
    assert all("kind" not in item and "apiVersion" not in item for item in listed["items"])
    custom = admin.get("/apis/shop.example/v1/backups")
    assert (custom["kind"], custom["items"][0]["kind"]) == ("BackupList", "Backup")
