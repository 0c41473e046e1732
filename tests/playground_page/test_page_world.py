"""The page on the whole world: the bot answers, and every lane of the inspector shows how."""

import json
from pathlib import Path

import pytest

from kubeai_bot.domain.policy import Mode
from kubeai_bot.playground.page.running import open_playground
from kubeai_bot.playground.world import WorldOptions
from tests.playground_page.visitor import visit

pytestmark = pytest.mark.timeout(60)


async def answered(visitor, who, text, *, channel=None, thread_ts=None):
    """Say it; the bot's finished messages of the thread."""
    channel = channel or f"D{who[1:]}"
    fields = {"thread_ts": thread_ts} if thread_ts else {}
    thread = thread_ts or (await visitor.done("say", who=who, channel=channel, text=text, **fields))["ts"]

    def finished():
        said = [m for m in visitor.messages(channel, thread) if m["bot"]]
        status = [s for s in visitor.seen["sessions"] if s["thread_ts"] == thread]
        over = said and all(m["stream"] in (None, "stopped") for m in said)
        return over and status and status[0]["status"] == "active" and said

    return await visitor.until(finished, "the answer")


def words(messages):
    return json.dumps([[m["text"], m["chunks"], m["blocks"]] for m in messages])


async def test_two_people_ask_the_same_and_see_what_each_may_see(playground):
    async with visit(playground.page) as visitor:
        mia = words(await answered(visitor, "U0MIA", "What is unhealthy right now?"))
        omar = words(await answered(visitor, "U0OMAR", "What is unhealthy right now?"))
        sam = words(await answered(visitor, "U0SAM", "What is unhealthy right now?"))
        assert "payments/" not in mia
        assert "payments/" in omar
        assert "mapped" in sam
        assert any(frame["type"] == "status" and frame["status"] == "processing" for frame in visitor.frames)
    playground.world.workspace.assert_no_problems()


async def test_every_lane_shows_its_part_of_an_answer(playground):
    async with visit(playground.page) as visitor:
        await answered(visitor, "U0MIA", "What is unhealthy right now?")
        await visitor.until(lambda: visitor.lane("session")[0]["detail"]["agent_state"] == "done", "the settled record")
        event = visitor.lane("events")[0]
        assert (event["state"], event["detail"]["payload"]["event"]["user"]) == ("ok", "U0MIA")
        methods = {e["detail"]["method"] for e in visitor.lane("calls")}
        assert {"users.info", "agents.sessions.setStatus"} <= methods
        assert methods & {"chat.startStream", "chat.postMessage"}
        record, *transcript = visitor.lane("session")
        assert record["id"].startswith("record:")
        assert [entry["detail"]["seq"] for entry in transcript] == list(range(1, len(transcript) + 1))
        assert transcript[0]["detail"]["message"]["payload"]["text"] == "What is unhealthy right now?"
        models = visitor.lane("model")
        assert len(models) >= 2
        assert all(entry["state"] == "ok" for entry in models)
        assert models[0]["detail"]["reply"]["tool_calls"]
        assert "list_resources" in models[0]["detail"]["request"]["tools"]
        as_mia = [e for e in visitor.lane("cluster") if e["detail"]["impersonated_user"]]
        assert {e["detail"]["impersonated_user"] for e in as_mia} == {"mia@shop.example"}
        assert as_mia[0]["detail"]["impersonated_groups"] == ["shop-developers"]
        assert {e["detail"]["status"] for e in as_mia} >= {200, 403}
        assert all(isinstance(e["detail"]["size_bytes"], int) for e in as_mia)
        everything = json.dumps(visitor.frames)
        for secret in (*playground.world.settings().secret_texts(), "demo-token-of-kubeai-bot"):
            assert not secret or secret not in everything


async def test_the_bot_is_restarted_while_the_page_stays_and_answers_again(playground):
    async with visit(playground.page) as visitor:
        await answered(visitor, "U0MIA", "help")
        await visitor.done("bot", action="stop")
        assert visitor.seen["world"]["bot"] == {"state": "stopped", "error": None}
        await visitor.until(lambda: visitor.seen["connections"] == 0, "the socket's end")
        before = len(visitor.messages("D0MIA"))
        await visitor.done("bot", action="start")
        await visitor.done("bot", action="start")
        assert visitor.seen["world"]["bot"]["state"] == "running"
        assert len(visitor.messages("D0MIA")) == before
        await visitor.done("bot", action="restart")
        await answered(visitor, "U0OMAR", "Who am I?")
        states = [frame["state"] for frame in visitor.frames if frame["type"] == "bot"]
        assert states == ["stopped", "starting", "running", "stopped", "starting", "running"]


