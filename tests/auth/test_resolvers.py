"""From a speaker to an identity."""

from __future__ import annotations

from datetime import UTC, datetime

import hypothesis.strategies as st
import pytest
from hypothesis import given

from kubeai_bot.auth.kubeconfig import KubeconfigOwner
from kubeai_bot.auth.mapping import MappedIdentities, MappedPerson
from kubeai_bot.auth.shared import SharedIdentity
from kubeai_bot.domain.identity import AsKubeconfig, Identity, KubeUser, Speaker

MIA = Speaker("T0SHOP", "U0MIA")
OMAR = Speaker("T0SHOP", "U0OMAR")


# --- shared ---


async def test_everybody_shares_one_identity_and_stays_themselves(clock):
    resolver = SharedIdentity("kubeai-shared", ["kubeai-readers"], clock)
    kube = KubeUser("kubeai-shared", ("kubeai-readers",))
    assert await resolver.resolve(MIA) == Identity(MIA, "shared", kube, clock())
    assert await resolver.resolve(OMAR) == Identity(OMAR, "shared", kube, clock())


async def test_the_real_clock_is_aware_of_its_zone():
    before = datetime.now(UTC)
    assert before <= (await SharedIdentity("someone").resolve(MIA)).resolved_at <= datetime.now(UTC)


# --- kubeconfig ---


async def test_the_owner_of_a_kubeconfig_acts_as_it_says(clock):
    identity = await KubeconfigOwner(["U0MIA"], clock).resolve(MIA)
    assert identity == Identity(MIA, "kubeconfig", None, clock())
    assert identity.on("demo") == AsKubeconfig()


async def test_a_kubeconfig_is_not_lent_to_anybody_else(refusal):
    reply = await refusal(KubeconfigOwner(["U0MIA"]), "U0OMAR")
    assert "`U0OMAR`" in reply
    assert "`ALLOWED_USERS`" in reply


def test_a_kubeconfig_is_not_lent_without_a_list():
    with pytest.raises(ValueError, match="listed"):
        KubeconfigOwner([])


# --- mapping ---


@pytest.fixture
def mapped(workspace, clock):
    """Resolves with the entries that a test gives."""

    def mapped(*people: MappedPerson, contact: str = "") -> MappedIdentities:
        return MappedIdentities(people, workspace.profile, contact, clock)

    return mapped


async def test_a_slack_user_id_is_mapped_without_asking_slack(mapped, workspace, clock):
    kube, prod = KubeUser("mia", ("shop-developers",)), KubeUser("mia-prod")
    identity = await mapped(MappedPerson(kube, slack="U0MIA", per_cluster=(("prod", prod),))).resolve(MIA)
    assert identity == Identity(MIA, "mapping", kube, clock(), (("prod", prod),))
    assert (identity.on("prod"), identity.on("demo")) == (prod, kube)
    assert workspace.asked == 0


@pytest.mark.parametrize("email", ["mia@shop.example", "Mia@SHOP.example"])
async def test_an_address_is_mapped_in_any_case(mapped, email):
    identity = await mapped(MappedPerson(KubeUser("mia"), email=email)).resolve(MIA)
    assert identity.kube == KubeUser("mia")


async def test_an_entry_by_slack_user_id_wins_over_one_by_address(mapped):
    resolver = mapped(
        MappedPerson(KubeUser("by-email"), email="mia@shop.example"), MappedPerson(KubeUser("by-id"), slack="U0MIA")
    )
    assert (await resolver.resolve(MIA)).kube == KubeUser("by-id")


@pytest.mark.parametrize("user_id", ["U0GIL", "U0EVE", "U0OLD"])
async def test_the_address_of_anybody_but_a_full_member_never_maps(mapped, workspace, refusal, user_id):
    email = workspace.profiles[user_id].email
    assert "don't know who you are" in await refusal(mapped(MappedPerson(KubeUser("x"), email=email)), user_id)


async def test_a_bot_with_somebodys_address_is_not_that_person(mapped, workspace, refusal):
    workspace.add("U0BOT", is_bot=True, email="mia@shop.example")
    assert await refusal(mapped(MappedPerson(KubeUser("mia"), email="mia@shop.example")), "U0BOT")


