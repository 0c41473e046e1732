"""docs/configuration.md, .env.example and the code say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from kubeai_bot.domain.policy import Mode
from kubeai_bot.errors import ConfigError
from kubeai_bot.settings.environment import Settings
from kubeai_bot.settings.file import ConfigFile, read_config_file
from kubeai_bot.settings.variables import Variables

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")

ROW = re.compile(r"^\| `(?P<name>[A-Z_]+)` \| (?P<default>[^|]*) \| (?P<meaning>[^|]+) \|$", re.MULTILINE)
LINE = re.compile(r"^(?P<comment># )?(?P<name>[A-Z_]+)=(?P<value>.*)$", re.MULTILINE)

VALUES = {found["name"]: found["value"] for found in LINE.finditer(EXAMPLE)}


def default_text(value: object) -> str:
    """A default as an operator would write it; "" where there is none."""
    match value:
        case None | SecretStr():
            return ""
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(value)
        case Mode():
            return value.value
        case _:
            return str(value)


@pytest.fixture(params=list(Variables.known()))
def name(request) -> str:
    return request.param


def default_of(name: str) -> str:
    return default_text(Variables.known()[name].default)


REQUIRED = {"SLACK_BOT_TOKEN", "MODEL_ID"}


def test_the_table_has_every_variable_once_and_in_order():
    assert [row["name"] for row in ROW.finditer(DOC)] == list(Variables.known())


def test_the_example_has_every_variable_once_and_in_order():
    assert [line["name"] for line in LINE.finditer(EXAMPLE)] == list(Variables.known())


def test_the_table_shows_the_true_default(name):
    (shown,) = [row["default"] for row in ROW.finditer(DOC) if row["name"] == name]
    expected = "required" if name in REQUIRED else f"`{default_of(name)}`" if default_of(name) else "–"
    assert shown == expected


def test_the_example_shows_the_true_default_as_a_comment(name):
    (line,) = [line for line in LINE.finditer(EXAMPLE) if line["name"] == name]
    if default_of(name):
        assert line["comment"]
        assert line["value"] == default_of(name)


def test_every_value_in_the_example_can_be_used(name):
    if VALUES[name]:
        Variables.model_validate({name.lower(): VALUES[name]})


def test_the_example_as_it_stands_only_lacks_values():
    with pytest.raises(ConfigError) as caught:
        Settings.load({}, ROOT / ".env.example")
    assert len(caught.value.faults) == 4
    assert all("is not set" in fault or "is set: give" in fault for fault in caught.value.faults)


def test_the_example_works_once_it_is_filled_in(working, tmp_path):
    filled = LINE.sub(
        lambda line: f"{line['name']}={working[line['name']]}" if line["name"] in working else line[0], EXAMPLE
    )
    path = tmp_path / "env"
    path.write_text(filled, encoding="utf-8")
    settings = Settings.load({}, path)
    assert settings.slack_bot_token.get_secret_value() == working["SLACK_BOT_TOKEN"]
    assert settings.warnings == ()


@pytest.fixture
def example(tmp_path) -> ConfigFile:
    """The complete example of the documentation, loaded."""
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", DOC, re.MULTILINE | re.DOTALL)
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return read_config_file(path, {"HELP_CHANNEL": "#platform"})


def test_the_complete_example_of_the_file_loads(example):
    mia, omar = example.identity.users
    assert (mia.slack, mia.kube.groups) == ("U012ABCDEF", ("shop-developers",))
    assert omar.kube.groups == ("platform-engineers", "on-call")
    assert [cluster for cluster, _ in omar.per_cluster] == ["staging"]
    assert example.identity.contact == "Ask in #platform."
    assert example.clusters.default == "prod"
    assert example.models.windows == {"my-finetuned-model": 32768}


def test_every_section_and_key_of_the_file_is_documented():
    for section, field in ConfigFile.model_fields.items():
        keys = field.annotation.model_fields if field.annotation is not None else {}
        for path in [f"{section}.{key}" for key in keys] or [section]:
            assert f"`{path}" in DOC


def test_the_readme_names_only_settings_that_exist_with_their_defaults() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`[A-Z_]+`[, /]*)+) \| ([^|]*) \|", readme, re.MULTILINE)
    assert len(rows) >= 5
    for names, default in rows:
        first = re.findall(r"[A-Z_]{4,}", names)[0]
        assert set(re.findall(r"[A-Z_]{4,}", names)) <= set(Variables.known())
        wanted = default_text(Variables.known()[first].default)
        assert default.split(",")[0].strip(" `–") == wanted, names
