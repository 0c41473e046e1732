"""The scale subresource: spec and version, without controllers on either side."""

from __future__ import annotations

from typing import Any

import pytest
from contract_backend import STRATEGIC, TABLE, Api
from seeding import ALICE, deployment

_DEPLOYMENTS = "/apis/apps/v1/namespaces/alpha/deployments"


@pytest.fixture
def scaled(admin: Api, request: pytest.FixtureRequest) -> str:
    """The path of a Deployment of three replicas that only this test uses."""
    name = f"scaled-{abs(hash(request.node.name)) % 10**8}"
    admin.post(_DEPLOYMENTS, deployment(name, 3))
    return f"{_DEPLOYMENTS}/{name}"


def _scale(api: Api, path: str) -> Any:
    return api.get(f"{path}/scale")


def test_a_scale_tells_replicas_and_selector(admin: Api, scaled: str) -> None:
    scale = _scale(admin, scaled)
    name = scaled.rpartition("/")[2]
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["spec"] == {"replicas": 3}
    assert scale["status"] == {"replicas": 0, "selector": f"app={name}"}
    whole = admin.get(scaled)
    assert scale["metadata"]["uid"] == whole["metadata"]["uid"]
    assert scale["metadata"]["resourceVersion"] == whole["metadata"]["resourceVersion"]


def test_a_patch_changes_the_replicas_and_the_generation(admin: Api, scaled: str) -> None:
    before = admin.get(scaled)
    patched = admin.patch(f"{scaled}/scale", {"spec": {"replicas": 5}})
    assert patched["spec"]["replicas"] == 5
    after = admin.get(scaled)
    assert after["spec"]["replicas"] == 5
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1
    assert after["metadata"]["resourceVersion"] == patched["metadata"]["resourceVersion"]
    assert admin.patch(f"{scaled}/scale", {"spec": {"replicas": 4}}, STRATEGIC)["spec"]["replicas"] == 4


def test_the_same_number_is_no_change(admin: Api, scaled: str) -> None:
    first = admin.patch(f"{scaled}/scale", {"spec": {"replicas": 4}})
    second = admin.patch(f"{scaled}/scale", {"spec": {"replicas": 4}})
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_a_put_with_the_version_it_read_succeeds_once(admin: Api, scaled: str) -> None:
    scale = _scale(admin, scaled)
    scale["spec"]["replicas"] = 7
    assert admin.put(f"{scaled}/scale", scale)["spec"]["replicas"] == 7
    scale["spec"]["replicas"] = 8
    status = admin.refused("PUT", f"{scaled}/scale", scale)
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert status["message"].endswith(
        "the object has been modified; please apply your changes to the latest version and try again"
    )
    assert status["details"]["kind"] == "deployments"
    assert _scale(admin, scaled)["spec"]["replicas"] == 7


def test_a_stale_version_in_a_patch_is_a_conflict(admin: Api, scaled: str) -> None:
    body = {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 9}}
    status = admin.refused("PATCH", f"{scaled}/scale", body, content_type="application/merge-patch+json")
    assert status["code"] == 409
    assert _scale(admin, scaled)["spec"]["replicas"] == 3


def test_another_uid_is_a_conflict(admin: Api, scaled: str) -> None:
    scale = _scale(admin, scaled)
    scale["metadata"] = {"name": scale["metadata"]["name"], "uid": "another"}
    scale["spec"]["replicas"] = 1
    status = admin.refused("PUT", f"{scaled}/scale", scale)
    assert status["code"] == 409
    assert "Precondition failed: UID in precondition: another" in status["message"]


def test_scaling_to_zero_leaves_the_spec_empty(admin: Api, scaled: str) -> None:
    assert admin.patch(f"{scaled}/scale", {"spec": {"replicas": 0}})["spec"] == {}
    assert admin.get(scaled)["spec"]["replicas"] == 0


def test_a_negative_number_is_invalid(admin: Api, scaled: str) -> None:
    body = {"spec": {"replicas": -1}}
    status = admin.refused("PATCH", f"{scaled}/scale", body, content_type="application/merge-patch+json")
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert "spec.replicas: Invalid value: -1: must be greater than or equal to 0" in status["message"]


def test_a_dry_run_answers_and_changes_nothing(admin: Api, scaled: str) -> None:
    before = admin.get(scaled)["metadata"]["resourceVersion"]
    dry = admin.patch(f"{scaled}/scale", {"spec": {"replicas": 9}}, dryRun="All")
    assert dry["spec"]["replicas"] == 9
    after = admin.get(scaled)
    assert (after["spec"]["replicas"], after["metadata"]["resourceVersion"]) == (3, before)


def test_a_person_needs_the_right_on_the_subresource(bot: Api, scaled: str) -> None:
    alice = bot.acting_as(*ALICE)
    assert alice.patch(f"{scaled}/scale", {"spec": {"replicas": 2}})["spec"]["replicas"] == 2
    body = {"spec": {"replicas": 1}}
    status = bot.refused("PATCH", f"{scaled}/scale", body, content_type="application/merge-patch+json")
    assert 'cannot patch resource "deployments/scale" in API group "apps"' in status["message"]


def test_a_scale_is_printable(admin: Api, scaled: str) -> None:
    table = admin.get(f"{scaled}/scale", accept=TABLE)
    assert [one["name"] for one in table["columnDefinitions"]] == ["Name", "Desired", "Available", "Age"]
    assert table["rows"][0]["cells"][1:3] == [3, 0]
