"""Kubernetes names and identities."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given

from kubeai_bot.domain.identity import AsKubeconfig, Identity, KubeUser, Speaker

MIA = Speaker("T0SHOP", "U0MIA")
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
KUBE = KubeUser("mia@shop.example", ("shop-developers",))
IDENTITY = Identity(MIA, "mapping", KUBE, NOON, (("prod", KubeUser("mia-prod")),))

REFUSED = [
    "",
    " ",
    "system:admin",
    "system:",
    "System:Masters",
    "SYSTEM:serviceaccount:kube-system:default",
    " system:masters",
    "system:masters ",
    "\tsystem:masters",
    "\u00a0system:masters",
    "mia\nImpersonate-Group: system:masters",
    "mia\r",
    "mia\x00",
    "a\x7fb",
]


@pytest.mark.parametrize("name", REFUSED)
def test_no_user_and_no_group_has_such_a_name(name):
    with pytest.raises(ValueError, match=r"Kubernetes|system:"):
        KubeUser(name)
    with pytest.raises(ValueError, match=r"Kubernetes|system:"):
        KubeUser("mia", ("ok", name))


@pytest.mark.parametrize(
    "name", ["mia", "mia@shop.example", "oidc:mia", "systems:x", "a system: of", "Mïa Ö", "a,b", "x/y"]
)
def test_ordinary_names_are_taken_as_they_are(name):
    assert KubeUser(name, (name,)) == KubeUser(user=name, groups=(name,))


@given(st.text())
def test_a_name_that_is_taken_is_never_the_api_servers_system_space(name):
    try:
        taken = KubeUser("mia", (name,)).groups[0]
    except ValueError:
        return
    # What an API server would see after trimming the header's outer white space.
    assert not taken.strip().startswith("system:")


def test_a_person_has_another_name_on_single_clusters():
    assert IDENTITY.on("prod") == KubeUser("mia-prod")
    assert IDENTITY.on("demo") == KUBE


def test_only_the_kubeconfigs_own_user_is_nobody_in_kubernetes():
    own = Identity(MIA, "kubeconfig", None, NOON)
    assert own.on("demo") == AsKubeconfig()
    with pytest.raises(ValueError, match="kubeconfig"):
        Identity(MIA, "mapping", None, NOON)
    with pytest.raises(ValueError, match="kubeconfig"):
        Identity(MIA, "kubeconfig", KUBE, NOON)


def test_rights_are_the_same_whenever_they_were_resolved():
    assert IDENTITY.same_rights(replace(IDENTITY, resolved_at=NOON + timedelta(days=1)))


@pytest.mark.parametrize(
    "other",
    [
        None,
        replace(IDENTITY, speaker=Speaker("T0SHOP", "U0OMAR")),
        replace(IDENTITY, speaker=Speaker("T0OTHER", "U0MIA")),
        replace(IDENTITY, kube=KubeUser("mia@shop.example")),
        replace(IDENTITY, per_cluster=()),
        replace(IDENTITY, per_cluster=(("prod", KubeUser("mia-prod", ("admins",))),)),
        replace(IDENTITY, method="shared"),
        Identity(MIA, "kubeconfig", None, NOON),
    ],
)
def test_rights_differ_with_the_person_and_with_any_of_their_names(other):
    assert not IDENTITY.same_rights(other)


def test_an_identity_describes_itself_for_people():
    assert IDENTITY.describe() == "mia@shop.example (shop-developers)"
    assert Identity(MIA, "shared", KubeUser("x"), NOON).describe() == "x"
    assert "no impersonation" in Identity(MIA, "kubeconfig", None, NOON).describe()
