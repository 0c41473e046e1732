"""A .env file is read only when it is named, and below the environment."""

from __future__ import annotations

import pytest

from kubeai_bot.errors import ConfigError
from kubeai_bot.settings.environment import Settings


def test_a_named_file_is_read_below_the_environment(working, tmp_path):
    path = tmp_path / "env"
    path.write_text("# ours\nAGENT_NAME='from file'\nexport LOG_LEVEL=DEBUG\nMAX_ITERATIONS=5\n", encoding="utf-8")
    settings = Settings.load(working | {"MAX_ITERATIONS": "7"}, path)
    assert (settings.agent_name, settings.log_level, settings.max_iterations) == ("from file", "DEBUG", 7)


def test_no_file_is_read_unless_it_is_named(working, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("AGENT_NAME=stray\n", encoding="utf-8")
    assert Settings.load(working).agent_name == "kubeai"


def test_misspelt_names_in_the_file_are_found_too(working, tmp_path):
    path = tmp_path / "env"
    path.write_text("MODIFY_RESOURCE=auto\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="did you mean MODIFY_RESOURCES"):
        Settings.load(working, path)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_a_fault_beside_the_others(working, tmp_path, content):
    path = tmp_path / "env"
    if content is not None:
        path.write_bytes(content)
    del working["MODEL_ID"]
    with pytest.raises(ConfigError) as caught:
        Settings.load(working, path)
    assert caught.value.faults[0].startswith(f"{path} cannot be read")
    assert caught.value.faults[1].startswith("MODEL_ID is not set")
