"""On a real API server: releases apply, and the bot's account may do what its mode needs and nothing else."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import helm_python
import httpx2
import pytest
import yaml

from tests.chart.rendering import CHART, NAMESPACE, RELEASE, with_working
from tests.chart.switches import SWITCHES
from tests.waiting import until_now

ADMIN, BOT = "contract-admin", "contract-bot"
SHARED = ("kubeai-shared", "kubeai-readers")
ASKER = [("Impersonate-User", SHARED[0]), ("Impersonate-Group", SHARED[1])]
_PATIENCE = 20.0
RBAC = "/apis/rbac.authorization.k8s.io/v1"
PODS, MAPS = "/api/v1/namespaces/shop/pods", "/api/v1/namespaces/shop/configmaps"
SCALE = "/apis/apps/v1/namespaces/shop/deployments/web/scale"
APPLIED = [
    name for name in SWITCHES if name not in ("monitoring", "http-route", "external-secret", "external-secret-whole")
]


@pytest.fixture(scope="module")
def server(api_server: Any) -> Generator[httpx2.Client]:
    """Requests without a token; the namespaces are there, and everybody asks as a cluster administrator."""
    with httpx2.Client(base_url=api_server.url, verify=api_server.verify, timeout=15, trust_env=False) as client:
        for name in (NAMESPACE, "shop", "payments"):
            _send(client, ADMIN, "POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
        people = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": SHARED[1]}]
        bound = {"metadata": {"name": "powerful-askers"}, "roleRef": role, "subjects": people}
        _send(client, ADMIN, "POST", f"{RBAC}/clusterrolebindings", bound)
        web = {"containers": [{"name": "web", "image": "registry.example/web:1"}]}
        spec = {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": web},
        }
        _send(
            client,
            ADMIN,
            "POST",
            "/apis/apps/v1/namespaces/shop/deployments",
            {"metadata": {"name": "web"}, "spec": spec},
        )
        yield client


class Releases:
    """Helm as an administrator."""

    def __init__(self, config: helm_python.Config) -> None:
        self._config = config
        self.names: set[str] = set()

    def put(self, values: dict[str, Any], name: str = RELEASE) -> None:
        """Installs a release, or upgrades it."""
        change = self._config.upgrade if name in self.names else self._config.install
        self.names.add(name)
        change(str(CHART), name, with_working(values), namespace=NAMESPACE)

    def remove(self) -> None:
        for name in self.names:
            self._config.uninstall(name, ignore_not_found=True)
        self.names.clear()


@pytest.fixture
def helm(api_server: Any, tmp_path: Any) -> Generator[Releases]:
    """Its releases are gone afterwards."""
    where = {"server": api_server.url, "certificate-authority": str(api_server._audit_log.parent / "tls.crt")}
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": where}],
        "users": [{"name": "admin", "user": {"token": ADMIN}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "admin", "namespace": NAMESPACE}}],
        "current-context": "c",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig))
    with helm_python.Config(kubeconfig_path=path, namespace=NAMESPACE) as config:
        releases = Releases(config)
        yield releases
        releases.remove()


def _send(client: httpx2.Client, token: str, method: str, path: str, body: Any = None) -> httpx2.Response:
    answer = client.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code < 400, answer.text
    return answer


@pytest.mark.parametrize("switch", APPLIED)
def test_every_release_applies(server: httpx2.Client, helm: Releases, switch: str) -> None:
    name = switch.replace(".", "-")
    helm.put(SWITCHES[switch], name)
    label = f"app.kubernetes.io/instance%3D{name}"
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments?labelSelector={label}"
    assert len(_send(server, ADMIN, "GET", path).json()["items"]) == 1


def test_a_release_can_be_upgraded_from_memory_to_postgres(server: httpx2.Client, helm: Releases) -> None:
    helm.put(SWITCHES["defaults"])
    helm.put(SWITCHES["postgres"])
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{RELEASE}"
    spec = _send(server, ADMIN, "GET", path).json()["spec"]
    assert (spec["replicas"], spec["strategy"]["type"]) == (3, "RollingUpdate")


def test_a_removed_release_leaves_its_sessions_behind(server: httpx2.Client, helm: Releases) -> None:
    helm.put(SWITCHES["filesystem"], "kept")
    helm.remove()
    path = f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims/kept-kubeai-bot-sessions"
    assert "deletionTimestamp" not in _send(server, ADMIN, "GET", path).json()["metadata"]


PLAIN = {"rbac": {"impersonation": "plain"}}
PLAIN_WRITE = SWITCHES["write-plain"]
CONSTRAINED: dict[str, Any] = {}
CONSTRAINED_WRITE = SWITCHES["write"]
FORMS = {"plain": PLAIN, "plain-write": PLAIN_WRITE, "constrained": CONSTRAINED, "constrained-write": CONSTRAINED_WRITE}

POD = {"metadata": {"name": "new"}, "spec": {"containers": [{"name": "a", "image": "registry.example/a:1"}]}}
REVIEW = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "shop"}}}
SCALED = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": 1}}
DRY = "?dryRun=All"

AS_ASKER: list[tuple[str, str, Any, tuple[int, ...]]] = [
    # method, path, body, the answers with: plain, plain-write, constrained, constrained-write; the asker may do all
    ("GET", PODS, None, (200, 200, 200, 200)),
    ("GET", f"{PODS}/none/log", None, (404, 404, 404, 404)),
    ("GET", "/api/v1/nodes", None, (200, 200, 200, 200)),
    ("GET", "/apis/events.k8s.io/v1/namespaces/shop/events", None, (200, 200, 200, 200)),
    ("GET", "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices", None, (200, 200, 200, 200)),
    ("GET", f"{RBAC}/namespaces/shop/rolebindings", None, (200, 200, 200, 200)),
    ("GET", SCALE, None, (200, 200, 200, 200)),
    ("GET", "/version", None, (200, 200, 200, 200)),
    ("GET", "/openapi/v3", None, (200, 200, 200, 200)),
    ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", REVIEW, (201, 201, 201, 201)),
    ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, (201, 201, 201, 201)),
    ("PUT", f"{SCALE}{DRY}", SCALED, (200, 200, 403, 200)),
    ("POST", f"{PODS}{DRY}", POD, (201, 201, 403, 201)),
    ("POST", f"{PODS}/none/eviction{DRY}", {"metadata": {"name": "none"}}, (404, 404, 403, 404)),
    ("DELETE", f"{PODS}/none{DRY}", None, (404, 404, 403, 404)),
    ("DELETE", f"{MAPS}/none{DRY}", None, (404, 404, 403, 404)),
    ("DELETE", f"{PODS}{DRY}", None, (200, 200, 403, 403)),
    ("DELETE", f"/api/v1/nodes/none{DRY}", None, (404, 404, 403, 403)),
    ("DELETE", f"/api/v1/namespaces/none{DRY}", None, (404, 404, 403, 403)),
    ("DELETE", f"{RBAC}/clusterroles/none{DRY}", None, (404, 404, 403, 403)),
    # the bot itself refuses these in any form; constrained impersonation refuses them once more
    ("GET", "/api/v1/namespaces/shop/secrets", None, (200, 200, 403, 403)),
    ("GET", "/api/v1/secrets?limit=1", None, (200, 200, 403, 403)),
    ("POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{RELEASE}/token{DRY}", {}, (201, 201, 403, 403)),
    ("GET", "/metrics", None, (200, 200, 403, 403)),
]

AS_ITSELF: list[tuple[str, str, Any, int]] = [
    ("GET", "/api", None, 200),
    ("GET", "/apis", None, 200),
    ("GET", PODS, None, 403),
    ("GET", "/api/v1/nodes", None, 403),
    ("GET", "/api/v1/namespaces/shop/secrets", None, 403),
    ("GET", f"/api/v1/namespaces/{NAMESPACE}/secrets", None, 403),
    ("GET", f"/api/v1/namespaces/{NAMESPACE}/configmaps", None, 403),
    ("POST", PODS, POD, 403),
]

OTHERS: list[tuple[str, tuple[str, ...]]] = [
    ("mia@shop.example", ()),
    ("kubeai-shared", ("system:masters",)),
    ("kubeai-shared", ("platform-engineers",)),
    ("system:admin", ()),
    ("system:serviceaccount:kube-system:default", ()),
]


@pytest.mark.parametrize("form", FORMS)
def test_the_bots_account_may_do_exactly_this(server: httpx2.Client, helm: Releases, form: str) -> None:
    helm.put(FORMS[form])
    column = list(FORMS).index(form)
    wanted = {f"asker: {method} {path}": codes[column] for method, path, _, codes in AS_ASKER}
    wanted |= {f"itself: {method} {path}": code for method, path, _, code in AS_ITSELF}
    wanted |= {f"as {user} {groups}": 403 for user, groups in OTHERS}
    wanted["with an extra"] = 403
    until_now(lambda: _table(server) == wanted, _PATIENCE)
    assert _table(server) == wanted


def _table(server: httpx2.Client) -> dict[str, int]:
    """What the API server answers to the bot's account."""
    found = {f"asker: {method} {path}": _code(server, method, path, body, ASKER) for method, path, body, _ in AS_ASKER}
    found |= {f"itself: {method} {path}": _code(server, method, path, body, []) for method, path, body, _ in AS_ITSELF}
    for user, groups in OTHERS:
        headers = [("Impersonate-User", user), *(("Impersonate-Group", group) for group in groups)]
        found[f"as {user} {groups}"] = _code(server, "GET", PODS, None, headers)
    extra = [*ASKER, ("Impersonate-Extra-shop.example%2Fnote", "x")]
    found["with an extra"] = _code(server, "GET", PODS, None, extra)
    return found


def _code(server: httpx2.Client, method: str, path: str, body: Any, headers: list[tuple[str, str]]) -> int:
    sent = [("Authorization", f"Bearer {BOT}"), *headers]
    return server.request(method, path, json=body, headers=sent).status_code


def _until(server: httpx2.Client, code: int) -> None:
    """The authorizer hears of roles a moment after they were made or deleted; impersonation is cached besides."""
    found: list[int] = []

    def look() -> bool:
        found.append(_code(server, "GET", PODS, None, ASKER))
        return found[-1] == code

    assert until_now(look, _PATIENCE), f"{found[-1]} in the place of {code}"


def test_without_the_release_the_account_may_impersonate_nobody(server: httpx2.Client, helm: Releases) -> None:
    helm.put(CONSTRAINED)
    _until(server, 200)
    helm.remove()
    _until(server, 403)
