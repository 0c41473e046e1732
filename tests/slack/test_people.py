"""Who a speaker is, as far as our own organisation vouches for it."""

from typing import Any

import pytest

from kubeai_bot.domain.identity import Profile, Speaker
from kubeai_bot.errors import ConfigError, UserError
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.slack.calls import PacedCalls
from kubeai_bot.slack.client import Bot, slack_client, who_am_i
from kubeai_bot.slack.people import SlackPeople, profile_from
from tests.slack.scene import Clock

MIA = Speaker("T0SHOP", "U0MIA")
BOT = Bot("T0SHOP", "U0KUBEAI", "B0KUBEAI")
GRID = Bot("T0SHOP", "U0KUBEAI", "B0KUBEAI", "E0SHOP")


@pytest.fixture
def people(calls: PacedCalls, bot: Bot, clock: Clock) -> SlackPeople:
    return SlackPeople(calls, bot, ttl=60.0, size=3, clock=clock)


async def test_a_member_has_a_name_and_an_email(people: SlackPeople, workspace: Workspace) -> None:
    assert await people.profile(MIA) == Profile(MIA, "mia", "mia@shop.example")
    workspace.assert_no_problems()


async def test_guests_strangers_bots_and_deleted_people_are_told_apart(
    people: SlackPeople, workspace: Workspace
) -> None:
    assert (await people.profile(Speaker("T0SHOP", "U0GIL"))).is_guest
    eve = await people.profile(Speaker("T0OTHER", "U0EVE"))
    assert eve.is_external
    assert eve.email is None
    assert (await people.profile(Speaker("T0SHOP", "U0KUBEAI"))).is_bot
    workspace.change_person("U0SAM", deleted=True)
    assert (await people.profile(Speaker("T0SHOP", "U0SAM"))).is_deleted


async def test_a_profile_is_asked_for_once_a_while(people: SlackPeople, workspace: Workspace, clock: Clock) -> None:
    await people.profile(MIA)
    await people.profile(MIA)
    assert len(workspace.calls_of("users.info")) == 1
    clock.ahead += 61
    workspace.change_person("U0MIA", is_restricted=True)
    assert (await people.profile(MIA)).is_guest


async def test_only_so_many_profiles_are_kept(people: SlackPeople, workspace: Workspace) -> None:
    for user in ("U0MIA", "U0OMAR", "U0SAM", "U0GIL", "U0MIA"):
        await people.profile(Speaker("T0SHOP", user))
    assert len(workspace.calls_of("users.info")) == 5


async def test_an_unknown_person_is_told_so(people: SlackPeople) -> None:
    with pytest.raises(UserError, match="cannot see who you are"):
        await people.profile(Speaker("T0SHOP", "U0NOBODY"))


async def test_a_missing_scope_is_named(people: SlackPeople, workspace: Workspace) -> None:
    workspace.fault("users.info", error="missing_scope")
    with pytest.raises(UserError, match="users:read"):
        await people.profile(MIA)


async def test_a_failing_slack_is_asked_again_and_then_it_is_said(people: SlackPeople, workspace: Workspace) -> None:
    workspace.fault("users.info", status=503, times=2)
    assert (await people.profile(MIA)).name == "mia"
    workspace.fault("users.info", status=503, times=3)
    with pytest.raises(UserError, match="in a moment"):
        await people.profile(Speaker("T0SHOP", "U0OMAR"))


@pytest.mark.parametrize(
    ("user", "speaker", "bot", "external"),
    [
        ({"team_id": "T0SHOP"}, MIA, BOT, False),
        ({"team_id": "T0OTHER"}, MIA, BOT, True),
        ({"team_id": "T0SHOP"}, Speaker("T0OTHER", "U0MIA"), BOT, True),
        ({"team_id": "T0SHOP", "is_stranger": True}, MIA, BOT, True),
        ({"team_id": "T0TWO", "enterprise_user": {"enterprise_id": "E0SHOP"}}, Speaker("T0TWO", "U0MIA"), GRID, False),
        ({"team_id": "T0TWO", "enterprise_user": {"enterprise_id": "E0ELSE"}}, Speaker("T0TWO", "U0MIA"), GRID, True),
        ({"team_id": "T0TWO", "enterprise_user": {"enterprise_id": None}}, Speaker("T0TWO", "U0MIA"), BOT, True),
        ({"team_id": "T0SHOP"}, Speaker("E0SHOP", "U0MIA"), GRID, False),
    ],
)
def test_another_organisation_is_external_another_workspace_of_ours_is_not(
    user: dict[str, Any], speaker: Speaker, bot: Bot, external: bool
) -> None:
    profile = profile_from({**user, "profile": {"email": "mia@shop.example"}}, speaker, bot)
    assert profile.is_external is external
    assert profile.email == (None if external else "mia@shop.example")


def test_an_email_that_was_never_confirmed_is_none() -> None:
    user = {"team_id": "T0SHOP", "is_email_confirmed": False, "profile": {"email": "root@shop.example"}}
    assert profile_from(user, MIA, BOT).email is None


async def test_the_bot_knows_itself(bot: Bot) -> None:
    assert bot == BOT


async def test_a_refused_bot_token_is_a_fault_of_the_configuration(workspace: Workspace) -> None:
    async with slack_client("xoxb-wrong", workspace.api_url) as client:
        with pytest.raises(ConfigError, match=r"SLACK_BOT_TOKEN.*invalid_auth"):
            await who_am_i(client)


async def test_a_slack_that_is_away_at_the_start_is_tried_again_and_then_it_is_said(workspace: Workspace) -> None:
    async with slack_client(workspace.bot_token, workspace.api_url) as client:
        workspace.fault("auth.test", status=503, times=2)
        assert await who_am_i(client, first_wait=0.01) == BOT
    async with slack_client(workspace.bot_token, "http://127.0.0.1:9/api/") as client:
        with pytest.raises(ConfigError, match="cannot be reached"):
            await who_am_i(client, first_wait=0.01)
