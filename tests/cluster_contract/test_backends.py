"""Which servers this run of the suite checks."""

from __future__ import annotations

import pytest
from contract_backend import Api


@pytest.mark.parametrize("backend", ["demo", "real"], indirect=True)
def test_each_server_is_up_and_knows_its_administrator(admin: Api) -> None:
    """The one test that is skipped, with a reason, when there is no real server: the others run on the demo alone."""
    assert admin.send("GET", "/readyz").text == "ok"
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = admin.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    assert "system:masters" in answer["status"]["userInfo"]["groups"]
