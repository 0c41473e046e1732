"""What the documents give to copy into files: manifests, chart values, CONFIG_FILE, variables, skills, JSON."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import kubernetes_validate
import pytest
import yaml
from pydantic import ValidationError

from kubeai_bot.playground.cluster.scenario import Scenario
from kubeai_bot.playground.cluster.server import ADMIN_TOKEN, BOT_TOKEN, DemoCluster
from kubeai_bot.settings.environment import Settings
from kubeai_bot.settings.file import ConfigFile, read_config_file
from kubeai_bot.settings.variables import Variables
from kubeai_bot.tools.skills.reading import parse_skill
from tests.chart.rendering import Object, bot_of, environment, of_kind, only, render
from tests.docs.reading import DOCUMENTS, ROOT, Block, Span, blocks, filled, spans

VERSIONS = ("1.32", "1.34", "1.36")
RBAC = "/apis/rbac.authorization.k8s.io/v1"
SECTIONS = set(ConfigFile.model_fields)
YAML = [block for file in DOCUMENTS for block in blocks(file) if block.language == "yaml"]
TOLD = {"HELP_CHANNEL": "#platform", "DOCS_TOKEN": "t", "TICKETS_SECRET": "s"}
"""Variables to which an example refers without a fallback."""

NOT_THE_BOTS = {
    *("OLLAMA_CONTEXT_LENGTH", "KUBEBUILDER_ASSETS", "GOOGLE_APPLICATION_CREDENTIALS", "NO_PROXY"),
    *("ARGS", "BUILDER", "N", "SEED", "PYTHON"),  # of make
}
COMPLETE = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "MODEL_ID": "a-model", "OPENAI_API_KEY": "sk-1"}


def kind_of(block: Block) -> str:
    """manifest, values or config."""
    documents = [each for each in yaml.safe_load_all(block.text) if each]
    if all("apiVersion" in each for each in documents):
        return "manifest"
    if block.place.file == "docs/helm.md":
        return "values"
    (one,) = documents
    assert set(one) <= SECTIONS, f"{block.place}: neither manifests, nor chart values, nor a CONFIG_FILE"
    return "config"


def of(kind: str) -> list[Block]:
    return [block for block in YAML if kind_of(block) == kind]


def named(block: Block) -> str:
    return str(block.place)


def test_there_are_examples_of_each_kind() -> None:
    assert [len(of(kind)) >= wanted for kind, wanted in (("manifest", 2), ("values", 4), ("config", 4))] == [True] * 3


@pytest.mark.parametrize("block", of("config"), ids=named)
def test_an_example_of_the_config_file_loads(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(block.text, "utf-8")
    assert read_config_file(path, TOLD) != ConfigFile()


@pytest.mark.parametrize("block", of("values"), ids=named)
def test_an_example_of_chart_values_makes_a_bot_whose_settings_load(block: Block, tmp_path: Path) -> None:
    values = yaml.safe_load(block.text)
    objects = render(values)
    given = {name: text for name, text in environment(bot_of(objects)).items() if isinstance(text, str)}
    secret = dict(COMPLETE)
    if values.get("slackTransport") == "http":
        secret = {**secret, "SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": "s"}
    if given.get("SESSION_TYPE") == "postgres":
        secret["DATABASE_URL"] = "postgres://u@127.0.0.1/d"
    if "config" in values:
        (tmp_path / "config.yaml").write_text(only(objects, "ConfigMap", "config")["data"]["config.yaml"], "utf-8")
        given["CONFIG_FILE"] = str(tmp_path / "config.yaml")
    settings = Settings.load({**secret, **given})
    assert str(settings.session_type) == given["SESSION_TYPE"]


@pytest.mark.parametrize("block", of("manifest"), ids=named)
@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_are_valid(block: Block, version: str) -> None:
    for each in yaml.safe_load_all(block.text):
        kubernetes_validate.validate(each, version, strict=True)


def manifests(number: int) -> list[Object]:
    return list(yaml.safe_load_all(of("manifest")[number].text))


def rights(role: Object) -> Iterator[tuple[str, str, str, str]]:
    for rule in role["rules"]:
        for what in rule.get("resources", rule.get("nonResourceURLs")):
            for group in rule.get("apiGroups", ["-"]):
                for verb in rule["verbs"]:
                    yield from ((group, what, verb, name) for name in rule.get("resourceNames", ["*"]))


def test_the_plain_manifests_give_what_the_chart_gives() -> None:
    (role,) = of_kind(manifests(0), "ClusterRole")
    (charts,) = of_kind(render({"rbac": {"impersonation": "plain"}}), "ClusterRole")
    assert set(rights(role)) == set(rights(charts))


def test_the_constrained_manifest_gives_nothing_that_the_chart_does_not_give() -> None:
    (role,) = manifests(1)
    (charts,) = of_kind(render({"rbac": {"impersonation": "constrained"}, "kubeVersion": "1.36"}), "ClusterRole")
    for position in (0, 1, 2, 3):
        assert {right[position] for right in rights(role)} <= {right[position] for right in rights(charts)}


@pytest.fixture
async def bare_cluster() -> AsyncGenerator[tuple[httpx2.AsyncClient, httpx2.AsyncClient]]:
    """The administrator and the bot at a cluster in which the bot has no rights of the demo's."""
    async with DemoCluster(Scenario.build()) as cluster:
        clients = [_client(cluster, token) for token in (ADMIN_TOKEN, BOT_TOKEN)]
        async with clients[0] as admin, clients[1] as bot:
            assert (await admin.delete(f"{RBAC}/clusterrolebindings/kubeai-bot-impersonator")).status_code == 200
            assert await _sees(bot, "kubeai-shared", "kubeai-readers") == 403
            yield admin, bot


