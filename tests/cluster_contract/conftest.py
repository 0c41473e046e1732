"""One server per backend and run, seeded once; tests that write use names of their own."""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path

import httpx2
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from contract_backend import TIMEOUT_SECONDS, Api, Backend
from demo_backend import demo_backend
from real_backend import assets, real_backend
from seeding import ADMIN_TOKEN, BOT_TOKEN, VIEWER_TOKEN, seed


@pytest.fixture(scope="session", params=["demo", "real"] if assets() else ["demo"])
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Backend]:
    found = assets()
    if request.param == "real":
        if found is None:
            pytest.skip("KUBEBUILDER_ASSETS names no folder with etcd and kube-apiserver: only the demo is checked")
        started = real_backend(found, tmp_path_factory.mktemp("apiserver"))
    else:
        started = demo_backend()
    with started as running:
        with _client(running, ADMIN_TOKEN) as client:
            seed(Api(client))
        yield running


def _client(backend: Backend, token: str | None) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx2.Client(
        base_url=backend.url, verify=backend.verify, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False
    )


@pytest.fixture(scope="session")
def admin(backend: Backend) -> Generator[Api]:
    with _client(backend, ADMIN_TOKEN) as client:
        yield Api(client)


@pytest.fixture(scope="session")
def bot(backend: Backend) -> Generator[Api]:
    """The bot's token, warmed up: after one impersonation a refusal names what was refused on both backends."""
    with _client(backend, BOT_TOKEN) as client:
        api = Api(client)
        api.acting_as("alice@shop.example", "devs").get("/api/v1/namespaces/alpha/pods")
        yield api


@pytest.fixture(scope="session")
def viewer(backend: Backend) -> Generator[Api]:
    with _client(backend, VIEWER_TOKEN) as client:
        yield Api(client)


@pytest.fixture(scope="session")
def nobody(backend: Backend) -> Generator[Api]:
    """Requests without a token."""
    with _client(backend, None) as client:
        yield Api(client)


@pytest.fixture(scope="session")
def stranger(backend: Backend) -> Generator[Api]:
    """Requests with a token that no server knows."""
    with _client(backend, "not-a-token") as client:
        yield Api(client)
