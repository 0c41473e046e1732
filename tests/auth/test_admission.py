"""Who is answered at all."""

from __future__ import annotations

import pytest

from kubeai_bot.auth.admission import Admission
from kubeai_bot.auth.shared import SharedIdentity
from kubeai_bot.domain.identity import Speaker
from kubeai_bot.errors import UserError


@pytest.fixture
def door(workspace, clock):
    def door(**options) -> Admission:
        return Admission(SharedIdentity("kubeai-shared", [], clock), workspace.profile, **options)

    return door


async def enters(door: Admission, user_id: str) -> bool:
    try:
        identity = await door.resolve(Speaker("T0SHOP", user_id))
    except UserError:
        return False
    return identity.speaker.user_id == user_id


@pytest.mark.parametrize(
    ("options", "inside"),
    [
        ({}, {"U0MIA", "U0OMAR", "U0SAM"}),
        ({"allow_guests": True}, {"U0MIA", "U0OMAR", "U0SAM", "U0GIL"}),
        ({"allow_external": True}, {"U0MIA", "U0OMAR", "U0SAM", "U0EVE"}),
        ({"allowed_users": frozenset({"U0MIA"})}, {"U0MIA"}),
        ({"allowed_users": frozenset({"U0MIA", "U0GIL", "U0EVE", "U0BOT", "U0OLD"})}, {"U0MIA"}),
        ({"allowed_users": frozenset({"U0MIA", "U0GIL"}), "allow_guests": True}, {"U0MIA", "U0GIL"}),
        ({"allow_guests": True, "allow_external": True}, {"U0MIA", "U0OMAR", "U0SAM", "U0GIL", "U0EVE"}),
    ],
)
async def test_each_setting_lets_in_whom_it_names_and_nobody_else(door, workspace, options, inside):
    assert {user_id for user_id in workspace.profiles if await enters(door(**options), user_id)} == inside


@pytest.mark.parametrize(
    ("user_id", "options", "why", "what_to_do"),
    [
        ("U0GIL", {}, "guests", "`ALLOW_GUESTS=true`"),
        ("U0EVE", {}, "another one", "`ALLOW_EXTERNAL=true`"),
        ("U0SAM", {"allowed_users": frozenset({"U0MIA"})}, "not on it", "`U0SAM` has to be added to `ALLOWED_USERS`"),
        ("U0BOT", {}, "not other apps", "Ask"),
        ("U0OLD", {}, "deactivated", "Ask"),
    ],
)
async def test_every_refusal_says_why_what_to_do_and_whom_to_ask(door, refusal, user_id, options, why, what_to_do):
    reply = await refusal(door(contact="Ask in #platform.", **options), user_id)
    assert why in reply
    assert what_to_do in reply
    assert reply.endswith("Ask in #platform.")


async def test_an_outsider_who_is_also_a_guest_needs_both_permissions(door, workspace):
    workspace.add("U0BOTH", is_guest=True, is_external=True)
    assert not await enters(door(allow_guests=True), "U0BOTH")
    assert not await enters(door(allow_external=True), "U0BOTH")
    assert await enters(door(allow_guests=True, allow_external=True), "U0BOTH")


async def test_a_profile_of_somebody_else_lets_nobody_in(door, workspace):
    workspace.profiles["U0EVE"] = workspace.profiles["U0MIA"]
    assert not await enters(door(), "U0EVE")


async def test_when_slack_cannot_say_who_it_is_nobody_enters(door, refusal):
    assert await refusal(door(), "U0NOBODY") == "Slack does not know you."


async def test_who_was_admitted_may_still_be_refused_by_the_resolver(workspace, refusal):
    class Refuser:
        async def resolve(self, _speaker):
            raise UserError("not mapped")

    assert await refusal(Admission(Refuser(), workspace.profile), "U0MIA") == "not mapped"
