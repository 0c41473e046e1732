"""Watches: what was there, what changes, in objects and in tables."""

from __future__ import annotations

from contract_backend import TABLE, Api, Backend
from seeding import config_map

_MAPS = "/api/v1/namespaces/alpha/configmaps"


def test_changes_after_a_version_arrive_in_order(admin: Api) -> None:
    version = admin.get(_MAPS)["metadata"]["resourceVersion"]
    with admin.watching(_MAPS, resourceVersion=version, fieldSelector="metadata.name=watched") as events:
        admin.post(_MAPS, config_map("watched", a="1"))
        admin.patch(f"{_MAPS}/watched", {"data": {"a": "2"}})
        admin.send("DELETE", f"{_MAPS}/watched")
        seen = [next(events) for _ in range(3)]
    assert [event["type"] for event in seen] == ["ADDED", "MODIFIED", "DELETED"]
    assert [event["object"]["data"]["a"] for event in seen] == ["1", "2", "2"]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in seen]
    assert versions == sorted(set(versions))


def test_without_a_version_the_present_state_comes_first(admin: Api) -> None:
    with admin.watching(_MAPS, fieldSelector="metadata.name=two", timeoutSeconds="1") as events:
        seen = list(events)
    assert [(event["type"], event["object"]["metadata"]["name"]) for event in seen] == [("ADDED", "two")]


def test_an_object_that_leaves_the_selection_is_deleted_for_the_watcher(admin: Api) -> None:
    version = admin.get(_MAPS)["metadata"]["resourceVersion"]
    with admin.watching(_MAPS, resourceVersion=version, labelSelector="colour=red") as events:
        body = config_map("leaving")
        body["metadata"]["labels"] = {"colour": "red"}
        admin.post(_MAPS, body)
        admin.patch(f"{_MAPS}/leaving", {"metadata": {"labels": {"colour": "blue"}}})
        seen = [next(events), next(events)]
    assert [event["type"] for event in seen] == ["ADDED", "DELETED"]


def test_tables_describe_their_columns_once(admin: Api) -> None:
    version = admin.get(_MAPS)["metadata"]["resourceVersion"]
    api = admin.with_headers(("Accept", TABLE))
    with api.watching(_MAPS, resourceVersion=version, fieldSelector="metadata.name=drawn") as events:
        admin.post(_MAPS, config_map("drawn", a="1"))
        admin.patch(f"{_MAPS}/drawn", {"data": {"b": "2"}})
        first, second = next(events), next(events)
    assert (first["object"]["kind"], first["object"]["rows"][0]["cells"][:2]) == ("Table", ["drawn", 1])
    assert [column["name"] for column in first["object"]["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert second["object"]["columnDefinitions"] is None
    assert second["object"]["rows"][0]["cells"][:2] == ["drawn", 2]


def test_a_version_that_is_compacted_away_is_gone(admin: Api, backend: Backend) -> None:
    version = admin.get(_MAPS)["metadata"]["resourceVersion"]
    for name in ("after-version-1", "after-version-2"):
        admin.post(_MAPS, config_map(name))
    backend.compact()
    with admin.watching(_MAPS, resourceVersion=version) as events:
        event = next(events)
    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
    assert "too old" in event["object"]["message"]


def test_a_bad_selector_is_refused_before_the_watch_begins(admin: Api) -> None:
    status = admin.refused("GET", _MAPS, watch="true", fieldSelector="spec.color=red")
    assert status["code"] == 400
