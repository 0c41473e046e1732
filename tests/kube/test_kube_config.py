"""Kubeconfigs, pods and credential plugins: what they give, and what is said when they cannot."""

import asyncio
import base64
import json
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from kubeai_bot.domain.cluster import Request
from kubeai_bot.domain.identity import AsKubeconfig, KubeUser
from kubeai_bot.errors import ApiStatus, ConfigError, CredentialsFailed, Unreachable
from kubeai_bot.kube.client import ImpersonatingCluster
from kubeai_bot.kube.config import PodAccount, connect, connect_in_cluster, contexts
from kubeai_bot.kube.connection import Access, Connection
from kubeai_bot.kube.kubeconfig import KubeconfigContext
from kubeai_bot.kube.plugin import run_plugin

MIA = KubeUser("mia@shop.example")
PODS = Request("GET", "/api/v1/pods")


async def ok(_request):
    return web.json_response({"items": []})


def kubeconfig(path: Path, user: dict, name: str = "demo", **cluster) -> str:
    cluster = {"server": "http://127.0.0.1:1", **cluster}
    config = {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
    }
    path.write_text(yaml.safe_dump(config))
    return str(path)


def plugin(folder: Path, body: str) -> dict:
    """A plugin as a script, named relative to the kubeconfig as operators do; each run adds a line to `runs`."""
    script = folder / "plugin.sh"
    script.write_text(f"#!/bin/sh\necho run >> {folder}/runs\n{body}\n")
    script.chmod(0o755)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin.sh", "args": ["get"]}}


def credential(expires_in: float | None = None, **status) -> str:
    if expires_in is not None:
        moment = datetime.now(UTC) + timedelta(seconds=expires_in)
        status["expirationTimestamp"] = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    return f"cat <<'JSON'\n{json.dumps(answer)}\nJSON"


def runs(folder: Path) -> int:
    return len((folder / "runs").read_text().splitlines())


# --- contexts and files ---


async def test_a_context_of_a_kubeconfig_is_connected_to(serve, tmp_path):
    server = await serve(ok)
    path = kubeconfig(tmp_path / "config", {"token": "secret-1"}, server=server.url)
    cluster = await connect(kubeconfig=path, context=None, impersonate=True)
    assert cluster.name == "demo"
    await cluster.request(MIA, PODS)
    await cluster.aclose()
    assert server.headers("Authorization") == [b"Bearer secret-1"]
    assert server.headers("Impersonate-User") == [b"mia@shop.example"]


async def test_several_files_are_merged_and_paths_are_relative_to_their_own_file(serve, tmp_path):
    server = await serve(ok)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "token").write_text("from-file\n")
    one = kubeconfig(tmp_path / "one", {"token": "a"}, "one")
    two = kubeconfig(tmp_path / "two" / "config", {"tokenFile": "token"}, "two", server=server.url)
    both = f"{one}:{two}:{tmp_path}/absent"
    assert contexts(both).names == ("one", "two")
    cluster = await connect(kubeconfig=both, context="two", impersonate=True)
    await cluster.request(MIA, PODS)
    await cluster.aclose()
    assert server.headers("Authorization") == [b"Bearer from-file"]


def test_contexts_are_listed_with_the_current_one(tmp_path):
    found = contexts(kubeconfig(tmp_path / "config", {"token": "a"}))
    assert (found.names, found.current) == (("demo",), "demo")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "There is no kubeconfig at .* Set KUBECONFIG"),
        ("", "cannot be read .*is empty"),
        ("{: not yaml", "cannot be read"),
        ("contexts: 7", "cannot be read|is no use"),
        ("- a list", "cannot be read"),
        ("contexts: []\nclusters: []\nusers: []\n", "current-context"),
    ],
)
async def test_a_kubeconfig_that_cannot_work_says_so(tmp_path, text, words):
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        await connect(kubeconfig=str(path), context=None, impersonate=True)


async def test_a_context_that_is_missing_is_named(tmp_path):
    path = kubeconfig(tmp_path / "config", {"token": "a"})
    with pytest.raises(ConfigError, match=r"Context prod of .*config is no use.*prod.*; its contexts: demo"):
        await connect(kubeconfig=path, context="prod", impersonate=True)


