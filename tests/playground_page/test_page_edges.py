"""What of the world is real: each flag leads the bot there, says so, and refuses what makes no sense."""

from pathlib import Path

import pytest

from kubeai_bot.errors import ConfigError
from kubeai_bot.playground.edges import Real
from kubeai_bot.playground.page.running import open_playground
from kubeai_bot.playground.world import WorldOptions, open_world
from tests.playground_page.visitor import visit

TOKENS = {"SLACK_BOT_TOKEN": "xoxb-real-1", "SLACK_APP_TOKEN": "xapp-real-1"}
CONFIG = Path("kubeconfig-of-mine")


async def opened(real, **options):
    """The edges by name and the bot's environment, which the settings accept."""
    async with open_world(WorldOptions(real=real, **options)) as world:
        world.settings()
        return {edge.edge: edge for edge in world.edges}, world.environment


async def test_by_default_nothing_is_real_but_the_sessions():
    edges, environment = await opened(Real(given=TOKENS | {"OPENAI_API_KEY": "sk-1", "KUBECONFIG": "/mine"}))
    assert [edge.real for edge in edges.values()] == [False, False, False, True]
    assert list(edges) == ["Slack", "Kubernetes", "Model", "Sessions"]
    assert "OPENAI_API_KEY" not in environment
    assert environment["KUBECONFIG"] != "/mine"
    assert environment["SLACK_BOT_TOKEN"].startswith("xoxb-sim-")


@pytest.mark.parametrize(
    ("real", "edge", "words", "expected"),
    [
        (
            Real(kubeconfig=CONFIG),
            "Kubernetes",
            ["all the rights", "without impersonation", "everybody else is refused", str(CONFIG)],
            {"IMPERSONATE": "false", "ALLOWED_USERS": "U0MIA", "KUBECONFIG": str(CONFIG)},
        ),
        (
            Real(given={"KUBECONFIG": "/mine"}, context="prod"),
            "Kubernetes",
            ["context prod of /mine"],
            {"KUBE_CONTEXTS": "prod", "KUBECONFIG": "/mine"},
        ),
        (
            Real(kubeconfig=CONFIG, as_user="jo", as_groups=("dev", "ops")),
            "Kubernetes",
            ["Mia is jo (dev, ops), by impersonation"],
            {"AUTH_METHOD": "MAPPING"},
        ),
        (
            Real(base_url="http://127.0.0.1:11434/v1", model="qwen3"),
            "Model",
            ["qwen3 (openai at http://127.0.0.1:11434/v1)", "is sent there"],
            {"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1", "MODEL_ID": "qwen3"},
        ),
        (
            Real(given={"OPENAI_API_KEY": "sk-1", "MODEL_ID": "gpt"}, provider="openai"),
            "Model",
            ["gpt (openai)"],
            {"OPENAI_API_KEY": "sk-1", "LLM_PROVIDER": "openai"},
        ),
        (
            Real(
                given={
                    "AZURE_OPENAI_ENDPOINT": "https://x.openai.azure.com",
                    "AZURE_OPENAI_API_KEY": "k",
                    "AZURE_OPENAI_API_VERSION": "2024-10-21",
                },
                provider="azure",
                model="mine",
            ),
            "Model",
            ["mine (azure at https://x.openai.azure.com)"],
            {"LLM_PROVIDER": "azure", "AZURE_OPENAI_API_KEY": "k"},
        ),
        (
            Real(
                given={"GEMINI_API_KEY": "k", "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:1"},
                provider="gemini",
                model="gemini-2.5-flash",
            ),
            "Model",
            ["gemini-2.5-flash (gemini at http://127.0.0.1:1)"],
            {"LLM_PROVIDER": "gemini", "GEMINI_API_KEY": "k", "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:1"},
        ),
        (Real(given=TOKENS, slack=True), "Slack", ["your Slack", "not shown on this page"], TOKENS),
        (Real(session_type="memory"), "Sessions", ["gone when the bot stops"], {"SESSION_TYPE": "memory"}),
        (
            Real(given={"SESSIONS_DIR": "/data/s"}, session_type="filesystem"),
            "Sessions",
            ["/data/s", "outlive"],
            {"SESSION_TYPE": "filesystem"},
        ),
        (
            Real(given={"DATABASE_URL": "postgresql://u:p@127.0.0.1/d"}, session_type="postgres"),
            "Sessions",
            ["PostgreSQL"],
            {"DATABASE_URL": "postgresql://u:p@127.0.0.1/d"},
        ),
    ],
)
async def test_each_real_edge_is_said_and_set(real, edge, words, expected):
    edges, environment = await opened(real)
    assert edges[edge].real
    assert [other for other, each in edges.items() if each.real] == (
        ["Sessions"] if edge == "Sessions" else [edge, "Sessions"]
    )
    for word in words:
        assert word in edges[edge].detail
    assert expected.items() <= environment.items()


