"""The manifests fit Slack's schema (slack.md §2.6) and ask for what the code uses, no more and no less."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kubeai_bot.slack.client import Bot
from kubeai_bot.slack.incoming import incoming_from
from kubeai_bot.slack.prompts import PROMPTS
from kubeai_bot.slack.scopes import NEEDED, OF_EVENTS, OF_METHODS
from kubeai_bot.slack.shortcuts import ASK, INVESTIGATE

ROOT = Path(__file__).parents[2]
SOURCES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "kubeai_bot/slack").glob("*.py")}
SOCKET, HTTP = "slack-manifest.socket.json", "slack-manifest.http.json"

KNOWN_EVENTS = {
    *("agent_session_stopped", "agent_session_title_changed", "app_context_changed", "app_home_opened", "app_mention"),
    *("app_uninstalled", "assistant_thread_started", "message", "reaction_added", "tokens_revoked"),
}


def load(name: str) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((ROOT / "docs" / name).read_text(encoding="utf-8"))
    return manifest


@pytest.fixture(params=[SOCKET, HTTP])
def manifest(request: pytest.FixtureRequest) -> dict[str, Any]:
    return load(request.param)


def methods_called() -> set[str]:
    """Web API methods as the SDK names them, wherever one is reached through a client."""
    families = "agents|apps|assistant|auth|bots|chat|conversations|files|reactions|team|usergroups|users|views"
    return set(re.findall(rf"client\.((?:{families})_\w+)", "\n".join(SOURCES.values())))


def test_every_method_that_is_called_has_its_scopes_listed_here() -> None:
    assert methods_called() == set(OF_METHODS)
    assert "api_call(" not in "\n".join(SOURCES.values())


def test_the_scopes_are_those_that_methods_and_events_need(manifest: dict[str, Any]) -> None:
    scopes = manifest["oauth_config"]["scopes"]
    assert scopes == {"bot": sorted(NEEDED)}


def test_the_events_are_those_that_the_code_reads(manifest: dict[str, Any]) -> None:
    subscribed = manifest["settings"]["event_subscriptions"]["bot_events"]
    assert subscribed == sorted(OF_EVENTS)
    read = {event for event in KNOWN_EVENTS if f'"{event}"' in SOURCES["incoming.py"] + SOURCES["app.py"]}
    assert {event.split(".")[0] for event in subscribed} == read


@pytest.mark.parametrize(
    ("subscription", "channel_type"), [("channels", "channel"), ("groups", "group"), ("im", "im"), ("mpim", "mpim")]
)
def test_each_subscribed_kind_of_message_is_taken(subscription: str, channel_type: str) -> None:
    event = {"type": "message", "channel_type": channel_type, "user": "U1", "channel": "C1", "ts": "2.1"}
    body = {"event_id": "Ev1", "event": {**event, "thread_ts": "1.1", "text": "hi"}}
    assert f"message.{subscription}" in OF_EVENTS
    assert incoming_from(body, Bot("T1", "UB", "BB"), datetime.now(UTC)) is not None


def test_the_suggested_prompts_are_the_same_as_in_the_messages_tab(manifest: dict[str, Any]) -> None:
    prompts = manifest["features"]["agent_view"]["suggested_prompts"]
    assert [(prompt["title"], prompt["message"]) for prompt in prompts] == list(PROMPTS)
    assert len(prompts) <= 4


def test_the_shortcuts_are_those_that_the_code_listens_to(manifest: dict[str, Any]) -> None:
    shortcuts = {shortcut["type"]: shortcut["callback_id"] for shortcut in manifest["features"]["shortcuts"]}
    assert shortcuts == {"message": INVESTIGATE, "global": ASK}
    assert all(len(shortcut["name"]) <= 24 for shortcut in manifest["features"]["shortcuts"])
    assert all(len(shortcut["description"]) <= 150 for shortcut in manifest["features"]["shortcuts"])
    assert manifest["settings"]["interactivity"]["is_enabled"] is True


def test_there_is_one_slash_command_whose_text_comes_escaped(manifest: dict[str, Any]) -> None:
    (command,) = manifest["features"]["slash_commands"]
    assert re.fullmatch(r"/[a-z]{1,31}", command["command"])
    assert command["should_escape"] is True


def test_lengths_and_keys_fit_the_schema(manifest: dict[str, Any]) -> None:
    shown = manifest["display_information"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert 175 <= len(shown["long_description"]) <= 4_000
    assert re.fullmatch("#[0-9a-f]{6}", shown["background_color"])
    features = manifest["features"]
    assert len(features["agent_view"]["agent_description"]) <= 300
    assert set(manifest) == {"_metadata", "display_information", "features", "oauth_config", "settings"}
    # never assistant_view beside agent_view
    assert set(features) == {"app_home", "bot_user", "agent_view", "shortcuts", "slash_commands"}
    assert set(features["agent_view"]) == {"agent_description", "suggested_prompts"}
    assert features["app_home"]["home_tab_enabled"] is True
    assert features["app_home"]["messages_tab_enabled"] is True
    assert features["app_home"]["messages_tab_read_only_enabled"] is False
    assert set(manifest["settings"]) == {
        *("event_subscriptions", "interactivity", "org_deploy_enabled", "socket_mode_enabled", "token_rotation_enabled")
    }
    assert manifest["settings"]["token_rotation_enabled"] is False


def test_the_two_manifests_differ_in_the_transport_only() -> None:
    socket, http = load(SOCKET), load(HTTP)
    assert socket["settings"].pop("socket_mode_enabled") is True
    assert http["settings"].pop("socket_mode_enabled") is False
    url = http["settings"]["event_subscriptions"].pop("request_url")
    assert re.fullmatch(r"https://[\w.\-]+/slack/events", url)
    assert http["settings"]["interactivity"].pop("request_url") == url
    assert [command.pop("url") for command in http["features"]["slash_commands"]] == [url]
    assert socket == http