@pytest.mark.parametrize(
    ("user", "cluster", "words"),
    [
        ({"token": "a", "as": "root"}, {}, "impersonates .*Remove the `as` fields"),
        ({"token": "a", "as-groups": ["admins"]}, {}, "impersonates"),
        ({}, {}, "has no credential"),
        ({"username": "mia"}, {}, "has no credential"),
        ({"token": "a"}, {"server": "http://api.shop.example"}, "must be an https:// address"),
        ({"token": "a"}, {"server": "http://127.0.0.1@evil.example"}, "must be an https:// address"),
        ({"token": "a"}, {"server": "http://localhost.evil.example"}, "must be an https:// address"),
    ],
)
async def test_settings_that_would_send_the_wrong_thing_are_refused(tmp_path, user, cluster, words):
    path = kubeconfig(tmp_path / "config", user, **cluster)
    with pytest.raises(ConfigError, match=words):
        await connect(kubeconfig=path, context=None, impersonate=True)


async def test_a_token_with_a_line_break_cannot_become_a_header(tmp_path):
    path = kubeconfig(tmp_path / "config", {"token": "a\r\nImpersonate-User: root"})
    with pytest.raises(CredentialsFailed, match="characters that no token has") as error:
        await connect(kubeconfig=path, context=None, impersonate=True)
    assert "root" not in str(error.value)


async def test_a_token_file_is_read_again_after_a_minute(tmp_path):
    (tmp_path / "token").write_text("first")
    context = KubeconfigContext(kubeconfig(tmp_path / "config", {"tokenFile": "token"}), None)
    first = context()
    (tmp_path / "token").write_text("second")
    second = context()
    assert (first.authorization, second.authorization) == ("Bearer first", "Bearer second")
    assert first.good_until == pytest.approx(time.time() + 60, abs=10)
    assert second.same_wire(first)
    assert "first" not in repr(first)


async def test_an_auth_provider_without_a_token_is_no_anonymous_request(tmp_path):
    user = {"auth-provider": {"name": "oidc", "config": {"id-token": "not-a-jwt"}}}
    with pytest.raises(CredentialsFailed, match="yields no credential"):
        await connect(kubeconfig=kubeconfig(tmp_path / "config", user), context=None, impersonate=True)


async def test_an_auth_provider_that_fails_says_so(tmp_path):
    user = {"auth-provider": {"name": "gcp", "config": {"cmd-path": "/no/such/program"}}}
    with pytest.raises(CredentialsFailed, match="credentials of context demo failed"):
        await connect(kubeconfig=kubeconfig(tmp_path / "config", user), context=None, impersonate=True)


async def test_a_password_becomes_basic_authentication(serve, tmp_path):
    server = await serve(ok)
    path = kubeconfig(tmp_path / "config", {"username": "u", "password": "p"}, server=server.url)
    cluster = await connect(kubeconfig=path, context=None, impersonate=False)
    await cluster.request(AsKubeconfig(), PODS)
    await cluster.aclose()
    assert server.headers("Authorization") == [b"Basic " + base64.b64encode(b"u:p")]
    assert server.headers("Impersonate-User") == []


async def test_only_the_kubeconfigs_own_proxy_is_used(serve, tmp_path, monkeypatch):
    """A proxy gets the whole address in the request line; this one answers by itself."""
    proxy, server = await serve(ok), await serve(ok)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    direct = kubeconfig(tmp_path / "direct", {"token": "a"}, server=server.url)
    cluster = await connect(kubeconfig=direct, context=None, impersonate=True)
    await cluster.request(MIA, PODS)
    await cluster.aclose()
    assert (len(server.asked), len(proxy.asked)) == (1, 0)
    proxied = kubeconfig(tmp_path / "proxied", {"token": "a"}, server=server.url, **{"proxy-url": proxy.url})
    cluster = await connect(kubeconfig=proxied, context=None, impersonate=True)
    await cluster.request(MIA, PODS)
    await cluster.aclose()
    assert (len(server.asked), len(proxy.asked)) == (1, 1)
    assert proxy.headers("Impersonate-User") == [b"mia@shop.example"]


# --- TLS ---


async def test_a_server_is_trusted_through_the_clusters_own_ca(serve, tmp_path, authority):
    server = await serve(ok, authority.server())
    cluster_ca = {"server": server.url, "certificate-authority": str(authority.ca)}
    cluster = await connect(
        kubeconfig=kubeconfig(tmp_path / "config", {"token": "a"}, **cluster_ca), context=None, impersonate=True
    )
    assert (await cluster.request(MIA, PODS)).status == 200
    await cluster.aclose()


