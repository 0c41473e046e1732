"""What an operator may say about a server, and what is refused in words."""

import subprocess
import sys
from typing import Any

import pytest

from kubeai_bot.errors import ConfigError
from kubeai_bot.tools.mcp.config import ClientCredentials, McpServer, SignedToken
from kubeai_bot.tools.mcp.opening import open_mcp

URL = "http://127.0.0.1:9/mcp"


def test_a_url_or_a_command_is_enough() -> None:
    assert McpServer("git.hub", url=URL).public_prefix == "git_hub"
    assert McpServer("1st", command=("x",), transport="stdio").public_prefix == "_1st"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": ""}, "needs a URL"),
        ({"url": "ftp://x/"}, "http://"),
        ({"url": "http://user:pass@host/"}, "without user"),
        ({"transport": "stdio"}, "needs a command"),
        ({"url": "", "command": ("x",), "transport": "stdio", "bearer": "t"}, "do not exist with stdio"),
        ({"url": "", "command": ("x",), "transport": "stdio", "forward": {"X": "{user}"}}, "do not exist with stdio"),
        ({"env": {"A": "b"}}, "mean nothing"),
        ({"headers": {"X-A": "a\r\nX-B: b"}}, "cannot carry"),
        ({"headers": {"Authorization": "x"}, "bearer": "y"}, "set twice"),
        ({"forward": {"X-User": "{password}"}}, "may hold"),
        ({"forward": {"X-User": "{user.__class__}"}}, "may hold"),
        ({"forward": {"X-User": "fixed"}}, "may hold"),
        ({"forward": {"X-User": "{user"}}, "well formed"),
        ({"headers": {"Host": "x"}}, "protocol's own"),
        ({"prefix": "a__b"}, "prefix"),
        ({"prefix": "a_"}, "prefix"),
        ({"name": "a b"}, "name"),
        ({"timeout": 0}, "greater than 0"),
    ],
)
def test_what_cannot_work_is_refused_in_words(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        McpServer(**{"name": "a", "url": URL, **given})


def test_secrets_are_in_no_representation() -> None:
    secret = "s3cret-" * 8
    token = SignedToken(secret, "HS256", "bot", "server", header="X-Who")
    oauth = ClientCredentials("id", secret, token_url="https://idp.example/token")
    http = McpServer("a", url=f"{URL}?key={secret}", headers={"X": secret}, oauth=oauth, token=token)
    stdio = McpServer("b", command=("x", secret), env={"A": secret}, transport="stdio")
    assert secret not in repr((http, stdio, McpServer("c", url=URL, bearer=secret)))


def test_settings_can_be_read_without_the_sdk() -> None:
    check = "import sys, kubeai_bot.tools.mcp.config; sys.exit('mcp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0  # noqa: S603


@pytest.mark.parametrize("prefixes", [("same", "same"), ("Same", "same")])
async def test_two_servers_with_one_prefix_are_a_fault_of_the_configuration(prefixes: tuple[str, str]) -> None:
    servers = [McpServer(f"s{number}", url=URL, prefix=prefix) for number, prefix in enumerate(prefixes)]
    with pytest.raises(ConfigError, match="same prefix"):
        async with open_mcp(servers):
            pass


async def test_a_signing_key_that_is_none_is_a_fault_of_the_configuration() -> None:
    token = SignedToken("-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----", "ES256", "bot", "server")
    with pytest.raises(ConfigError, match="cannot be used"):
        async with open_mcp([McpServer("a", url=URL, token=token)]):
            pass
