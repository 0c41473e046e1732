"""The whole doctor: a healthy world, a broken configuration, what it prints, and the program itself."""

import asyncio
import json
import os
import sys

from kubeai_bot.doctor.bounds import BOUND, bounded
from kubeai_bot.doctor.finding import Area, defect, ok
from kubeai_bot.doctor.report import cleaned
from kubeai_bot.playground.world import WorldOptions

KEYS = {"check", "area", "result", "says", "fix", "at_start"}


async def test_in_a_healthy_world_nothing_is_a_fault_and_everything_is_looked_at(doctor) -> None:
    visit = await doctor.visit()
    assert (visit.code, visit.wrong) == (0, set())
    assert set(visit.report) == {"version", "result", "exit_code", "findings"}
    assert all(set(each) == KEYS for each in visit.report["findings"])
    assert {each["area"] for each in visit.report["findings"]} == {area.value for area in Area}
    assert {each["check"] for each in visit.report["findings"] if each["result"] == "warning"} <= {
        "configuration.settings"  # Slack is simulated
    }


async def test_over_http_the_signing_secret_and_the_address_are_what_counts(doctor_in) -> None:
    async with doctor_in(WorldOptions(http=True)) as doctor:
        visit = await doctor.visit(Area.SLACK)
    assert visit.code == 0
    assert "over HTTP" in visit.named("slack.transport")["says"]


async def test_every_fault_of_the_configuration_is_told_at_once_with_exit_code_2(doctor) -> None:
    visit = await doctor.visit(SLACK_BOT_TOKEN="", MODEL_ID="", MODIFY_RESOURCES="perhaps", init=True)
    said = [each["says"] for each in visit.report["findings"]]
    assert (visit.code, visit.wrong) == (2, {"configuration.settings"})
    assert [words.split("=")[0].split(" ")[0] for words in said] == ["MODIFY_RESOURCES", "SLACK_BOT_TOKEN", "MODEL_ID"]


async def test_a_check_that_hangs_is_cut_off() -> None:
    async def hangs():
        await asyncio.Event().wait()
        return ok("slack.token", "never")

    (found,) = await asyncio.wait_for(bounded("slack.token", hangs(), "Slack", 0.1), 10)
    assert found.says == "no answer within 0.1 s from Slack"
    assert BOUND <= 10


def test_secrets_and_terminal_sequences_never_reach_the_report() -> None:
    hostile = defect(
        "mcp.a", "\x1b]0;owned\x07said hunter22hunter22 and xoxb-1234-abcdef\nOK", "hunter22hunter22\u202e"
    )
    (found,) = cleaned([hostile], ["hunter22hunter22"])
    assert (found.says, found.fix) == ("said [masked] and [masked] OK", "[masked]")


async def test_the_program_tells_people_by_area_and_programs_by_json(doctor) -> None:
    doctor.world.workspace.bot_scopes -= {"commands"}
    code, out, err = await _program(doctor, "doctor", "--only", "slack")
    assert (code, err) == (1, "")
    assert out.startswith("Slack\n")
    assert "✗ the bot token lacks 1 of 12 scopes: commands" in out
    assert "    → Add commands to the bot token scopes" in out
    assert "1 fault, 0 warnings, 4 checks fine" in out
    code, out, err = await _program(doctor, "doctor", "--init", "--json")
    assert (code, err, json.loads(out)["result"]) == (1, "", "fault")


async def _program(doctor, *arguments: str) -> tuple[int, str, str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "SSL_CERT_FILE") if name in os.environ}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kubeai_bot.cli", *arguments),
        env={**inherited, "PYTHONIOENCODING": "utf-8", **doctor.world.environment},
        stdout=pipe,
        stderr=pipe,
    )
    out, err = await asyncio.wait_for(process.communicate(), 50)
    for secret in (doctor.world.workspace.bot_token, doctor.world.workspace.app_token):
        assert secret not in (out + err).decode()
    return process.returncode or 0, out.decode(), err.decode()