async def test_a_server_of_an_unknown_ca_is_refused(serve, tmp_path, authority):
    server = await serve(ok, authority.server())
    path = kubeconfig(tmp_path / "config", {"token": "a"}, server=server.url)
    cluster = await connect(kubeconfig=path, context=None, impersonate=True)
    with pytest.raises(Unreachable, match="cluster demo cannot be reached: its certificate is not trusted"):
        await cluster.request(MIA, PODS)
    await cluster.aclose()
    assert server.asked == []


async def test_a_server_with_another_name_is_refused_unless_the_kubeconfig_names_it(serve, tmp_path, authority):
    certificate, key = authority.issue("named", "subjectAltName=DNS:kube.shop.example\n")
    tls = authority.server()
    tls.load_cert_chain(certificate, key)
    server = await serve(ok, tls)
    ca = {"server": server.url, "certificate-authority-data": base64.b64encode(authority.ca.read_bytes()).decode()}
    path = kubeconfig(tmp_path / "config", {"token": "a"}, **ca)
    cluster = await connect(kubeconfig=path, context=None, impersonate=True)
    with pytest.raises(Unreachable, match="not trusted"):
        await cluster.request(MIA, PODS)
    await cluster.aclose()
    named = kubeconfig(tmp_path / "named", {"token": "a"}, **ca, **{"tls-server-name": "kube.shop.example"})
    cluster = await connect(kubeconfig=named, context=None, impersonate=True)
    assert (await cluster.request(MIA, PODS)).status == 200
    await cluster.aclose()


async def test_a_kubeconfig_may_trust_any_server(serve, tmp_path, authority):
    server = await serve(ok, authority.server())
    insecure = {"server": server.url, "insecure-skip-tls-verify": True}
    path = kubeconfig(tmp_path / "config", {"token": "a"}, **insecure)
    cluster = await connect(kubeconfig=path, context=None, impersonate=True)
    assert (await cluster.request(MIA, PODS)).status == 200
    await cluster.aclose()


async def test_a_client_certificate_is_shown_instead_of_a_token(serve, tmp_path, authority):
    certificate, key = authority.issue("kubeai-bot", "extendedKeyUsage=clientAuth\n")
    server = await serve(ok, authority.server(client_ca=True))
    user = {"client-certificate": str(certificate), "client-key": str(key)}
    cluster_ca = {"server": server.url, "certificate-authority": str(authority.ca)}
    path = kubeconfig(tmp_path / "config", user, **cluster_ca)
    cluster = await connect(kubeconfig=path, context=None, impersonate=True)
    assert (await cluster.request(MIA, PODS)).status == 200
    await cluster.aclose()
    assert server.headers("Authorization") == []


async def test_a_certificate_that_is_none_is_a_credential_failure(tmp_path):
    (tmp_path / "broken.crt").write_text("no certificate")
    path = kubeconfig(
        tmp_path / "config", {"token": "a"}, server="https://127.0.0.1:1", **{"certificate-authority": "broken.crt"}
    )
    with pytest.raises(CredentialsFailed, match="cannot be loaded"):
        await connect(kubeconfig=path, context=None, impersonate=True)


# --- credential plugins ---


async def test_a_plugin_gives_the_token_and_runs_once_while_it_is_good(serve, tmp_path):
    server = await serve(ok)
    user = plugin(tmp_path, credential(expires_in=3600, token="from-plugin"))
    cluster = await connect(
        kubeconfig=kubeconfig(tmp_path / "config", user, server=server.url), context=None, impersonate=True
    )
    for _ in range(3):
        await cluster.request(MIA, PODS)
    await cluster.aclose()
    assert server.headers("Authorization") == [b"Bearer from-plugin"]
    assert runs(tmp_path) == 1


async def test_a_plugin_runs_again_before_its_token_expires(tmp_path):
    context = KubeconfigContext(kubeconfig(tmp_path / "config", plugin(tmp_path, credential(3600, token="t"))), None)
    assert context().good_until == pytest.approx(time.time() + 3540, abs=10)
    short = KubeconfigContext(kubeconfig(tmp_path / "config", plugin(tmp_path, credential(60, token="t"))), None)
    assert short().good_until == pytest.approx(time.time() + 30, abs=10)


