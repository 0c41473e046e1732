"""What models see of a schema, and what is checked of their arguments."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeai_bot.tools.mcp.checking import BadSchema, Checked
from kubeai_bot.tools.mcp.schemas import LARGEST, TooLarge, simplified

KNOWN = {
    "type", "description", "properties", "required", "items", "enum", "minimum", "maximum", "minLength", "maxLength",
    "minItems", "maxItems",
}  # fmt: skip
SCHEMAS = st.recursive(
    st.one_of(
        st.booleans(),
        st.sampled_from([{"type": "string"}, {"type": ["integer", "null"]}, {"const": 1}, {"enum": ["a", 2, None]}]),
        st.sampled_from([{"$ref": "#"}, {"$ref": "#/$defs/a"}, {"$ref": "http://127.0.0.1:9/x"}, {"not": {}}]),
    ),
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {"properties": st.dictionaries(st.text(max_size=5), inner, max_size=4)},
            optional={"required": st.lists(st.text(max_size=5), max_size=3), "additionalProperties": inner},
        ),
        st.fixed_dictionaries({"type": st.just("array")}, optional={"items": inner}),
        st.fixed_dictionaries({"anyOf": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"allOf": st.lists(inner, max_size=3), "$defs": st.just({"a": {"$ref": "#"}})}),
    ),
    max_leaves=12,
)


def nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for inner in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
        yield from nodes(inner)


@given(SCHEMAS)
@settings(max_examples=300)
def test_whatever_the_server_gives_the_model_sees_a_plain_object(schema: Any) -> None:
    seen = simplified(schema if isinstance(schema, dict) else {})
    assert seen["type"] == "object"
    assert len(json.dumps(seen)) <= LARGEST
    for node in nodes(dict(seen)):
        assert set(node) <= KNOWN
        assert isinstance(node.get("type", ""), str)
        assert set(node.get("required", ())) <= set(node.get("properties", {}))


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({"type": ["string", "null"]}, {"type": "string", "description": "(string or null)"}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string"}),
        (
            {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            {"type": "integer", "description": "(integer or string)"},
        ),
        ({"oneOf": [{"const": "a"}, {"const": "b"}]}, {"type": "string", "enum": ["a", "b"]}),
        ({"type": "integer", "enum": [1, 2]}, {"type": "integer", "description": "One of: 1, 2."}),
        ({"type": "string", "default": "x", "x-mine": 1}, {"type": "string", "description": 'Default: "x".'}),
        ({"$ref": "#/$defs/name"}, {"type": "string", "maxLength": 9}),
        ({"type": "array"}, {"type": "array", "items": {"type": "string"}}),
        ({"enum": ["a\u202eb"]}, {}),
    ],
)
def test_what_vendors_do_not_read_is_said_in_what_they_read(given: dict[str, Any], seen: dict[str, Any]) -> None:
    whole = {"properties": {"x": given}, "$defs": {"name": {"type": "string", "maxLength": 9, "pattern": "a"}}}
    assert simplified(whole)["properties"]["x"] == seen


def test_a_cycle_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}
    seen = simplified({"properties": {"first": {"$ref": "#/$defs/node"}}, "$defs": {"node": node}})
    assert seen["properties"]["first"]["properties"]["next"] == {"type": "object"}


def test_a_root_that_is_no_object_becomes_the_property_value() -> None:
    assert simplified({"type": "string"})["properties"] == {"value": {"type": "string"}}


def test_a_schema_too_wide_for_any_outline_is_refused() -> None:
    wide = {"properties": {f"{number}{'x' * 90}": {"enum": ["y" * 90] * 1 + ["z" * 90]} for number in range(100)}}
    with pytest.raises(TooLarge):
        simplified(wide)


def test_faults_are_said_in_words() -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    checked = Checked(schema)
    assert checked.faults({"n": 1}) == ""
    assert "'n' is a required property" in checked.faults({})
    assert checked.faults({"n": "x"}) == "`n`: 'x' is not of type 'integer'"
    assert "unexpected" in checked.faults({"n": 1, "m": 2})


def test_a_simple_pattern_is_checked() -> None:
    checked = Checked({"properties": {"n": {"pattern": "^[a-z][a-z0-9-]*$"}}})
    assert checked.faults({"n": "web-1"}) == ""
    assert "does not match" in checked.faults({"n": "Web"})


def doubling(keyword: str) -> dict[str, Any]:
    """Two references at each of thirty steps: a thousand million leaves."""
    steps: dict[str, Any] = {f"n{n}": {keyword: [{"$ref": f"#/$defs/n{n + 1}"}] * 2} for n in range(30)}
    return {"$defs": {**steps, "n30": {}}, "$ref": "#/$defs/n0"}


@pytest.mark.parametrize(
    "schema",
    [
        doubling("allOf"),
        doubling("anyOf"),
        {"$ref": "#"},
        {"$ref": "http://127.0.0.1:9/never-fetched"},
        {"properties": {"x": {"pattern": "^(a+)+$"}}},
        {"properties": {"x": {"pattern": "("}}},
        {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False},
    ],
)
def test_a_hostile_schema_costs_nobody_any_time(schema: dict[str, Any]) -> None:
    started = time.thread_time()
    Checked(schema).faults({"x": "a" * 60 + "!", "a" * 60 + "!": 1})
    simplified(schema)
    assert time.thread_time() - started < 2


def test_what_is_no_schema_is_said_to_be_none() -> None:
    with pytest.raises(BadSchema):
        Checked({"type": "potato"})
