from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def working() -> dict[str, str]:
    """The least that works."""
    return {
        "SLACK_BOT_TOKEN": "xoxb-1-token",
        "SLACK_APP_TOKEN": "xapp-1-token",
        "MODEL_ID": "some-model",
        "OPENAI_API_KEY": "sk-the-key",
    }


@pytest.fixture
def config_file(tmp_path: Path):
    """Writes CONFIG_FILE and gives its path as text."""

    def write(text: str) -> str:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write
