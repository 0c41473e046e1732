"""Loopback API servers of the test's own, and clusters that reach them."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from kubeai_bot.kube.client import ImpersonatingCluster
from kubeai_bot.kube.connection import Access, Connection

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Loopback:
    """A running server: its address, and what it was asked (method, path with query, headers as sent)."""

    url: str
    port: int
    asked: list[tuple[str, str, list[tuple[bytes, bytes]]]] = field(default_factory=list)
    open_requests: int = 0

    def headers(self, name: str, of: int = -1) -> list[bytes]:
        """All values of a header of one recorded request, in order."""
        return [value for key, value in self.asked[of][2] if key.lower() == name.lower().encode()]


Serve = Callable[..., Awaitable[Loopback]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    runners: list[web.AppRunner] = []

    async def start(handler: Handler, tls: ssl.SSLContext | None = None) -> Loopback:
        async def record(request: web.Request) -> web.StreamResponse:
            loopback.asked.append((request.method, request.raw_path, list(request.raw_headers)))
            loopback.open_requests += 1
            try:
                return await handler(request)
            finally:
                loopback.open_requests -= 1

        app = web.Application()
        app.router.add_route("*", "/{anything:.*}", record)
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        port = runner.addresses[0][1]
        loopback = Loopback(f"{'https' if tls else 'http'}://127.0.0.1:{port}", port)
        return loopback

    yield start
    for runner in runners:
        await runner.cleanup()


Reach = Callable[..., ImpersonatingCluster]


@pytest.fixture
async def reach() -> AsyncIterator[Reach]:
    clusters: list[ImpersonatingCluster] = []

    def make(url: str, *, impersonate: bool = True) -> ImpersonatingCluster:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        cluster = ImpersonatingCluster(
            "demo", Connection(lambda: Access(url, "Bearer bot-token", tls)), impersonate=impersonate
        )
        clusters.append(cluster)
        return cluster

    yield make
    for cluster in clusters:
        await cluster.aclose()


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for a condition, within a bound."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # conditions on servers that know no events
            await asyncio.sleep(0.01)


@pytest.fixture
def eventually() -> Callable[..., Awaitable[None]]:
    return until


def openssl(*arguments: str) -> None:
    command = ["openssl", *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=30)  # noqa: S603  # arguments are this file's


@dataclass
class Authority:
    """A CA of the test's own, and certificates signed by it."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.crt"

    def issue(self, name: str, extension: str) -> tuple[Path, Path]:
        key, request, certificate = (self.folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(extension)
        openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(request), "-subj", f"/CN={name}"
        )
        openssl(
            *("x509", "-req", "-in", str(request), "-CA", str(self.ca), "-CAkey", str(self.folder / "ca.key")),
            *("-CAcreateserial", "-days", "2", "-out", str(certificate), "-extfile", str(extensions)),
        )
        return certificate, key

    def server(self, client_ca: bool = False) -> ssl.SSLContext:
        """A server's context for 127.0.0.1, with client certificates required on demand."""
        certificate, key = self.issue("server", "subjectAltName=IP:127.0.0.1\n")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.ca) if client_ca else None)
        context.verify_mode = ssl.CERT_REQUIRED if client_ca else ssl.CERT_NONE
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python 3.13 is stricter with clients than an API server
        context.load_cert_chain(certificate, key)
        return context


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("pki")
    # No key identifiers: such a CA fails the strict checks that Python 3.13 switched on.
    config = folder / "ca.cnf"
    config.write_text(
        "[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN=test-ca\n[ext]\n"
        "basicConstraints=CA:true\nsubjectKeyIdentifier=none\n"
    )
    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-config", str(config)),
        *("-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.crt")),
    )
    return Authority(folder)
