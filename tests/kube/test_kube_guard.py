"""No path reaches a Secret, and nothing but discovery goes out without a name."""

import re
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeai_bot.domain.api_path import is_discovery
from kubeai_bot.domain.cluster import Request
from kubeai_bot.domain.identity import AsBot, AsKubeconfig, Identity, KubeUser, Speaker
from kubeai_bot.errors import ForbiddenByPolicy
from kubeai_bot.kube.guard import METHODS, OWN_RIGHTS, check_request, impersonation

MIA = KubeUser("mia@shop.example", ("shop-developers",))


def passes(path: str, method: str = "GET") -> bool:
    try:
        check_request(Request(method, path))
    except ForbiddenByPolicy:
        return False
    return True


def lenient_readings(path: str) -> set[str]:
    """What servers and proxies that decode, collapse and normalise might take a path for."""
    readings = {path}
    for _ in range(3):
        readings |= {unquote(p) for p in readings}
        readings |= {re.sub("/+", "/", p.replace("\\", "/")) for p in readings}
        readings |= {p.split("?")[0].split("#")[0].split(";")[0] for p in readings}
        readings |= {_without_dots(p) for p in readings}
    return {p.lower().strip().rstrip("/") for p in readings}


def _without_dots(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept = kept[:-1] or [""]
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)


REACHES_A_SECRET = re.compile(
    r"/api/[^/]*/(watch/|proxy/)?(namespaces/[^/]+/)?secrets(/.*)?|.*/proxy/.*secrets.*|.*/serviceaccounts/[^/]+/token"
)

PLAIN = (
    "api v1 apis apps namespaces shop secrets watch proxy pods services status finalize log token serviceaccounts db"
)
TRICKS = "Secrets secret%73 s%65crets %2e%2e .. . secrets?x=1 secrets# secrets;v=1 ｓecrets a%2Fsecrets x\\secrets API"
pieces = st.sampled_from([*PLAIN.split(), *TRICKS.split(), "", "secrets\n", "secre\0ts", "secrets "])
paths = st.one_of(
    st.lists(pieces, max_size=9).map(lambda segments: "/" + "/".join(segments)),
    st.lists(pieces, max_size=6).map(lambda segments: "/api/v1/" + "/".join(segments)),
    st.text(max_size=12).map(lambda text: f"/api/v1/namespaces/shop/secrets{text}"),
    st.text(max_size=12).map(lambda text: f"/api/v1/{text}/secrets"),
)


@given(paths, st.sampled_from(sorted(METHODS)))
def test_no_reading_of_a_path_that_passes_is_a_secret(path: str, method: str) -> None:
    if passes(path, method):
        assert not any(REACHES_A_SECRET.fullmatch(reading) for reading in lenient_readings(path)), path


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/secrets",
        "/api/v1/namespaces/shop/secrets",
        "/api/v1/namespaces/shop/secrets/db",
        "/api/v1/namespaces/secrets/secrets/secrets",
        "/api/v1/watch/secrets",
        "/api/v1/watch/namespaces/shop/secrets",
        "/api/v1//secrets",
        "/api/v1/secrets/",
        "//api/v1/secrets",
        "/api/v1/%73ecrets",
        "/api/v1/pods/../secrets",
        "/api/v1/Secrets",
        "/api/v1/namespaces/shop/services/https:vault:8200/proxy/v1/secret",
        "/api/v1/nodes/worker-1/proxy/exec/shop/web/web",
        "/api/v1/namespaces/shop/pods/web/exec",
        "/api/v1/namespaces/shop/serviceaccounts/web/token",
        "/apis/apps/v1/namespaces/shop/deployments/web/scale/extra",
        "/metrics",
        "/logs/kube-apiserver.log",
        "/",
        "",
    ],
)
def test_paths_to_secrets_and_out_of_the_api_are_refused(path: str) -> None:
    assert not passes(path)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/secrets",
        "/api/v1/namespaces/secrets/pods",
        "/api/v1/namespaces/external-secrets/pods/secrets",
        "/apis/example.com/v1/namespaces/shop/secrets/one",
        "/apis/external-secrets.io/v1/externalsecrets",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node",
        "/api/v1/namespaces/shop/pods/web/log",
        "/api/v1/namespaces/namespaces/pods/namespaces",
        "/api/v1/namespaces/shop/status",
        "/apis/apps/v1/namespaces/shop/deployments/web/scale",
        "/version",
        "/openapi/v3/apis/apps/v1",
    ],
)
def test_words_in_names_are_no_reason_to_refuse(path: str) -> None:
    check_request(Request("GET", path))


