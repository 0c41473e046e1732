"""The doctor and Slack: tokens, scopes, the way in, clocks."""

import time

from kubeai_bot.doctor.finding import Area
from kubeai_bot.playground.workspace.server import Workspace
from kubeai_bot.slack.scopes import NEEDED


async def test_a_missing_scope_is_named_and_keeps_the_bot_from_starting(doctor) -> None:
    doctor.world.workspace.bot_scopes = NEEDED - {"files:write", "im:history"}
    visit = await doctor.visit(Area.SLACK, init=True)
    found = visit.named("slack.scopes")
    assert (visit.code, visit.wrong) == (1, {"slack.scopes"})
    assert "lacks 2 of 12 scopes: files:write, im:history" in found["says"]
    assert "reinstall" in found["fix"]


async def test_scopes_beyond_those_that_are_used_are_no_fault(doctor) -> None:
    doctor.world.workspace.bot_scopes = NEEDED | {"admin"}
    assert (await doctor.visit(Area.SLACK)).code == 0


async def test_tokens_that_slack_refuses_are_told_apart_and_not_shown(doctor) -> None:
    visit = await doctor.visit(
        Area.SLACK, init=True, SLACK_BOT_TOKEN="xoxb-wrong-one", SLACK_APP_TOKEN="xapp-wrong-one"
    )
    assert (visit.code, visit.wrong) == (1, {"slack.token", "slack.transport"})
    assert "SLACK_BOT_TOKEN (invalid_auth)" in visit.named("slack.token")["says"]
    assert "xoxb-…" in visit.named("slack.token")["fix"]
    assert "connections:write" in visit.named("slack.transport")["fix"]


async def test_socket_mode_that_is_off_is_a_fault(doctor) -> None:
    doctor.world.workspace.fault("apps.connections.open", error="not_allowed_token_type")
    assert "Socket Mode on" in (await doctor.visit(Area.SLACK)).named("slack.transport")["fix"]


async def test_a_slack_that_stumbles_once_is_asked_again_before_a_start(doctor) -> None:
    doctor.world.workspace.fault("auth.test", status=503, error="service_unavailable")
    visit = await doctor.visit(Area.SLACK, init=True, pauses=(0.01,))
    assert visit.named("slack.token")["result"] == "ok"


async def test_a_slack_that_is_away_is_a_fault_but_does_not_keep_the_bot_from_starting(doctor) -> None:
    away = {"SLACK_API_URL": "http://127.0.0.1:9/api/"}
    assert (await doctor.visit(Area.SLACK, **away)).wrong == {"slack.token", "slack.transport"}
    visit = await doctor.visit(Area.SLACK, init=True, **away)
    assert (visit.code, visit.report["result"]) == (0, "warning")
    assert visit.named("slack.token")["at_start"] == "wait"


async def test_a_clock_that_is_minutes_off_is_found(doctor) -> None:
    async with Workspace(clock=lambda: time.time() + 300) as workspace:
        visit = await doctor.visit(
            Area.SLACK,
            SLACK_API_URL=workspace.api_url,
            SLACK_BOT_TOKEN=workspace.bot_token,
            SLACK_APP_TOKEN=workspace.app_token,
        )
    found = visit.named("slack.clock")
    assert found["result"] == "fault"
    assert "behind that of Slack" in found["says"]
    assert "NTP" in found["fix"]


async def test_an_address_that_another_program_listens_on_is_said(doctor) -> None:
    taken = doctor.world.workspace.base_url.removeprefix("http://")
    visit = await doctor.visit(Area.SLACK, LISTEN_ADDRESS=taken)
    found = visit.named("slack.listen_address")
    assert (visit.code, found["result"]) == (0, "warning")
    assert "already in use" in found["says"]


async def test_an_address_of_another_machine_is_a_fault(doctor) -> None:
    visit = await doctor.visit(Area.SLACK, LISTEN_ADDRESS="192.0.2.1:8888")
    assert visit.wrong == {"slack.listen_address"}


async def test_the_words_of_a_server_cannot_paint_the_terminal(doctor) -> None:
    doctor.world.workspace.fault("auth.test", error="\x1b[2Jowned\nSlack is fine")
    assert (
        "refuses SLACK_BOT_TOKEN (owned Slack is fine)" in (await doctor.visit(Area.SLACK)).named("slack.token")["says"]
    )