async def test_guests_may_be_mapped_by_their_slack_user_id(mapped):
    resolver = mapped(MappedPerson(KubeUser("gil"), slack="U0GIL"))
    assert (await resolver.resolve(Speaker("T0SHOP", "U0GIL"))).kube == KubeUser("gil")


async def test_whoever_is_not_mapped_learns_why_and_whom_to_ask(mapped, refusal):
    resolver = mapped(MappedPerson(KubeUser("mia"), email="mia@shop.example"), contact="Ask in #platform.")
    reply = await refusal(resolver, "U0SAM")
    assert "`U0SAM`" in reply
    assert reply.endswith("Ask in #platform.")


async def test_without_a_contact_the_reply_still_says_whom_to_ask(mapped, refusal):
    assert (await refusal(mapped(), "U0SAM")).endswith("Ask the people who run this bot.")


async def test_a_member_without_an_address_is_not_mapped_by_address(mapped, workspace, refusal):
    workspace.add("U0SAM")
    assert await refusal(mapped(MappedPerson(KubeUser("mia"), email="mia@shop.example")), "U0SAM")


async def test_a_profile_of_somebody_else_maps_nobody(mapped, workspace, refusal):
    workspace.profiles["U0SAM"] = workspace.profiles["U0MIA"]
    assert await refusal(mapped(MappedPerson(KubeUser("mia"), email="mia@shop.example")), "U0SAM")


@pytest.mark.parametrize("lookalike", ["mi\u0430@shop.example", "\u212aim@shop.example", "mia@shop.example\u200b"])
async def test_an_address_that_only_looks_the_same_is_another(mapped, workspace, refusal, lookalike):
    workspace.add("U0SAM", email=lookalike)
    resolver = mapped(
        MappedPerson(KubeUser("mia"), email="mia@shop.example"), MappedPerson(KubeUser("kim"), email="kim@shop.example")
    )
    assert await refusal(resolver, "U0SAM")


@pytest.mark.parametrize("named", [{}, {"slack": "U0MIA", "email": "mia@shop.example"}, {"slack": ""}])
def test_an_entry_names_its_person_in_one_way(named):
    with pytest.raises(ValueError, match="one of the two"):
        MappedPerson(KubeUser("mia"), **named)


def test_two_entries_for_one_person_are_refused(mapped):
    with pytest.raises(ValueError, match="the same person"):
        mapped(
            MappedPerson(KubeUser("a"), email="mia@shop.example"), MappedPerson(KubeUser("b"), email="MIA@shop.example")
        )


# --- whatever an operator writes ---

NAMES = st.text(max_size=20) | st.builds(
    "{}{}{}".format,
    st.sampled_from(["", " ", "\t", "\x00", "\u200b", "a:"]),
    st.sampled_from(["system:", "System:", "SYSTEM:", "system", "sYsTeM:\n"]),
    st.sampled_from(["masters", "admin", "", "serviceaccount:kube-system:x", ":"]),
)


def is_a_system_name(name: str) -> bool:
    return name.strip().lower().startswith("system:")


@given(user=NAMES, groups=st.lists(NAMES, max_size=4))
async def test_no_resolver_ever_gives_out_a_system_name(user, groups):
    async def nobody(speaker):
        raise AssertionError("Slack is not asked for entries by id")

    try:
        kube = KubeUser(user, tuple(groups))
        resolvers = [
            SharedIdentity(user, groups),
            MappedIdentities([MappedPerson(kube, slack="U0MIA", per_cluster=(("prod", kube),))], nobody),
        ]
    except ValueError:
        return
    for resolver in resolvers:
        identity = await resolver.resolve(MIA)
        for cluster in ("prod", "demo"):
            sent = identity.on(cluster)
            assert sent.user.strip()
            assert not any(is_a_system_name(name) for name in (sent.user, *sent.groups))
            assert not any(char in name for name in (sent.user, *sent.groups) for char in "\r\n\x00")
