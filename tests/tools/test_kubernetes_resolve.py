"""Words for kinds, as people and models write them."""

import pytest

from kubeai_bot.errors import ToolError
from kubeai_bot.tools.kubernetes.resolve import Kinds, full_name


@pytest.fixture
def kinds(script):
    return Kinds(script.kinds)


@pytest.mark.parametrize(
    ("word", "name", "api_version"),
    [
        ("pods", "pods", "v1"),
        ("pod", "pods", "v1"),
        ("Pod", "pods", "v1"),
        ("po", "pods", "v1"),
        (" PODS ", "pods", "v1"),
        ("v1 Pod", "pods", "v1"),
        ("v1/pods", "pods", "v1"),
        ("v1, Kind=Pod", "pods", "v1"),
        ("pods.v1", "pods", "v1"),
        ("pods.v1.", "pods", "v1"),
        ("deploy", "deployments.apps", "apps/v1"),
        ("Deployment", "deployments.apps", "apps/v1"),
        ("deployments.apps", "deployments.apps", "apps/v1"),
        ("deploy.apps", "deployments.apps", "apps/v1"),
        ("Deployment.v1.apps", "deployments.apps", "apps/v1"),
        ("deployments.v1beta2.apps", "deployments.apps", "apps/v1beta2"),
        ("apps/v1 Deployment", "deployments.apps", "apps/v1"),
        ("apps/v1/deployments", "deployments.apps", "apps/v1"),
        ("apps/v1, Kind=Deployment", "deployments.apps", "apps/v1"),
        ("apps/v1beta2 Deployment", "deployments.apps", "apps/v1beta2"),
        ("issuers.cert-manager.io", "issuers.cert-manager.io", "cert-manager.io/v1"),
        ("cert-manager.io/v1 Issuer", "issuers.cert-manager.io", "cert-manager.io/v1"),
        ("gw", "gateways.networking.istio.io", "networking.istio.io/v1beta1"),
        ("gateways.networking.istio.io", "gateways.networking.istio.io", "networking.istio.io/v1beta1"),
        ("events", "events", "v1"),
        ("ev", "events", "v1"),
        ("events.events.k8s.io", "events.events.k8s.io", "events.k8s.io/v1"),
        ("services", "services", "v1"),
        ("services.serving.vendor.example", "services.serving.vendor.example", "serving.vendor.example/v1"),
        ("ingress", "ingresses.networking.k8s.io", "networking.k8s.io/v1"),
        ("nodes", "nodes", "v1"),
        ("pods.metrics.k8s.io", "pods.metrics.k8s.io", "metrics.k8s.io/v1beta1"),
    ],
)
def test_a_word_means_the_kind_that_kubectl_would_take(kinds, word, name, api_version):
    found = kinds.find(word)
    assert (full_name(found), found.api_version) == (name, api_version)


def test_a_word_that_may_mean_several_kinds_is_answered_with_the_candidates(kinds):
    with pytest.raises(ToolError) as error:
        kinds.find("gateway")
    assert "gateways.gateway.networking.k8s.io (Gateway)" in str(error.value)
    assert "gateways.networking.istio.io (Gateway)" in str(error.value)


@pytest.mark.parametrize(
    ("word", "near"), [("podz", "pods"), ("deploymnt", "deployments.apps"), ("Isuer", "issuers.cert-manager.io")]
)
def test_a_word_that_is_near_a_kind_is_answered_with_it(kinds, word, near):
    with pytest.raises(ToolError, match=f"serves no kind {word!r}. Did you mean .*{near}"):
        kinds.find(word)


@pytest.mark.parametrize("word", ["", "xyzzy", "apps/v9 Deployment", "pods.apps", "a/b/c/d", "v1", "..", "pods/log"])
def test_a_word_for_nothing_is_said_to_be_unknown(kinds, word):
    with pytest.raises(ToolError, match="serves no kind"):
        kinds.find(word)


def test_a_kind_that_cannot_be_listed_says_what_it_can(kinds):
    with pytest.raises(ToolError, match=r"bindings cannot be asked for by list \(its verbs: create\)"):
        kinds.find("bindings", "list")


def test_several_words_and_categories_become_several_kinds_once(kinds):
    found = kinds.find_all("all, po,cm")
    assert [full_name(resource) for resource in found] == ["pods", "services", "deployments.apps", "configmaps"]


def test_no_word_at_all_is_refused(kinds):
    with pytest.raises(ToolError, match="kind is empty"):
        kinds.find_all(" , ")
