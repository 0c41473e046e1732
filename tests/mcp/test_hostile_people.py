"""Who is told of whom: identity, environment, questions to the person, cancelled calls, progress."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Literal

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from kubeai_bot.tools.mcp.config import McpServer, SignedToken
from kubeai_bot.tools.mcp.opening import open_mcp
from tests.mcp.conftest import Polite
from tests.mcp.servers.starting import MIA, OMAR, Asked, liar, until

KEY = "a shared secret of more than 32 bytes, made up"
Generation = Literal["auto", "legacy"]
BOTH = pytest.mark.parametrize("generation", ["auto", "legacy"])


def found(words: str) -> dict[str, str]:
    """The JSON object in what the model reads."""
    return json.loads(words[words.index("{") : words.rindex("}") + 1])


async def test_two_people_side_by_side_are_told_apart_by_the_server(polite: Polite) -> None:
    server = McpServer(
        "web",
        url=polite.url,
        reads=("*",),
        forward={"X-User": "{user}", "X-Groups": "{groups}", "X-Slack": "id={slack_user}"},
        token=SignedToken(KEY, "HS256", "kubeai-bot", "web", header="X-Token"),
    )
    async with open_mcp([server]) as tools:
        people = {each.speaker.user_id: Asked(tools, each) for each in (MIA, OMAR)}
        await until(lambda: all("web__headers" in person.specs for person in people.values()), tools.status)
        asked = [*people] * 5
        answers = await asyncio.gather(*(people[name].ask("web__headers") for name in asked))
    for name, answer in zip(asked, answers, strict=True):
        headers = found(answer.content)
        kube = people[name].identity.kube
        assert kube is not None
        assert headers["x-user"] == kube.user
        assert headers["x-groups"] == ",".join(kube.groups)
        assert headers["x-slack"] == f"id={name}"
        claims = jwt.decode(headers["x-token"], OctKey.import_key(KEY)).claims
        assert claims["sub"] == kube.user
        assert claims["slack_user"] == name
        assert claims["exp"] - claims["iat"] <= 60


async def test_a_child_gets_a_clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-not-for-children")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-children")
    async with open_mcp([liar("TellsItsEnvironment", env={"GIVEN": "yes"})]) as tools:
        mia = Asked(tools)
        await until(lambda: "liar__greet" in mia.specs, tools.status)
        environment = found(await mia.words("liar__greet"))
    assert environment["GIVEN"] == "yes"
    assert "not-for-children" not in str(environment)
    assert set(environment) & set(os.environ) <= {"PATH", "HOME", "LANG", "LC_CTYPE"}


@BOTH
async def test_a_question_to_the_person_is_declined_and_the_person_hears_of_it(
    polite: Polite, generation: Generation
) -> None:
    async with open_mcp([McpServer("web", url=polite.url, reads=("*",), generation=generation)]) as tools:
        mia = Asked(tools)
        await until(lambda: "web__ask" in mia.specs, tools.status)
        said = await mia.words("web__ask")
        assert "decline" in said
        assert "Really?" in said + " ".join(mia.told)
        assert "Really?" in " ".join(mia.told)


@BOTH
async def test_a_cancelled_call_is_cancelled_at_a_server_over_http(polite: Polite, generation: Generation) -> None:
    async with open_mcp([McpServer("web", url=polite.url, reads=("*",), generation=generation)]) as tools:
        mia = Asked(tools)
        await until(lambda: "web__wait" in mia.specs, tools.status)
        waiting = asyncio.create_task(mia.words("web__wait", name=generation))
        await until(lambda: polite.recorded(f"wait {generation}"), tools.status)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await until(lambda: polite.recorded(f"cancelled {generation}"), tools.status)
        assert "21.5" in await mia.words("web__weather", city="Kyiv")


@pytest.mark.parametrize("legacy", [False, True])
async def test_a_cancelled_call_is_cancelled_at_a_child(tmp_path: Path, *, legacy: bool) -> None:
    record = tmp_path / "record"
    async with open_mcp([liar("RecordsCancels", legacy=legacy, env={"RECORD": str(record)})]) as tools:
        mia = Asked(tools)
        await until(lambda: "liar__greet" in mia.specs, tools.status)
        waiting = asyncio.create_task(mia.words("liar__greet"))
        await until(record.exists, tools.status)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await until(lambda: "cancelled" in record.read_text(), tools.status)


@BOTH
async def test_progress_is_passed_on_in_words(polite: Polite, generation: Generation) -> None:
    async with open_mcp([McpServer("web", url=polite.url, reads=("*",), generation=generation)]) as tools:
        mia = Asked(tools)
        await until(lambda: "web__steps" in mia.specs, tools.status)
        assert "3 steps" in await mia.words("web__steps", count=3)
        assert any("step" in words for words in mia.told), mia.told


async def test_a_picture_a_sound_papers_and_a_failure_are_told_in_words(polite: Polite) -> None:
    async with open_mcp([McpServer("web", url=polite.url, reads=("*",))]) as tools:
        mia = Asked(tools)
        await until(lambda: "web__picture" in mia.specs, tools.status)
        assert "image/png" in await mia.words("web__picture")
        assert "audio/wav" in await mia.words("web__sound")
        papers = await mia.words("web__papers")
        assert "demo://link" in papers
        assert "the words of the paper" in papers
        assert not (await mia.ask("web__fail", why="because")).ok