async def test_sessions_in_files_outlive_the_bot_and_are_shown_when_it_comes_back(tmp_path):
    options = WorldOptions(environment={"SESSION_TYPE": "filesystem", "SESSIONS_DIR": str(tmp_path)})
    async with open_playground(options, 0) as playground, visit(playground.page) as visitor:
        await visitor.done("bot", action="start")
        first = await answered(visitor, "U0MIA", "Who am I, and what may I do?")
        await visitor.done("bot", action="restart")
        thread = first[0]["thread_ts"]
        await visitor.done("say", who="U0MIA", channel="D0MIA", thread_ts=thread, text="help")
        await visitor.until(
            lambda: any(e["detail"].get("seq", 0) >= 4 for e in visitor.lane("session")), "the longer transcript"
        )
        assert len({e["id"] for e in visitor.lane("session") if e["id"].startswith("record:")}) == 1


async def test_a_bot_that_cannot_start_says_why_and_the_page_stays():
    async with open_playground(WorldOptions(), 0) as playground, visit(playground.page) as visitor:
        playground.world.workspace.fault("auth.test", error="invalid_auth", times=5)
        answer = await visitor.ask("bot", action="start")
        assert not answer["ok"]
        assert "invalid_auth" in answer["error"]
        assert visitor.seen["world"]["bot"]["state"] == "stopped"
        assert "invalid_auth" in visitor.seen["world"]["bot"]["error"]
        playground.world.workspace.clear_faults()
        await visitor.done("bot", action="start")
        assert visitor.seen["world"]["bot"] == {"state": "running", "error": None}


async def test_over_signed_http_the_page_works_the_same():
    async with open_playground(WorldOptions(http=True), 0) as playground, visit(playground.page) as visitor:
        await visitor.done("bot", action="start")
        assert visitor.seen["world"]["transport"] == "signed HTTP"
        assert "Who am I" in words(await answered(visitor, "U0MIA", "help"))
        assert visitor.lane("events")[0]["detail"]["transport"] == "http"


async def test_the_suggested_questions_can_be_said_as_they_are(playground):
    async with visit(playground.page) as visitor:
        suggested = visitor.seen["world"]["suggested"]
        assert {entry["as"] for entry in suggested} == {"U0MIA", "U0OMAR", "U0SAM"}
        in_channel = next(entry for entry in suggested if entry["channel"].startswith("C"))
        assert in_channel["text"].startswith("<@U0KUBEAI> ")
        said = await answered(visitor, in_channel["as"], in_channel["text"], channel=in_channel["channel"])
        assert "payments/" in words(said)


async def test_the_tour_has_a_change_where_the_bot_may_make_one():
    for seed, mode in ((None, Mode.ALLOW), (7, Mode.AUTO), (7, Mode.NONE)):
        async with (
            open_playground(WorldOptions(seed=seed, mode=mode), 0) as playground,
            visit(playground.page) as visitor,
        ):
            stuck = next(fault for fault in playground.world.scenario.faults if fault.kind == "rollout")
            said = [entry["as"] for entry in visitor.seen["world"]["suggested"] if stuck.workload in entry["text"]]
            assert said == ([] if mode is Mode.NONE else ["U0OMAR", "U0MIA"])


async def test_the_page_offers_the_commands_and_shortcuts_of_the_manifest(playground):
    manifest = Path(__file__).parents[2] / "docs" / "slack-manifest.socket.json"
    features = json.loads(manifest.read_text(encoding="utf-8"))["features"]
    async with visit(playground.page) as visitor:
        for offered, declared in (("commands", "slash_commands"), ("shortcuts", "shortcuts")):
            assert len(visitor.seen[offered]) == len(features[declared])
            for mine, theirs in zip(visitor.seen[offered], features[declared], strict=True):
                assert mine.items() <= theirs.items()
