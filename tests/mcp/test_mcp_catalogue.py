"""Which of a server's tools are kept, under which names, with which effect, and in which words."""

import re
import string
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from mcp_types import Tool

from kubeai_bot.domain.policy import Effect
from kubeai_bot.tools.mcp.catalogue import Catalogue, Listing, catalogue_of
from kubeai_bot.tools.mcp.config import McpServer
from kubeai_bot.tools.mcp.names import public_name
from kubeai_bot.tools.mcp.wording import clean

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


def tool(name: str, description: str = "", **more: Any) -> Tool:
    return Tool.model_validate({"name": name, "description": description, "inputSchema": {"type": "object"}, **more})


def catalogue(*tools: Tool, **server: Any) -> Catalogue:
    return catalogue_of(McpServer("srv", url="http://127.0.0.1:9/", **server), Listing(tools))


@given(st.text(min_size=1, max_size=120))
def test_every_name_is_within_the_rules_of_both_vendors(name: str) -> None:
    for prefix in ("srv", "", "_1st"):
        assert NAME.fullmatch(public_name(prefix, name))


@given(st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=50))
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    assert public_name("srv", name) == f"srv__{name}"


def test_look_alikes_and_long_names_stay_apart() -> None:
    names = ["delete", "dеlete", "deletе", "查询", "删除", "x" * 70, "x" * 71]  # two of them Cyrillic
    kept = catalogue(*(tool(name) for name in names))
    assert {each.name for each in kept.tools.values()} == set(names)
    assert kept.tools["srv__delete"].name == "delete"
    assert not kept.left_out


def test_tools_that_would_get_one_name_are_refused_with_a_word_but_for_the_one_whose_name_it_is() -> None:
    kept = catalogue(tool("a.b"), tool("a_b"), tool("a/b"), tool("c.d"), tool("c/d"))
    assert {name: each.name for name, each in kept.tools.items()} == {"srv__a_b": "a_b"}
    assert {name for name, _ in kept.left_out} == {"a.b", "a/b", "c.d", "c/d"}
    assert all("srv__" in why for _, why in kept.left_out)


def test_one_tool_listed_twice_is_one_and_two_tools_of_one_name_are_none() -> None:
    assert list(catalogue(tool("a"), tool("a")).tools) == ["srv__a"]
    two = catalogue(tool("a", "reads"), tool("a", "deletes"))
    assert not two.tools
    assert "several" in two.left_out[0][1]


def test_without_a_prefix_no_tool_can_pass_for_anothers() -> None:
    kept = catalogue_of(
        McpServer("srv", url="http://127.0.0.1:9/", prefix=""),
        Listing([tool("other__look"), tool("list_resources"), tool("look")]),
        frozenset({"list_resources"}),
    )
    assert list(kept.tools) == ["look"]
    assert len(kept.left_out) == 2


def test_allow_deny_and_the_number_of_tools_bound_what_is_offered() -> None:
    tools = [tool(name) for name in ("get_a", "get_b", "get_c", "set_a", "get_secret")]
    kept = catalogue(*tools, allow=("get_*",), deny=("*secret*",), max_tools=2)
    assert list(kept.tools) == ["srv__get_a", "srv__get_b"]
    assert dict(kept.left_out) == {
        "get_c": "more than 2 tools",
        "set_a": "not on the list of allowed tools",
        "get_secret": "on the list of denied tools",
    }


def test_what_nobody_vouches_for_is_a_change() -> None:
    harmless = {"readOnlyHint": True}
    tools = [tool("a", annotations=harmless), tool("b"), tool("c", annotations={**harmless, "destructiveHint": True})]
    unknown = catalogue(*tools, reads=("b",), sensitive=("c",)).tools
    assert [each.spec.effect for each in unknown.values()] == [Effect.WRITE, Effect.READ, Effect.SENSITIVE]
    trusted = catalogue(*tools, trust_hints=True).tools
    assert [each.spec.effect for each in trusted.values()] == [Effect.READ, Effect.WRITE, Effect.WRITE]
    assert [each.risk for each in trusted.values()] == ["low", "medium", "high"]


@given(st.text(max_size=300))
def test_a_description_is_clean_bounded_and_marked_as_the_servers(words: str) -> None:
    (only,) = catalogue(tool("a", words * 10)).tools.values()
    assert only.spec.description.startswith("A tool of the MCP server srv")
    assert clean(only.spec.description) == only.spec.description
    assert len(only.spec.description) < 1_200


def test_the_fingerprint_changes_with_anything_the_server_says() -> None:
    said = [
        tool("a"),
        tool("a", "other"),
        tool("a", inputSchema={"type": "object", "properties": {"x": {}}}),
        tool("a", annotations={"readOnlyHint": True}),
        tool("a", title="other"),
    ]
    assert len({catalogue(each).tools["srv__a"].fingerprint for each in said}) == len(said)


def test_a_schema_that_is_none_or_too_large_costs_only_its_tool() -> None:
    deep: dict[str, Any] = {}
    for _ in range(80):
        deep = {"type": "object", "properties": {"in": deep}}
    kept = catalogue(
        tool("good"),
        tool("wrong", inputSchema={"type": "object", "required": "x"}),
        tool("deep", inputSchema=deep),
        tool("large", inputSchema={"type": "object", "description": "x" * 100_000}),
    )
    assert list(kept.tools) == ["srv__good"]
    assert [why.split(":")[0] for _, why in kept.left_out] == [
        "its input schema is not valid",
        "its input schema is too large",
        "its input schema is too large",
    ]
