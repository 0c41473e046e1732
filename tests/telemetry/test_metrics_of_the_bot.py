"""The bot at work in its world, scraped as Prometheus does."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from kubeai_bot.domain.policy import Mode
from kubeai_bot.playground.cluster.interference import cut_off, path_contains
from kubeai_bot.playground.model.replies import Call, Fail, Pause, Say
from kubeai_bot.playground.model.scripted import ScriptedModel
from kubeai_bot.playground.world import WorldOptions
from tests.scenario.stories import MIA, OMAR, SAM, story
from tests.stores.filesystem_mounts import mounted
from tests.telemetry.scraping import scrape

LIST = Call("list_resources", {"kind": "pods", "namespace": "shop"})
SCALE = Call("scale", {"kind": "deployment", "namespace": "shop", "name": "frontend", "replicas": 4})
SECRETS = Call("list_resources", {"kind": "secrets", "namespace": "shop"})


async def test_a_turn_moves_the_numbers_of_everything_it_went_through() -> None:
    model = ScriptedModel([[LIST, Call("no_such_tool"), SECRETS], Say("All is well.")])
    async with story(WorldOptions(model=model)) as it:
        before = await scrape(it.world)
        assert before.of("kubeai_turns_total") == 0
        await it.ask(MIA, "what runs in shop?")
        seen = await scrape(it.world)
    assert seen.of("kubeai_turns_total", outcome="answered") == seen.of("kubeai_turns_total") == 1
    for times in ("kubeai_turn_seconds", "kubeai_first_sign_seconds"):
        assert seen.of(f"{times}_count") == 1
        assert 0 < seen.of(f"{times}_sum") < 60
    assert seen.of("kubeai_first_sign_seconds_sum") <= seen.of("kubeai_turn_seconds_sum")
    assert seen.of("kubeai_turns_running") == 0
    calls = {
        (labels["tool"], labels["effect"], labels["verdict"], labels["outcome"]): value
        for name, labels, value in seen.samples()
        if name == "kubeai_tool_calls_total"
    }
    assert calls == {
        ("list_resources", "read", "allowed", "ok"): 1,
        ("list_resources", "read", "refused", "refused"): 1,
        ("(unknown)", "read", "invalid", "failed"): 1,
    }
    assert seen.of("kubeai_tool_seconds_count", tool="list_resources") == 1
    who = {"provider": "openai", "model": model.model}
    assert seen.of("kubeai_model_requests_total", **who, outcome="ok") == 2
    assert seen.of("kubeai_first_token_seconds_count") == seen.of("kubeai_model_seconds_count", **who) == 2
    assert seen.of("kubeai_tokens_total", **who, kind="input") > 0
    assert seen.of("kubeai_tokens_total", **who, kind="output") > 0
    assert seen.of("kubeai_cost_usd_total") == 0
    assert seen.of("kubeai_slack_calls_total", outcome="ok") > 0
    assert seen.of("kubeai_cluster_requests_total", cluster="demo", outcome="ok") > 0
    assert seen.of("kubeai_cluster_seconds_count", cluster="demo") > 0
    for operation in ("receive", "append", "close", "unfinished"):
        assert seen.of("kubeai_store_seconds_count", operation=operation) > 0
    assert seen.of("kubeai_store_errors_total") == 0
    assert seen.of("kubeai_queue_depth") == seen.of("kubeai_leases_held") == 0
    assert {part: seen.of("kubeai_ready", part=part) for part in ("slack", "store", "credentials")} == {
        "slack": 1,
        "store": 1,
        "credentials": 1,
    }
    assert seen.of("process_resident_memory_bytes") > 0
    assert seen.of("python_gc_collections_total", generation="2") >= 0


async def test_while_a_turn_runs_it_is_running_and_its_session_is_held() -> None:
    gate = Pause(asyncio.Event())
    async with story(WorldOptions(model=ScriptedModel([[Say("Well, "), gate, Say("yes.")]]))) as it:
        thread = await it.world.workspace.say(MIA, "is it?")
        await asyncio.wait_for(gate.reached.wait(), 10)
        seen = await scrape(it.world)
        assert (seen.of("kubeai_turns_running"), seen.of("kubeai_leases_held")) == (1, 1)
        assert seen.of("kubeai_turns_total") == 0
        gate.until.set()
        await it.answers("D0MIA", thread)
        assert (await scrape(it.world)).of("kubeai_turns_running") == 0


async def test_a_change_counts_as_asked_approved_and_done() -> None:
    async with story(WorldOptions(model=ScriptedModel([SCALE, Say("Scaled.")]), mode=Mode.ALLOW)) as it:
        thread = await it.ask(OMAR, "scale the frontend to 4")
        asked = await scrape(it.world)
        assert asked.of("kubeai_approvals_total", decision="asked") == 1
        assert asked.of("kubeai_tool_calls_total", tool="scale", verdict="ask", outcome="waiting") == 1
        assert asked.of("kubeai_turns_total", outcome="waiting") == 1
        await it.ask(OMAR, "yes", thread_ts=thread)
        done = await scrape(it.world)
    assert done.of("kubeai_approvals_total", decision="approved") == 1
    assert done.of("kubeai_tool_calls_total", tool="scale", effect="write", verdict="approved", outcome="ok") == 1


async def test_refused_people_failed_models_and_limited_calls_are_counted() -> None:
    model = ScriptedModel([Fail(401, "the key is wrong")])
    async with story(WorldOptions(model=model)) as it:
        await it.ask(SAM, "show me all pods")
        it.world.workspace.fault("chat.postMessage", retry_after=1)
        await it.ask(MIA, "what runs?")
        seen = await scrape(it.world)
    assert seen.of("kubeai_identities_denied_total") == 1
    assert seen.of("kubeai_turns_total", outcome="refused") == 1
    assert seen.of("kubeai_turns_total", outcome="failed") == 1
    assert seen.of("kubeai_model_requests_total", outcome="refused") == 1
    assert seen.of("kubeai_slack_rate_limited_total") == 1
    assert seen.of("kubeai_slack_calls_total", method="chat_postMessage", outcome="limited") == 1


async def test_no_label_names_a_person_a_session_or_a_namespace() -> None:
    async with story(WorldOptions(runbooks=True)) as it:
        await it.ask(MIA, "Who am I?", channel="C0ONCALL", mention=True)
        await it.ask(OMAR, "Which pods run in shop?")
        seen = await scrape(it.world)
    assert seen.of("kubeai_mcp_server_up", server="runbooks") == 1
    told = " ".join(
        text for name, labels, _ in seen.samples() if name.startswith("kubeai_") for text in labels.values()
    )
    assert not re.search(r"U0MIA|U0OMAR|T0SHOP|D0MIA|C0ONCALL|@|\bshop\b|payments|xox", told), told


async def test_an_api_server_that_hangs_up_is_counted_as_unreachable_and_does_not_end_readiness() -> None:
    async with story(WorldOptions(model=ScriptedModel([LIST, Say("I cannot see it.")]))) as it:
        it.world.cluster.on_request.append(cut_off(path_contains("/pods"), times=99))
        await it.ask(MIA, "what runs?")
        seen = await scrape(it.world)
        assert seen.of("kubeai_cluster_requests_total", cluster="demo", outcome="unreachable") > 0
        assert (await _ready(it.world.environment["LISTEN_ADDRESS"]))[0] == 200


@pytest.fixture
def volume() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kubeai-volume-") as folder:
        path = Path(folder) / "volume"
        with mounted(path, "2m"):
            yield path


async def test_with_sessions_on_a_full_disk_the_bot_is_not_ready_until_there_is_room_again(volume: Path) -> None:
    async with story(SESSION_TYPE="filesystem", SESSIONS_DIR=str(volume / "sessions")) as it:
        address = it.world.environment["LISTEN_ADDRESS"]
        assert (await _ready(address))[0] == 200
        ballast = volume / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 512)
        assert await _ready(address) == (503, {"slack": True, "store": False, "credentials": True})
        assert (await scrape(it.world)).of("kubeai_ready", part="store") == 0
        ballast.unlink()
        assert (await _ready(address))[0] == 200
        assert not (volume / "sessions" / ".probe").exists()


async def _ready(address: str) -> tuple[int, dict[str, bool]]:
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://{address}/readyz")
        return answer.status_code, answer.json()["parts"]
