"""A real etcd and kube-apiserver as a backend of the contract suite, from the folder in KUBEBUILDER_ASSETS."""

from __future__ import annotations

import csv
import json
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
from contract_backend import AuditLine
from seeding import ADMIN_TOKEN, TOKENS

from tests.waiting import until_now

_READY_SECONDS = 90.0
_STOP_SECONDS = 10.0
_AUDIT_POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- {level: None, users: ["system:apiserver"]}
- {level: Metadata}
"""


def assets() -> Path | None:
    """The folder in KUBEBUILDER_ASSETS if it holds both programs."""
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    if folder and all((Path(folder) / program).is_file() for program in ("etcd", "kube-apiserver")):
        return Path(folder)
    return None


class RealBackend:
    name = "real"

    def __init__(self, folder: Path, port: int, etcd_url: str) -> None:
        self.url = f"https://127.0.0.1:{port}"
        self.verify: Any = ssl.create_default_context(cafile=str(folder / "tls.crt"))
        self._audit_log = folder / "audit.log"
        self._etcd_url = etcd_url

    def audit(self) -> list[AuditLine]:
        text = self._audit_log.read_text()
        complete = text[: text.rfind("\n") + 1]
        return [_audit_line(json.loads(line)) for line in complete.splitlines()]

    def compact(self) -> None:
        """Makes etcd forget all history before now, as the API server does every few minutes."""
        with httpx2.Client(base_url=self._etcd_url, timeout=10) as etcd:
            status = etcd.post("/v3/maintenance/status", json={}).json()
            revision = status["header"]["revision"]
            etcd.post("/v3/kv/compaction", json={"revision": revision, "physical": True}).raise_for_status()


def _audit_line(event: Any) -> AuditLine:
    impersonated = event.get("impersonatedUser") or {}
    groups = tuple(group for group in impersonated.get("groups", ()) if group != "system:authenticated")
    extra = {key: tuple(values) for key, values in impersonated.get("extra", {}).items()}
    return AuditLine(
        event["verb"],
        event["requestURI"].partition("?")[0],
        event["user"]["username"],
        impersonated.get("username"),
        groups,
        extra,
        event.get("responseStatus", {}).get("code", 0),
    )


@contextmanager
def real_backend(programs: Path, folder: Path) -> Generator[RealBackend]:
    """Starts both programs on loopback ports in `folder` and ends them by their process handles."""
    port, etcd_port, peer_port = _free_ports(3)
    etcd_url = f"http://127.0.0.1:{etcd_port}"
    _write_files(folder)
    with ExitStack() as stack:
        etcd = stack.enter_context(_process(_etcd_command(programs, folder, etcd_url, peer_port), folder / "etcd.log"))
        _wait_for(f"{etcd_url}/health", True, etcd, folder / "etcd.log")
        command = _apiserver_command(programs, folder, port, etcd_url)
        server = stack.enter_context(_process(command, folder / "apiserver.log"))
        backend = RealBackend(folder, port, etcd_url)
        _wait_for(f"{backend.url}/readyz", backend.verify, server, folder / "apiserver.log")
        yield backend


def _etcd_command(programs: Path, folder: Path, url: str, peer_port: int) -> list[str]:
    peer = f"http://127.0.0.1:{peer_port}"
    return [
        str(programs / "etcd"),
        "--name=contract",
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=contract={peer}",
        "--unsafe-no-fsync",
    ]


def _apiserver_command(programs: Path, folder: Path, port: int, etcd_url: str) -> list[str]:
    return [
        str(programs / "kube-apiserver"),
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        f"--etcd-servers={etcd_url}",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.0.0.0/24",
        f"--tls-cert-file={folder / 'tls.crt'}",
        f"--tls-private-key-file={folder / 'tls.key'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder / 'sa.pub'}",
        f"--service-account-signing-key-file={folder / 'sa.key'}",
        f"--audit-policy-file={folder / 'audit.yaml'}",
        f"--audit-log-path={folder / 'audit.log'}",
        # no controller manager makes the service accounts that this admission plugin asks for
        "--disable-admission-plugins=ServiceAccount",
        # configmaps come straight from etcd, so that what etcd has forgotten is gone for clients too
        "--watch-cache-sizes=configmaps#0",
        "--profiling=false",
    ]


def _write_files(folder: Path) -> None:
    _openssl(
        *("req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=contract", "-newkey", "rsa:2048"),
        *("-addext", "subjectAltName=IP:127.0.0.1,IP:10.0.0.1,DNS:localhost,DNS:kubernetes"),
        *("-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")),
    )
    _openssl("genrsa", "-out", str(folder / "sa.key"), "2048")
    _openssl("rsa", "-in", str(folder / "sa.key"), "-pubout", "-out", str(folder / "sa.pub"))
    (folder / "audit.yaml").write_text(_AUDIT_POLICY)
    (folder / "audit.log").touch()
    tokens = folder / "tokens.csv"
    with tokens.open("w", newline="") as file:
        for number, (token, (user, groups)) in enumerate(TOKENS.items()):
            csv.writer(file).writerow([token, user, f"uid-{number}", ",".join(groups)])
    for secret in (tokens, folder / "tls.key", folder / "sa.key"):
        secret.chmod(0o600)


def _openssl(*arguments: str) -> None:
    program = shutil.which("openssl")
    assert program, "openssl is needed"
    subprocess.run([program, *arguments], check=True, capture_output=True, timeout=60)  # noqa: S603


@contextmanager
def _process(command: list[str], log: Path) -> Generator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)  # noqa: S603
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(_STOP_SECONDS)


def _wait_for(url: str, verify: Any, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the URL answers 200; fails with the end of the log when the program ends or takes too long."""

    def look() -> bool:
        if process.poll() is not None:
            raise AssertionError(f"{url} has ended:\n{log.read_text()[-2000:]}")
        try:
            return client.get(url, headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}).status_code == 200
        except httpx2.TransportError:
            return False

    with httpx2.Client(verify=verify, timeout=5) as client:
        assert until_now(look, _READY_SECONDS), f"{url} did not get ready:\n{log.read_text()[-2000:]}"


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