def _client(cluster: DemoCluster, token: str) -> httpx2.AsyncClient:
    (server,) = [each["cluster"]["server"] for each in yaml.safe_load(cluster.kubeconfig())["clusters"]]
    return httpx2.AsyncClient(base_url=server, headers={"Authorization": f"Bearer {token}"}, trust_env=False)


async def _sees(bot: httpx2.AsyncClient, user: str, group: str, path: str = "/api/v1/namespaces/shop/pods") -> int:
    headers = {"Impersonate-User": user, "Impersonate-Group": group}
    return (await bot.get(path, headers=headers)).status_code


async def _apply(admin: httpx2.AsyncClient, objects: list[Object]) -> None:
    """As `kubectl apply --server-side` does."""
    for each in objects:
        path = f"{RBAC}/{each['kind'].lower()}s/{each['metadata']['name']}"
        headers = {"Content-Type": "application/apply-patch+yaml"}
        done = await admin.patch(
            path, params={"fieldManager": "docs", "force": "true"}, headers=headers, content=json.dumps(each)
        )
        assert done.status_code in (200, 201), done.text


@pytest.mark.parametrize("constrained", [False, True])
async def test_with_the_manifests_the_bot_reads_as_the_shared_user_and_as_nobody_else(
    bare_cluster: tuple[Any, Any], constrained: bool
) -> None:
    admin, bot = bare_cluster
    await _apply(admin, manifests(0) + (manifests(1) if constrained else []))
    assert await _sees(bot, "kubeai-shared", "kubeai-readers") == 200
    assert await _sees(bot, "kubeai-shared", "kubeai-readers", "/apis/apps/v1/deployments") == 200
    assert await _sees(bot, "kubeai-shared", "platform-engineers") == 403
    assert await _sees(bot, "mia@shop.example", "shop-developers") == 403
    assert (await bot.get("/api/v1/namespaces/shop/pods")).status_code == 403


@pytest.mark.parametrize("block", [b for f in DOCUMENTS for b in blocks(f) if b.language == "markdown"], ids=named)
def test_an_example_of_a_skill_is_a_skill(block: Block) -> None:
    assert parse_skill(block.text, str(block.place)).triggers


JSON_FILES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.json"))


@pytest.mark.parametrize("file", JSON_FILES)
def test_json_beside_the_documents_is_json(file: str) -> None:
    assert json.loads((ROOT / file).read_text("utf-8"))


def test_json_in_the_documents_is_json() -> None:
    for block in (each for file in DOCUMENTS for each in blocks(file) if each.language == "json"):
        json.loads(block.text)


def assignments(span: Span) -> list[tuple[str, str]]:
    """`NAME=value NAME=value` in a sentence, values without quotes."""
    found = re.findall(r"(?<![\w./-])([A-Z][A-Z0-9_]*)=(\"[^\"]*\"|'[^']*'|\S*)", span.text)
    return [(name, value.strip("\"'")) for name, value in found]


ASSIGNED = [(span, *pair) for file in DOCUMENTS for span in spans(file) for pair in assignments(span)]


def test_there_are_variables_in_sentences() -> None:
    assert len(ASSIGNED) > 30


@pytest.mark.parametrize(("span", "name", "value"), ASSIGNED, ids=lambda each: str(getattr(each, "place", "")) or None)
def test_a_variable_in_a_sentence_exists_and_takes_the_value(span: Span, name: str, value: str) -> None:
    if name in NOT_THE_BOTS or name.startswith("MCP_AUTH_"):
        return
    assert name in Variables.known(), f"{span.place}: {name} is no setting of the bot"
    if value and "…" not in value and not re.fullmatch(r"[A-Z]+", value.removesuffix(".")):
        try:
            Variables.model_validate({name.lower(): value})
        except ValidationError as error:
            pytest.fail(f"{span.place}: {name}={value}: {error.errors()[0]['msg']}")


def rows_of_models() -> dict[str, dict[str, str]]:
    """What the README's table of models says to set, by model."""
    text = (ROOT / "README.md").read_text("utf-8").partition("### Models")[2].partition("\n##")[0]
    found: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        if line.startswith("| ") and "`" in line:
            cells = line.split("|")
            pairs = re.findall(r"`([A-Z_]+)=([^`]*)`", cells[2])
            found[cells[1].strip()] = {name: filled(value) or "the-deployment" for name, value in pairs}
    return found


@pytest.mark.parametrize("model", list(rows_of_models()))
def test_the_settings_of_each_model_in_the_readme_are_complete(model: str) -> None:
    variables = {name: value for name, value in rows_of_models()[model].items() if name in Variables.known()}
    slack = {name: COMPLETE[name] for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN")}
    assert Settings.load({**slack, **variables}).model_id
