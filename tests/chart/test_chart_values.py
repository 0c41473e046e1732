"""The chart, its schema, its README and the bot's Settings say the same."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
import yaml

from kubeai_bot.domain.policy import Mode
from kubeai_bot.settings.environment import Settings
from kubeai_bot.settings.variables import Variables
from tests.chart.rendering import CHART, bot_of, environment, only, pod_of, refusal, render
from tests.chart.switches import SWITCHES

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text("utf-8"))
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def describing() -> Generator[ModuleType]:
    """charts/describe_values.py, which is a program and in no package."""
    spec = importlib.util.spec_from_file_location("describe_values", CHART.parent / "describe_values.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look it up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_readme_and_schema_say_what_the_comments_of_the_values_say(describing: ModuleType) -> None:
    stale = [path.name for path, text in describing.described(CHART).items() if path.read_text("utf-8") != text]
    assert not stale, "run: python charts/describe_values.py"


def test_every_value_is_explained(describing: ModuleType) -> None:
    explained = {value.path for value in describing.explained((CHART / "values.yaml").read_text("utf-8"))}
    silent = [
        path for path in _leaves(VALUES) if not any(path[:depth] in explained for depth in range(1, len(path) + 1))
    ]
    assert not silent


def _leaves(values: Mapping[str, Any], place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*place, key))
        else:
            yield (*place, key)


def test_schema_and_values_have_the_same_keys() -> None:
    assert set(SCHEMA["properties"]) - {"global"} == set(VALUES)
    for key, value in VALUES.items():
        described = SCHEMA["properties"][key]
        if described.get("additionalProperties") is False and key not in ("resources", "probes"):
            assert set(described["properties"]) == set(value), key


def test_the_schema_offers_the_same_choices_as_the_settings() -> None:
    offered = {
        name: set(node["enum"]) for name, node in SCHEMA["properties"]["env"]["properties"].items() if "enum" in node
    }
    assert offered.pop("MODIFY_RESOURCES") == {mode.value for mode in Mode}
    assert offered == {name: set(_choices(name)) for name in offered}


def _choices(name: str) -> tuple[str, ...]:
    return get_args(Variables.known()[name].annotation)


@pytest.mark.parametrize("switch", SWITCHES)
def test_every_variable_that_the_chart_sets_is_one_of_the_bots(switch: str) -> None:
    known = set(Variables.known())
    assert set(environment(bot_of(render(SWITCHES[switch])))) <= known


def test_variables_named_in_templates_and_values_are_the_bots() -> None:
    texts = [path.read_text("utf-8") for path in (CHART / "templates").rglob("*.*")]
    texts.append((CHART / "values.yaml").read_text("utf-8"))
    written = {name for text in texts for name in re.findall(r"\b[A-Z]{2,}(?:_[A-Z]+)+\b", text)}
    strangers = written - set(Variables.known()) - {"MCP_AUTH_"}
    assert not strangers, "not in kubeai_bot/settings/variables.py"


def test_defaults_are_the_bots_own_defaults() -> None:
    known = Variables.known()
    assert VALUES["env"] == {name: str(known[name].default) for name in VALUES["env"]}
    assert environment(bot_of(render({})))["LISTEN_ADDRESS"] == known["LISTEN_ADDRESS"].default
    people = only(render({"rbac": {"impersonation": "plain"}}), "ClusterRole")["rules"]
    assert people[0]["resourceNames"] == [known["SHARED_USER"].default]
    assert people[1]["resourceNames"] == list(known["SHARED_GROUPS"].default)


def test_every_secret_of_the_bot_is_refused_in_plain_text() -> None:
    secrets = [name for name, field in Variables.known().items() if "SecretStr" in str(field.annotation)]
    # the seed's contract allows the database's address to be written out
    secrets = [name for name in secrets if not name.startswith("DATABASE_")]
    assert len(secrets) >= 6
    for name in secrets:
        assert f"env.{name} is a secret in plain text" in refusal({"env": {name: "plain-text"}}), name


@pytest.mark.parametrize("reference", ["piggy:SLACK", "vault:secret/data/a#b", ">>vault:a", "arn:aws:x", "$(OTHER)"])
def test_references_to_secrets_pass_untouched(reference: str) -> None:
    found = environment(bot_of(render({"env": {"SLACK_BOT_TOKEN": reference, "DATABASE_URL": None}})))
    assert found["SLACK_BOT_TOKEN"] == reference


def test_numbers_and_truth_values_arrive_as_they_were_written() -> None:
    env = {
        "SESSION_LIMIT": 5000000,
        "TURN_DEADLINE": 90,
        "ALLOW_GUESTS": True,
        "SESSION_CACHE_SIZE": 0,
        "AGENT_NAME": None,
    }
    found = environment(bot_of(render({"env": env})))
    assert {name: found.get(name) for name in env} == {
        "SESSION_LIMIT": "5000000",
        "TURN_DEADLINE": "90",
        "ALLOW_GUESTS": "true",
        "SESSION_CACHE_SIZE": "0",
        "AGENT_NAME": None,
    }


def test_the_bot_starts_with_what_the_chart_gives_it(tmp_path: Path) -> None:
    """Rendered variables, a Secret's and the config file together satisfy Settings."""
    people = [{"slack": "U0MIA", "user": "mia@shop.example", "groups": ["shop-developers"]}]
    objects = render(
        {
            "env": {"AUTH_METHOD": "MAPPING", "SESSION_TYPE": "postgres", "SESSION_LIMIT": 1000000},
            "config": {"identity": {"users": people}, "models": {"windows": {"a-model": 1048576}}},
        }
    )
    file = tmp_path / "config.yaml"
    file.write_text(only(objects, "ConfigMap")["data"]["config.yaml"])
    variables = environment(bot_of(objects))
    mount = next(each for each in bot_of(objects)["volumeMounts"] if each["name"] == "config")
    assert variables["CONFIG_FILE"] == f"{mount['mountPath']}/{file.name}"
    secret = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "OPENAI_API_KEY": "k"}
    secret |= {"DATABASE_URL": "postgres://kubeai:p@db/kubeai"}
    settings = Settings.load({**variables, **secret, "CONFIG_FILE": str(file)})
    assert settings.config.models.windows == {"a-model": 1048576}
    assert settings.config.identity.users[0].user == "mia@shop.example"
    assert settings.listen_host_port == ("0.0.0.0", 8888)
    assert settings.session_limit == 1000000


