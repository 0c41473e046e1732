"""What may be done, and which resource a path addresses."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import unquote

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from kubeai_bot.domain.api_path import acts_on, is_discovery
from kubeai_bot.domain.cluster import Resource
from kubeai_bot.domain.identity import Identity, KubeUser, Speaker
from kubeai_bot.domain.policy import (
    SECRETS_REFUSED,
    WRITES_OFF,
    Act,
    Ask,
    Effect,
    Mode,
    Policy,
    Refuse,
    Run,
    judge,
)

MIA = Identity(Speaker("T0SHOP", "U0MIA"), "mapping", KubeUser("mia"), datetime(2026, 11, 21, tzinfo=UTC))
PODS = Act("demo", "list", "", "pods", namespace="shop")
SCALE = Act("demo", "patch", "apps", "deployments", "scale", "shop", "frontend")


# --- judge ---


@pytest.mark.parametrize(
    ("effect", "mode", "runs"),
    [
        (Effect.READ, Mode.NONE, True),
        (Effect.READ, Mode.ALLOW, True),
        (Effect.READ, Mode.AUTO, True),
        (Effect.WRITE, Mode.NONE, False),
        (Effect.WRITE, Mode.ALLOW, False),
        (Effect.WRITE, Mode.AUTO, True),
        (Effect.SENSITIVE, Mode.NONE, False),
        (Effect.SENSITIVE, Mode.ALLOW, False),
        (Effect.SENSITIVE, Mode.AUTO, False),
    ],
)
@pytest.mark.parametrize("acts", [(PODS,), (PODS, SCALE)])
def test_what_runs_depends_on_effect_and_mode(effect, mode, runs, acts):
    assert isinstance(judge(effect, acts, Policy(mode), MIA), Run) is runs


def test_every_effect_and_mode_has_been_decided_on():
    assert (len(Effect), len(Mode)) == (3, 3)


def test_a_refused_change_asks_for_the_command_instead():
    assert judge(Effect.WRITE, [SCALE], Policy(Mode.NONE), MIA) == Refuse(WRITES_OFF)


ACTS_ON_SECRETS = st.builds(
    Act,
    cluster=st.just("demo"),
    verb=st.sampled_from(["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]),
    group=st.just(""),
    resource=st.just("secrets"),
    subresource=st.sampled_from(["", "status", "x"]),
    namespace=st.sampled_from(["", "shop"]),
    name=st.sampled_from(["", "db"]),
)
OTHERS = st.lists(st.sampled_from([PODS, SCALE]), max_size=3)


@given(st.sampled_from(Effect), st.sampled_from(Mode), OTHERS, ACTS_ON_SECRETS, OTHERS)
def test_secrets_are_refused_in_every_mode_for_every_verb_wherever_they_stand(effect, mode, before, act, after):
    assert judge(effect, [*before, act, *after], Policy(mode), MIA) == Refuse(SECRETS_REFUSED)


def test_secrets_of_other_groups_are_ordinary_resources():
    assert judge(Effect.READ, [Act("demo", "list", "vault.example", "secrets")], Policy(Mode.NONE), MIA) == Run()


@pytest.mark.parametrize("effect", Effect)
@pytest.mark.parametrize("mode", Mode)
def test_nobody_may_do_anything(effect, mode):
    assert isinstance(judge(effect, [PODS], Policy(mode), None), Refuse)


# --- which resource a path addresses ---


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/pods", ("", "pods")),
        ("/api/v1/namespaces/shop/pods", ("", "pods")),
        ("/api/v1/namespaces/shop/pods/checkout-1/log", ("", "pods")),
        ("/api/v1/nodes/node-1", ("", "nodes")),
        ("/api/v1/namespaces", ("", "namespaces")),
        ("/api/v1/namespaces/shop", ("", "namespaces")),
        ("/api/v1/namespaces/shop/status", ("", "namespaces")),
        ("/api/v1/namespaces/shop/finalize", ("", "namespaces")),
        ("/api/v1/namespaces/status/pods", ("", "pods")),
        ("/api/v1/secrets", ("", "secrets")),
        ("/api/v1/namespaces/shop/secrets", ("", "secrets")),
        ("/api/v1/namespaces/shop/secrets/db", ("", "secrets")),
        ("/api/v1/namespaces/secrets/secrets/secrets", ("", "secrets")),
        ("/api/v1/namespaces/secrets", ("", "namespaces")),
        ("/api/v1/namespaces/secrets/pods", ("", "pods")),
        ("/api/v1/namespaces/finalize/secrets", ("", "secrets")),
        ("/apis/apps/v1/deployments", ("apps", "deployments")),
        ("/apis/apps/v1/namespaces/shop/deployments/frontend/scale", ("apps", "deployments")),
        ("/apis/vault.example/v1/namespaces/shop/secrets", ("vault.example", "secrets")),
        ("/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node", ("rbac.authorization.k8s.io", "clusterroles")),
        ("/api", None),
        ("/api/v1", None),
        ("/apis", None),
        ("/apis/apps", None),
        ("/apis/apps/v1", None),
        ("/version", None),
        ("/openapi/v2", None),
    ],
)
def test_a_plain_path_addresses_one_resource(path, expected):
    assert acts_on(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "api/v1/secrets",
        "//api/v1/secrets",
        "/api//v1/secrets",
        "/api/v1//secrets",
        "/api/v1/secrets/",
        "/api/v1/./secrets",
        "/api/v1/pods/../secrets",
        "/api/v1/namespaces/shop/pods/..%2f..%2fsecrets",
        "/api/v1/%73ecrets",
        "/api/v1/secret%73",
        "/api/v1/%2573ecrets",
        "/api%2Fv1/secrets",
        "/api/v1/secrets?limit=1",
        "/api/v1/secrets#x",
        "/api/v1/secrets;x=1",
        "/api/v1/secrets\n",
        "/api/v1/secrets ",
        "/api/v1/secrets\x00",
        "/api/v1\\secrets",
        "/api/v1/ｓecrets",
        "/api/v1/ſecrets",
        "/api/v1/-secrets",
        "/api/v1/watch/secrets",
        "/api/v1/watch/namespaces/shop/secrets",
        "/api/v1/proxy/namespaces/shop/secrets",
        "/apis/apps/v1/watch/deployments",
        "http://evil.example/api/v1/pods",
    ],
)
def test_a_path_that_is_not_plain_is_refused(path):
    with pytest.raises(ValueError, match=r"path|prefix"):
        acts_on(path)


@given(
    st.sampled_from(["", "apps", "shop.example"]),
    st.sampled_from(["pods", "secrets", "deployments", "namespaces"]),
    st.sampled_from(["", "shop", "status", "secrets", "namespaces", "watch"]),
    st.sampled_from(["", "db", "secrets", "system:node", "a.b-c"]),
    st.sampled_from(["", "status", "log", "scale"]),
)
def test_every_path_that_this_program_builds_is_read_back_as_built(group, name, namespace, object_name, subresource):
    if name == "namespaces":
        subresource = subresource and "status"  # a namespace has no other
    resource = Resource(group, "v1", name, name, name != "namespaces", frozenset())
    assert acts_on(resource.path(namespace, object_name, subresource if object_name else "")) == (group, name)


def address_by_the_api_server(path: str) -> tuple[str, str] | None:
    """What an API server takes a request path for: RequestInfoFactory.NewRequestInfo of k8s.io/apiserver, which sees
    the decoded path and ignores outer slashes. None: not a resource request."""
    parts = unquote(path).strip("/").split("/")
    if len(parts) < 3 or parts[0] not in ("api", "apis"):
        return None
    prefix, parts = parts[0], parts[1:]
    group = ""
    if prefix == "apis":
        if len(parts) < 3:
            return None
        group, parts = parts[0], parts[1:]
    parts = parts[1:]  # the version
    if parts[0] in ("proxy", "watch"):
        if len(parts) < 2:
            return None
        parts = parts[1:]
    if parts[0] == "namespaces" and len(parts) > 2 and parts[2] not in ("status", "finalize"):
        parts = parts[2:]
    return group, parts[0]


SEGMENTS = st.sampled_from(
    [
        *(
            "api",
            "apis",
            "v1",
            "v2",
            "apps",
            "core",
            "",
            ".",
            "..",
            "watch",
            "proxy",
            "namespaces",
            "status",
            "finalize",
        ),
        *("secrets", "secrets", "secrets", "Secrets", "%73ecrets", "secret%73", "secrets%2Fdb", "secrets;v=1"),
        *("pods", "services", "shop", "https:kubernetes:443", "log", "secrets.", "%2e%2e", "api%2Fv1", " ", "\n"),
    ]
)
ROOTS = st.sampled_from(
    ["/api/v1/", "/api/v1/", "/apis/apps/v1/", "/apis//v1/", "//api/v1/", "/api/v1/namespaces/shop/", "/"]
)


def addresses(root: str, rest: list[str]) -> tuple[tuple[str, str] | None, tuple[str, str] | None, str]:
    """What we and what an API server take a path for, and the path; ours is ("", "refused") where it is refused."""
    path = root + "/".join(rest)
    try:
        return acts_on(path), address_by_the_api_server(path), path
    except ValueError:
        return ("", "refused"), address_by_the_api_server(path), path


@settings(max_examples=1500)
@given(root=ROOTS, rest=st.lists(SEGMENTS, max_size=6))
@example(root="/api/v1/", rest=["namespaces", "status", "secrets"])
@example(root="/", rest=["api", "v2", "secrets"])
def test_what_an_api_server_takes_for_secrets_never_passes_as_anything_else(root, rest):
    ours, theirs, path = addresses(root, rest)
    if theirs == ("", "secrets"):
        assert ours in (("", "secrets"), ("", "refused"), None)
        assert not is_discovery("GET", path)  # where ours is None: neither resource nor discovery is never sent


@settings(max_examples=500)
@given(root=ROOTS, rest=st.lists(SEGMENTS, max_size=6))
def test_a_path_means_to_us_what_it_means_to_an_api_server(root, rest):
    ours, theirs, _ = addresses(root, rest)
    if theirs is None or theirs[1] != "namespaces":  # for those see the next test
        assert ours in (None, ("", "refused"), theirs)


def test_what_stands_below_a_namespaces_own_subresource_is_still_the_namespace():
    assert acts_on("/api/v1/namespaces/shop/status/x") == address_by_the_api_server("/api/v1/namespaces/shop/status/x")


@given(st.text(alphabet="/aip1v.%2eFs:-_\\;?#\n", max_size=30))
def test_any_text_is_read_as_an_api_server_would_or_refused(text):
    ours, theirs, _ = addresses("/", [text])
    assert ours in (None, ("", "refused"), theirs)


# --- discovery ---


@pytest.mark.parametrize(
    "path",
    [
        *("/api", "/apis", "/api/v1", "/version", "/apis/apps", "/apis/apps/v1", "/openapi/v2", "/openapi/v3"),
        *("/apis/metrics.k8s.io/v1beta1", "/openapi/v3/apis/apps/v1", "/openapi/v3/api/v1"),
    ],
)
def test_what_a_server_offers_may_be_asked_as_the_bot_by_get_only(path):
    assert is_discovery("GET", path)
    for method in ("POST", "PUT", "PATCH", "DELETE", "get", "CONNECT"):
        assert not is_discovery(method, path)


@pytest.mark.parametrize(
    "path",
    [
        *("/", "", "/api/v1/pods", "/api/v1/secrets", "/apis/apps/v1/deployments", "/api/v1/namespaces", "/metrics"),
        *("/healthz", "/logs", "/openapi/v3/../../api/v1/secrets", "/api/v1/", "/apis/apps/v1/", "/api/v1\n"),
        *("/apis/apps/v1?watch=1", "/openapi/v3/%2e%2e/api", "/debug/pprof", "/.well-known/openid-configuration"),
    ],
)
def test_objects_are_never_discovery(path):
    assert not is_discovery("GET", path)


@given(root=ROOTS, rest=st.lists(SEGMENTS, max_size=6))
def test_no_path_is_both_a_resource_and_discovery(root, rest):
    path = root + "/".join(rest)
    if is_discovery("GET", path):
        assert address_by_the_api_server(path) is None


def test_a_change_of_nobody_knows_what_is_asked_for_even_where_changes_just_run():
    assert judge(Effect.WRITE, (), Policy(Mode.AUTO), MIA) == Ask()
