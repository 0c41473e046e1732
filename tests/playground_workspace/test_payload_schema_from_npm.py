"""Our spec of Slack's payloads agrees with the JSON schema generated from the npm package `@slack/types`.

Where they differ, the difference is listed here with its reason. Skipped where Node or the npm registry is not at hand.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kubeai_bot.playground.workspace.schema import Record
from kubeai_bot.playground.workspace.shapes import objects
from kubeai_bot.playground.workspace.validation import check_chunks, check_message_blocks, check_view
from tests.playground_workspace import npm_schema, payload_tables, valid_blocks
from tests.playground_workspace.spec_walk import typed_records

Json = dict[str, Any]
Case = tuple[str, Any]

STRING, NUMBER, BOOLEAN = {"type": "string"}, {"type": "number"}, {"type": "boolean"}
USERS = {"type": "array", "items": STRING}

NEWER_KEYS: dict[str, dict[str, Json]] = {
    "Button": {"agent_prompt": STRING, "agent_prompt_display": STRING, "visible_to_user_ids": USERS},
    "RichTextEmoji": {"skin_tone": NUMBER},
    "RichTextList": {"offset": NUMBER},
    "RichTextPreformatted": {"language": STRING},
}
"""In Slack's reference and, but for `language`, in `slack_sdk`'s models; not in the types yet."""

NEWER_STYLES = ("highlight", "client_highlight", "unlink")
"""Styles of mentions and links that the reference lists and the types leave out."""

NOT_IN_THE_TYPES = {
    "auth_provider": "newer than @slack/types 3.2.0; slack_sdk has it",
    "data_visualization": "newer than @slack/types 3.2.0; docs.slack.dev has it",
    "call": "posted by apps of the Calls API; the types leave it out, slack_sdk has it",
}
"""Blocks that the schema cannot judge. The parts of a chart go with their block."""
PARTS_OF_THESE = {"pie", "bar", "line", "area"}

STRICTER_THAN_THE_TYPES: dict[str, tuple[set[str], str]] = {
    "ConfirmationDialog": ({"title", "confirm", "deny"}, "the reference says required"),
    "PlainTextOption": ({"value"}, "the reference says required"),
    "MrkdwnOption": ({"value"}, "the reference says required"),
    "DispatchActionConfig": ({"trigger_actions_on"}, "an empty one says nothing"),
}
"""Keys that we want and the types call optional."""


def extended(schema: Json) -> Json:
    """The schema and what Slack takes beyond it: newer keys, null for a column without settings, lists in lists, and
    mrkdwn in the description of a checkbox or radio button, as the reference's own example has it."""
    schema = copy.deepcopy(schema)
    definitions = schema["definitions"]
    for name, keys in NEWER_KEYS.items():
        definitions[name]["properties"] |= keys
    for _, node in npm_schema.reachable(definitions, *ROOTS):
        style = node["properties"].get("style", {}).get("properties")
        if style is not None:
            style |= dict.fromkeys(NEWER_STYLES, BOOLEAN)
    for name in ("PlainTextOption", "MrkdwnOption"):
        definitions[name]["properties"]["description"] = {"$ref": "#/definitions/TextObject"}
    column = definitions["TableBlock"]["properties"]["column_settings"]
    column["items"] = {"anyOf": [column["items"], {"type": "null"}]}
    items = definitions["RichTextList"]["properties"]["elements"]
    items["items"] = {"anyOf": [items["items"], {"$ref": "#/definitions/RichTextList"}]}
    return schema


ROOTS = ("KnownBlock", "HomeView", "ModalView", "AnyChunk")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "popen-" in base.name else base) / "slack-types"
    try:
        npm_schema.install(shared)
    except npm_schema.NotAtHand as reason:
        pytest.skip(f"the schema of @slack/types cannot be generated here: {reason}")
    return shared


@pytest.fixture(scope="module")
def schema(folder: Path) -> Json:
    return npm_schema.read_schema(folder)


@pytest.fixture(scope="module")
def definition_of(schema: Json) -> dict[str, str]:
    """Names of definitions by the `type` of blocks, views and chunks."""
    named: dict[str, str] = {}
    for root in ("KnownBlock", "AnyChunk", "View"):
        for option in schema["definitions"][root]["anyOf"]:
            name = option["$ref"].rpartition("/")[2]
            for node in (schema["definitions"][name], *schema["definitions"][name].get("anyOf", ())):
                if "properties" in node:
                    named[node["properties"]["type"]["const"]] = name
    return named


def judged_by_the_schema(values: list[Json], definition_of: dict[str, str]) -> list[Case]:
    """Those that contain nothing that the types do not know, each with its definition."""
    return [
        (definition_of[value["type"]], value)
        for value in values
        if not set(valid_blocks.types_in(value)) & set(NOT_IN_THE_TYPES) and is_json(value)
    ]