def test_only_known_methods_are_sent() -> None:
    assert not passes("/api/v1/pods", "CONNECT")
    assert not passes("/api/v1/pods", "get")


known_paths = st.sampled_from(
    ["/api", "/apis/apps/v1", "/version", "/api/v1/pods", "/apis/apps/v1/deployments", "/healthz"]
)


@given(known_paths, st.sampled_from(sorted(METHODS)), st.sampled_from([MIA, AsBot(), AsKubeconfig()]))
def test_without_impersonation_headers_only_discovery_passes(path: str, method: str, identity: object) -> None:
    request = Request(method, path)
    try:
        headers = impersonation(identity, request, impersonate=True)  # type: ignore[arg-type]
    except ForbiddenByPolicy:
        return
    names = [name for name, _ in headers]
    as_bot = is_discovery(method, path) or (method, path) == ("POST", OWN_RIGHTS)
    assert names.count(b"Impersonate-User") == 1 or (identity == AsBot() and as_bot)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_of_reviews_the_bots_own_account_may_only_ask_about_itself(method: str) -> None:
    for kind in ("selfsubjectaccessreviews", "subjectaccessreviews", "selfsubjectrulesreviews"):
        request = Request(method, f"/apis/authorization.k8s.io/v1/{kind}")
        if (method, request.path) == ("POST", OWN_RIGHTS):
            assert impersonation(AsBot(), request, impersonate=True) == []
        else:
            with pytest.raises(ForbiddenByPolicy, match="own account"):
                impersonation(AsBot(), request, impersonate=True)


def test_the_kubeconfigs_own_user_passes_only_without_impersonation() -> None:
    request = Request("GET", "/api/v1/pods")
    assert impersonation(AsKubeconfig(), request, impersonate=False) == []
    with pytest.raises(ForbiddenByPolicy, match="impersonation is on"):
        impersonation(AsKubeconfig(), request, impersonate=True)
    with pytest.raises(ForbiddenByPolicy, match="own account"):
        impersonation(AsBot(), request, impersonate=False)


names = st.text(min_size=1).filter(lambda text: text.strip() == text)


@given(names, st.lists(names, max_size=4))
def test_names_go_out_whole_and_one_header_each(user: str, groups: list[str]) -> None:
    try:
        identity = KubeUser(user, tuple(groups))
    except ValueError:
        return
    request = Request("GET", "/api/v1/pods")
    headers = impersonation(identity, request, impersonate=True)
    assert headers == [
        (b"Impersonate-User", user.encode()),
        *((b"Impersonate-Group", group.encode()) for group in groups),
    ]
    assert not any(set(value) & {0, 10, 13} for _, value in headers)


def test_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(ForbiddenByPolicy, match="not valid text"):
        impersonation(KubeUser("mia\ud800"), Request("GET", "/api/v1/pods"), impersonate=True)


def test_an_identity_of_the_seam_reaches_the_headers() -> None:
    identity = Identity(Speaker("T0SHOP", "U0MIA"), "mapping", MIA, datetime.now(UTC))
    headers = impersonation(identity.on("demo"), Request("GET", "/api/v1/pods"), impersonate=True)
    assert headers == [(b"Impersonate-User", b"mia@shop.example"), (b"Impersonate-Group", b"shop-developers")]