async def test_the_simulators_of_real_edges_are_not_started():
    real = Real(given=TOKENS, slack=True, context="prod", base_url="http://127.0.0.1:1/v1", model="m")
    async with open_world(WorldOptions(real=real)) as world:
        assert (world.workspace, world.cluster, world.model) == (None, None, None)
        assert "IMPERSONATE" not in world.environment


async def test_in_real_slack_everybody_is_one_person_of_the_simulated_cluster():
    edges, environment = await opened(Real(given=TOKENS, slack=True))
    assert environment["SHARED_USER"] == "omar@shop.example"
    assert "platform engineer Omar" in edges["Kubernetes"].detail


@pytest.mark.parametrize(
    ("real", "http", "word"),
    [
        (Real(given=TOKENS, slack=True), True, "--http"),
        (Real(kubeconfig=CONFIG), True, "--http"),
        (Real(as_user="jo"), False, "--kubeconfig"),
        (Real(kubeconfig=CONFIG, as_groups=("dev",)), False, "--as-user"),
        (Real(given=TOKENS, slack=True, context="c", as_user="jo"), False, "AUTH_METHOD"),
        (Real(provider="azure", base_url="http://127.0.0.1/v1", model="m"), False, "--base-url"),
        (Real(provider="openai"), False, "--model"),
        (Real(base_url="http://127.0.0.1/v1"), False, "--model"),
    ],
)
async def test_what_makes_no_sense_together_is_refused(real, http, word):
    with pytest.raises(ConfigError, match=word):
        await opened(real, http=http)


@pytest.mark.parametrize(
    ("real", "word"),
    [
        (Real(slack=True), "SLACK_BOT_TOKEN"),
        (Real(given={"SLACK_BOT_TOKEN": "xoxb-1"}, slack=True), "SLACK_APP_TOKEN"),
        (Real(provider="openai", model="gpt"), "OPENAI_API_KEY"),
        (Real(provider="nonsense", model="x"), "LLM_PROVIDER"),
        (Real(session_type="nonsense"), "SESSION_TYPE"),
        (Real(session_type="postgres"), "DATABASE_URL"),
        (Real(base_url="ftp://x", model="m"), "OPENAI_BASE_URL"),
    ],
)
async def test_what_a_real_edge_lacks_is_said_before_any_page_opens(real, word):
    with pytest.raises(ConfigError) as refused:
        async with open_playground(WorldOptions(real=real), 0):
            pass
    assert word in str(refused.value)


async def test_a_page_on_real_slack_has_its_edges_and_lanes_and_nobody_to_speak_as():
    options = WorldOptions(real=Real(given=TOKENS, slack=True))
    async with open_playground(options, 0) as playground, visit(playground.page) as visitor:
        assert visitor.seen["people"] == visitor.seen["messages"] == []
        assert visitor.seen["world"]["edges"][0]["real"]
        [remark] = visitor.lane("calls")
        assert "Slack is real here" in remark["title"]
        assert not visitor.lane("cluster")
        answer = await visitor.ask("say", who="U0MIA", channel="D0MIA", text="hi")
        assert "Slack is real" in answer["error"]
        assert "xoxb-real-1" not in str(visitor.frames)


async def test_a_real_cluster_tells_each_person_what_they_are_there(tmp_path):
    options = WorldOptions(real=Real(kubeconfig=tmp_path / "none"))
    async with open_playground(options, 0) as playground, visit(playground.page) as visitor:
        notes = {person["id"]: person["note"] for person in visitor.seen["people"]}
        assert "kubeconfig" in notes["U0MIA"]
        assert "refused" in notes["U0OMAR"]
        answer = await visitor.ask("bot", action="start")
        assert not answer["ok"]
        assert str(tmp_path) in answer["error"]


async def test_a_simulated_cluster_in_the_place_of_a_real_one_serves_the_requester_and_refuses_the_others(tmp_path):
    async with open_world(WorldOptions()) as other:
        path = tmp_path / "config"
        path.write_text(other.cluster.kubeconfig(token="demo-token-of-the-cluster-admin"), encoding="utf-8")
        async with open_playground(WorldOptions(real=Real(kubeconfig=path)), 0) as playground:
            await playground.bot.start()
            workspace = playground.world.workspace
            ts = await workspace.say("U0MIA", "Who am I, and what may I do?")
            await workspace.wait_for(lambda w: "kubernetes-admin" in w.rendered("D0MIA", ts), timeout=30, what="Mia")
            assert not any(request.impersonated_user for request in other.cluster.requests)
            ts = await workspace.say("U0OMAR", "Who am I?")
            await workspace.wait_for(lambda w: w.messages("D0OMAR", ts)[1:], timeout=30, what="a refusal")
            assert "kubernetes-admin" not in workspace.rendered("D0OMAR", ts)