async def test_a_request_after_the_expiry_carries_the_new_token(serve, tmp_path, eventually):
    server = await serve(ok)
    user = plugin(tmp_path, credential(expires_in=0.5, token="old"))
    cluster = await connect(
        kubeconfig=kubeconfig(tmp_path / "config", user, server=server.url), context=None, impersonate=True
    )
    assert runs(tmp_path) == 1
    plugin(tmp_path, credential(3600, token="new"))
    expired = time.time() + 0.3
    await eventually(lambda: time.time() > expired)
    await cluster.request(MIA, PODS)
    await cluster.aclose()
    assert server.headers("Authorization") == [b"Bearer new"]
    assert runs(tmp_path) == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("echo 'login needed' >&2; exit 3", "failed with exit code 3: login needed"),
        ("echo nothing useful", "did not print JSON"),
        ("echo '[]'", "did not print a JSON object"),
        (credential(), "gave neither a token nor a client certificate"),
        (credential(clientCertificateData="c"), "gave neither a token nor a client certificate"),
        (credential(expires_in=-5, token="t"), "already expired"),
        (credential(token="t", expirationTimestamp="soon"), "is no time"),
        (credential(token="t").replace("k8s.io/v1", "k8s.io/v1beta1"), "speaks client.authentication.k8s.io/v1beta1"),
    ],
)
async def test_a_failing_plugin_is_an_error_and_never_an_anonymous_request(serve, tmp_path, body, words):
    server = await serve(ok)
    path = kubeconfig(tmp_path / "config", plugin(tmp_path, body), server=server.url)
    with pytest.raises(CredentialsFailed, match=words):
        await connect(kubeconfig=path, context=None, impersonate=True)
    assert server.asked == []


async def test_a_plugin_that_fails_later_stops_requests(serve, tmp_path, eventually):
    server = await serve(ok)
    user = plugin(tmp_path, credential(expires_in=0.5, token="t"))
    path = kubeconfig(tmp_path / "config", user, server=server.url)
    cluster = await connect(kubeconfig=path, context=None, impersonate=True)
    plugin(tmp_path, "echo 'session over' >&2; exit 1")
    expired = time.time() + 0.3
    await eventually(lambda: time.time() > expired)
    with pytest.raises(CredentialsFailed, match="session over"):
        await cluster.request(MIA, PODS)
    await cluster.aclose()
    assert server.asked == []


def test_a_plugin_that_hangs_is_killed_with_its_children(tmp_path):
    spec = plugin(tmp_path, "sleep 60 &\nsleep 60")["exec"]
    started = time.monotonic()
    with pytest.raises(CredentialsFailed, match=r"gave no answer within 0\.5 s"):
        run_plugin(spec, {}, str(tmp_path), timeout=0.5)
    assert time.monotonic() - started < 30


