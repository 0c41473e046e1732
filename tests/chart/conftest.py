"""The real API server of the cluster contract, for what only a server can tell."""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "cluster_contract"))

from real_backend import assets, real_backend


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Any]:
    """A kube-apiserver on loopback with RBAC and the tokens of tests/cluster_contract/seeding.py; empty otherwise."""
    found = assets()
    if found is None:
        pytest.skip("KUBEBUILDER_ASSETS names no folder with etcd and kube-apiserver: nothing is applied")
    with real_backend(found, tmp_path_factory.mktemp("chart-apiserver")) as running:
        yield running
