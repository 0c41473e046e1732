"""Discovery in both forms, and the version."""

from __future__ import annotations

from typing import Any

from contract_backend import Api

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


def _aggregated(listed: Any, group: str, version: str, plural: str) -> Any:
    found = next(item for item in listed["items"] if item["metadata"].get("name", "") == group)
    served = next(entry for entry in found["versions"] if entry["version"] == version)
    return next(entry for entry in served["resources"] if entry["resource"] == plural)


def test_aggregated_discovery_of_the_core_group_is_negotiated(bot: Api) -> None:
    response = bot.send("GET", "/api", accept=AGGREGATED)
    assert "as=APIGroupDiscoveryList" in response.headers["Content-Type"]
    listed = response.json()
    assert (listed["kind"], listed["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    pods = _aggregated(listed, "", "v1", "pods")
    assert pods["scope"] == "Namespaced"
    # for the core group the real server leaves the version of kinds empty
    assert pods["responseKind"] == {"group": "", "version": "", "kind": "Pod"}
    assert pods["singularResource"] == "pod"
    assert pods["shortNames"] == ["po"]
    assert pods["categories"] == ["all"]
    assert sorted(pods["verbs"]) == sorted(
        ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    )
    log = next(sub for sub in pods["subresources"] if sub["subresource"] == "log")
    assert log["verbs"] == ["get"]
    assert log["responseKind"]["kind"] == "Pod"


def test_aggregated_discovery_lists_groups_and_custom_resources(bot: Api) -> None:
    listed = bot.get("/apis", accept=AGGREGATED)
    assert _aggregated(listed, "apps", "v1", "deployments")["shortNames"] == ["deploy"]
    scale = next(
        sub for sub in _aggregated(listed, "apps", "v1", "deployments")["subresources"] if sub["subresource"] == "scale"
    )
    assert scale["responseKind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    backups = _aggregated(listed, "shop.example", "v1", "backups")
    assert backups["responseKind"]["kind"] == "Backup"
    assert backups["shortNames"] == ["bak"]
    review = _aggregated(listed, "authorization.k8s.io", "v1", "selfsubjectaccessreviews")
    assert (review["scope"], review["verbs"]) == ("Cluster", ["create"])


def test_plain_json_gets_the_older_lists(bot: Api) -> None:
    assert bot.get("/api")["versions"] == ["v1"]
    groups = bot.get("/apis")
    assert groups["kind"] == "APIGroupList"
    apps = next(group for group in groups["groups"] if group["name"] == "apps")
    assert apps["versions"] == [{"groupVersion": "apps/v1", "version": "v1"}]
    assert apps["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}
    assert bot.get("/apis/apps")["kind"] == "APIGroup"
    assert bot.get("/apis/apps")["name"] == "apps"


def test_the_older_list_of_a_version_names_resources_and_subresources(bot: Api) -> None:
    listed = bot.get("/apis/apps/v1")
    assert (listed["kind"], listed["groupVersion"]) == ("APIResourceList", "apps/v1")
    rows = {row["name"]: row for row in listed["resources"]}
    assert rows["deployments"]["kind"] == "Deployment"
    assert rows["deployments"]["namespaced"] is True
    assert rows["deployments"]["singularName"] == "deployment"
    assert rows["deployments/scale"]["kind"] == "Scale"
    assert rows["deployments/scale"]["group"] == "autoscaling"
    core = {row["name"]: row for row in bot.get("/api/v1")["resources"]}
    assert core["nodes"]["namespaced"] is False
    assert core["pods/log"]["verbs"] == ["get"]


def test_a_custom_resource_is_discovered_after_its_definition_is_created(bot: Api) -> None:
    rows = {row["name"]: row for row in bot.get("/apis/shop.example/v1")["resources"]}
    assert rows["backups"]["kind"] == "Backup"
    assert rows["backups"]["shortNames"] == ["bak"]
    assert "backups/status" in rows


def test_a_group_that_is_not_served_is_not_found(admin: Api) -> None:
    assert admin.send("GET", "/apis/no.such.group/v1").status_code == 404
    assert admin.send("GET", "/apis/apps/v7").status_code == 404


def test_the_version_is_readable_without_a_token(nobody: Api) -> None:
    version = nobody.get("/version")
    assert version["major"] == "1"
    assert version["gitVersion"].startswith("v1.")
