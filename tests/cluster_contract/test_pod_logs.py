"""pods/log: what needs no kubelet."""

from __future__ import annotations

import pytest
from contract_backend import Api
from seeding import ALICE

_PODS = "/api/v1/namespaces/alpha/pods"


def test_a_container_must_be_chosen_where_there_are_several(admin: Api) -> None:
    status = admin.refused("GET", f"{_PODS}/crashing/log")
    assert (status["code"], status["reason"]) == (400, "BadRequest")
    assert status["message"] == ("a container name must be specified for pod crashing, choose one of: [app sidecar]")


def test_an_unknown_container_is_a_bad_request(admin: Api) -> None:
    status = admin.refused("GET", f"{_PODS}/crashing/log", container="other")
    assert (status["code"], status["message"]) == (400, "container other is not valid for pod crashing")


def test_a_pod_without_a_node_has_no_log_yet(admin: Api) -> None:
    response = admin.send("GET", f"{_PODS}/plain/log")
    assert (response.status_code, response.content) == (204, b"")


def test_an_unknown_pod_is_not_found(admin: Api) -> None:
    assert admin.refused("GET", f"{_PODS}/gone/log")["message"] == 'pods "gone" not found'


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("tailLines", "-1", "tailLines: Invalid value: -1: must be greater than or equal to 0"),
        ("sinceSeconds", "0", "sinceSeconds: Invalid value: 0: must be greater than 0"),
        ("limitBytes", "0", "limitBytes: Invalid value: 0: must be greater than 0"),
    ],
)
def test_options_out_of_range_are_invalid(admin: Api, option: str, value: str, complaint: str) -> None:
    status = admin.refused("GET", f"{_PODS}/plain/log", **{option: value})
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["message"] == f'PodLogOptions "plain" is invalid: {complaint}'


def test_two_beginnings_are_invalid(admin: Api) -> None:
    status = admin.refused("GET", f"{_PODS}/plain/log", sinceSeconds="1", sinceTime="2026-01-01T00:00:00Z")
    assert "at most one of `sinceTime` or `sinceSeconds` may be specified" in status["message"]


def test_logs_are_a_right_of_their_own(bot: Api, viewer: Api) -> None:
    assert bot.acting_as(*ALICE).send("GET", f"{_PODS}/plain/log").status_code == 204
    assert 'cannot get resource "pods/log" in API group ""' in viewer.refused("GET", f"{_PODS}/plain/log")["message"]