def test_a_plugin_that_is_missing_is_named(tmp_path):
    spec = {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin"}
    with pytest.raises(CredentialsFailed, match="'no-such-plugin' could not be started"):
        run_plugin(spec, {}, str(tmp_path))


def test_a_plugin_is_told_about_the_cluster_when_it_asks(tmp_path):
    spec = plugin(tmp_path, f'echo "$KUBERNETES_EXEC_INFO" > {tmp_path}/info\n' + credential(token="t"))["exec"]
    cluster = {
        "server": "https://api.shop.example",
        "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "shop"}}],
    }
    run_plugin({**spec, "provideClusterInfo": True}, cluster, str(tmp_path))
    info = json.loads((tmp_path / "info").read_text())
    assert info["spec"] == {
        "interactive": False,
        "cluster": {"server": "https://api.shop.example", "config": {"audience": "shop"}},
    }


async def test_a_plugins_client_certificate_is_used(serve, tmp_path, authority):
    certificate, key = authority.issue("plugged", "extendedKeyUsage=clientAuth\n")
    server = await serve(ok, authority.server(client_ca=True))
    status = {"clientCertificateData": certificate.read_text(), "clientKeyData": key.read_text()}
    user = plugin(tmp_path, credential(expires_in=3600, **status))
    cluster_ca = {"server": server.url, "certificate-authority": str(authority.ca)}
    path = kubeconfig(tmp_path / "config", user, **cluster_ca)
    cluster = await connect(kubeconfig=path, context=None, impersonate=True)
    assert (await cluster.request(MIA, PODS)).status == 200
    await cluster.aclose()


# --- the wire ---


class Credentials:
    """Stands for a source of credentials: counts how often it is asked; `good_until` and `tls` are the test's."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.loads = 0
        self.good_until: float | None = None
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def __call__(self) -> Access:
        self.loads += 1
        return Access(self.server, f"Bearer token-{self.loads}", self.tls, good_until=self.good_until)


async def test_many_requests_after_an_expiry_have_the_credentials_renewed_once(serve):
    server = await serve(ok)
    credentials = Credentials(server.url)
    credentials.good_until = time.time() - 1
    cluster = ImpersonatingCluster("demo", Connection(credentials))
    await cluster.request(MIA, PODS)
    credentials.good_until = time.time() + 3600
    await asyncio.gather(*(cluster.request(MIA, PODS) for _ in range(10)))
    await cluster.aclose()
    assert credentials.loads == 2
    assert {header for of in range(1, 11) for header in server.headers("Authorization", of)} == {b"Bearer token-2"}


async def test_a_new_certificate_gets_a_new_connection_while_requests_on_the_old_one_finish(serve, eventually):
    release = asyncio.Event()

    async def wait(_request):
        await release.wait()
        return web.json_response({"items": []})

    server = await serve(wait)
    credentials = Credentials(server.url)
    credentials.good_until = time.time() - 1
    cluster = ImpersonatingCluster("demo", Connection(credentials))
    slow = asyncio.create_task(cluster.request(MIA, PODS))
    await eventually(lambda: server.open_requests == 1)
    credentials.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    other = asyncio.create_task(cluster.request(MIA, PODS))
    await eventually(lambda: server.open_requests == 2)
    release.set()
    assert [(await task).status for task in (slow, other)] == [200, 200]
    await cluster.aclose()


async def test_a_401_does_not_have_young_credentials_renewed(serve):
    async def refuse(_request):
        return web.Response(status=401, text="Unauthorized")

    server = await serve(refuse)
    credentials = Credentials(server.url)
    cluster = ImpersonatingCluster("demo", Connection(credentials))
    for _ in range(3):
        with pytest.raises(ApiStatus, match="HTTP 401"):
            await cluster.request(MIA, PODS)
    await cluster.aclose()
    assert credentials.loads == 1


async def test_a_401_has_older_credentials_renewed_before_the_next_request(serve):
    async def refuse(_request):
        return web.Response(status=401, text="Unauthorized")

    server = await serve(refuse)
    credentials = Credentials(server.url)
    cluster = ImpersonatingCluster("demo", Connection(credentials, doubt_after=0.0))
    for _ in range(3):
        with pytest.raises(ApiStatus, match="HTTP 401"):
            await cluster.request(MIA, PODS)
    await cluster.aclose()
    assert credentials.loads == 3


# --- in a pod ---


@pytest.fixture
def account(tmp_path, authority):
    (tmp_path / "token").write_text("pod-token-1\n")
    (tmp_path / "ca.crt").write_bytes(authority.ca.read_bytes())
    return tmp_path


async def test_a_pods_service_account_is_used(serve, account, authority):
    server = await serve(ok, authority.server())
    environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.port)}
    cluster = await connect_in_cluster(account=account, environment=environment)
    await cluster.request(MIA, PODS)
    await cluster.aclose()
    assert server.headers("Authorization") == [b"Bearer pod-token-1"]


def test_a_pods_token_is_read_again(account):
    load = PodAccount(account, {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"})
    first = load()
    (account / "token").write_text("pod-token-2")
    second = load()
    assert (first.authorization, second.authorization) == ("Bearer pod-token-1", "Bearer pod-token-2")
    assert first.server == "https://10.0.0.1:443"
    assert first.good_until == pytest.approx(time.time() + 60, abs=10)
    assert second.same_wire(first)


async def test_outside_of_a_pod_the_error_says_what_to_set(tmp_path):
    with pytest.raises(ConfigError, match="Outside of a cluster, set KUBECONFIG"):
        await connect_in_cluster(account=tmp_path, environment={})