def test_a_variable_from_elsewhere_stands_before_those_that_may_quote_it() -> None:
    env = {
        "DATABASE_URL": "postgres://kubeai:$(PGPASSWORD)@db/kubeai",
        "PGPASSWORD": {"valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
        "SESSION_TYPE": "postgres",
    }
    names = [each["name"] for each in bot_of(render({"env": env}))["env"]]
    assert names.index("PGPASSWORD") < names.index("DATABASE_URL")


def test_changing_the_config_replaces_the_pods() -> None:
    def checksum(contact: str) -> str:
        objects = render({"config": {"identity": {"contact": contact}}})
        return only(objects, "Deployment")["spec"]["template"]["metadata"]["annotations"]["checksum/config"]

    assert checksum("Ask Omar.") == checksum("Ask Omar.") != checksum("Ask Mia.")


def test_cloudnative_pgs_secret_gives_the_database() -> None:
    found = environment(bot_of(render(SWITCHES["cloudnative-pg"])))
    assert found["DATABASE_URL"] == {"secretKeyRef": {"name": "sessions-app", "key": "uri"}}


def test_an_external_secret_is_read_as_variables() -> None:
    objects = render(SWITCHES["external-secret"])
    target = only(objects, "ExternalSecret")["spec"]["target"]["name"]
    assert bot_of(objects)["envFrom"] == [{"secretRef": {"name": target}}]
    doctor = pod_of(objects)["initContainers"][0]
    assert (doctor["env"], doctor["envFrom"]) == (bot_of(objects)["env"], bot_of(objects)["envFrom"])
