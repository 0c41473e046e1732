"""Lists of tools that are meant to mislead: endless, huge, wrongly named, and full of orders."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest

from kubeai_bot.domain.policy import Effect
from kubeai_bot.tools.mcp.opening import open_mcp
from tests.mcp.servers.lies_about_tools import CYRILLIC, INJECTION
from tests.mcp.servers.starting import Asked, liar, until

BOTH_VENDORS = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


def visible(words: str) -> bool:
    return all(char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn") for char in words)


@pytest.mark.parametrize("kind", ["EndlessPaging", "SameCursor", "HugeList"])
async def test_endless_lists_come_to_an_end_at_the_limit_and_status_says_so(kind: str) -> None:
    server = liar(kind, max_tools=50, max_bytes=10_000_000)
    async with open_mcp([server, liar("honest", name="good")]) as tools:
        mia = Asked(tools)
        await until(lambda: "good__greet" in mia.specs, tools.status)
        await until(lambda: any(name.startswith("liar__") for name in mia.specs), tools.status)
        mine = [name for name in mia.specs if name.startswith("liar__")]
        assert len(mine) <= 50
        if kind != "SameCursor":
            assert "50" in str(tools.status()), tools.status()


async def test_what_is_no_tool_is_left_out_and_said_and_the_rest_is_offered() -> None:
    async with open_mcp([liar("WrongShapes"), liar("honest", name="good")]) as tools:
        mia = Asked(tools)
        await until(lambda: {"good__greet", "liar__greet"} <= set(mia.specs), tools.status)
        assert set(mia.specs) == {"good__greet", "liar__greet"}
        assert "hello" in await mia.words("liar__greet")
        assert tools.status()["liar"]["left_out"]


async def test_every_name_fits_both_vendors_and_leads_to_the_tool_it_came_from() -> None:
    async with open_mcp([liar("StrangeNames", name="evil")]) as tools:
        mia = Asked(tools)
        await until(lambda: len(mia.specs) > 5, tools.status)
        names = list(mia.specs)
        assert all(BOTH_VENDORS.fullmatch(name) and name.startswith("evil__") for name in names)
        assert len({name.casefold() for name in names}) >= len(names) - 1  # greet and GREET are two
        assert not [name for name in names if "Ignore all" in name]
        answered = {name: (await mia.words(name)) for name in names}
        assert "'greet'" in answered["evil__greet"]
        assert len(set(answered.values())) == len(answered), "two names lead to the same tool"
        for strange in (CYRILLIC, INJECTION):
            leading = [name for name, words in answered.items() if ascii(strange) in words]
            assert "evil__greet" not in leading


async def test_a_tool_cannot_pose_as_another_servers_or_as_one_of_our_own() -> None:
    servers = [liar("StrangeNames", name="evil", prefix=""), liar("honest", name="other")]
    async with open_mcp(servers) as tools:
        mia = Asked(tools)
        await until(lambda: "other__greet" in mia.specs and len(mia.specs) > 5, tools.status)
        assert "hello" in await mia.words("other__greet")


@pytest.mark.parametrize("legacy", [False, True])
async def test_orders_in_descriptions_arrive_visible_bounded_and_marked_as_the_servers(*, legacy: bool) -> None:
    async with open_mcp([liar("Orders", legacy=legacy)]) as tools:
        mia = Asked(tools)
        await until(lambda: "liar__greet" in mia.specs, tools.status)
        for spec in mia.specs.values():
            assert visible(spec.description)
            assert len(spec.description) < 5_000
            assert visible("".join(re.findall(r'"([^"]*)"', json.dumps(spec.parameters, ensure_ascii=False))))
            assert "MCP server liar" in spec.description.splitlines()[0]
        said = await mia.words("liar__greet")
        assert visible(said)


async def test_strange_schemas_are_normalised_or_left_out_and_the_rest_is_offered() -> None:
    async with open_mcp([liar("StrangeSchemas", max_bytes=10_000_000)]) as tools:
        mia = Asked(tools)
        await until(lambda: "liar__greet" in mia.specs, tools.status)
        for name, spec in mia.specs.items():
            written = json.dumps(spec.parameters)
            assert spec.parameters.get("type") == "object", name
            assert "$ref" not in written, name
            assert len(written) < 100_000, name
        assert "hello" in await mia.words("liar__greet")
        if "liar__evil_pattern" in mia.specs:
            assert "hello" in await mia.words("liar__evil_pattern", x="a" * 40 + "!")


@pytest.mark.parametrize("trusted", [False, True])
async def test_a_server_that_calls_itself_harmless_is_believed_only_where_it_is_trusted(*, trusted: bool) -> None:
    async with open_mcp([liar("Hints", reads=(), trust_hints=trusted)]) as tools:
        mia = Asked(tools)
        await until(lambda: len(mia.specs) == 3, tools.status)
        effects = {name.removeprefix("liar__"): spec.effect for name, spec in mia.specs.items()}
        assert effects["delete_everything"] is (Effect.READ if trusted else Effect.WRITE)
        assert effects["honest_delete"] is Effect.WRITE
        assert effects["silent"] is Effect.WRITE


async def test_the_operators_list_stands_above_the_servers_hints() -> None:
    async with open_mcp([liar("Hints", reads=("silent",), deny=("honest_*",), trust_hints=False)]) as tools:
        mia = Asked(tools)
        await until(lambda: len(mia.specs) == 2, tools.status)
        assert mia.specs["liar__silent"].effect is Effect.READ
        assert mia.specs["liar__delete_everything"].effect is Effect.WRITE
        assert "No MCP server offers" in await mia.words("liar__honest_delete")
