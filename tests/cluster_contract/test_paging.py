"""limit and continue: pages of one consistent list."""

from __future__ import annotations

from contract_backend import TABLE, Api, Backend, column, names
from seeding import config_map

_MAPS = "/api/v1/namespaces/beta/configmaps"
_ONLY_PAGES = [f"page-{number}" for number in range(5)]


def test_pages_follow_each_other_without_gap_or_overlap(admin: Api) -> None:
    seen: list[str] = []
    token, left = "", []
    while True:
        page = admin.get(_MAPS, limit="2", **({"continue": token} if token else {}))
        seen += names(page)
        left.append(page["metadata"].get("remainingItemCount"))
        token = page["metadata"].get("continue", "")
        if not token:
            break
    assert seen == _ONLY_PAGES
    assert left == [3, 1, None]


def test_all_pages_show_the_version_of_the_first(admin: Api) -> None:
    first = admin.get(_MAPS, limit="2")
    admin.post("/api/v1/namespaces/alpha/configmaps", config_map("between-pages"))
    second = admin.get(_MAPS, limit="2", **{"continue": first["metadata"]["continue"]})
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_an_object_created_between_pages_is_not_in_them(admin: Api) -> None:
    maps = "/api/v1/namespaces/alpha/configmaps"
    for name in ("on-the-first-page", "on-the-second-page"):
        admin.post(maps, config_map(name))
    first = admin.get(maps, limit="1")
    admin.post(maps, config_map("zz-created-later"))
    rest = admin.get(maps, **{"continue": first["metadata"]["continue"]})
    assert "zz-created-later" not in names(rest)


def test_selectors_apply_to_pages_and_hide_the_remaining_count(admin: Api) -> None:
    page = admin.get("/api/v1/namespaces/alpha/pods", limit="1", labelSelector="tier")
    assert len(page["items"]) == 1
    assert page["metadata"]["continue"]
    assert "remainingItemCount" not in page["metadata"]


def test_tables_are_paged_alike(admin: Api) -> None:
    first = admin.table(_MAPS, limit="3")
    assert column(first, "Name") == _ONLY_PAGES[:3]
    assert first["metadata"]["remainingItemCount"] == 2
    second = admin.get(_MAPS, accept=TABLE, limit="3", **{"continue": first["metadata"]["continue"]})
    assert column(second, "Name") == _ONLY_PAGES[3:]


def test_all_namespaces_are_paged_in_order_of_namespace(admin: Api) -> None:
    listed = admin.get("/apis/shop.example/v1/backups", limit="1")
    assert names(listed) == ["nightly"]
    rest = admin.get("/apis/shop.example/v1/backups", **{"continue": listed["metadata"]["continue"]})
    assert names(rest) == ["hourly"]


def test_a_stale_token_is_expired_and_comes_with_a_new_one(admin: Api, backend: Backend) -> None:
    """History is forgotten at once here; a real server does so every five minutes."""
    token = admin.get(_MAPS, limit="2")["metadata"]["continue"]
    admin.post("/api/v1/namespaces/alpha/configmaps", config_map("before-compaction"))
    backend.compact()
    status = admin.refused("GET", _MAPS, limit="2", **{"continue": token})
    assert (status["code"], status["reason"]) == (410, "Expired")
    assert status["message"].startswith(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list"
    )
    fresh = status["metadata"]["continue"]
    assert names(admin.get(_MAPS, **{"continue": fresh})) == _ONLY_PAGES[2:]


def test_what_is_no_token_is_a_bad_request(admin: Api) -> None:
    status = admin.refused("GET", _MAPS, **{"continue": "eyJ2IjoiZm9vIn0"})
    assert (status["code"], status["reason"]) == (400, "BadRequest")
    assert status["message"] == (
        "invalid continue token: continue key is not valid: server does not recognize this encoded version foo"
    )


def test_a_limit_must_be_a_number(admin: Api) -> None:
    status = admin.refused("GET", _MAPS, limit="many")
    assert status["message"] == 'strconv.ParseInt: parsing "many": invalid syntax'