def is_json(value: Any) -> bool:
    """Python writes NaN, which is no JSON; Node would stumble over it."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def complaints(folder: Path, schema: Json, cases: list[Case]) -> list[str]:
    verdicts = npm_schema.judge(folder, extended(schema), cases)
    return [f"{verdict}: {str(case)[:500]}" for case, verdict in zip(cases, verdicts, strict=True) if verdict]


def test_the_schema_takes_every_payload_that_our_tables_call_right(folder, schema, definition_of):
    values = [block for blocks in payload_tables.RIGHT_BLOCKS.values() for block in blocks]
    values += payload_tables.RIGHT_VIEWS.values()
    values += [chunk for chunks in payload_tables.RIGHT_CHUNKS.values() for chunk in chunks]
    cases = judged_by_the_schema(values, definition_of)
    assert len(cases) > 100
    assert complaints(folder, schema, cases) == []


def test_the_schema_takes_every_sample_that_our_generator_makes(folder, schema, definition_of):
    values = valid_blocks.sample(20_261_121, 250) + valid_blocks.sample_views(1, 60) + valid_blocks.sample_chunks(1, 60)
    cases = judged_by_the_schema(values, definition_of)
    assert len(cases) > 250
    assert complaints(folder, schema, cases) == []


def faults(value: Any) -> list[Any]:
    """Ours, for a block, a view or a chunk."""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind in ("modal", "home"):
        return check_view(value)
    if kind in ("markdown_text", "plan_update", "task_update", "blocks"):
        return check_chunks([value], {})
    return check_message_blocks([value])


def mutants(value: Json, source: random.Random) -> Iterator[Json]:
    """The value with one thing wrong somewhere: a key gone, a key too many, a value of another kind."""
    places = list(objects_in(value))
    for _ in range(3):
        mutant = copy.deepcopy(value)
        place = list(objects_in(mutant))[source.randrange(len(places))]
        key = source.choice(sorted(place) or ["surprise"])
        if place is mutant and key == "type":
            continue
        match source.randrange(3):
            case 0:
                place.pop(key, None)
            case 1:
                place["surprise"] = 1
            case _:
                place[key] = source.choice([None, 7, "x", [], {}, True, {"type": "mrkdwn", "text": "x"}])
        yield mutant


def objects_in(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects_in(item)


def test_what_the_schema_refuses_we_refuse_too(folder, schema, definition_of):
    source = random.Random(7)
    values = [block for blocks, _ in payload_tables.WRONG_BLOCKS.values() for block in blocks]
    values += [view for view, _ in payload_tables.WRONG_VIEWS.values()]
    wrong = [value for value in values if isinstance(value, dict) and str(value.get("type")) in definition_of]
    samples = valid_blocks.sample(11, 140) + valid_blocks.sample_views(11, 20) + valid_blocks.sample_chunks(11, 20)
    wrong += [mutant for value in samples if value["type"] in definition_of for mutant in mutants(value, source)]
    cases = judged_by_the_schema(wrong, definition_of)
    verdicts = npm_schema.judge(folder, extended(schema), cases)
    refused = [(case, verdict) for case, verdict in zip(cases, verdicts, strict=True) if verdict]
    assert len(refused) > 300
    assert [(verdict, case) for case, verdict in refused if not faults(case[1])] == []


def test_blocks_elements_views_and_chunks_have_the_keys_of_the_types(schema):
    definitions = extended(schema)["definitions"]
    theirs = {}
    for _, node in npm_schema.reachable(definitions, *ROOTS):
        kind = node["properties"].get("type", {}).get("const")
        if kind is not None:
            shape = frozenset(node["properties"]), frozenset(node["required"])
            theirs.setdefault(kind, []).append(shape)
    ours = typed_records()
    assert set(ours) - set(theirs) == set(NOT_IN_THE_TYPES) | PARTS_OF_THESE
    assert set(theirs) - set(ours) == set()
    for kind, shapes in theirs.items():
        # Types that exclude keys from each other have one object for each choice: we have one with a rule.
        keys = {frozenset(record.needs) | frozenset(record.may) for record in ours[kind]}
        assert {key for shape in keys for key in shape} == {key for shape, _ in shapes for key in shape}, kind
        always = frozenset.intersection(*(required for _, required in shapes))
        assert frozenset.intersection(*(frozenset(record.needs) for record in ours[kind])) == always, kind


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("ConfirmationDialog", objects.CONFIRM),
        ("PlainTextOption", objects.OVERFLOW_OPTION),
        ("MrkdwnOption", objects.OVERFLOW_OPTION),
        ("DispatchActionConfig", objects.DISPATCH),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_composition_objects_have_the_keys_of_the_types(schema: Json, name: str, record: Record):
    theirs = schema["definitions"][name]
    assert set(record.needs) | set(record.may) == set(theirs["properties"])
    wanted, _ = STRICTER_THAN_THE_TYPES[name]
    assert set(record.needs) == set(theirs.get("required", ())) | wanted
